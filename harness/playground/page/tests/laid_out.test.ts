import assert from "node:assert/strict";
import { test } from "node:test";
import { laidOut } from "../src/parts/laid_out";

test("JSON is set out, one member on a line", () => {
  assert.equal(laidOut('{"a":1,"b":[true, "c d"]}'), '{\n  "a": 1,\n  "b": [\n    true,\n    "c d"\n  ]\n}');
  assert.equal(laidOut('{"a":1}\n{"b":"\\u0041"}\n'), '{\n  "a": 1\n}\n{\n  "b": "A"\n}');
  assert.equal(laidOut("no JSON: { }"), "no JSON: { }");
  assert.equal(laidOut("{ no JSON"), "{ no JSON");
});

test("what laying it out would lose stays as it is", () => {
  for (const text of ['{"action_id":2,"action_id":1}', '{"a":9007199254740993}', '{"a":1e400}', '{"a":1.0}', '{"2":1,"1":2}', '{"a":1}\n{"b":1,"b":2}']) assert.equal(laidOut(text), text);
});

test("what nobody would see is written out", () => {
  assert.equal(laidOut('{"a":"\u202eb"}'), '{\n  "a": "\\u{202e}b"\n}');
  assert.equal(laidOut('{"a":"\\u202eb"}'), '{\n  "a": "\\u{202e}b"\n}');
  assert.equal(laidOut("a\u200bb\r\n\tc\u0000"), "a\\u{200b}b\r\n\tc\\u{0}");
});

test("what is very deep does not become very long", () => {
  const deep = `${"[".repeat(2500)}${"]".repeat(2500)}`;
  assert.equal(laidOut(deep), deep);
  assert.equal(laidOut(`{"a":${deep}}\n`.repeat(100)), `{"a":${deep}}\n`.repeat(100));
  const deepest = `${"[".repeat(500_000)}${"]".repeat(500_000)}`;
  assert.equal(laidOut(deepest), deepest);
  const long = JSON.stringify({ a: "b".repeat(1 << 20), list: Array.from({ length: 1000 }, (_, index) => ({ index })) });
  assert.equal(laidOut(long), JSON.stringify(JSON.parse(long), null, 2));
});
