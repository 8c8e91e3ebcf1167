import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
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

const configuration = (page) => page.getByRole("region", { name: "Configuration" });
const result = (page) => page.getByRole("region", { name: "Result" });

async function choose(page, filter) {
  await page.getByLabel("Begin with an example").selectOption({ label: await label(page, filter) });
}

/** The example of a filter. */
async function label(page, filter) {
  const labels = await page.getByLabel("Begin with an example").locator("option").allTextContents();
  const found = labels.find((label) => label.toLowerCase().includes(filter));
  assert.ok(found, `${filter}: ${labels}`);
  return found;
}

async function send(page) {
  await result(page).getByRole("button", { name: /^(Send|Play)$/ }).click();
  await result(page).locator(".result-line").waitFor();
}

const marks = (page) => result(page).locator(".mark").allTextContents();

/** Writes a configuration in place of what is there. */
async function write(page, text) {
  const editor = configuration(page).locator(".cm-content");
  await editor.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}

test("a limit passes and denies, and its bucket is drawn", async () => {
  const { page, close } = await open(browser, server.url);
  await choose(page, "token-bucket");
  await send(page);
  const shown = await result(page).textContent();
  assert.match(shown, /portcullis_rate_limit_exceeded/);
  assert.ok((await marks(page)).some((mark) => mark.includes("✓")) && (await marks(page)).some((mark) => mark.includes("✕")));
  const chart = result(page).getByRole("img", { name: /Tokens left/ }).or(result(page).getByText("Tokens left in each bucket"));
  assert.ok(await chart.first().isVisible());
  await result(page).getByText(/^Details/).nth(1).click();
  await result(page).getByRole("tab", { name: /Hostcalls/ }).click();
  assert.match(await result(page).getByRole("table", { name: /Callbacks and hostcalls/ }).textContent(), /proxy_on_request_headers/);
  await close();
});

test("a breaker opens and closes, and its states are drawn", async () => {
  const { page, close } = await open(browser, server.url);
  await choose(page, "circuit-breaker");
  await send(page);
  const shown = await result(page).textContent();
  assert.match(shown, /portcullis_circuit_open|portcullis_circuit_breaker_open/);
  assert.match(shown, /State of each breaker/);
  await close();
});

test("each example plays, and shows what it is about", async () => {
  const { page, close } = await open(browser, server.url);
  for (const filter of ["jwt-auth", "token-bucket", "circuit-breaker", "trace-injection", "audit-log", "suite"]) {
    await choose(page, filter);
    await send(page);
    assert.ok((await marks(page)).length > 2, filter);
    assert.doesNotMatch(await result(page).textContent(), /refused its configuration|Broken/, filter);
  }
  await close();
});

test("a mistake in a configuration is told below its line, and the page goes on", async () => {
  const { page, close } = await open(browser, server.url);
  await choose(page, "token-bucket");
  await write(page, "limits:\n  - name: all\n    rate: ten\n");
  const problem = configuration(page).getByText(/limits\[0\]\.rate/).first();
  await problem.waitFor();
  assert.match(await problem.textContent(), /rate/);
  assert.match(await configuration(page).textContent(), /[Ll]ine 3/);
  await write(page, "limits: [{ name: all, rate: 1/1s }]\n");
  await configuration(page).getByText(/takes this configuration/).waitFor();
  await send(page);
  assert.ok((await marks(page)).some((mark) => mark.includes("✕")));
  await close();
});

test("a token that the page has signed passes, and a broken one is told of", async () => {
  const { page, close } = await open(browser, server.url);
  await choose(page, "jwt-auth");
  await page.getByText("Tokens", { exact: true }).click();
  await page.getByRole("button", { name: "Sign a token" }).click();
  const token = await page.locator("output.code").textContent();
  await page.getByRole("button", { name: "Put it into this request" }).click();
  await send(page);
  assert.match((await marks(page))[0], /✓/, "the first request had none before");
  await page.getByRole("tab", { name: "Look into one" }).click();
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByText(/jwt-auth can read it/).waitFor();
  await page.getByRole("textbox", { name: "Token" }).fill(`${token}x.y`);
  await page.getByText(/portcullis_jwt_malformed/).waitFor();
  await page.getByRole("textbox", { name: "Token" }).fill("hello");
  await page.getByText(/portcullis_jwt_malformed/).waitFor();
  await close();
});

test("a shared address brings the policy back, without the key, and a broken one a message", async () => {
  const { page, close } = await open(browser, server.url);
  await choose(page, "token-bucket");
  const text = "limits: [{ name: shared, rate: 7/1m }]\n";
  await write(page, text);
  await configuration(page).getByText(/takes this configuration/).waitFor();
  await result(page).getByRole("button", { name: "Share …" }).click();
  const dialog = page.getByRole("dialog");
  await page.waitForFunction((field) => /#policy=[\w-]+$/.test(field.value), await dialog.getByRole("textbox").elementHandle());
  const address = await dialog.getByRole("textbox").inputValue();
  assert.match(await dialog.textContent(), /token|header/i);
  const other = await open(browser, address);
  await other.page.locator(".cm-content").getByText("7/1m").waitFor();
  await other.close();
  const broken = await open(browser, `${server.url}#policy=AAAA`);
  assert.match(await broken.page.getByRole("alert").or(broken.page.locator(".message-error")).first().textContent(), /\w/);
  assert.ok(await broken.page.locator(".cm-content").first().isVisible());
  await broken.close();
  await close();
});

test("what is exported passes in portcullis test", async () => {
  const folder = await mkdtemp(join(tmpdir(), "portcullis-playground-"));
  const { page, close } = await open(browser, server.url);
  for (const filter of ["jwt-auth", "token-bucket", "circuit-breaker", "trace-injection", "audit-log", "suite"]) {
    await choose(page, filter);
    await result(page).getByRole("button", { name: "Export …" }).click();
    const dialog = page.getByRole("dialog");
    const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: /^(Save|Download)/ }).click()]);
    const file = join(folder, `${filter}.yaml`);
    await download.saveAs(file);
    await page.keyboard.press("Escape");
    assert.match(await readFile(file, "utf8"), /expect/);
    const { stdout } = await promisify(execFile)(PORTCULLIS, ["test", file, "--target", "native", "--format", "json"]);
    assert.deepEqual(JSON.parse(stdout).totals, { passed: 1, failed: 0, not_run: 0 }, stdout);
  }
  await rm(folder, { recursive: true });
  await close();
});

test("a scenario file of the repository is opened as it is", async () => {
  const { page, close } = await open(browser, server.url);
  const files = ["tests/scenarios/jwt-auth/demo.yaml", "tests/tokens/fixtures.yaml"];
  await page.getByLabel(/open a scenario file/).setInputFiles(files.map((file) => join(ROOT, file)));
  await send(page);
  assert.match(await result(page).textContent(), /portcullis_jwt_expired/);
  assert.match(await result(page).textContent(), /passed|As expected|as expected/i);
  await close();
});
