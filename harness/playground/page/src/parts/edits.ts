/** Which headers the filters of a moment have written, by their calls. */

import type { Call } from "../engine";

/** Whether a filter has written the header of this name. */
export type IsWritten = (name: string) => boolean;

export interface Edits {
  request: IsWritten;
  response: IsWritten;
}

const EDIT = /^proxy_(add|replace|remove)_header_map_value$/;
/** What Envoy's router takes out of a request, and what it tells the upstream for it. */
const BY_THE_ROUTER: Record<string, string> = {
  "x-envoy-upstream-rq-timeout-ms": "x-envoy-expected-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms": "x-envoy-expected-rq-timeout-ms",
};
/** What the proxy sets, or takes out (RFC 9110 section 7.6.1), whatever its filters do. */
const PROXYS = /^(:|host$|x-request-id$|x-forwarded-|x-envoy-|date$|server$|transfer-encoding$|content-length$|via$|connection$|keep-alive$|proxy-connection$|te$|trailer$|upgrade$|expect$)/;

/** The edits that are in these calls; `lost` of the run had no room among them, and then the names of headers have to tell. */
export function editsOf(calls: Call[], lost: number): Edits {
  return { request: written(calls, lost, "request headers"), response: written(calls, lost, "response headers") };
}

function written(calls: Call[], lost: number, map: string): IsWritten {
  const all = calls.filter(({ isCallback, status, arguments: given }) => !isCallback && status === "OK" && given.startsWith(map));
  // Set anew as a whole, the map says nothing of single names.
  if (lost > 0 || all.some(({ name }) => name === "proxy_set_header_map_pairs")) return (name) => !PROXYS.test(name);
  const names = new Set(all.filter(({ name }) => EDIT.test(name)).flatMap(({ arguments: given }) => nameIn(given)));
  return (name) => names.has(name);
}

/** The name in `request headers, "x-a", "value"`, and that of what becomes of it. */
function nameIn(given: string): string[] {
  const name = /^\w+ headers, "([^"]*)"/.exec(given)?.[1]?.toLowerCase();
  if (name === undefined) return [];
  return name === "host" ? [name, ":authority"] : [name, BY_THE_ROUTER[name] ?? name];
}
