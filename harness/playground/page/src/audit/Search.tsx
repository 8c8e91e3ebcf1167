import type { Engine, Found, Query } from "../engine";
import { Message } from "../parts/Message";
import { count, counted, rfc3339 } from "../parts/units";
import type { Runner } from "../parts/useRun";
import { TAKE, type Answered, type Asked } from "./asked";
import { Export } from "./Export";
import { Histogram } from "./Histogram";
import type { Marked } from "./found";
import type { Place } from "./lines";
import { Pages } from "./Pages";
import { QueryForm } from "./QueryForm";
import { Rows } from "./Rows";
import { Running } from "./Running";

interface Props {
  engine: Engine;
  file: File;
  run: Runner<Answered>;
  /** What was asked for last. */
  asked: Asked;
  /** Lines in which the verification has found something. */
  marked: Marked;
  onAsk: (asked: Asked) => void;
  onOpen: (place: Place) => void;
}

/** What is in the file: a form, how much of it is meant, when that was, and the records themselves. */
export function Search({ engine, file, run, asked, marked, onAsk, onOpen }: Props) {
  const ask = (query: Query) => onAsk({ query, skip: 0 });
  return (
    <section class="stack" aria-labelledby="audit-search">
      <h3 id="audit-search">Search</h3>
      <QueryForm query={asked.query} refusal={run.refusal} onAsk={ask} />
      <Running what="Searching" run={run} size={file.size} />
      {run.refusal?.member === "file" && <Message kind="error">{run.refusal.problem}</Message>}
      {run.result && <Answer {...run.result} engine={engine} file={file} marked={marked} isOld={run.state === "running"} onAsk={onAsk} onOpen={onOpen} />}
    </section>
  );
}

type AnswerProps = Answered & Pick<Props, "engine" | "file" | "marked" | "onAsk" | "onOpen"> & { isOld: boolean };

function Answer({ asked, found, engine, file, marked, isOld, onAsk, onOpen }: AnswerProps) {
  const choose = (from: number, to: number) => onAsk({ query: { ...asked.query, since: rfc3339(from), until: rfc3339(to) }, skip: 0 });
  return (
    <div class="stack" aria-busy={isOld}>
      <Tally found={found} />
      <Broken found={found} />
      {found.histogram && <Histogram histogram={found.histogram} onChoose={choose} />}
      <Rows key={found.rows[0]?.line} rows={found.rows} marked={marked} onOpen={onOpen} />
      <div class="under-rows">
        <Pages skip={asked.skip} take={TAKE} all={found.meant} onSkip={(skip) => onAsk({ ...asked, skip })} />
        <Export engine={engine} file={file} query={asked.query} meant={found.meant} />
      </div>
    </div>
  );
}

function Tally({ found }: { found: Found }) {
  const { meant, records, allowed, denied, undecided, repeats, lost } = found;
  return (
    <p role="status">
      <strong>{count(meant)}</strong> of {counted(records, "record")}: {counted(allowed, "request")} allowed, {count(denied)} denied
      {undecided > 0 && `, ${count(undecided)} other`}
      {repeats > 0 && `; left out: ${counted(repeats, "record that came again", "records that came again")}`}
      {lost > 0 && `; ${counted(lost, "record")} lost, as their writers say`}
    </p>
  );
}

/** Lines that look like records and are none. */
function Broken({ found: { broken, brokenInAll } }: { found: Found }) {
  if (brokenInAll === 0) return null;
  return (
    <details class="more">
      <summary>{counted(brokenInAll, "line")} cannot be read as a record</summary>
      <div class="more-inside">
        <ul class="broken">{broken.map(({ line, problem }) => <li key={line}>Line {count(line)}: {problem}</li>)}</ul>
        {brokenInAll > broken.length && <p class="quiet">And {count(brokenInAll - broken.length)} more.</p>}
      </div>
    </details>
  );
}
