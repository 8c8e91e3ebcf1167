import assert from "node:assert/strict";
import { test } from "node:test";
import { byLine, inOrder, unmarked } from "../src/audit/found";
import { contentAt, placeOf, textAt } from "../src/audit/lines";
import { verdict } from "../src/audit/verdict";
import { visible } from "../src/parts/visible";
import type { ChainRead, Finding, RecordRead, Verified } from "../src/engine";
import { calledFor, CALLBACKS, inOrder as calledInOrder } from "../src/module/callbacks";
import { bytes, counted, span, time } from "../src/parts/units";
import { refusal } from "../src/parts/useRun";
import { asRefused, Refused } from "../src/refused";

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

test("a record is what the engine reads at its place, and any other line is shown as it is", async () => {
  const file = new File(["one\ntwo\n"], "lines");
  const place = { line: 2, offset: 4, length: 3 };
  const record: RecordRead = { json: "{}", isMessage: true, facts: [] };
  const asked: string[] = [];
  const reads = async (bytes: Uint8Array) => {
    asked.push(new TextDecoder().decode(bytes));
    return record;
  };
  assert.deepEqual(await contentAt({ record: reads }, file, place), { record, text: "{}", isCut: false, problem: null });
  assert.deepEqual(asked, ["two"]);
  const refuses = async () => { throw new Refused({ member: "file", problem: "no audit record" }); };
  assert.deepEqual(await contentAt({ record: refuses }, file, place), { record: null, text: "two", isCut: false, problem: "no audit record" });
  await assert.rejects(contentAt({ record: async () => { throw new Error("broken down"); } }, file, place), /broken down/);
});

const CHAIN: ChainRead = { uid: "c", records: 10, state: "complete", isIntact: true, isOpen: false, checkpoints: 1, signedCheckpoints: 1 };
const VERIFIED: Verified = {
  isIntact: true, records: 10, others: 0, chains: [CHAIN], chainsInAll: 1, remarks: [], findings: [], findingsInAll: 0, marks: [], text: "",
};
const INTACT = "Intact: 10 records of 1 chain; none was changed, put in, or removed between others, as far as the hashes tell.";

test("intact is good only where nothing is left to doubt but the end", () => {
  const vouched = "Nothing vouches for what comes after the last signed checkpoint of a chain.";
  assert.deepEqual(verdict(VERIFIED), { kind: "good", text: INTACT, remarks: [vouched] });
  const remarks = ["a chain that is open may have had an end that was cut off"];
  const open = "A chain that is open may have had an end that was cut off.";
  assert.deepEqual(verdict({ ...VERIFIED, remarks }), { kind: "note", text: INTACT, remarks: [open, vouched] });
  const unsigned = verdict({ ...VERIFIED, chains: [{ ...CHAIN, signedCheckpoints: 0 }], remarks });
  assert.deepEqual(unsigned, { kind: "note", text: INTACT, remarks: [open] });
  const found = { ...VERIFIED, isIntact: false, findingsInAll: 2, remarks };
  assert.deepEqual(verdict(found), { kind: "error", text: "Not intact: 2 findings in 10 records of 1 chain.", remarks: [open] });
  assert.equal(verdict({ ...found, records: 0 }).text, "Not intact: 2 findings, and no record that holds.");
});

test("findings go with their lines, and each kind is explained once", () => {
  const finding = (line: number, code: string): Finding => ({ line, code, place: null, text: "", meaning: "", advice: "" });
  const findings = [finding(7, "changed"), finding(9, "changed"), finding(2, "missing"), finding(7, "wrong_link")];
  assert.deepEqual(inOrder(findings).map(([{ line, code }, isFirst]) => [line, code, isFirst]), [[2, "missing", true], [7, "changed", true], [7, "wrong_link", true], [9, "changed", false]]);
  assert.deepEqual([...byLine({ findings, marks: [] })].map(([line, of]) => [line, of.length]), [[7, 2], [9, 1], [2, 1]]);
});

test("findings that are not told mark their lines, as far as these are known", () => {
  const findings = [{ line: 7, code: "changed", place: null, text: "changed: it is another", meaning: "m", advice: "a" }];
  const marks = [{ code: "half_record", meaning: "cut", advice: "wait", lines: [7, 8] }];
  const lines = byLine({ findings, marks });
  assert.deepEqual([...lines].map(([line, of]) => [line, of.map(({ code }) => code)]), [[7, ["changed", "half_record"]], [8, ["half_record"]]]);
  assert.deepEqual([lines.get(8)?.[0]?.text, lines.get(8)?.[0]?.advice], ["half record: there are too many findings to say more.", "wait"]);
  assert.deepEqual([unmarked({ findings, marks, findingsInAll: 3 }), unmarked({ findings, marks, findingsInAll: 13 })], [0, 10]);
});

test("callbacks stand in the order of their calls, and unknown ones last", () => {
  const names = ["proxy_on_log", "mine", "proxy_on_response_headers", "proxy_on_request_headers", "proxy_on_vm_start"];
  assert.deepEqual(calledInOrder(names), ["proxy_on_vm_start", "proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_log", "mine"]);
  assert.equal(calledFor("proxy_on_tick"), CALLBACKS["proxy_on_tick"]);
  assert.equal(calledFor("constructor"), null);
});

test("what nobody would see in a name is written out", () => {
  assert.equal(visible("al\u200bice\n"), "al\\u{200b}ice\\u{a}");
});

test("a refusal belongs to its member, anything else to the file", () => {
  const since = { member: "since", problem: '"noon" is no time' } as const;
  const refused = asRefused(new Error(JSON.stringify(since)));
  assert.ok(refused instanceof Refused && refused.message === since.problem);
  assert.deepEqual(refusal(refused), since);
  for (const text of ["Stopped.", "since: noon", "{half", '{"line":1,"problem":"x"}']) {
    const error = asRefused(new Error(text));
    assert.ok(error instanceof Error && !(error instanceof Refused), text);
    assert.deepEqual(refusal(error), { member: "file", problem: text });
  }
  const gone = refusal(new DOMException("", "NotReadableError"));
  assert.deepEqual(gone, { member: "file", problem: "The browser cannot read the file any more: it was changed, moved or removed since it was chosen. Choose it again." });
});

test("figures are as people write them", () => {
  assert.deepEqual([bytes(1), bytes(1536), bytes(104_857_600)], ["1 byte", "1.5 KiB", "100 MiB"]);
  assert.deepEqual([counted(1, "record"), counted(1234, "record")], ["1 record", "1,234 records"]);
  assert.deepEqual([span(1000), span(300_000), span(5_400_000)], ["1 second", "5 minutes", "1.5 hours"]);
  assert.deepEqual([time(0), time(null), time(9e15)], ["1970-01-01 00:00:00.000", "–", "–"]);
});
