/** Lines over the virtual time, from what each moment has left behind. */

import type { Series } from "../chart/LineChart";
import type { Level, Moment } from "../engine";

/** Moments with their places on an axis. */
export interface Placed {
  /** The virtual time of the first one, in milliseconds since the epoch. */
  start: number;
  /** Whether that is one of time, since the start in milliseconds; where no time passes, it is one of steps. */
  isTimed: boolean;
  moments: (Moment & { x: number; step: string })[];
}

/** Puts moments, by the names of their steps, on an axis. */
export function placed(moments: Moment[], names: string[]): Placed {
  const start = moments[0]?.at ?? 0;
  const isTimed = moments.some(({ at }) => at !== start);
  return { start, isTimed, moments: moments.map((moment, index) => ({ ...moment, x: isTimed ? moment.at - start : index, step: names[index] ?? "" })) };
}

interface Point {
  x: number;
  step: string;
  level: Level;
}

/** The levels of buckets: down at requests, up at their rate in between, never above what they hold. */
export function levelSeries({ start, isTimed, moments }: Placed): Series[] {
  const end = moments.at(-1)?.x ?? 0;
  const seen = new Map<string, Point[]>();
  for (const { x, step, levels } of moments) {
    for (const level of levels) {
      const name = nameOf(level);
      const point = { x: isTimed ? level.at - start : x, step, level };
      const before = seen.get(name) ?? [];
      const last = before.at(-1);
      // A bucket is looked at when a request has come and when it is over; mostly it has done nothing in between but fill up.
      if (last?.step !== step || !isAsDrawn(last, point, isTimed)) seen.set(name, [...before, point]);
    }
  }
  return [...seen].map(([name, points]) => ({ name, ...levelLine(points, end, isTimed ? refill : (before, x) => [[x, before.remaining]]) }));
}

/** Whether the line leads from one point to the other by itself. */
function isAsDrawn(before: Point, { x, level }: Point, isTimed: boolean): boolean {
  const drawn = isTimed ? refill({ x: before.x, remaining: before.level.remaining }, x, level).at(-1)?.[1] : before.level.remaining;
  return drawn !== undefined && Math.abs(drawn - level.remaining) < 1e-6;
}

function nameOf({ limit, tier, key, worker }: Level): string {
  const whose = [tier > 0 ? `tier ${tier}` : "", key, worker ?? ""].filter(Boolean).join(", ");
  return whose ? `${limit} (${whose})` : limit;
}

type Between = (before: { x: number; remaining: number }, x: number, level: Level) => Series["line"];

function levelLine(points: Point[], end: number, between: Between): Omit<Series, "name"> {
  let before = { x: 0, remaining: points[0]?.level.start ?? 0 };
  const line: Series["line"] = [[0, before.remaining]];
  for (const { x, level } of points) {
    line.push(...between(before, x, level), [x, level.remaining]);
    before = { x, remaining: level.remaining };
  }
  const last = points.at(-1)?.level;
  if (last && end > before.x) line.push(...between(before, end, last));
  return { line, dots: points.map(({ x, step, level }) => ({ x, y: level.remaining, step, value: `${Number(level.remaining.toFixed(2))} of ${level.burst}` })) };
}

/** From what was left at one time to what there is just before another. */
function refill(before: { x: number; remaining: number }, x: number, { burst, perSecond }: Level): Series["line"] {
  const full = before.x + (1000 * Math.max(0, burst - before.remaining)) / perSecond;
  if (perSecond > 0 && full < x) return [[full, burst], [x, burst]];
  return [[x, Math.min(burst, before.remaining + (perSecond * (x - before.x)) / 1000)]];
}

const STATE = /^portcullis_circuit_breaker_(.+)_state$/;

export const STATES: [value: number, name: string][] = [[0, "closed"], [1, "half open"], [2, "open"]];

/** The states of breakers, as their gauges tell them. */
export function stateSeries({ moments }: Placed): Series[] {
  const names = new Set(moments.flatMap(({ metrics }) => Object.keys(metrics).filter((name) => STATE.test(name))));
  return [...names].sort().map((metric) => {
    const dots = moments.map(({ x, step, metrics }) => ({ x, y: metrics[metric] ?? 0, step, value: stateName(metrics[metric] ?? 0) }));
    return { name: STATE.exec(metric)?.[1] ?? metric, line: stairs(dots), dots };
  });
}

function stateName(value: number): string {
  return STATES.find(([state]) => state === value)?.[1] ?? String(value);
}

function stairs(dots: Series["dots"]): Series["line"] {
  return dots.flatMap(({ x, y }, index): Series["line"] => {
    const before = dots[index - 1];
    return before && before.y !== y ? [[x, before.y], [x, y]] : [[x, y]];
  });
}
