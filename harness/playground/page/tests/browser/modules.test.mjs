import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { differences, included, player, reports, texts } from "./played.mjs";
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

/** The modules that a scenario speaks of, or what it includes does: a name begins where a word begins, for in a long token every place would be tried. */
function named(path, all) {
  const files = [all.get(path), ...Object.values(included(path, all))];
  return [...new Set(files.flatMap((text) => [...text.matchAll(/(?<![\w.-])([\w.-]+\.wa(?:sm|t))\b/g)].map(([, name]) => name)))];
}

test("every conformance case gives in the browser what it gives in wasmtime", { timeout: 600_000 }, async () => {
  const expected = await reports("wasm", "tests/abi", "tests/spec");
  const all = await texts("tests/abi", "tests/spec");
  const modules = { ...(await dist("probe")), ...(await guests()) };
  const { page, close } = await open(it.browser, it.url);
  const found = await differences(page, expected, all, modules, (path) => {
    const names = named(path, all);
    assert.ok(names.length > 0, path);
    return names;
  });
  assert.equal(found.length, 0, `${found.length}: ${JSON.stringify(found.slice(0, 9), null, 1)}`);
  assert.ok(expected.size > 140, `${expected.size}`);
  await close();
});

test("our modules give in the browser what they give in wasmtime", { timeout: 900_000 }, async () => {
  const expected = await reports("wasm", "tests/scenarios");
  const all = await texts("tests/scenarios", "tests/tokens");
  const { page, close } = await open(it.browser, it.url);
  const modules = await dist("probe", ...FILTERS);
  const found = await differences(page, expected, all, modules, (path) => {
    const filters = FILTERS.filter((name) => all.get(path).includes(name) || path.includes(name)).map((name) => `${name}.wasm`);
    return [...filters, ...named(path, all)];
  });
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

/** What comes of guests that mean no good: the log, or why they are not played. */
const BAD = {
  prototypes: "info: on",
  tables: "600000000 entries in tables, and 60000000 is the most",
  "several-tables": "20000000 entries of tables, and 10000000 is the most",
  "imported-tables": "20000000 entries of tables, and 10000000 is the most",
  memory: "16385 pages in a memory, and 16384 is the most",
  "several-memories": "16385 pages of memory, and 16384 is the most",
  grows: "info: all",
  "grows-an-import": "info: all",
  "long-span": "more bytes in hostcalls than the budget of one callback allows: 1048576000,",
  deep: "wasm trap: call stack exhausted\nIn-VM backtrace:\n    0: ",
  "catches-depth": "wasm trap: call stack exhausted",
  "deep-in-malloc": "Function: malloc failed: wasm trap: call stack exhausted",
  catches: "proxy_get_current_time_nanoseconds was called: while the module starts",
  "catches-in-malloc": "proxy_get_current_time_nanoseconds was called: the module's allocator",
  "catches-its-budget": "more hostcalls than the budget of one callback allows: 1000",
  throws: "the module threw an exception that it does not catch",
  "long-names": "",
  stops: "wasm trap: wasm `unreachable` instruction executed\nIn-VM backtrace:\n    0: ",
};

test("a guest that means no good takes neither the page nor the next guest along", { timeout: 300_000 }, async () => {
  const { page, close } = await open(it.browser, it.url);
  const modules = await guests();
  const play = await player(page, modules);
  const told = {};
  for (const [name, expected] of Object.entries(BAD)) {
    const text = `name: ${name}\nmodule: ${name}.wat\ntolerate_traps: true\nsteps:\n  - request: {path: /}\n`;
    const { report, moments } = await play(`${name}.yaml`, new Map([[`${name}.yaml`, text]]), [`${name}.wat`]);
    const log = moments.flatMap(({ log }) => log.map(({ level, message }) => `${level}: ${message}`));
    told[name] = [...log, JSON.stringify(report.outcome)].join("\n");
    assert.ok(told[name].includes(expected), `${name}: ${told[name].slice(0, 2000)}`);
    assert.ok(!told[name].includes("RuntimeError"), `${name}: ${told[name]}`);
  }
  assert.match(told["catches-in-malloc"], /malloc failed: the module threw.*^info: on$/ms);
  // What a module imports becomes a member of nothing else.
  const workers = page.workers();
  assert.ok(workers.length > 0);
  for (const worker of workers) assert.equal(await worker.evaluate(() => Object.keys(Object.prototype).join()), "");
  // Where it ended is told as of the file, not as of what the engine was given.
  const at = modules["stops.wat"].indexOf(Buffer.from([0x41, 42, 0x1a, 0x00])) + 3;
  assert.ok(told.stops.includes(` 0x${at.toString(16)} - `), `${at}: ${told.stops}`);
  const panel = page.getByRole("tabpanel", { name: "Policy" });
  await panel.getByLabel(/open a scenario file/).setInputFiles({ name: "deep.wasm", mimeType: "application/wasm", buffer: modules["deep.wat"] });
  await panel.getByText(/call stack exhausted/).first().waitFor();
  await panel.getByLabel(/open a scenario file/).setInputFiles(join(ROOT, "dist/trace-injection.wasm"));
  await panel.getByText("Played: 1 request").waitFor();
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
