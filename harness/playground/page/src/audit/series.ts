import type { Histogram } from "../engine";
import { count, time } from "../parts/units";

/** How many records a column has. */
export function sum({ allowed, denied, other }: Histogram["columns"][number]): number {
  return allowed + denied + other;
}

/** A time of the histogram, and what is in it, in a sentence. */
export function told({ from, width, columns }: Histogram, [first, last]: [number, number]): string {
  const tally = { allowed: 0, denied: 0, other: 0 };
  for (const { allowed, denied, other } of columns.slice(first, last + 1)) {
    tally.allowed += allowed;
    tally.denied += denied;
    tally.other += other;
  }
  const other = tally.other > 0 ? `, ${count(tally.other)} other` : "";
  return `${time(from + first * width)} to ${time(from + (last + 1) * width)}: ${count(tally.allowed)} allowed, ${count(tally.denied)} denied${other}`;
}
