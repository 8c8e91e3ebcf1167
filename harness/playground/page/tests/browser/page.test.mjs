import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { open, playground, PORTCULLIS, ROOT } from "./served.mjs";

/** Of everything that the first visit fetches, as it goes over the network. */
const MOST_BYTES = 2 << 20;

const it = playground();

/** What depends on the server. */
const SERVED = { skip: PORTCULLIS ? false : "PORTCULLIS is not set" };
const TABS = ["Policy", "Audit file", "Module"];

test("the first visit is small", SERVED, async () => {
  const context = await it.browser.newContext();
  const page = await context.newPage();
  const sizes = [];
  context.on("requestfinished", async (request) => sizes.push(request.sizes().then(({ responseBodySize }) => [request.url(), responseBodySize])));
  await page.goto(it.url);
  await page.getByText(/takes this configuration/).waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready);
  const all = await Promise.all(sizes);
  const sum = all.reduce((total, [, size]) => total + size, 0);
  assert.ok(sum > 100_000 && sum <= MOST_BYTES, `${sum} bytes: ${JSON.stringify(all)}`);
  await context.close();
});

test("it works without a network once it was there", async () => {
  const { page, context, close } = await open(it.browser, it.url);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await context.setOffline(true);
  await page.reload();
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".result-line:not(:empty)").waitFor();
  await context.setOffline(false);
  await close();
});

test("keys lead to the content, and from tab to tab", async () => {
  const { page, close } = await open(it.browser, it.url);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.className), "skip");
  await page.getByRole("tab", { name: "Policy" }).focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getByRole("tab", { name: "Audit file" }).getAttribute("aria-selected"), "true");
  await page.keyboard.press("End");
  assert.equal(await page.getByRole("tab", { name: "Module" }).getAttribute("aria-selected"), "true");
  await page.keyboard.press("Home");
  assert.ok(await page.evaluate(() => document.activeElement?.getAttribute("aria-selected") === "true"));
  await close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`nothing is hidden from a screen reader, and all can be read, when it is ${colorScheme}`, async () => {
    const { page, close } = await open(it.browser, it.url, { colorScheme, bypassCSP: true });
    await page.addScriptTag({ content: await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8") });
    const complaints = async (where) => {
      const { violations } = await page.evaluate(() => window.axe.run());
      return violations.map(({ id, nodes }) => `${where}: ${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    };
    await page.locator(".result-line:not(:empty)").waitFor();
    await page.getByText(/^Details/).nth(2).click();
    await page.getByText(/^Help: /).first().click();
    await page.getByRole("region", { name: "Requests" }).locator("summary").first().click();
    await page.getByRole("button", { name: "Token …" }).click();
    assert.deepEqual(await complaints("Token"), []);
    await page.keyboard.press("Escape");
    await page.locator(".cm-content").click();
    await page.keyboard.insertText("claims_to_header: []\n");
    await page.locator(".cm-problem").waitFor();
    await page.getByLabel("Path and query").first().fill("x");
    for (const tab of TABS) {
      await page.getByRole("tab", { name: tab }).click();
      if (tab === "Audit file") {
        await page.getByLabel(/Drop an audit file/).setInputFiles(join(ROOT, "docs/audit.jsonl"));
        await page.getByText(/^Intact: /).first().waitFor();
      }
      if (tab === "Module") {
        await page.getByLabel(/Drop a proxy-wasm module/).setInputFiles(join(ROOT, "dist/jwt-auth.wasm"));
        await page.getByText("jwt-auth.wasm was read").waitFor();
      }
      assert.deepEqual(await complaints(tab), []);
    }
    await close();
  });
}

test("it fits on a phone", async () => {
  const { page, close } = await open(it.browser, it.url, { viewport: { width: 360, height: 740 } });
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".result-line:not(:empty)").waitFor();
  for (const tab of TABS) {
    await page.getByRole("tab", { name: tab }).click();
    if (tab === "Audit file") {
      await page.getByLabel(/Drop an audit file/).setInputFiles(join(ROOT, "docs/audit.jsonl"));
      await page.getByText(/^Intact: /).first().waitFor();
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${tab} is ${wide} pixels too wide`);
  }
  await close();
});

test("what somebody else has left in the caches of this origin is not run", async () => {
  const { page, close } = await open(it.browser, it.url);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  const spoilt = await page.evaluate(async () => {
    const [name] = await caches.keys();
    const cache = await caches.open(name);
    const urls = (await cache.keys()).map(({ url }) => url).filter((url) => /\.js$/.test(url));
    const type = { headers: { "content-type": "text/javascript" } };
    await Promise.all(urls.map((url) => cache.put(url, new Response("self.spoilt = true; self.onmessage = () => self.postMessage({ id: 1, value: [] });", type))));
    return urls.length;
  });
  assert.equal(spoilt, 2, "the page's script and that of its workers");
  await page.reload();
  await page.getByText(/takes this configuration/).waitFor();
  assert.equal(await page.evaluate(() => window.spoilt), undefined);
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".result-line").filter({ hasText: /Played/ }).waitFor();
  await close();
});

test("only this machine's own names are answered", SERVED, async () => {
  const status = (host) => new Promise((resolve, reject) => {
    get(it.url, { headers: { host } }, (response) => resolve(response.resume().statusCode)).on("error", reject);
  });
  const { port } = new URL(it.url);
  assert.deepEqual(await Promise.all([`127.0.0.1:${port}`, `localhost:${port}`, `evil.example:${port}`, "evil.example"].map(status)), [200, 200, 421, 421]);
});

test("what is not there is not served, and nothing is written to", SERVED, async () => {
  for (const path of ["../Cargo.toml", "%2e%2e/Cargo.toml", "x", "index.html/"]) {
    assert.equal((await fetch(new URL(path, it.url))).status, 404, path);
  }
  assert.equal((await fetch(it.url, { method: "POST", body: "x" })).status, 405);
  const { headers } = await fetch(it.url);
  assert.match(headers.get("content-security-policy"), /default-src 'none'/);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
});
