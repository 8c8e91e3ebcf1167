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

/** The next 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10;
  return factor * power;
}
