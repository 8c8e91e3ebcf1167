import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { isDeepStrictEqual, promisify } from "node:util";
import { launch, open, PORTCULLIS, ROOT, serve } from "./served.mjs";

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.end();
});

/** Everything below a folder, by its path. */
async function texts(folder) {
  const names = (await readdir(join(ROOT, folder), { recursive: true })).filter((name) => name.endsWith(".yaml"));
  return new Map(await Promise.all(names.map(async (name) => [join(folder, name), await readFile(join(ROOT, folder, name), "utf8")])));
}

/** What a scenario includes, by the names that it has for it; those of what is included are among them. */
function included(path, all) {
  const files = {};
  for (const [, name] of all.get(path).matchAll(/([\w./-]+\.ya?ml)/g)) {
    const text = all.get(normalize(join(dirname(path), name)));
    if (text !== undefined) files[name] = text;
  }
  return files;
}

test("every scenario gives in the browser what it gives natively", { timeout: 600_000 }, async () => {
  const { stdout } = await promisify(execFile)(PORTCULLIS, ["test", "tests/scenarios", "--target", "native", "--format", "json"], { cwd: ROOT, maxBuffer: 1 << 28 });
  const native = new Map(JSON.parse(stdout).scenarios.map((report) => [report.file, report]));
  const all = new Map([...(await texts("tests/scenarios")), ...(await texts("tests/tokens"))]);
  const { page, close } = await open(browser, server.url);
  await page.getByText(/takes this configuration/).waitFor();
  const script = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name).find((name) => /engine-\w+\.js$/.test(name)));
  const wasm = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name).find((name) => name.endsWith(".wasm")));
  assert.ok(script && wasm, "the page has loaded its engine");
  await page.evaluate(async ({ script, wasm }) => {
    const worker = new Worker(script, { type: "module" });
    worker.postMessage({ engine: await WebAssembly.compileStreaming(fetch(wasm)) });
    window.played = (id, args) => new Promise((resolve) => {
      worker.onmessage = ({ data }) => data.id === id && resolve(data);
      worker.postMessage({ id, call: "play", args });
    });
  }, { script, wasm });
  const differ = [];
  let id = 0;
  for (const [path, expected] of native) {
    id += 1;
    const args = [path, all.get(path), included(path, all), Date.now()];
    const { value, error, trap } = await page.evaluate(({ id, args }) => window.played(id, args), { id, args });
    const found = value?.report ?? { outcome: error ?? trap };
    const [here, there] = [found, expected].map(({ outcome, steps, warnings }) => ({ outcome, steps, warnings }));
    if (!isDeepStrictEqual(here, there)) differ.push({ path, here, there });
  }
  assert.equal(differ.length, 0, JSON.stringify(differ.slice(0, 3), null, 1));
  assert.ok(native.size > 700, `${native.size}`);
  await close();
});
