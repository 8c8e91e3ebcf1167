// Runs the page's own tests in Node: node test.mjs
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const TESTS = join(dirname(fileURLToPath(import.meta.url)), "tests");
const out = await mkdtemp(join(tmpdir(), "portcullis-page-"));
try {
  const names = (await readdir(TESTS)).filter((name) => name.endsWith(".test.ts"));
  await build({
    entryPoints: names.map((name) => join(TESTS, name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // What the page runs is tested, not what the packages have for Node.
    platform: "browser",
    external: ["node:*"],
    format: "esm",
    target: "es2022",
    define: { ROOT: JSON.stringify(join(TESTS, "../../../..")) },
  });
  const { status } = spawnSync(process.execPath, ["--test", "--test-reporter=dot", ...names.map((name) => join(out, name.replace(/\.ts$/, ".mjs")))], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  await rm(out, { recursive: true, force: true });
}
