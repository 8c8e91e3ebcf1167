import type { Row } from "../engine";
import { Table } from "../parts/Table";
import { count, time } from "../parts/units";
import { visible } from "../parts/visible";
import type { Marked } from "./found";

const HEAD = ["Time (UTC)", "Decision", "Status", "Request", "Who", "Source", "Why", "Line"];

interface Props {
  rows: Row[];
  marked: Marked;
  onOpen: (row: Row) => void;
}

/** The records of one page. A row opens its details; arrows move between rows. */
export function Rows({ rows, marked, onOpen }: Props) {
  return (
    <div class="rows" onKeyDown={move}>
      <Table
        caption="Records" head={HEAD} rows={rows} onChoose={onOpen} rowClass={({ line }) => (marked.has(line) ? "is-found" : undefined)}
        empty="No record is as you ask for." cells={(row) => cells(row, marked, onOpen)}
      />
    </div>
  );
}

function cells(row: Row, marked: Marked, onOpen: (row: Row) => void) {
  const open = (event: Event) => {
    event.stopPropagation();
    onOpen(row);
  };
  const isRequest = row.kind === "request";
  return [
    <>
      <button type="button" class="row-open code" aria-label={`Record of line ${row.line}, ${time(row.time)}`} onClick={open}>{time(row.time)}</button>
      {codes(row, marked).map((code) => <span key={code} class="mark mark-bad"><span aria-hidden="true">✕ </span>{code.replaceAll("_", " ")}</span>)}
    </>,
    isRequest ? <Decision of={row.decision} /> : <span class="quiet">{KINDS.get(row.kind) ?? visible(row.kind)}</span>,
    row.status,
    isRequest && <span class="code">{visible(`${row.method} ${row.host}${row.path}`)}</span>,
    visible([row.subject, row.tenant].filter((text) => text !== "").join(" of ")),
    visible(row.source),
    visible(row.reason),
    count(row.line),
  ];
}

/** What was found in its line, each kind once. */
function codes({ line }: Row, marked: Marked): string[] {
  return [...new Set((marked.get(line) ?? []).map(({ code }) => code))];
}

/** What a writer says of itself. */
const KINDS = new Map([
  ["genesis", "chain begins"],
  ["checkpoint", "checkpoint"],
  ["loss", "records lost"],
  ["abandoned", "chain abandoned"],
  ["stop", "chain ends"],
]);

const SIGNS = { allowed: "✓", denied: "✕", other: "·" };

function Decision({ of }: { of: Row["decision"] }) {
  return <span class={`decision is-${of}`}><span aria-hidden="true">{SIGNS[of]} </span>{of}</span>;
}

function move(event: KeyboardEvent) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || !(event.currentTarget instanceof HTMLElement)) return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>(".row-open")];
  const at = all.findIndex((button) => button === document.activeElement);
  const next = at < 0 ? undefined : all[at + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
