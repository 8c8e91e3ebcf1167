// Builds the page: node build.mjs OUT ENGINE, where ENGINE is the folder that `wasm-bindgen --target web` has written.
import { execFileSync } from "node:child_process";
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
const page = (await readFile(join(HERE, "index.html"), "utf8")).replace(/\{\{(style|app)\.(name|integrity)\}\}/g, (_, file, part) => ({ style, app })[file][part]);
await writeFile(join(out, "index.html"), page);
await writeFile(join(out, "licenses.txt"), await licenses());
await writeFile(join(out, "service.js"), await bundle("src/workers/service.ts", { BUILD: hash(page), INDEX: integrity(page), FILES: files }));

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

/** Writes a file whose name changes with its content, so that it can be cached for ever; whoever asks for it knows the digest. */
async function put(name, content) {
  const [stem, extension] = [basename(name, name.slice(name.lastIndexOf("."))), name.slice(name.lastIndexOf("."))];
  const named = `${stem}-${hash(content)}${extension}`;
  await writeFile(join(out, named), content);
  const file = { name: named, integrity: integrity(content) };
  files.push(file);
  return file;
}

/** As the attribute of that name has it. */
function integrity(content) {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}

function hash(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

/** The licences of what is in the scripts and in the engine; each has to go along with it. */
async function licenses() {
  const texts = await Promise.all([...[...packages].sort().map((path) => ofPackage(join(HERE, path))), ...crates().map(ofCrate)]);
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

async function ofPackage(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  return licence(folder, `${name} ${version} (${license})`);
}

function ofCrate({ name, version, license, manifest_path }) {
  return licence(dirname(manifest_path), `${name} ${version} (${license})`);
}

/** Where one may choose, a package has a file for each choice. */
async function licence(folder, title) {
  const names = (await readdir(folder)).filter((entry) => /^(licen[cs]e|copying|copyright|notice)/i.test(entry)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
  return `${[title, ...texts.map((text) => text.trim())].filter(Boolean).join("\n\n")}\n`;
}

/** The crates of others that the engine is made of: what it depends on, but for what runs beside the compiler. */
function crates() {
  const asked = ["metadata", "--format-version=1", "--locked", "--filter-platform=wasm32-unknown-unknown"];
  const { packages, resolve } = JSON.parse(execFileSync("cargo", asked, { cwd: join(HERE, "../../.."), maxBuffer: 1 << 28 }));
  const byId = new Map(packages.map((one) => [one.id, one]));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const found = new Set();
  const waiting = packages.filter(({ name }) => name === "portcullis-playground").map(({ id }) => id);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (found.has(id) || byId.get(id).targets.some(({ kind }) => kind.includes("proc-macro"))) continue;
    found.add(id);
    const used = nodes.get(id).deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind === null));
    waiting.push(...used.map(({ pkg }) => pkg));
  }
  const others = [...found].map((id) => byId.get(id)).filter(({ source }) => source !== null);
  return others.sort((one, other) => (one.name < other.name ? -1 : 1));
}
