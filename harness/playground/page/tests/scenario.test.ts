import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import type { Engine } from "../src/engine";
import { around, begin, EXAMPLES, sampleOf } from "../src/policy/examples";
import { fieldProblem } from "../src/policy/field_problems";
import { configurationIn } from "../src/policy/configuration";
import { add, missing, open } from "../src/policy/opened";
import { outlineOf } from "../src/policy/outline";
import { advance, answer, send, type Policy } from "../src/policy/policy";
import { complete } from "../src/policy/play";
import { toScenario } from "../src/policy/scenario";

const CLOCK = "2026-01-01T00:00:00Z";

function policy(part: Partial<Policy>): Policy {
  return { name: "It shows", filter: "jwt-auth", config: "a: 1\n", vars: {}, clock: CLOCK, upstream: "healthy", clusters: [], steps: [], ...part };
}

test("the configuration stands in the scenario as it was typed", () => {
  const config = "# why\nproviders:\n\n  - name: shop # whose\n    text: |\n      two\n        lines\n";
  const { text, configLine, configLines } = toScenario(policy({ config }));
  const lines = text.split("\n").slice(configLine, configLine + configLines);
  assert.equal(lines.map((line) => line.slice(6)).join("\n"), config.trimEnd());
  assert.deepEqual(parse(text).plugins, [{ filter: "jwt-auth", name: "jwt-auth", config: parse(config) }]);
});

test("what begins and ends a document does not stand in the way, and lines stay where they were", () => {
  const play = (config: string) => {
    const { text, configLine, configLines } = toScenario(policy({ config }));
    return { config: parse(text).plugins[0].config, lines: text.split("\n").slice(configLine, configLine + configLines).map((line) => line.trim()) };
  };
  assert.deepEqual(play("\ufeff%YAML 1.2\n# why\n---\na: 1\n...\n"), { config: { a: 1 }, lines: ["", "# why", "", "a: 1", ""] });
  assert.deepEqual(play("a: 1\n... # so\n\n# end\n"), { config: { a: 1 }, lines: ["a: 1", "", "", "# end"] });
  assert.deepEqual(play("--- {a: 1}\n"), { config: { a: 1 }, lines: ["{a: 1}"] });
  assert.deepEqual(play("--- # why\r\na: 1"), { config: { a: 1 }, lines: ["# why", "a: 1"] });
  assert.deepEqual(play("a: |\n  %x\n  ...\n"), { config: { a: "%x\n...\n" }, lines: ["a: |", "%x", "..."] });
});

test("texts stay texts, whatever else they could be", () => {
  const values = ["0b11", "1_000", "+1_0", "0X1F", "-0x1", "nULL", "tRuE", "Yes", "~", ".inf", "NaN", "", " a", "a: b", "2026-01-01", "a\u007fb", "\ufeff", "\u2028", "x\ny\n"];
  const headers = values.map((value, index): [string, string] => [`x-${index}`, value]);
  const { text } = toScenario(policy({ vars: { u: "1_000", n: 1000 }, steps: [send("a", { headers: [...headers, ["null", "b"], ["1_000", "c"]] })] }));
  const read = parse(text);
  assert.deepEqual(Object.values(read.steps[0].request.headers), [...values, "b", "c"]);
  assert.deepEqual(read.vars, { u: "1_000", n: 1000 });
  for (const value of ["0b11", "1_000", "+1_0", "0X1F", "-0x1", "nULL", "tRuE", "NaN"]) assert.ok(text.includes(`: "${value}"\n`), value);
  assert.ok(text.includes('"null": b\n') && text.includes('"1_000": c\n'), text);
  assert.ok(text.includes('"a\\u007fb"') && !/[\u007f\ufeff\u2028]/.test(text));
});

test("a dollar and a brace are sent as they are where they cannot be a variable", () => {
  const file = (part: Partial<Policy>, expect?: Record<string, unknown>) => parse(toScenario(policy(part), () => expect).text);
  const jndi = file({ vars: { a: 1 }, steps: [send("a", { path: "/${a}", headers: [["x-a", "${jndi:ldap://b}"]] })] });
  assert.deepEqual([jndi.steps[0].request, jndi.vars], [{ path: "/${a}", headers: { "x-a": "${dollar}{jndi:ldap://b}" } }, { a: 1, dollar: "$" }]);
  assert.equal(file({ vars: { a: 1 }, steps: [send("a", { path: "/${a}" })] }).vars.dollar, undefined);
  assert.deepEqual(file({ vars: { "a b": 1 }, steps: [send("a", { body: "${a b} ${c d} ${e}" })] }).steps[0].request.body, "${a b} ${dollar}{c d} ${e}");
  const taken = file({ vars: { dollar: "USD" }, steps: [send("a", { body: "${dollar} ${" })] });
  assert.deepEqual([taken.steps[0].request.body, taken.vars], ["${dollar} ${dollar_}{", { dollar: "USD", dollar_: "$" }]);
  assert.deepEqual(file({ steps: [send("a")] }, { upstream: { headers: { "x-a": "${b}" } } }).steps[0].expect, { upstream: { headers: { "x-a": "${dollar}{b}" } } });
});

test("JSON is a configuration too", () => {
  const config = '{\n"limits": [\n{"name": "all"}\n]\n}';
  assert.deepEqual(parse(toScenario(policy({ config })).text).plugins[0].config, { limits: [{ name: "all" }] });
});

test("a step has what was asked for, and nothing else", () => {
  const steps = [
    send("first", { path: "/x", headers: [["x-a", "1"], ["x-b", "true"], ["x-a", "2"], ["", "nothing"]] }),
    advance("2s"),
    send("", { method: "POST", http2: true, body: "b", upstream: answer({ status: 503, after: "20ms" }) }),
    send("broken", { upstream: answer({ fault: "reset", status: 201, body: "never" }) }),
  ];
  assert.deepEqual(parse(toScenario(policy({ steps })).text).steps, [
    { name: "first", request: { path: "/x", headers: { "x-a": ["1", "2"], "x-b": "true" } } },
    { name: "Time passes: 2s", advance: "2s" },
    { name: "POST /", request: { protocol: "http2", method: "POST", path: "/", body: "b" }, upstream: { status: 503, after: "20ms" } },
    { name: "broken", request: { path: "/" }, upstream: { fault: "reset" } },
  ]);
});

test("clusters and the upstream's reachability go along", () => {
  const { clusters, upstream } = parse(toScenario(policy({ upstream: "connect_error", clusters: [{ name: "siem", reachability: "healthy", answers: [answer(), answer({ fault: "timeout" })] }] })).text);
  assert.deepEqual([clusters, upstream], [{ siem: { answers: [{ status: 200 }, { fault: "timeout" }] } }, "connect_error"]);
});

test("every example is a scenario with steps and a configuration", () => {
  for (const { policy: example } of EXAMPLES) {
    const file = parse(toScenario(example).text);
    assert.equal(file.steps.length, example.steps.length);
    assert.deepEqual(file.plugins[0].config, parse(example.config));
  }
});

test("the scenario is found among its includes, and what is missing is named", async () => {
  const scenario = new File(["name: x\ninclude: [../../tokens/fixtures.yaml, _shop.yaml]\nfilter: jwt-auth\nsteps: []\n"], "demo.yaml");
  const opened = await open([new File(["good: abc\n"], "fixtures.yaml"), scenario]);
  assert.equal(opened.name, "demo.yaml");
  assert.deepEqual(opened.files, { "../../tokens/fixtures.yaml": "good: abc\n" });
  assert.deepEqual(missing(opened), ["_shop.yaml"]);
  assert.deepEqual(missing(await add(opened, [new File(["a: 1\n"], "_shop.yaml")])), []);
});

test("modules go with the scenario that is about them, and are known by their names alone", async () => {
  const module = new File([new Uint8Array([0, 0x61, 0x73, 0x6d])], "a.wasm");
  const scenario = new File(["name: x\nplugins: [{module: ../dist/a.wasm}, {module: b.wasm}, {filter: jwt-auth}]\nsteps: []\n"], "demo.yaml");
  const opened = await open([module, scenario]);
  assert.deepEqual([opened.name, opened.files, Object.keys(opened.modules)], ["demo.yaml", {}, ["a.wasm"]]);
  assert.deepEqual([...opened.modules["a.wasm"]!], [0, 0x61, 0x73, 0x6d]);
  assert.deepEqual(missing(opened), ["b.wasm"]);
  assert.deepEqual(missing(await add(opened, [new File([], "b.wasm")])), []);
});

test("a module alone becomes a scenario with one request", async () => {
  const { name, text, modules } = await open([new File(["x"], "My: Filter.wasm")]);
  const { module, config, steps } = parse(text);
  assert.deepEqual([name, module, config, steps.length, Object.keys(modules)], ["my-filter-wasm.yaml", "My: Filter.wasm", {}, 1, ["My: Filter.wasm"]]);
});

test("what is plainly no scenario and no configuration is refused, with what it is", async () => {
  const refused = async (name: string, content: BlobPart, why: RegExp) => assert.rejects(open([new File([content], name)]), why, name);
  await refused("image.png", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), /^Error: image\.png is no text in UTF-8/);
  await refused("wide.yaml", new Uint8Array([0x61, 0, 0x3a, 0]), /^Error: wide\.yaml is no text in UTF-8/);
  await refused("empty.yaml", " \n", /^Error: empty\.yaml is empty\.$/);
  await refused("audit.jsonl", 'a line of the log\n{"metadata":{},"class_uid":4002}\n', /^Error: audit\.jsonl has audit records in it\. Records are opened in the tab Audit file\.$/);
  await refused("large.jsonl", new Uint8Array((1 << 20) + 1), /Records are opened in the tab Audit file\.$/);
  assert.equal((await open([new File(["steps: [{request: {}}"], "half.yaml")])).name, "half.yaml", "a mistake is mended in the editor");
  assert.deepEqual(["steps: []", "a: 1", "- a", "Dear all", "name: x\nsteps: ["].map((text) => outlineOf(text).isLikeOne), [true, false, false, false, true]);
});

test("a text that is no more than a text is no configuration", async () => {
  const engine = { check: async () => ({ line: 0, problem: "no" }), schema: async () => ({}) } as unknown as Engine;
  for (const text of ["Dear all,\nnothing new.\n", "pluginConfig: words", "- a"]) assert.equal(await configurationIn(engine, [{ name: "jwt-auth", sample: "" }], text), null, text);
});

test("files without a scenario among them are refused by name", async () => {
  await assert.rejects(open([new File(["a: 1"], "a.yaml"), new File(["[]"], "b.yaml")]), /None of a\.yaml, b\.yaml is a scenario/);
});

test("a clock that is left out is not written", () => {
  assert.ok(!("clock" in parse(toScenario(policy({ clock: "" })).text)));
});

test("an example with tokens keeps the time that they are for", async () => {
  const [first, second] = await Promise.all([EXAMPLES[0]!, EXAMPLES[1]!].map((example) => begin(example, 1767225600)));
  assert.deepEqual([first?.clock, second?.clock], ["2026-01-01T00:00:00Z", ""]);
});

test("what nothing names is left out", async () => {
  const cluster = (name: string) => ({ name, reachability: "healthy" as const, answers: [answer()] });
  const whole = policy({ config: "sink: { http: { cluster: siem } }", vars: { good: "a ${inner}", inner: 1, other: 2 }, clusters: [cluster("siem"), cluster("otel")], steps: [send("", { path: "/${good}" })] });
  const { vars, clusters } = await complete(whole);
  assert.deepEqual([Object.keys(vars), clusters.map(({ name }) => name)], [["good", "inner"], ["siem"]]);
  const { vars: withKeys } = await complete({ ...whole, config: 'jwks: "${jwks}"' });
  assert.ok("jwks" in withKeys);
});

test("a policy of one's own has one request, the clusters that it calls, and the key of the page", () => {
  const sample = 'providers:\n  - jwks: { remote: { cluster: "issuer", uri: "https://issuer.example/jwks.json" } }\n';
  const own = around("jwt-auth", sampleOf({ name: "jwt-auth", sample }));
  assert.match(own.config, /jwks: \{ inline: "\$\{jwks\}" \}/);
  assert.deepEqual([own.steps.length, own.clusters, own.vars], [1, [], {}]);
  assert.deepEqual(around("audit-log", 'sink: { http: { cluster: "siem", path: / } }').clusters.map(({ name }) => name), ["siem"]);
});

test("a field's problem has its place", () => {
  const problem = (part: Partial<Policy>) => fieldProblem(policy(part));
  for (const { policy: example } of EXAMPLES) assert.equal(fieldProblem(example), null);
  assert.equal(problem({ steps: [send("a"), send("b", { path: "x" })] }), "Step 2: A path begins with a slash and has no spaces.");
  assert.equal(problem({ steps: [send("a", { method: "GET /" })] }), "Step 1: A method is one word, such as GET.");
  assert.equal(problem({ steps: [send("a", { upstream: answer({ after: "soon" }) })] }), "Step 1: A time is a number and a unit: 250ms, 10s, 5m, 1h.");
  assert.equal(problem({ steps: [send("a", { upstream: answer({ fault: "reset", status: 0 }) })] }), null, "the status of what is never answered");
  assert.equal(problem({ clock: "noon" }), "Time at the start: The time is one in UTC: 2026-01-01T00:00:00Z.");
  assert.equal(problem({ unreadVars: "a: 1\n- b" }), "Variables: Implicit keys need to be on a single line at line 2, column 1.");
  assert.equal(problem({ unreadVars: "- a" }), "Variables: These are lines of name: value.");
  assert.equal(problem({ steps: [send("a", { path: "${path}", method: "${method}" })] }), null);
});

test("expectations are counted", () => {
  assert.equal(outlineOf("name: a\nsteps:\n  - request: {}\n  - {request: {}, expect: {status: 200}}\n  - {request: {}, expect: {status: 401}}\n").expectations, 2);
  assert.equal(outlineOf("name: a\nsteps: [{request: {}}]\n").expectations, 0);
});

test("files that are too large are refused, those that belong to a scenario as well", async () => {
  const [scenario, large] = [new File(["name: x\nsteps: []\n"], "a.yaml"), new File([" ".repeat((1 << 20) + 1)], "b.yaml")];
  await assert.rejects(open([scenario, large]), /^Error: b\.yaml is larger than 1 MiB\. Is it a scenario file\?$/);
  await assert.rejects(add(await open([scenario]), [large]), /^Error: b\.yaml is larger than 1 MiB/);
});

test("what the page cannot make sense of is typed all the same", () => {
  const laughs = ["a: &a [x, x, x, x, x, x, x, x, x]", ..."bcdefghi".split("").map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(", ")}]`)].join("\n");
  for (const text of ["*foo", "include: *foo\n", `${laughs}\ninclude: *i\n`, "[".repeat(100_000)]) assert.deepEqual(missing({ name: "", text, files: {}, modules: {} }), []);
  assert.equal(outlineOf(`name: x\nsteps: []\n# ${" ".repeat(1 << 20)}`).isScenario, false);
});

test("a text is read once", () => {
  const text = "name: x\nsteps: [{expect: {}}]\n";
  assert.equal(outlineOf(text), outlineOf(text.slice()));
  for (const other of "abcd") outlineOf(other);
  assert.deepEqual(outlineOf(text), { isScenario: true, isLikeOne: true, includes: [], about: [], expectations: 1 });
});
