/** What was seen, as expectations: the scenario that is exported passes where the filters do the same again. */

import type { Exchange, Moment } from "../engine";
import { changes } from "./header_diff";
import type { Expect } from "./scenario";

/** Headers that the proxy itself sets, and those in which chance has a part. */
const NOT_EXPECTED = /^(:|x-request-id$|x-forwarded-|x-envoy-|traceparent$|tracestate$|baggage$|b3$|x-b3-|uber-trace-id$|x-amzn-trace-id$|x-datadog-|x-cloud-trace-context$|content-length$|transfer-encoding$|date$|server$)/;

/** What each step has to show again. */
export function observed(moments: Moment[]): Expect {
  // The first moment is the start.
  return (step) => {
    const exchange = moments[step + 1]?.exchanges[0];
    return exchange && expected(exchange);
  };
}

function expected({ client, details, request, upstream }: Exchange): Record<string, unknown> {
  return {
    ...(client ? { status: client.status } : { no_response: true }),
    // What Envoy adds in braces says why a connection broke, in words that are not the same everywhere.
    ...(details ? { details: details.includes("{") ? { contains: details.slice(0, details.indexOf("{")) } : details } : {}),
    upstream: upstream ? upstreamHeaders(request.headers, upstream.headers) : { called: false },
  };
}

function upstreamHeaders(before: Exchange["request"]["headers"], after: Exchange["request"]["headers"]): Record<string, unknown> {
  const rows = changes(before, after).filter(({ kind, name }) => kind !== "same" && !NOT_EXPECTED.test(name));
  if (rows.length === 0) return { called: true };
  return { headers: Object.fromEntries(rows.map(({ kind, name, after: value }) => [name, kind === "removed" ? { absent: true } : value])) };
}
