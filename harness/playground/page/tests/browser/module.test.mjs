import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, ROOT, serve } from "./served.mjs";

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

const panel = (page) => page.getByRole("tabpanel", { name: "Module" });

async function drop(page, name, buffer) {
  await page.getByRole("tab", { name: "Module" }).click();
  await page.getByLabel(/Drop a proxy-wasm module/).setInputFiles({ name, mimeType: "application/wasm", buffer });
}

test("a module is taken apart", async () => {
  const { page, close } = await open(browser, server.url);
  const bytes = await readFile(join(ROOT, "dist/token-bucket.wasm"));
  await drop(page, "token-bucket.wasm", bytes);
  await panel(page).getByText(createHash("sha256").update(bytes).digest("hex")).first().waitFor();
  const shown = await panel(page).textContent();
  for (const expected of [/0\.2\.1/, /proxy_on_request_headers/, /proxy_get_header_map_pairs/, /proxy_set_shared_data/]) assert.match(shown, expected);
  await close();
});

test("what is no module for Envoy is told of, and the next one is read", async () => {
  const { page, close } = await open(browser, server.url);
  const bytes = await readFile(join(ROOT, "dist/token-bucket.wasm"));
  await drop(page, "hello.wasm", Buffer.from("hello"));
  await panel(page).getByText(/not a WebAssembly module/).waitFor();
  await drop(page, "half.wasm", bytes.subarray(0, bytes.length / 2));
  await panel(page).locator(".message-error").filter({ hasText: "half.wasm" }).waitFor();
  await drop(page, "other.wasm", Buffer.from("0061736d01000000", "hex"));
  await panel(page).getByText(/not a proxy-wasm module/).waitFor();
  await drop(page, "component.wasm", Buffer.from("0061736d0d000100", "hex"));
  await panel(page).getByText(/component/i).first().waitFor();
  await drop(page, "token-bucket.wasm", bytes);
  await panel(page).getByText(/0\.2\.1/).first().waitFor();
  await close();
});
