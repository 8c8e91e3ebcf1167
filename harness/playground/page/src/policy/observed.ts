/** What was seen, as expectations: the scenario that is exported passes where the filters do the same again. */

import type { Exchange, Moment } from "../engine";
import { editsOf, type IsWritten } from "../parts/edits";
import { changes } from "../parts/header_diff";
import type { Expect } from "./scenario";

/** Headers in which chance has a part. */
const BY_CHANCE = /^(x-request-id$|traceparent$|tracestate$|baggage$|b3$|x-b3-|uber-trace-id$|x-amzn-trace-id$|x-datadog-|x-cloud-trace-context$)/;

/** What each step has to show again. */
export function observed(moments: Moment[], lost: number): Expect {
  // The first moment is the start.
  return (step) => {
    const { exchanges: [exchange], calls } = moments[step + 1] ?? { exchanges: [], calls: [] };
    return exchange && expected(exchange, editsOf(calls, lost).request);
  };
}

function expected({ client, details, request, upstream }: Exchange, isWritten: IsWritten): Record<string, unknown> {
  return {
    ...(client ? { status: client.status } : { no_response: true }),
    // What Envoy adds in braces says why a connection broke, in words that are not the same everywhere.
    ...(details ? { details: details.includes("{") ? { contains: details.slice(0, details.indexOf("{")) } : details } : {}),
    upstream: upstream ? upstreamHeaders(request.headers, upstream.headers, isWritten) : { called: false },
  };
}

function upstreamHeaders(before: Exchange["request"]["headers"], after: Exchange["request"]["headers"], isWritten: IsWritten): Record<string, unknown> {
  const rows = changes(before, after, isWritten).filter(({ kind, name, isProxys }) => kind !== "same" && !isProxys && !BY_CHANCE.test(name));
  if (rows.length === 0) return { called: true };
  return { headers: Object.fromEntries(rows.map(({ kind, name, after: value }) => [name, kind === "removed" ? { absent: true } : value])) };
}
