import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { folded } from "../src/editor/folded";
import { pathAt, placeAt } from "../src/editor/place";
import { describe, membersAt, valuesAt, type Schema } from "../src/editor/schema";

declare const ROOT: string;

const SCHEMA = JSON.parse(readFileSync(`${ROOT}/docs/schemas/jwt-auth.schema.json`, "utf8")) as Schema;

/** What may stand at `|`, of which the word before it is taken for begun. */
function at(marked: string) {
  const cursor = marked.indexOf("|");
  const word = /[\w.-]*$/.exec(marked.slice(0, cursor))?.[0] ?? "";
  return placeAt(marked.replace("|", ""), cursor - word.length, cursor);
}

const CASES: [marked: string, path: (string | number)[], takes: string][] = [
  ["cac|", [], "both"],
  ["mode: shadow\ncac|\nrules: []", [], "both"],
  ["mode: |", ["mode"], "value"],
  ["cache: { ver|", ["cache"], "name"],
  ["cache: { ver| }", ["cache"], "name"],
  ["cac|: {}", [], "name"],
  ["providers:\n  - na|", ["providers", 0], "both"],
  ["providers:\n  - name: a\n  - name: b\n    al|\n    issuer: c", ["providers", 1], "both"],
  ["providers: [{ algorithms: [E|] }]", ["providers", 0, "algorithms", 0], "value"],
  ['{"providers": [{"na|": 1}]}', ["providers", 0], "name"],
];

test("the place of the cursor is found in what is half written", () => {
  for (const [marked, path, takes] of CASES) {
    const place = at(marked);
    assert.deepEqual([place?.path, place?.takes], [path, takes], marked);
  }
});

test("nothing is offered in a comment", () => assert.equal(at("mode: shadow # mo|"), null));

test("what is there already is known", () => assert.deepEqual(at("providers:\n  - name: x\n    is|\n    jwks: {}")?.siblings, ["name", "jwks"]));

test("members and values come from the schema, through references and alternatives", () => {
  const provider = Object.fromEntries(membersAt(SCHEMA, ["providers", 0]).map(({ name, isRequired }) => [name, isRequired]));
  assert.deepEqual([provider["name"], provider["issuer"]], [true, false]);
  assert.ok(membersAt(SCHEMA, ["otherwise", "any", 3]).some(({ name }) => name === "provider"));
  assert.deepEqual(valuesAt(SCHEMA, ["mode"]).map(({ value }) => value), ["enforce", "shadow"]);
  assert.ok(valuesAt(SCHEMA, ["providers", 0, "algorithms", 0]).some(({ value }) => value === "EdDSA"));
  assert.deepEqual(membersAt(SCHEMA, ["nothing", "here"]), []);
});

test("a member is described with what it is when it is left out", () => {
  const { text, fallback } = describe(SCHEMA, ["mode"]);
  assert.match(text, /Whether denials are carried out/);
  assert.equal(fallback, '"enforce"');
});

test("the path under the pointer is that of the name or value", () => {
  const text = "providers:\n  - name: shop\n";
  assert.deepEqual(pathAt(text, 3)?.path, ["providers"]);
  assert.deepEqual(pathAt(text, text.indexOf("name") + 1)?.path, ["providers", 0, "name"]);
  assert.deepEqual(pathAt(text, text.indexOf("shop") + 1)?.path, ["providers", 0, "name"]);
});

test("of alternatives none is required, and each is there to be chosen", () => {
  const alternatives = membersAt(SCHEMA, ["providers", 0, "jwks"]);
  assert.deepEqual(alternatives.map(({ name, isRequired }) => [name, isRequired]), [["inline", false], ["remote", false], ["discovery", false]]);
});

test("a long list is folded, and the name that is meant stands out", () => {
  const names = ["name", "issuer", "audiences", "jwks", "claims_to_headers", "authorize"];
  const message = `providers[0].claims_to_header: unknown field \`claims_to_header\`, expected one of ${names.map((name) => `\`${name}\``).join(", ")}`;
  assert.deepEqual(folded(message), {
    short: "providers[0].claims_to_header: unknown field `claims_to_header`; claims_to_headers is meant, perhaps",
    rest: `One of 6: ${names.join(", ")}`,
  });
  assert.deepEqual(folded("limits[0].rate: ten is no rate"), { short: "limits[0].rate: ten is no rate", rest: "" });
});
