import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { factsOf, recordOf, visible } from "../src/audit/facts";
import { placeOf, textAt } from "../src/audit/lines";
import { bytes, counted, span, time } from "../src/parts/units";
import { refusal } from "../src/parts/useRun";

declare const ROOT: string;

const RECORDS = readFileSync(`${ROOT}/docs/audit.jsonl`, "utf8").trim().split("\n");
const PIECE = 4 << 20;

async function lineOf(file: File, line: number): Promise<string | null> {
  const place = await placeOf(file, line);
  return place && (await textAt(file, place)).text;
}

test("a line is found wherever it lies", async () => {
  // One ends where a piece does, one crosses from piece to piece, and the last has no end.
  const lines = ["a".repeat(PIECE - 1), "", "ü\r", "b".repeat(2 * PIECE), "last"];
  const file = new File([lines.join("\n")], "lines");
  for (const at of [1, 2, 4]) assert.equal((await placeOf(file, at + 1))?.length, lines[at] === "ü\r" ? 3 : new Blob([lines[at]!]).size);
  assert.equal(await lineOf(file, 3), "ü");
  assert.equal(await lineOf(file, 5), "last");
  assert.equal(await placeOf(file, 6), null);
  assert.equal(await placeOf(new File(["one\n"], "ended"), 2), null);
  assert.equal(await placeOf(new File([], "empty"), 1), null);
});

test("a line before it spares the way from the beginning", async () => {
  const file = new File(["one\ntwo\nthree\n"], "lines");
  const two = await placeOf(file, 2);
  assert.deepEqual(two, { line: 2, offset: 4, length: 3 });
  assert.deepEqual(await placeOf(file, 3, two!), { line: 3, offset: 8, length: 5 });
  assert.deepEqual(await placeOf(file, 1, two!), { line: 1, offset: 0, length: 3 });
});

test("of a long line the beginning is read", async () => {
  const file = new File(["x".repeat(2 << 20)], "long");
  const { text, isCut } = await textAt(file, { line: 1, offset: 0, length: file.size });
  assert.deepEqual([text.length, isCut], [1 << 20, true]);
});

test("a record is read from its line, and from one of a log", () => {
  const denied = RECORDS[3]!;
  const facts = Object.fromEntries(factsOf(recordOf(`[2026-09-21] wasm log: ${denied}`)!));
  assert.equal(facts["Time"], "2026-09-21T14:13:30.000Z");
  assert.equal(facts["Status"], "401");
  assert.equal(facts["Decisions"], "denied jwt-auth jwt_expired");
  for (const line of ["", "hello", "{", "[1]", "null", denied.slice(0, -9)]) assert.equal(recordOf(line), null, line);
});

test("the names of ECS may be nested or have dots", () => {
  const nested = { "@timestamp": "2026-09-21T14:13:30.000Z", user: { id: "alice" }, http: { response: { status_code: 401 } } };
  const dotted = { "@timestamp": "2026-09-21T14:13:30.000Z", "user.id": "alice", "http.response": { status_code: 401 } };
  assert.deepEqual(factsOf(nested), factsOf(dotted));
  assert.deepEqual(factsOf(nested), [["Time", "2026-09-21T14:13:30.000Z"], ["Status", "401"], ["Subject", "alice"]]);
});

test("what nobody would see in a name is written out", () => {
  assert.equal(visible("al\u200bice\n"), "al\\u{200b}ice\\u{a}");
});

test("a refusal belongs to its member, anything else to the file", () => {
  assert.deepEqual(refusal(new Error('since: "noon" is no time')), { member: "since", problem: '"noon" is no time' });
  assert.deepEqual(refusal(new Error("verifierKeys[1]: no key")), { member: "verifierKeys", problem: "no key" });
  for (const text of ["audit.jsonl: no audit record in it", "Stopped.", "constructor: x"]) assert.deepEqual(refusal(new Error(text)), { member: "file", problem: text });
  const gone = refusal(new DOMException("", "NotReadableError"));
  assert.match(gone.problem, /Choose it again/);
});

test("figures are as people write them", () => {
  assert.deepEqual([bytes(1), bytes(1536), bytes(104_857_600)], ["1 byte", "1.5 KiB", "100 MiB"]);
  assert.deepEqual([counted(1, "record"), counted(1234, "record")], ["1 record", "1,234 records"]);
  assert.deepEqual([span(1000), span(300_000), span(5_400_000)], ["1 second", "5 minutes", "1.5 hours"]);
  assert.deepEqual([time(0), time(null), time(9e15)], ["1970-01-01 00:00:00.000", "–", "–"]);
});
