import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ticks, timeTicks } from "../src/chart/scale";
import type { Call, Exchange, Level, Moment } from "../src/engine";
import { CODES, sentenceOf } from "../src/result/codes";
import { decide, shadowDenial, tellsFallback } from "../src/result/decision";
import { editsOf } from "../src/parts/edits";
import { changes } from "../src/parts/header_diff";
import { observed } from "../src/policy/observed";
import { levelSeries, placed, stateSeries } from "../src/result/series";
import { elapsed, outOfTime, relative, timesOf } from "../src/parts/times";
import { named } from "../src/result/actions";
import { bearerOf } from "../src/result/MomentCard";

declare const ROOT: string;

const NO_BODY = { body: null, trailers: null };

function exchange(part: Partial<Exchange>): Exchange {
  return { name: "a", request: { headers: [[":path", "/"]], ...NO_BODY }, upstream: null, client: null, details: null, ...part };
}

function moment(at: number, part: Partial<Moment>): Moment {
  return { kind: "send", at, exchanges: [], calls: [], log: [], callOuts: [], metrics: {}, levels: [], ...part };
}

test("every code of the READMEs is explained", () => {
  const known = new Set<string>();
  const driver = readFileSync(`${ROOT}/filters/kit/src/driver/mod.rs`, "utf8");
  for (const filter of ["jwt-auth", "token-bucket", "circuit-breaker", "audit-log"]) {
    const readme = readFileSync(`${ROOT}/filters/${filter}/README.md`, "utf8");
    for (const [code] of `${readme}${driver}`.matchAll(/portcullis_[a-z_]+/g)) known.add(code);
    const codes = [...readme.matchAll(/^\| `(portcullis_\w+)` \| \d/gm)].map(([, code]) => code!);
    assert.deepEqual(codes.filter((code) => !(code in CODES)), [], filter);
  }
  assert.deepEqual(Object.keys(CODES).filter((code) => !known.has(code)), [], "codes that no filter has");
});

test("what Envoy says of its own accord is told in a sentence", () => {
  assert.equal(sentenceOf("http1.invalid_url"), "The path is none that HTTP/1 can carry: it begins with a slash and has no spaces.");
  assert.equal(sentenceOf("upstream_reset_before_response_started{connection_termination}"), "The connection to the upstream broke before it answered.");
  assert.equal(sentenceOf("of somebody else"), "");
});

test("a denial that was only counted is not told as if all were well", () => {
  const upstream = { headers: [], ...NO_BODY };
  const passed = exchange({ client: { status: 200, headers: [], ...NO_BODY }, details: "via_upstream", upstream });
  const shadowed = moment(0, {
    exchanges: [passed],
    metrics: { portcullis_jwt_auth_shadow_denied_total: 2, portcullis_token_bucket_all_shadow_denied_total: 1 },
    log: [{ level: "debug", message: "jwt-auth: shadow: would deny with portcullis_jwt_expired, token sha256:040638dffb2ffa29" }],
  });
  const before = { portcullis_jwt_auth_shadow_denied_total: 1, portcullis_token_bucket_all_shadow_denied_total: 1 };
  const denial = shadowDenial(shadowed, before);
  assert.deepEqual(decide(passed, { shadow: denial, isFallback: false }), { kind: "note", mark: "Passed; jwt-auth would deny it", why: "The token has expired; the skew is counted in." });
  assert.equal(shadowDenial(shadowed, shadowed.metrics), null);
});

test("a decision names the filter, or the upstream", () => {
  const answer = (status: number) => ({ status, headers: [], ...NO_BODY });
  const upstream = { headers: [], ...NO_BODY };
  const mark = (part: Partial<Exchange>) => decide(exchange(part)).mark;
  assert.equal(mark({ client: answer(401), details: "portcullis_jwt_expired" }), "Denied by jwt-auth");
  assert.equal(mark({ client: answer(200), details: "portcullis_rate_limit_exceeded" }), "Denied by token-bucket");
  assert.equal(mark({ client: answer(503), details: "via_upstream", upstream }), "Passed to the upstream");
  assert.equal(mark({ client: answer(503), details: "upstream_reset_before_response_started{connection_termination}", upstream }), "The upstream failed");
  assert.equal(mark({ client: answer(504), details: "response_timeout", upstream }), "The upstream failed");
  assert.equal(mark({ client: answer(503), details: "no_healthy_upstream" }), "The upstream failed");
  assert.equal(mark({ client: answer(503), details: "wasm_fail_stream" }), "Answered by the proxy");
  assert.equal(mark({ client: answer(503), details: "portcullis_host_refused" }), "Denied by the filter");
  assert.equal(mark({}), "No response");
});

test("an answer of a static fallback is no denial", () => {
  const answered = exchange({ client: { status: 200, headers: [], ...NO_BODY }, details: "portcullis_circuit_open" });
  const metrics = (served: number) => ({ portcullis_circuit_breaker_orders_fallback_static_total: served });
  const served = moment(0, { exchanges: [answered], metrics: metrics(2) });
  assert.equal(tellsFallback(served, metrics(1)), true);
  assert.equal(tellsFallback(served, metrics(2)), false);
  assert.deepEqual(decide(answered, { shadow: null, isFallback: true }), { kind: "note", mark: "Answered by the fallback", why: "The breaker is open." });
  assert.equal(decide(answered).mark, "Denied by circuit-breaker");
});

function call(name: string, given: string, status = "OK"): Call {
  return { vm: "worker 0", context: 2, isCallback: false, name: `proxy_${name}`, arguments: given, status, reason: null, returned: "" };
}

test("a header is a filter's where one of its calls names it", () => {
  const calls = [
    call("replace_header_map_value", 'request headers, "x-envoy-upstream-rq-timeout-ms", "1000"'),
    call("add_header_map_value", 'request headers, "X-A", "1"'),
    call("remove_header_map_value", 'request headers, "connection"'),
    call("add_header_map_value", 'request headers, "x-refused", "1"', "BAD_ARGUMENT"),
    call("get_header_map_value", 'request headers, "x-read"'),
    call("add_header_map_value", 'response headers, "x-b", "1"'),
  ];
  const names = ["x-envoy-expected-rq-timeout-ms", "x-a", "connection", "x-refused", "x-read", "x-b", "host", "keep-alive", ":authority"];
  assert.deepEqual(names.filter(editsOf(calls, 0).request), ["x-envoy-expected-rq-timeout-ms", "x-a", "connection"]);
  assert.deepEqual(names.filter(editsOf(calls, 0).response), ["x-b"]);
  // Where nobody knows all calls, names tell.
  assert.deepEqual(names.filter(editsOf([], 1).request), ["x-a", "x-refused", "x-read", "x-b"]);
  assert.deepEqual(names.filter(editsOf([call("set_header_map_pairs", "request headers, {}")], 0).request), ["x-a", "x-refused", "x-read", "x-b"]);
});

test("headers are compared by name, repeated ones as one value", () => {
  const rows = changes([["a", "1"], ["b", "1"], ["c", "1"], ["c", "2"]], [["a", "1"], ["b", "2"], ["c", "1, 2"], ["d", "4"]], () => true);
  assert.deepEqual(rows.map(({ kind, name }) => `${name} ${kind}`), ["b changed", "d added", "a same", "c same"]);
});

test("a bucket falls at requests and fills up to its burst", () => {
  const level = (remaining: number, at = 1000): Level => ({ at, limit: "all", tier: 0, key: "", worker: null, remaining, burst: 3, start: 3, perSecond: 2 });
  const moments = [moment(1000, {}), moment(1000, { levels: [level(0)] }), moment(1500, { levels: [level(0, 1500), level(0, 1500)] }), moment(5500, {})];
  const [series] = levelSeries(placed(moments, ["start", "one", "two", "wait"]));
  assert.deepEqual(series?.line, [[0, 3], [0, 3], [0, 0], [500, 1], [500, 0], [2000, 3], [4500, 3]]);
  assert.deepEqual(series?.dots, [{ x: 0, y: 0, step: "one", value: "0 of 3" }, { x: 500, y: 0, step: "two", value: "0 of 3" }]);
});

test("a bucket is drawn when it was seen, from what it had in the beginning, and below zero where more was taken", () => {
  const level = (at: number, remaining: number): Level => ({ at, limit: "all", tier: 0, key: "", worker: null, remaining, burst: 10, start: 2, perSecond: 4 });
  // Half a second passes within the first request; in the end there is more than was said, as a float may be.
  const moments = [moment(1000, {}), moment(2500, { levels: [level(2000, 5), level(2500, 7.0000000001)] }), moment(3000, { levels: [level(2500, -3), level(3000, -4)] }), moment(9000, {})];
  const [series] = levelSeries(placed(moments, ["start", "slow", "large", "wait"]));
  assert.deepEqual(series?.dots, [{ x: 1000, y: 5, step: "slow", value: "5 of 10" }, { x: 1500, y: -3, step: "large", value: "-3 of 10" }, { x: 2000, y: -4, step: "large", value: "-4 of 10" }]);
  assert.deepEqual(series?.line, [[0, 2], [1000, 6], [1000, 5], [1500, 7], [1500, -3], [2000, -1], [2000, -4], [5500, 10], [8000, 10]]);
});

test("tiers and workers have lines of their own, none of which goes above what its bucket holds", () => {
  const level = (tier: number, key: string, worker: string | null, burst: number, remaining: number): Level => ({ at: 1000, limit: "all", tier, key, worker, remaining, burst, start: burst, perSecond: 1 });
  const levels = [level(1, "alice", null, 2, 1), level(2, "alice", null, 10, 9), level(0, "", "worker 0", 5, 5), level(0, "", "worker 1", 5, 8)];
  const all = levelSeries(placed([moment(1000, {}), moment(1000, { levels }), moment(3000, {})], ["start", "one", "wait"]));
  assert.deepEqual(all.map(({ name, line }) => [name, line.at(-1)]), [["all (tier 1, alice)", [2000, 2]], ["all (tier 2, alice)", [2000, 10]], ["all (worker 0)", [2000, 5]], ["all (worker 1)", [2000, 5]]]);
});

test("where no time passes, steps stand side by side", () => {
  const level = (remaining: number, at = 1000): Level => ({ at, limit: "all", tier: 0, key: "", worker: null, remaining, burst: 3, start: 3, perSecond: 2 });
  const [series] = levelSeries(placed([moment(1000, {}), moment(1000, { levels: [level(2)] }), moment(1000, { levels: [level(1)] })], ["start", "one", "two"]));
  assert.deepEqual(series?.line, [[0, 3], [1, 3], [1, 2], [2, 2], [2, 1]]);
});

test("a breaker's state is a line of steps", () => {
  const metrics = (state: number) => ({ portcullis_circuit_breaker_orders_state: state });
  const [series] = stateSeries(placed([moment(0, {}), moment(1000, { metrics: metrics(2) }), moment(6000, { metrics: metrics(1) })], ["start", "fails", "waits"]));
  assert.equal(series?.name, "orders");
  assert.deepEqual(series?.line, [[0, 0], [1000, 0], [1000, 2], [6000, 2], [6000, 1]]);
  assert.deepEqual(series?.dots.map(({ step, value }) => `${step}: ${value}`), ["start: closed", "fails: open", "waits: half open"]);
});

test("what was seen is expected, without what chance has a part in", () => {
  const seen = exchange({
    request: { headers: [[":path", "/"], ["authorization", "b"]], ...NO_BODY },
    upstream: { headers: [[":path", "/"], ["x-jwt-sub", "alice"], ["x-request-id", "1"], ["traceparent", "00"], ["x-forwarded-proto", "http"]], ...NO_BODY },
    client: { status: 200, headers: [], ...NO_BODY },
    details: "via_upstream",
  });
  const reset = exchange({ client: { status: 503, headers: [], ...NO_BODY }, details: "upstream_reset_before_response_started{x}" });
  const calls = ["x-jwt-sub", "authorization", "x-request-id", "traceparent"].map((name) => call("replace_header_map_value", `request headers, "${name}", "…"`));
  const expect = observed([moment(0, {}), moment(0, { exchanges: [seen], calls }), moment(0, { exchanges: [reset] }), moment(1, { kind: "advance" })], 0);
  assert.deepEqual(expect(0), { status: 200, details: "via_upstream", upstream: { headers: { "x-jwt-sub": "alice", authorization: { absent: true } } } });
  assert.deepEqual(expect(1), { status: 503, details: { contains: "upstream_reset_before_response_started" }, upstream: { called: false } });
  assert.equal(expect(2), undefined);
});

test("times are told in words", () => {
  assert.equal(relative(1000, 1180), "3 minutes ago");
  assert.equal(relative(7200, 0), "in 2 hours");
  assert.deepEqual(timesOf({ exp: 0 }, 180), ["It expired 3 minutes ago, 1970-01-01 00:00:00 UTC."]);
  assert.match(timesOf({ exp: 1e18 }, 0)[0] ?? "", /no time that a calendar has/);
});

test("ticks are round and within the axis", () => {
  assert.deepEqual(ticks(0, 2500, 5), [0, 500, 1000, 1500, 2000, 2500]);
  assert.deepEqual(ticks(0, 3, 4), [0, 1, 2, 3]);
  assert.deepEqual(ticks(5, 5, 4), [5]);
});

test("ticks of time are at round times", () => {
  const labels = (seconds: number, most: number) => timeTicks(0, seconds * 1000, most).map(elapsed);
  assert.deepEqual(labels(10_000, 6), ["+0 s", "+30 min", "+60 min", "+90 min", "+2 h", "+2.5 h"]);
  assert.deepEqual(labels(100, 4), ["+0 s", "+30 s", "+60 s", "+90 s"]);
  assert.deepEqual(labels(2.5, 5), ["+0 s", "+0.5 s", "+1 s", "+1.5 s", "+2 s", "+2.5 s"]);
  assert.deepEqual(labels(0.02, 4), ["+0 s", "+0.005 s", "+0.01 s", "+0.015 s", "+0.02 s"]);
  assert.deepEqual(labels(30 * 86_400, 3), ["+0 s", "+240 h", "+480 h", "+720 h"]);
  for (const seconds of [1, 7, 59, 61, 3599, 86_401, 1e7]) assert.ok(labels(seconds, 5).length <= 6, String(seconds));
});

test("a token is good or not as seen from a time", () => {
  assert.deepEqual([99, 100].map((now) => outOfTime({ exp: 100 }, now)), [null, "it has expired"]);
  assert.deepEqual([99, 100].map((now) => outOfTime({ nbf: 100 }, now)), ["it is not valid yet", null]);
  assert.equal(outOfTime({ exp: "soon" }, 0), null);
});

test("what a callback returns has its name", () => {
  assert.deepEqual([named("proxy_on_request_headers", "3"), named("proxy_on_response_body", "3"), named("proxy_on_request_headers", "Pause"), named("proxy_on_log", "3")], ["3 (StopAllIterationAndBuffer)", "3 (StopIterationNoBuffer)", "Pause", "3"]);
});

test("a bearer token is found among headers", () => {
  assert.equal(bearerOf([["host", "a"], ["Authorization", "Basic YTpi"], ["authorization", "bearer  a.b.c"]]), "a.b.c");
  assert.equal(bearerOf([["x-authorization", "Bearer a"]]), null);
});
