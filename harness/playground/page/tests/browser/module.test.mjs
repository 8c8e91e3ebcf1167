import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { open, playground, ROOT } from "./served.mjs";

const it = playground();

const panel = (page) => page.getByRole("tabpanel", { name: "Module" });
const messages = (page, kind) => panel(page).locator(`.message-${kind} > .message-text`);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function drop(page, name, buffer) {
  await page.getByRole("tab", { name: "Module" }).click();
  await page.getByLabel(/Drop a proxy-wasm module/).setInputFiles({ name, mimeType: "application/wasm", buffer });
}

async function taken(page, name) {
  const expected = `Envoy 1.40 takes ${name}: its ABI, its imports and its exports are as they should be. Whether it takes a configuration only a run can show.`;
  await messages(page, "good").getByText(expected, { exact: true }).waitFor();
}

test("a module is taken apart", async () => {
  const { page, close } = await open(it.browser, it.url);
  const bytes = await readFile(join(ROOT, "dist/token-bucket.wasm"));
  await drop(page, "token-bucket.wasm", bytes);
  await taken(page, "token-bucket.wasm");
  const facts = await panel(page).locator(".card .facts").evaluate((list) => Object.fromEntries([...list.querySelectorAll("dt")].map((name) => [name.textContent, name.nextElementSibling.textContent])));
  assert.deepEqual([facts["ABI"], facts["SHA-256"]], ["proxy-wasm 0.2.1", sha256(bytes)]);
  assert.match(facts["Size"], /^\d+ KiB$/);
  // In the order in which Envoy calls them.
  const always = panel(page).getByRole("table", { name: "Envoy calls at the start and for every request" }).locator("tbody th");
  const names = await always.allTextContents();
  const order = ["proxy_on_context_create", "proxy_on_configure", "proxy_on_request_headers", "proxy_on_response_headers"];
  assert.deepEqual(names.filter((name) => order.includes(name)), order);
  const imports = await panel(page).getByRole("table", { name: "From env" }).locator("tbody tr").allTextContents();
  assert.ok(imports.includes("proxy_set_shared_dataWrites a shared value, unless another was faster."), imports.join("\n"));
  await close();
});

test("what is no module for Envoy is told of with its size and digest, and the next one is read", async () => {
  const { page, close } = await open(it.browser, it.url);
  const bytes = await readFile(join(ROOT, "dist/token-bucket.wasm"));
  const half = bytes.subarray(0, bytes.length / 2);
  for (const [name, content, size, expected] of [
    ["hello.wasm", Buffer.from("hello"), "5 bytes", /^not a WebAssembly module: begins with "hello"$/],
    ["half.wasm", half, null, /^the WebAssembly module is damaged or cut off: Invalid input WebAssembly code at offset \d+: /],
    ["bare.wasm", Buffer.from("0061736d01000000", "hex"), "8 bytes", /^not a proxy-wasm module: no export proxy_abi_version_\*, which the SDK makes \(Rust: .*; Go: .*; TinyGo: .*; AssemblyScript: .*\)$/],
    ["parts.wasm", Buffer.from("0061736d0d000100", "hex"), "8 bytes", /^a WebAssembly component, which Envoy does not run; build a core module \(wasm32-wasip1\)$/],
    ["packed.wasm", gzipSync(bytes), null, /^not a WebAssembly module: begins with "\\x1f\\x8b/],
    ["empty.wasm", Buffer.alloc(0), "0 bytes", /^not a WebAssembly module: there is nothing in it$/],
  ]) {
    await drop(page, name, content);
    const refused = messages(page, "error").filter({ hasText: `Envoy 1.40 does not take ${name}: ` });
    await refused.waitFor();
    assert.match((await refused.textContent()).slice(`Envoy 1.40 does not take ${name}: `.length), expected);
    assert.equal(await messages(page, "error").count(), 1);
    await panel(page).locator(".card").getByText(sha256(content), { exact: true }).waitFor();
    if (size) await panel(page).locator(".card").getByText(size, { exact: true }).waitFor();
    assert.equal(await panel(page).getByRole("heading", { name: "Remarks" }).count(), 0);
  }
  await drop(page, "token-bucket.wasm", bytes);
  await taken(page, "token-bucket.wasm");
  assert.equal(await messages(page, "error").count(), 0);
  await close();
});

test("the help says what the words mean", async () => {
  const { page, close } = await open(it.browser, it.url);
  await page.getByRole("tab", { name: "Module" }).click();
  await panel(page).getByText(/^Help: /).click();
  await panel(page).getByText("portcullis inspect MODULE").waitFor();
  await close();
});
