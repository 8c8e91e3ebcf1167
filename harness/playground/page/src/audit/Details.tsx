import { useEffect, useState } from "preact/hooks";
import type { Engine, RecordRead, Row } from "../engine";
import { CopyButton } from "../parts/CopyButton";
import { Dialog } from "../parts/Dialog";
import { laidOut } from "../parts/laid_out";
import { Message } from "../parts/Message";
import { bytes, count } from "../parts/units";
import { refusal } from "../parts/useRun";
import { visible } from "../parts/visible";
import { Told } from "./Findings";
import type { Mark } from "./found";
import { contentAt, placeOf, type Content, type Place } from "./lines";

interface Props {
  engine: Engine;
  file: File;
  place: Place;
  /** Those of the page, which are its neighbours if it is one of them. */
  rows: Row[];
  /** Those of its line. */
  findings: Mark[];
  onMove: (place: Place) => void;
  onClose: () => void;
}

/** One record: what is known of it, and its line as it is in the file. Arrows lead to its neighbours. */
export function Details({ engine, file, place, rows, findings, onMove, onClose }: Props) {
  const { content, problem } = useContent(engine, file, place);
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
          {content && <CopyButton text={content.text} label="Copy the line" />}
        </div>
        {findings.map((finding, index) => <Message key={index} kind="error"><Told finding={finding} isExplained /></Message>)}
        {problem !== null && <Message kind="error">{problem}</Message>}
        {content && (content.record ? <Facts record={content.record} /> : <Message kind="warning">{content.problem}</Message>)}
        {content && <pre class="code block" tabIndex={0} role="region" aria-label="The line, set out">{laidOut(content.text)}</pre>}
        {content?.isCut && <p class="quiet">Cut here; all of it is {bytes(place.length)}.</p>}
      </div>
    </Dialog>
  );
}

function Turn({ label, to, onMove }: { label: string; to: Place | null; onMove: (place: Place) => void }) {
  // It keeps the focus when there is no further one.
  return <button type="button" class="button" aria-disabled={to === null} onClick={() => to && onMove(to)}>{label}</button>;
}

function Facts({ record: { facts, isMessage } }: { record: RecordRead }) {
  return (
    <>
      <dl class="facts">
        {facts.flatMap(({ name, value, meaning }, index) => [
          <dt key={index}>{name}</dt>,
          <dd key={`${index}:`}>{visible(value)}{meaning && <span class="quiet"> ({meaning})</span>}</dd>,
        ])}
      </dl>
      {isMessage && <p class="quiet">In the file it is a message of protobuf; this is its JSON.</p>}
    </>
  );
}

interface Read {
  content: Content | null;
  problem: string | null;
}

function useContent(engine: Engine, file: File, place: Place): Read {
  const [read, setRead] = useState<Read>({ content: null, problem: null });
  useEffect(() => {
    let isOver = false;
    const show = (read: Read) => {
      if (!isOver) setRead(read);
    };
    contentAt(engine, file, place).then(
      (content) => show({ content, problem: null }),
      (error: unknown) => show({ content: null, problem: refusal(error).problem }),
    );
    return () => { isOver = true; };
  }, [engine, file, place]);
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
