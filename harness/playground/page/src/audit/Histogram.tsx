import { useState } from "preact/hooks";
import type { Histogram as Read } from "../engine";
import { Table } from "../parts/Table";
import { count, rfc3339, span, time } from "../parts/units";
import { Columns } from "./Columns";
import { sum, told } from "./series";

interface Props {
  histogram: Read;
  /** A time was chosen: from, and before. */
  onChoose: (from: number, to: number) => void;
}

/** How many requests there were, and what became of them, over time. */
export function Histogram({ histogram, onChoose }: Props) {
  const [pointed, setPointed] = useState<[first: number, last: number] | null>(null);
  const { from, width, columns } = histogram;
  const start = (at: number) => from + at * width;
  const choose = (first: number, last: number) => onChoose(start(first), start(last + 1));
  return (
    <figure class="card histogram">
      <figcaption>
        <h4>When</h4>
        <Legend />
      </figcaption>
      <Columns histogram={histogram} onPoint={setPointed} onChoose={choose} />
      <p class="quiet pointed" aria-hidden="true">
        {pointed ? told(histogram, pointed) : `A column is ${span(width)}. Drag over a time, or choose a column, to see its records alone.`}
      </p>
      <details class="more">
        <summary>The same as a table</summary>
        <div class="more-inside">
          <Table
            caption="Records over time" head={["From (UTC)", "Allowed", "Denied", "Other"]}
            rows={columns.flatMap((column, at) => (sum(column) > 0 ? [{ ...column, at }] : []))}
            cells={({ at, allowed, denied, other }) => [<time dateTime={rfc3339(start(at))}>{time(start(at))}</time>, count(allowed), count(denied), count(other)]}
          />
        </div>
      </details>
    </figure>
  );
}

const SERIES = [["allowed", "Allowed"], ["denied", "Denied"], ["other", "Other"]] as const;

function Legend() {
  return (
    <ul class="legend">
      {SERIES.map(([name, label]) => (
        <li key={name}><svg class="chart" viewBox="0 0 28 10" aria-hidden="true"><rect width="28" height="10" class={`bar-${name}`} /></svg>{label}</li>
      ))}
    </ul>
  );
}
