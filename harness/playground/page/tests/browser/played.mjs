// Scenario files of the repository, and a worker of the page that plays them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { isDeepStrictEqual, promisify } from "node:util";
import { PORTCULLIS, ROOT } from "./served.mjs";

/** All that is in YAML below some folders, by its path. */
export async function texts(...folders) {
  const all = await Promise.all(folders.map(async (folder) => {
    const names = (await readdir(join(ROOT, folder), { recursive: true })).filter((name) => name.endsWith(".yaml"));
    return Promise.all(names.map(async (name) => [join(folder, name), await readFile(join(ROOT, folder, name), "utf8")]));
  }));
  return new Map(all.flat());
}

/** What a scenario includes, by the names that it has for it; those of what is included are among them. */
export function included(path, all) {
  const files = {};
  for (const [, name] of all.get(path).matchAll(/(?<![\w./-])([\w./-]+\.ya?ml)/g)) {
    const text = all.get(normalize(join(dirname(path), name)));
    if (text !== undefined) files[name] = text;
  }
  return files;
}

/** What the command makes of all scenarios in some folders, by their paths. */
export async function reports(target, ...folders) {
  const run = promisify(execFile)(PORTCULLIS, ["test", ...folders, "--target", target, "--format", "json"], { cwd: ROOT, maxBuffer: 1 << 28 });
  // A scenario that fails is told in the report.
  const { stdout } = await run.catch((failed) => failed);
  return new Map(JSON.parse(stdout).scenarios.map((report) => [report.file, report]));
}

/** How what the page makes of scenarios differs from what is expected of them; `named` tells which modules one names. */
export async function differences(page, expected, all, modules = {}, named = () => []) {
  const rest = expected.entries();
  const differ = [];
  const lane = async () => {
    const play = await player(page, modules);
    for (const [path, report] of rest) differ.push(difference(path, (await play(path, all, named(path))).report, report));
  };
  // As many as there are processors where this is tested.
  await Promise.all([lane(), lane()]);
  assert.equal(differ.length, expected.size);
  return differ.filter(Boolean);
}

/** Plays scenarios in a worker of the page; `modules` are the bytes of those that it can name. */
export async function player(page, modules) {
  await page.getByText(/takes this configuration/).waitFor();
  const resources = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  const script = resources.find((name) => /engine-\w+\.js$/.test(name));
  const wasm = resources.find((name) => name.endsWith(".wasm"));
  assert.ok(script && wasm, "the page has loaded its engine");
  const worker = await page.evaluateHandle(async ({ script, wasm }) => {
    const worker = new Worker(script, { type: "module" });
    worker.postMessage({ engine: await WebAssembly.compileStreaming(fetch(wasm)) });
    worker.modules = {};
    worker.played = (id, [path, text, files, names, now]) => new Promise((resolve) => {
      const modules = Object.fromEntries(names.map((name) => [name, worker.modules[name]]));
      worker.onmessage = ({ data }) => data.id === id && resolve(data);
      worker.postMessage({ id, call: "play", args: [path, text, files, modules, now] });
    });
    return worker;
  }, { script, wasm });
  for (const [name, bytes] of Object.entries(modules)) {
    await worker.evaluate((worker, { name, base64 }) => {
      worker.modules[name] = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    }, { name, base64: bytes.toString("base64") });
  }
  let id = 0;
  return async (path, all, names) => {
    const args = [path, all.get(path), included(path, all), names, Date.now()];
    const { value, error, trap } = await worker.evaluate((worker, { id, args }) => worker.played(id, args), { id: ++id, args });
    return value ?? { report: { outcome: error ?? trap }, moments: [] };
  };
}

/** How two reports differ; null where they do not. */
function difference(path, one, other) {
  const [here, there] = [one, other].map(({ outcome, steps, warnings }) => ({ outcome, steps, warnings }));
  return isDeepStrictEqual(here, there) ? null : { path, here, there };
}
