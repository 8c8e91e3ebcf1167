import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { EXAMPLES } from "../src/policy/examples";
import { add, missing, open } from "../src/policy/opened";
import { advance, answer, send, type Policy } from "../src/policy/policy";
import { toScenario } from "../src/policy/scenario";

const CLOCK = "2026-01-01T00:00:00Z";

function policy(part: Partial<Policy>): Policy {
  return { name: "It shows", filter: "jwt-auth", config: "a: 1\n", vars: {}, clock: "", upstream: "healthy", clusters: [], steps: [], ...part };
}

test("the configuration stands in the scenario as it was typed", () => {
  const config = "# why\nproviders:\n\n  - name: shop # whose\n    text: |\n      two\n        lines\n";
  const { text, configLine, configLines } = toScenario(policy({ config }), CLOCK);
  const lines = text.split("\n").slice(configLine, configLine + configLines);
  assert.equal(lines.map((line) => line.slice(2)).join("\n"), config.trimEnd());
  assert.deepEqual(parse(text).config, parse(config));
});

test("JSON is a configuration too", () => {
  const config = '{\n"limits": [\n{"name": "all"}\n]\n}';
  assert.deepEqual(parse(toScenario(policy({ config }), CLOCK).text).config, { limits: [{ name: "all" }] });
});

test("a step has what was asked for, and nothing else", () => {
  const steps = [
    send("first", { path: "/x", headers: [["x-a", "1"], ["x-b", "true"], ["x-a", "2"], ["", "nothing"]] }),
    advance("2s"),
    send("", { method: "POST", http2: true, body: "b", upstream: answer({ status: 503, after: "20ms" }) }),
    send("broken", { upstream: answer({ fault: "reset", status: 201, body: "never" }) }),
  ];
  assert.deepEqual(parse(toScenario(policy({ steps }), CLOCK).text).steps, [
    { name: "first", request: { path: "/x", headers: { "x-a": ["1", "2"], "x-b": "true" } } },
    { name: "Time passes: 2s", advance: "2s" },
    { name: "POST /", request: { protocol: "http2", method: "POST", path: "/", body: "b" }, upstream: { status: 503, after: "20ms" } },
    { name: "broken", request: { path: "/" }, upstream: { fault: "reset" } },
  ]);
});

test("clusters and the upstream's reachability go along", () => {
  const { clusters, upstream } = parse(toScenario(policy({ upstream: "connect_error", clusters: [{ name: "siem", reachability: "healthy", answers: [answer(), answer({ fault: "timeout" })] }] }), CLOCK).text);
  assert.deepEqual([clusters, upstream], [{ siem: { answers: [{ status: 200 }, { fault: "timeout" }] } }, "connect_error"]);
});

test("every example is a scenario with steps and a configuration", () => {
  for (const { policy: example } of EXAMPLES) {
    const file = parse(toScenario(example, CLOCK).text);
    assert.equal(file.steps.length, example.steps.length);
    assert.deepEqual(file.config, parse(example.config));
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

test("files without a scenario among them are refused by name", async () => {
  await assert.rejects(open([new File(["a: 1"], "a.yaml"), new File(["[]"], "b.yaml")]), /None of a\.yaml, b\.yaml is a scenario/);
});
