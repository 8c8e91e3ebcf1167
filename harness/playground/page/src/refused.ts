import type { Refusal } from "./engine";

/** That the engine does not read a file, or not so. */
export class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.problem);
  }
}

/** What was thrown, as a Refused where the engine says so: it throws a Refusal in JSON. */
export function asRefused(error: unknown): unknown {
  if (!(error instanceof Error) || !error.message.startsWith("{")) return error;
  try {
    const refusal: unknown = JSON.parse(error.message);
    return isRefusal(refusal) ? new Refused(refusal) : error;
  } catch {
    return error;
  }
}

function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "member" in value && "problem" in value;
}
