// Builds the page: node build.mjs OUT ENGINE, where ENGINE is the folder that `wasm-bindgen --target web` has written.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const [out, engine] = process.argv.slice(2).map((path) => resolve(path));
if (!out || !engine) {
  console.error("usage: node build.mjs OUT ENGINE");
  process.exit(2);
}

const files = [];
const packages = new Set();

// Whatever is gone from the page must not stay behind in what is served.
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const wasm = await put("portcullis_playground_bg.wasm", await readFile(join(engine, "portcullis_playground_bg.wasm")));
const worker = await put("engine.js", await bundle("src/workers/engine.ts", {}));
const style = await put("style.css", await bundle("src/style.css", {}));
const app = await put("app.js", await bundle("src/main.tsx", { ENGINE_WORKER: worker, ENGINE_WASM: wasm }));
const page = (await readFile(join(HERE, "index.html"), "utf8")).replace("{{style}}", style).replace("{{app}}", app);
await writeFile(join(out, "index.html"), page);
await writeFile(join(out, "licenses.txt"), await licenses());
const build_hash = hash(page);
await writeFile(join(out, "service.js"), await bundle("src/workers/service.ts", { BUILD: build_hash, FILES: files }));

// A server may give these in place of the files; the command has them alone.
for (const name of await readdir(out)) {
  await writeFile(join(out, `${name}.gz`), gzipSync(await readFile(join(out, name)), { level: 9 }));
}

/** Bundles an entry; each of `constants` is known to its code by that name. */
async function bundle(entry, constants) {
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    alias: { "portcullis-engine": join(engine, "portcullis_playground.js") },
    define: Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, JSON.stringify(value)])),
  });
  for (const input of Object.keys(result.metafile.inputs)) {
    const found = /(?:^|\/)(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  return result.outputFiles[0].contents;
}

/** Writes a file whose name changes with its content, so that it can be cached for ever. */
async function put(name, content) {
  const [stem, extension] = [basename(name, name.slice(name.lastIndexOf("."))), name.slice(name.lastIndexOf("."))];
  const named = `${stem}-${hash(content)}${extension}`;
  await writeFile(join(out, named), content);
  files.push(named);
  return named;
}

function hash(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

/** The licences of the npm packages in the scripts; that of each has to go along with them. */
async function licenses() {
  const texts = [];
  for (const path of [...packages].sort()) {
    const folder = join(HERE, path);
    const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} has no file with its licence`);
    texts.push(`${name} ${version} (${license})\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}
