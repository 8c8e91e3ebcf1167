/** Times in words. */

const UNITS: [seconds: number, one: string, many: string][] = [
  [86_400 * 365, "year", "years"],
  [86_400, "day", "days"],
  [3600, "hour", "hours"],
  [60, "minute", "minutes"],
  [1, "second", "seconds"],
];

/** `3 minutes`. */
function roughly(seconds: number): string {
  for (const [size, one, many] of UNITS) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${count === 1 ? one : many}`;
  }
  return "less than a second";
}

/** `3 minutes ago`, `in 2 hours`. */
export function relative(at: number, now: number): string {
  return at <= now ? `${roughly(now - at)} ago` : `in ${roughly(at - now)}`;
}

/** What the times of a token come to at a moment, in seconds since the epoch, each in a sentence. */
export function timesOf(claims: Record<string, unknown>, now: number): string[] {
  const said: string[] = [];
  const { exp, nbf, iat } = claims;
  if (typeof exp === "number") said.push(exp <= now ? `It expired ${relative(exp, now)}, ${instant(exp)}.` : `It expires ${relative(exp, now)}, ${instant(exp)}.`);
  else said.push("It never expires: it has no exp.");
  if (typeof nbf === "number") said.push(nbf <= now ? `It has been valid since ${instant(nbf)}, ${relative(nbf, now)}.` : `It is not valid yet: ${relative(nbf, now)}, ${instant(nbf)}.`);
  if (typeof iat === "number") said.push(`It was issued ${relative(iat, now)}, ${instant(iat)}.`);
  return said;
}

/** Why a token is not good at a moment by its times; null where it is. */
export function outOfTime({ exp, nbf }: Record<string, unknown>, now: number): string | null {
  if (typeof exp === "number" && exp <= now) return "it has expired";
  return typeof nbf === "number" && nbf > now ? "it is not valid yet" : null;
}

/** `2026-01-01 00:00:00 UTC`, of seconds since the epoch. */
export function instant(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds} (no time that a calendar has)`;
  return date.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

/** The virtual time since the start, of milliseconds: `+1.5 s`. */
export function elapsed(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 120) return `+${Number(seconds.toFixed(3))} s`;
  const minutes = seconds / 60;
  return minutes < 120 ? `+${Number(minutes.toFixed(1))} min` : `+${Number((minutes / 60).toFixed(1))} h`;
}
