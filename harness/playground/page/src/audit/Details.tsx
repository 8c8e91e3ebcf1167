import { useEffect, useMemo, useState } from "preact/hooks";
import type { Finding, Row } from "../engine";
import { pretty } from "../parts/BytesView";
import { CopyButton } from "../parts/CopyButton";
import { Dialog } from "../parts/Dialog";
import { Message } from "../parts/Message";
import { bytes, count } from "../parts/units";
import { refusal } from "../parts/useRun";
import { factsOf, recordOf } from "./facts";
import { Told } from "./Findings";
import { placeOf, textAt, type Place } from "./lines";

interface Props {
  file: File;
  place: Place;
  /** Those of the page, which are its neighbours if it is one of them. */
  rows: Row[];
  findings: Finding[];
  onMove: (place: Place) => void;
  onClose: () => void;
}

/** One record: what is known of it, and its line as it is in the file. Arrows lead to its neighbours. */
export function Details({ file, place, rows, findings, onMove, onClose }: Props) {
  const { text, isCut, problem } = useText(file, place);
  const [before, after] = useNeighbours(file, place, rows);
  useEffect(() => {
    const turn = (event: KeyboardEvent) => {
      const to = { ArrowLeft: before, ArrowRight: after }[event.key];
      if (!to || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      onMove(to);
    };
    window.addEventListener("keydown", turn);
    return () => window.removeEventListener("keydown", turn);
  }, [before, after, onMove]);
  return (
    <Dialog title={`Line ${count(place.line)}`} onClose={onClose}>
      <div class="stack">
        <div class="row">
          <Turn label="← Before" to={before} onMove={onMove} />
          <Turn label="After →" to={after} onMove={onMove} />
          {text !== null && <CopyButton text={text} label="Copy the line" />}
        </div>
        {findings.filter(({ line }) => line === place.line).map((finding, index) => (
          <Message key={index} kind="error"><Told finding={finding} /></Message>
        ))}
        {problem !== null && <Message kind="error">{problem}</Message>}
        {text !== null && <Record text={text} />}
        {isCut && <p class="quiet">Cut here; all of it is {bytes(place.length)}.</p>}
      </div>
    </Dialog>
  );
}

function Turn({ label, to, onMove }: { label: string; to: Place | null; onMove: (place: Place) => void }) {
  // It keeps the focus when there is no further one.
  return <button type="button" class="button" aria-disabled={to === null} onClick={() => to && onMove(to)}>{label}</button>;
}

function Record({ text }: { text: string }) {
  const record = useMemo(() => recordOf(text), [text]);
  return (
    <>
      {record === null && <Message kind="warning">This line is no JSON object.</Message>}
      {record !== null && <dl class="facts">{factsOf(record).flatMap(([label, fact]) => [<dt key={label}>{label}</dt>, <dd key={`${label}:`}>{fact}</dd>])}</dl>}
      <pre class="code block" tabIndex={0} role="region" aria-label="The line, set out">{pretty(text)}</pre>
    </>
  );
}

interface Read {
  text: string | null;
  isCut: boolean;
  problem: string | null;
}

function useText(file: File, place: Place): Read {
  const [read, setRead] = useState<Read>({ text: null, isCut: false, problem: null });
  useEffect(() => {
    let isOver = false;
    const show = (read: Read) => {
      if (!isOver) setRead(read);
    };
    textAt(file, place).then(
      (read) => show({ ...read, problem: null }),
      (error: unknown) => show({ text: null, isCut: false, problem: refusal(error).problem }),
    );
    return () => { isOver = true; };
  }, [file, place]);
  return read;
}

/** The rows before and after; of a line that is none of the rows, the lines of the file. */
function useNeighbours(file: File, place: Place, rows: Row[]): [before: Place | null, after: Place | null] {
  const [before, setBefore] = useState<Place | null>(null);
  const [after, setAfter] = useState<Place | null>(null);
  const at = rows.findIndex(({ line }) => line === place.line);
  useEffect(() => {
    let isOver = false;
    const tell = (set: (place: Place | null) => void, found: Promise<Place | null>) => {
      set(null);
      found.then((place) => { if (!isOver) set(place); }, () => undefined);
    };
    if (at < 0 && place.line > 1) tell(setBefore, placeOf(file, place.line - 1));
    if (at < 0) tell(setAfter, placeOf(file, place.line + 1, place));
    return () => { isOver = true; };
  }, [file, place, at]);
  return at < 0 ? [before, after] : [rows[at - 1] ?? null, rows[at + 1] ?? null];
}
