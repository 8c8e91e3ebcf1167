/** Lines over the virtual time, from what each moment has left behind. */

import type { Series } from "../chart/LineChart";
import type { Level, Moment } from "../engine";

/** The levels of buckets: down at requests, up at their rate in between, never above what they hold. */
export function levelSeries(moments: Moment[]): Series[] {
  const start = moments[0]?.at ?? 0;
  const end = (moments.at(-1)?.at ?? start) - start;
  const seen = new Map<string, { at: number; level: Level }[]>();
  for (const { at, levels } of moments) {
    for (const level of levels) {
      const name = level.key === "" ? level.limit : `${level.limit} (${level.key})`;
      seen.set(name, [...(seen.get(name) ?? []), { at: at - start, level }]);
    }
  }
  return [...seen].map(([name, points]) => ({ name, ...levels(points, end) }));
}

function levels(points: { at: number; level: Level }[], end: number): Omit<Series, "name"> {
  const line: Series["line"] = [[0, points[0]?.level.burst ?? 0]];
  let before = { at: 0, remaining: points[0]?.level.burst ?? 0 };
  for (const { at, level } of points) {
    line.push(...refill(before, at, level), [at, level.remaining]);
    before = { at, remaining: level.remaining };
  }
  const last = points.at(-1)?.level;
  if (last && end > before.at) line.push(...refill(before, end, last));
  const dots = points.map(({ at, level }) => ({ x: at, y: level.remaining, label: `${level.remaining} of ${level.burst} left` }));
  return { line, dots };
}

/** From what was left at one time to what there is just before another. */
function refill(before: { at: number; remaining: number }, at: number, { burst, perSecond }: Level): Series["line"] {
  const full = before.at + (1000 * (burst - before.remaining)) / perSecond;
  if (perSecond > 0 && full < at) return [[full, burst], [at, burst]];
  return [[at, Math.min(burst, before.remaining + (perSecond * (at - before.at)) / 1000)]];
}

const STATE = /^portcullis_circuit_breaker_(.+)_state$/;

export const STATES: [value: number, name: string][] = [[0, "closed"], [1, "half open"], [2, "open"]];

/** The states of breakers, as their gauges tell them. */
export function stateSeries(moments: Moment[]): Series[] {
  const start = moments[0]?.at ?? 0;
  const names = new Set(moments.flatMap(({ metrics }) => Object.keys(metrics).filter((name) => STATE.test(name))));
  return [...names].sort().map((metric) => {
    const dots = moments.map(({ at, metrics, exchanges }) => ({ x: at - start, y: metrics[metric] ?? 0, label: exchanges[0]?.name ?? "" }));
    return { name: STATE.exec(metric)?.[1] ?? metric, line: steps(dots), dots };
  });
}

function steps(dots: Series["dots"]): Series["line"] {
  return dots.flatMap(({ x, y }, index): Series["line"] => {
    const before = dots[index - 1];
    return before && before.y !== y ? [[x, before.y], [x, y]] : [[x, y]];
  });
}
