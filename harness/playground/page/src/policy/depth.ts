/** How many levels of lists and objects variables may have, which is what the engine takes. */
export const MOST_DEPTH = 64;

/** Whether a value has more levels than that, be it because it is part of itself. */
export function isDeep(value: unknown, most = MOST_DEPTH): boolean {
  if (typeof value !== "object" || value === null) return false;
  return most === 0 || Object.values(value).some((member) => isDeep(member, most - 1));
}
