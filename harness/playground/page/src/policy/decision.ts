/** What became of a request, in words. */

import type { Exchange } from "../engine";
import { filterOf, sentenceOf } from "./codes";

export interface Decision {
  kind: "good" | "bad" | "warn" | "note";
  /** `Passed`, `Denied by jwt-auth`. */
  mark: string;
  why: string;
}

export function decide({ details, upstream, client }: Exchange): Decision {
  const why = details ? sentenceOf(details) : "";
  if (!client) return { kind: "warn", mark: "No response", why: why || "The stream was reset, or it still waits." };
  const filter = details && filterOf(details);
  if (filter && details === "portcullis_circuit_snapshot") return { kind: "note", mark: "Answered from memory", why };
  if (filter) return { kind: "bad", mark: `Denied by ${filter}`, why };
  if (details?.startsWith("via_upstream")) return { kind: "good", mark: "Passed to the upstream", why: "" };
  if (upstream || client.status >= 500) return { kind: "warn", mark: "The upstream failed", why };
  return { kind: "note", mark: "Answered by the proxy", why };
}
