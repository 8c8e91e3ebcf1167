import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Exchange, Moment } from "../engine";
import { editsOf } from "../parts/edits";
import { changes } from "../parts/header_diff";
import { elapsed } from "../parts/times";
import { isUpstreams } from "./codes";
import { decide, shadowDenial, tellsFallback, type Seen } from "./decision";
import type { Scripted } from "./ExchangeView";
import { MomentDetails } from "./MomentDetails";

export interface MomentCardProps {
  moment: Moment;
  /** Null of the first one. */
  before: Moment | null;
  /** The virtual time of the first one; null where no time passes at all. */
  start: number | null;
  /** What the step is called where it is no request. */
  name: string;
  scripted: Scripted | null;
  lost: number;
}

/** A step, with what became of it; its details are drawn when they are asked for. */
export function MomentCard({ moment, before, start, name, scripted, lost }: MomentCardProps) {
  const [isShown, setShown] = useState(false);
  const metrics = before?.metrics ?? {};
  const when = start !== null && <span class="quiet push">{span((before ?? moment).at - start, moment.at - start)}</span>;
  return (
    <li class="card">
      {moment.exchanges.map((exchange, index) => <Head key={index} exchange={exchange} when={when} seen={{ shadow: shadowDenial(moment, metrics), isFallback: tellsFallback(moment, metrics) }} />)}
      {moment.exchanges.length === 0 && (
        <div class="row">
          <h3>{name}</h3>
          {when}
        </div>
      )}
      <details open={isShown} onToggle={(event) => setShown(event.currentTarget.open)}>
        <summary class="quiet">Details<span class="unseen"> of {moment.exchanges[0]?.name ?? name}</span>{hints(moment, lost)}</summary>
        {isShown && <MomentDetails moment={moment} before={metrics} scripted={scripted} lost={lost} />}
      </details>
    </li>
  );
}

function Head({ exchange, when, seen }: { exchange: Exchange; when: ComponentChildren; seen: Seen }) {
  const { kind, mark, why } = decide(exchange, seen);
  const { details, client, request } = exchange;
  const value = (name: string) => request.headers.find(([found]) => found === name)?.[1] ?? "";
  const isOwn = details !== null && !isUpstreams(details);
  const grpc = client?.headers.find(([name]) => name === "grpc-status")?.[1];
  return (
    <div class="stack-tight">
      <div class="row">
        <h3>{exchange.name}</h3>
        {when}
      </div>
      <div class="row">
        <span class={`mark mark-${kind}`}>{SIGN[kind]} {mark}</span>
        <strong>{client ? client.status : "—"}</strong>
        <span class="code quiet break">{value(":method")} {value(":path")}</span>
      </div>
      {(why || grpc || isOwn) && (
        <p>
          {why} {isOwn && <code class="code quiet break">{details}</code>}
          {grpc && <span class="quiet"> gRPC status {grpc}</span>}
        </p>
      )}
    </div>
  );
}

function span(from: number, to: number): string {
  return from === to ? elapsed(to) : `${elapsed(from)} to ${elapsed(to)}`;
}

const SIGN = { good: "✓", bad: "✕", warn: "!", note: "i" } as const;

/** What else there is, so that nobody has to look in vain. */
function hints({ callOuts, calls, exchanges, log }: Moment, lost: number): string {
  const { request: isWritten } = editsOf(calls, lost);
  const changed = exchanges.flatMap(({ request, upstream }) => (upstream ? changes(request.headers, upstream.headers, isWritten) : [])).filter(({ kind, isProxys }) => kind !== "same" && !isProxys).length;
  const parts = [
    changed > 0 ? `${changed} ${changed === 1 ? "header" : "headers"} changed` : "",
    callOuts.length > 0 ? `${callOuts.length} sent to clusters` : "",
    log.length > 0 ? `${log.length} ${log.length === 1 ? "line" : "lines"} in the log` : "",
  ].filter(Boolean);
  return parts.length > 0 ? `: ${parts.join(", ")}` : "";
}
