/** What became of a request, in words. */

import type { Exchange, Moment } from "../engine";
import { filterOf, isUpstreamFailure, isUpstreams, sentenceOf } from "./codes";

export interface Decision {
  kind: "good" | "bad" | "warn" | "note";
  /** `Passed to the upstream`, `Denied by jwt-auth`. */
  mark: string;
  why: string;
}

/** What is known of a request besides the exchange. */
export interface Seen {
  /** The denial that was only counted, if there was one. */
  shadow: ShadowDenial | null;
  /** Whether a static fallback of circuit-breaker has answered. */
  isFallback: boolean;
}

/** What became of a request. */
export function decide({ details, client }: Exchange, { shadow, isFallback }: Seen = { shadow: null, isFallback: false }): Decision {
  const why = details ? sentenceOf(details) : "";
  if (!client) return { kind: "warn", mark: "No response", why: why || "The stream was reset, or it still waits." };
  const filter = details && filterOf(details);
  if (filter && details === "portcullis_circuit_snapshot") return { kind: "note", mark: "Answered from memory", why };
  if (filter === "circuit-breaker" && isFallback) return { kind: "note", mark: "Answered by the fallback", why };
  if (filter) return { kind: "bad", mark: `Denied by ${filter}`, why };
  if (isUpstreams(details) && shadow) return { kind: "note", mark: `Passed; ${shadow.filters.join(" and ")} would deny it`, why: shadow.why };
  if (isUpstreams(details)) return { kind: "good", mark: "Passed to the upstream", why: "" };
  if (details && isUpstreamFailure(details)) return { kind: "warn", mark: "The upstream failed", why };
  return { kind: "note", mark: "Answered by the proxy", why };
}

export interface ShadowDenial {
  filters: string[];
  why: string;
}

const COUNTED = /^portcullis_(jwt_auth|token_bucket|circuit_breaker)_(?:.*_)?shadow_denied_total$/;
const LOGGED = /shadow: would deny with (portcullis_\w+)/;

const FALLBACK = /^portcullis_circuit_breaker_.*_fallback_static_total$/;

/** Whether a static fallback has answered since `before`; false where a moment has several requests. */
export function tellsFallback({ exchanges, metrics }: Moment, before: Record<string, number>): boolean {
  return exchanges.length === 1 && Object.keys(metrics).some((name) => FALLBACK.test(name) && (metrics[name] ?? 0) > (before[name] ?? 0));
}

/** The denials that filters in shadow mode have counted since `before`; null where a moment has several requests, which the counters do not tell apart. */
export function shadowDenial({ exchanges, metrics, log }: Moment, before: Record<string, number>): ShadowDenial | null {
  if (exchanges.length !== 1) return null;
  const grown = Object.keys(metrics).filter((name) => COUNTED.test(name) && (metrics[name] ?? 0) > (before[name] ?? 0));
  const filters = [...new Set(grown.map((name) => COUNTED.exec(name)?.[1]?.replace("_", "-") ?? ""))];
  const codes = log.flatMap(({ message }) => LOGGED.exec(message)?.[1] ?? []);
  return filters.length > 0 ? { filters, why: [...new Set(codes)].map(sentenceOf).join(" ") } : null;
}
