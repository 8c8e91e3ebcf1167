import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { difference, included, player, reports, texts } from "./played.mjs";
import { open, playground, ROOT } from "./served.mjs";

const it = playground();

const FILTERS = ["jwt-auth", "token-bucket", "circuit-breaker", "trace-injection", "audit-log", "portcullis"];

async function dist(...names) {
  return Object.fromEntries(await Promise.all(names.map(async (name) => [`${name}.wasm`, await readFile(join(ROOT, "dist", `${name}.wasm`))])));
}

/** The guests of the conformance cases, which are text, as the modules that they mean. */
async function guests() {
  const folder = process.env.GUESTS;
  assert.ok(folder, "GUESTS names the folder of the compiled guests");
  const names = await readdir(folder);
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name.replace(/\.wasm$/, ".wat"), await readFile(join(folder, name))])));
}

/** The modules that a scenario speaks of, or what it includes does. */
function named(path, all) {
  const files = [all.get(path), ...Object.values(included(path, all))];
  return [...new Set(files.flatMap((text) => [...text.matchAll(/([\w.-]+\.wa(?:sm|t))\b/g)].map(([, name]) => name)))];
}

test("every conformance case gives in the browser what it gives in wasmtime", { timeout: 600_000 }, async () => {
  const expected = await reports("wasm", "tests/abi", "tests/spec");
  const all = await texts("tests/abi", "tests/spec");
  const modules = { ...(await dist("probe")), ...(await guests()) };
  const { page, close } = await open(it.browser, it.url);
  const play = await player(page, modules);
  const differ = [];
  for (const [path, report] of expected) {
    const names = named(path, all);
    assert.ok(names.length > 0, path);
    differ.push(difference(path, (await play(path, all, names)).report, report));
  }
  const found = differ.filter(Boolean);
  assert.equal(found.length, 0, `${found.length}: ${JSON.stringify(found.slice(0, 9), null, 1)}`);
  assert.ok(expected.size > 140, `${expected.size}`);
  await close();
});

test("our modules give in the browser what they give in wasmtime", { timeout: 900_000 }, async () => {
  const expected = await reports("wasm", "tests/scenarios");
  const all = await texts("tests/scenarios", "tests/tokens");
  const { page, close } = await open(it.browser, it.url);
  const play = await player(page, await dist("probe", ...FILTERS));
  const differ = [];
  for (const [path, report] of expected) {
    const filters = FILTERS.filter((name) => all.get(path).includes(name) || path.includes(name)).map((name) => `${name}.wasm`);
    differ.push(difference(path, (await play(path, all, [...filters, ...named(path, all)])).report, report));
  }
  const found = differ.filter(Boolean);
  assert.equal(found.length, 0, `${found.length}: ${JSON.stringify(found.slice(0, 3), null, 1)}`);
  await close();
});

test("a module is tried from the tab that has taken it apart", async () => {
  const { page, close } = await open(it.browser, it.url);
  const panel = page.getByRole("tabpanel", { name: "Policy" });
  await panel.getByText(/takes this configuration/).waitFor();
  await page.getByRole("tab", { name: "Module" }).click();
  await page.getByLabel(/Drop a proxy-wasm module/).setInputFiles(join(ROOT, "dist/trace-injection.wasm"));
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByRole("tab", { name: "Policy", selected: true }).waitFor();
  await panel.getByRole("heading", { name: "trace-injection-wasm.yaml" }).waitFor();
  await panel.getByText("With trace-injection.wasm.").waitFor();
  await panel.getByText("Played: 1 request").waitFor();
  await panel.getByText(/^Details/).last().click();
  await panel.getByText("traceparent").first().waitFor();
  await panel.getByRole("tab", { name: /Hostcalls/ }).last().click();
  assert.match(await panel.getByRole("table", { name: /Callbacks and hostcalls/ }).last().textContent(), /proxy_on_request_headers.*proxy_(?:add|replace)_header_map_value/s);
  await close();
});

test("a scenario is opened along with its module, which can also come later", async () => {
  const { page, close } = await open(it.browser, it.url);
  const panel = page.getByRole("tabpanel", { name: "Policy" });
  await panel.getByText(/takes this configuration/).waitFor();
  const scenario = { name: "mine.yaml", mimeType: "text/yaml", buffer: Buffer.from("name: mine\nmodule: ../build/token-bucket.wasm\nconfig: {domain: d, limits: [{name: all, rate: 1/1h, burst: 1}]}\nsteps:\n  - name: first\n    request: {}\n    expect: {status: 200}\n  - name: second\n    request: {}\n    expect: {status: 429}\n") };
  await panel.getByLabel(/open a scenario file/).setInputFiles(scenario);
  await panel.getByText("It takes ../build/token-bucket.wasm.").waitFor();
  await panel.getByText("../build/token-bucket.wasm was not given along").first().waitFor();
  const module = { name: "token-bucket.wasm", mimeType: "application/wasm", buffer: await readFile(join(ROOT, "dist/token-bucket.wasm")) };
  await panel.getByLabel(/Drop what belongs to it/).setInputFiles(module);
  await panel.getByText("With token-bucket.wasm.").waitFor();
  await panel.getByRole("button", { name: "Play" }).click();
  await panel.getByText("429").first().waitFor();
  await page.reload();
  await panel.getByText(/takes this configuration/).waitFor();
  await panel.getByLabel(/open a scenario file/).setInputFiles([module, scenario]);
  await panel.getByText("429").first().waitFor();
  await close();
});

test("a guest that loops forever is stopped, and the next one plays", async () => {
  const { page, close } = await open(it.browser, it.url);
  const panel = page.getByRole("tabpanel", { name: "Policy" });
  await panel.getByText(/takes this configuration/).waitFor();
  const loop = await readFile(join(process.env.GUESTS, "loop.wasm"));
  await panel.getByLabel(/open a scenario file/).setInputFiles({ name: "loop.wasm", mimeType: "application/wasm", buffer: loop });
  await page.getByRole("button", { name: "Stop" }).click();
  await panel.getByText(/Stopped/).first().waitFor();
  await panel.getByLabel(/open a scenario file/).setInputFiles(join(ROOT, "dist/trace-injection.wasm"));
  await panel.getByText("Played: 1 request").waitFor();
  await close();
});
