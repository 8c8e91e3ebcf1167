import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { beginningOf, insteadOfModule, insteadOfRecords, wholeText } from "../src/parts/foreign";

const RECORD = '{"metadata":{},"class_uid":4002}';
const bytes = (text: string) => new TextEncoder().encode(text);

test("files without records are told apart by how they begin", () => {
  const told = (content: string | Uint8Array) => insteadOfRecords(typeof content === "string" ? bytes(content) : content)?.split(":")[0];
  assert.equal(told(Buffer.from(`\ufeff${RECORD}`, "utf16le")), "It is a text in UTF-16");
  assert.equal(told(Buffer.from(RECORD, "utf16le")), "It is a text in UTF-16");
  assert.equal(told(Buffer.from(RECORD, "utf16le").swap16()), "It is a text in UTF-16");
  assert.equal(told(` [\n ${RECORD},`), "It is an array of JSON");
  assert.equal(told('time,kind,decision,status\n2026,"genesis",,\n'), "It is CSV, as for a spreadsheet");
  const others = ["", RECORD, "[2026-09-21 14:13:20.165][1][info] a", "[2026-09-21 14:13:20.165][1][info] a, b, c, d", "Dear all, nothing", new Uint8Array(8)];
  for (const other of others) assert.equal(told(other), undefined, String(other));
});

test("files that are no modules are told apart by how they begin", () => {
  assert.equal(insteadOfModule(gzipSync("x")), "It is packed with gzip: gunzip FILE unpacks it.");
  const code = ";; a filter\n(; of ;) (module\n  (func))";
  assert.equal(insteadOfModule(bytes(code)), "It is the text form of a module: wat2wasm FILE makes a module of it.");
  for (const other of ["", "(modules", "hello", "\0asm"]) assert.equal(insteadOfModule(bytes(other)), null, other);
});

test("a text is one in UTF-8 without anything that no text has", () => {
  assert.equal(wholeText(bytes("\ufeffa: ü\ufffd")), "a: ü\ufffd");
  for (const none of [[0xff], [0x61, 0], [0xc3]]) assert.equal(wholeText(new Uint8Array(none)), null, String(none));
});

test("of a file that cannot be read the beginning is nothing", async () => {
  assert.deepEqual(await beginningOf(new File(["ab"], "a")), bytes("ab"));
  const gone = { slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException("", "NotFoundError")) }) } as unknown as Blob;
  assert.equal((await beginningOf(gone)).length, 0);
});
