/** Long lists in messages, which nobody reads to find one name. */

export interface Folded {
  short: string;
  /** The whole list, or empty. */
  rest: string;
}

const LIST = /^(.*?`([^`]+)`), expected one of ((?:`[^`]+`(?:, )?){6,})$/s;

/** The message with the names that are most like the unknown one in place of all. */
export function folded(message: string): Folded {
  const [, start, unknown, list] = LIST.exec(message) ?? [];
  if (start === undefined || unknown === undefined || list === undefined) return { short: message, rest: "" };
  const names = [...list.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");
  const near = names.filter((name) => distance(name, unknown) <= Math.max(2, unknown.length / 4));
  return { short: near.length > 0 ? `${start}; ${near.join(" or ")} is meant, perhaps` : start, rest: `One of ${names.length}: ${names.join(", ")}` };
}

/** How many letters have to be put in, taken out or changed (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (const [at, compared] of [...other].entries()) {
      next.push(Math.min(next[at]! + 1, row[at + 1]! + 1, row[at]! + (letter === compared ? 0 : 1)));
    }
    row = next;
  }
  return row[other.length]!;
}
