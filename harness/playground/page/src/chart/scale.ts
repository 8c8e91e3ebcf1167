/** Round numbers along an axis. */

/** Maps values between `from` and `to` to places between `start` and `end`. */
export function linear(from: number, to: number, start: number, end: number): (value: number) => number {
  const width = to - from || 1;
  return (value) => start + ((value - from) / width) * (end - start);
}

/** At most so many round values from `from` to `to`. */
export function ticks(from: number, to: number, most: number): number[] {
  const width = to - from;
  if (!(width > 0)) return [from];
  const step = roundStep(width / Math.max(1, most));
  const first = Math.ceil(from / step) * step;
  const count = Math.floor((to - first) / step + 1e-9) + 1;
  return Array.from({ length: count }, (_, index) => Number((first + index * step).toPrecision(12)));
}

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
/** Round steps of time from a second to a day, in milliseconds. */
const STEPS = [...[1, 2, 5, 10, 15, 30].flatMap((count) => [count * SECOND, count * MINUTE]), ...[1, 2, 3, 6, 12, 24].map((count) => count * HOUR)].sort((one, other) => one - other);

/** At most so many round times from `from` to `to`, all in milliseconds. */
export function timeTicks(from: number, to: number, most: number): number[] {
  const rough = (to - from) / Math.max(1, most);
  if (rough <= SECOND / 2) return ticks(from, to, most);
  const step = STEPS.find((candidate) => candidate >= rough) ?? DAY * roundStep(rough / DAY);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, index) => (first + index) * step);
}

/** The next 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10;
  return factor * power;
}
