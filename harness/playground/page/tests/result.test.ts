import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ticks } from "../src/chart/scale";
import type { Exchange, Level, Moment } from "../src/engine";
import { CODES } from "../src/policy/codes";
import { decide } from "../src/policy/decision";
import { changes } from "../src/policy/header_diff";
import { observed } from "../src/policy/observed";
import { levelSeries, stateSeries } from "../src/policy/series";
import { relative, timesOf } from "../src/policy/times";

declare const ROOT: string;

const NO_BODY = { body: null, trailers: null };

function exchange(part: Partial<Exchange>): Exchange {
  return { name: "a", request: { headers: [[":path", "/"]], ...NO_BODY }, upstream: null, client: null, details: null, ...part };
}

function moment(at: number, part: Partial<Moment>): Moment {
  return { kind: "send", at, exchanges: [], calls: [], log: [], callOuts: [], metrics: {}, levels: [], ...part };
}

test("every code of the READMEs is explained", () => {
  for (const filter of ["jwt-auth", "token-bucket", "circuit-breaker"]) {
    const readme = readFileSync(`${ROOT}/filters/${filter}/README.md`, "utf8");
    const codes = [...readme.matchAll(/^\| `(portcullis_\w+)` \| \d/gm)].map(([, code]) => code!);
    assert.ok(codes.length > 0);
    assert.deepEqual(codes.filter((code) => !(code in CODES)), []);
  }
});

test("a decision names the filter, or the upstream", () => {
  const answer = (status: number) => ({ status, headers: [], ...NO_BODY });
  const upstream = { headers: [], ...NO_BODY };
  const mark = (part: Partial<Exchange>) => decide(exchange(part)).mark;
  assert.equal(mark({ client: answer(401), details: "portcullis_jwt_expired" }), "Denied by jwt-auth");
  assert.equal(mark({ client: answer(200), details: "portcullis_rate_limit_exceeded" }), "Denied by token-bucket");
  assert.equal(mark({ client: answer(503), details: "via_upstream", upstream }), "Passed to the upstream");
  assert.equal(mark({ client: answer(503), details: "upstream_reset_before_response_started{connection_termination}", upstream }), "The upstream failed");
  assert.equal(mark({}), "No response");
});

test("headers are compared by name, repeated ones as one value", () => {
  const rows = changes([["a", "1"], ["b", "1"], ["c", "1"], ["c", "2"]], [["a", "1"], ["b", "2"], ["c", "1, 2"], ["d", "4"]]);
  assert.deepEqual(rows.map(({ kind, name }) => `${name} ${kind}`), ["b changed", "d added", "a same", "c same"]);
});

test("a bucket falls at requests and fills up to its burst", () => {
  const level = (remaining: number): Level => ({ limit: "all", key: "", remaining, burst: 3, perSecond: 2 });
  const [series] = levelSeries([moment(1000, {}), moment(1000, { levels: [level(0)] }), moment(1500, { levels: [level(0)] }), moment(5500, {})]);
  assert.deepEqual(series?.line, [[0, 3], [0, 3], [0, 0], [500, 1], [500, 0], [2000, 3], [4500, 3]]);
  assert.deepEqual(series?.dots.map(({ x, y }) => [x, y]), [[0, 0], [500, 0]]);
});

test("a breaker's state is a line of steps", () => {
  const metrics = (state: number) => ({ portcullis_circuit_breaker_orders_state: state });
  const [series] = stateSeries([moment(0, {}), moment(1000, { metrics: metrics(2) }), moment(6000, { metrics: metrics(1) })]);
  assert.equal(series?.name, "orders");
  assert.deepEqual(series?.line, [[0, 0], [1000, 0], [1000, 2], [6000, 2], [6000, 1]]);
});

test("what was seen is expected, without what chance has a part in", () => {
  const seen = exchange({
    request: { headers: [[":path", "/"], ["authorization", "b"]], ...NO_BODY },
    upstream: { headers: [[":path", "/"], ["x-jwt-sub", "alice"], ["x-request-id", "1"], ["traceparent", "00"]], ...NO_BODY },
    client: { status: 200, headers: [], ...NO_BODY },
    details: "via_upstream",
  });
  const reset = exchange({ client: { status: 503, headers: [], ...NO_BODY }, details: "upstream_reset_before_response_started{x}" });
  const expect = observed([moment(0, {}), moment(0, { exchanges: [seen] }), moment(0, { exchanges: [reset] }), moment(1, { kind: "advance" })]);
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
