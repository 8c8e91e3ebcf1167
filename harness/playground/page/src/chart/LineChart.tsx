import { useRef } from "preact/hooks";
import { Table } from "../parts/Table";
import { Axes, type Tick } from "./Axes";
import { linear, ticks, timeTicks } from "./scale";
import { useWidth } from "./useWidth";

export interface Series {
  name: string;
  /** The corners of the line, in the order of x. */
  line: [x: number, y: number][];
  /** What was seen; the line between is drawn by rule. */
  dots: { x: number; y: number; step: string; value: string }[];
}

/** Lines beyond these could not be told apart; the table has them all. */
const MOST_LINES = 4;

interface LineChartProps {
  title: string;
  /** What the table of the same numbers has for each dot. */
  valueName: string;
  series: Series[];
  xLabel: (x: number) => string;
  /** Whether x is a time, in milliseconds. */
  isTimed: boolean;
  /** The values of the upright axis with their names; left out: round numbers from 0, or what is below it, on. */
  yNames?: [value: number, name: string][];
  height?: number;
}

/** Lines over time, and the same as a table for those who would rather read. */
export function LineChart({ title, valueName, series, xLabel, isTimed, yNames, height = 190 }: LineChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const drawn = series.slice(0, MOST_LINES);
  const points = drawn.flatMap(({ line }) => line);
  const xs = points.map(([x]) => x);
  const [from, to] = [Math.min(...xs), Math.max(...xs)];
  const top = Math.max(1, ...points.map(([, y]) => y), ...(yNames ?? []).map(([value]) => value));
  const plot = { left: yNames ? 64 : 40, right: width - 12, top: 12, bottom: height - 24 };
  const x = linear(from, to, plot.left, plot.right);
  const bottom = Math.min(0, ...points.map(([, y]) => y));
  const y = linear(bottom, top, plot.bottom, plot.top);
  const across: Tick[] = (isTimed ? timeTicks : ticks)(from, to, Math.max(2, Math.floor(width / 110))).map((value) => ({ place: x(value), label: xLabel(value) })).filter(({ label }) => label);
  const upright: Tick[] = (yNames ?? ticks(bottom, top, 4).map((value): [number, string] => [value, String(value)])).map(([value, label]) => ({ place: y(value), label }));
  return (
    <figure class="stack figure" ref={frame}>
      <figcaption class="label">{title}</figcaption>
      <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${title}; the table below has the numbers`}>
        <Axes plot={plot} x={across} y={upright} />
        {drawn.map(({ name, line, dots }, index) => (
          <g key={name}>
            <path class={`line series-${index}`} d={line.map(([px, py], at) => `${at ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("")} />
            {dots.map((dot, at) => (
              <circle key={at} class={`dot solid series-${index}`} cx={x(dot.x)} cy={y(dot.y)} r="3.5"><title>{dot.step}: {dot.value}</title></circle>
            ))}
          </g>
        ))}
      </svg>
      <Legend names={drawn.map(({ name }) => name)} more={series.length - drawn.length} />
      <details>
        <summary class="quiet">As a table</summary>
        <Table
          caption={title}
          head={["When", "Which", "Step", valueName]}
          rows={series.flatMap(({ name, dots }) => dots.map((dot) => ({ name, ...dot }))).sort((one, other) => one.x - other.x)}
          cells={(dot) => [xLabel(dot.x), dot.name, dot.step, dot.value]}
        />
      </details>
    </figure>
  );
}

function Legend({ names, more }: { names: string[]; more: number }) {
  return (
    <ul class="legend">
      {names.map((name, index) => (
        <li key={name}>
          <svg viewBox="0 0 28 10" class="chart-key" aria-hidden="true"><line class={`line series-${index}`} x1="0" x2="28" y1="5" y2="5" /></svg>
          {name}
        </li>
      ))}
      {more > 0 && <li>and {more} more in the table</li>}
    </ul>
  );
}
