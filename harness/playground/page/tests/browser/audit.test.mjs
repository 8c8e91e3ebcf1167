import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, PORTCULLIS, ROOT, serve } from "./served.mjs";

let server;
let browser;
let folder;
let lines;
before(async () => {
  server = await serve();
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), "portcullis-playground-"));
  lines = (await readFile(join(ROOT, "docs/audit.jsonl"), "utf8")).trim().split("\n");
});
after(async () => {
  await browser?.close();
  server?.end();
  await rm(folder, { recursive: true, force: true });
});

async function drop(page, name, content) {
  await page.getByRole("tab", { name: "Audit file" }).click();
  const file = join(folder, name);
  await writeFile(file, content);
  await page.getByLabel(/Drop an audit file/).setInputFiles(file);
  return file;
}

const panel = (page) => page.getByRole("tabpanel", { name: "Audit file" });

test("an intact file is said to be, and shown", async () => {
  const { page, close } = await open(browser, server.url);
  await drop(page, "audit.jsonl", lines.join("\n"));
  await panel(page).getByText(/^Intact: /).first().waitFor();
  const rows = panel(page).getByRole("table").last().getByRole("row");
  await rows.nth(1).waitFor();
  await panel(page).getByLabel("Decision").selectOption("denied");
  await panel(page).getByRole("button", { name: "Search", exact: true }).click();
  const exported = execFileSync(PORTCULLIS, ["audit", "export", "--decision", "denied", "--ocsf", "-", join(ROOT, "docs/audit.jsonl")], { encoding: "utf8" });
  const denied = exported.trim().split("\n").length;
  await panel(page).getByText(new RegExp(`Save ${denied} record`)).waitFor();
  await rows.nth(1).getByRole("button").first().click();
  await page.getByRole("dialog").getByText(/"class_uid"/).waitFor();
  await close();
});

test("a record that was changed is found in its line", async () => {
  const { page, close } = await open(browser, server.url);
  const tampered = lines.map((line, at) => (at === 2 ? line.replace(/"time":\d/, '"time":9') : line));
  assert.notDeepEqual(tampered, lines);
  await drop(page, "tampered.jsonl", tampered.join("\n"));
  await panel(page).getByRole("button", { name: "Line 3" }).first().click();
  await page.getByRole("dialog", { name: "Line 3" }).waitFor();
  await close();
});

test("a member that cannot be read is told at its field", async () => {
  const { page, close } = await open(browser, server.url);
  await drop(page, "audit.jsonl", lines.join("\n"));
  await panel(page).getByLabel("From (UTC)").fill("noon");
  await panel(page).getByRole("button", { name: "Search", exact: true }).click();
  await panel(page).getByText(/2026-09-21 13:00/).first().waitFor();
  assert.equal(await panel(page).getByLabel("From (UTC)").getAttribute("aria-invalid"), "true");
  await close();
});

test("half a file, nothing, and something else are told of", async () => {
  const { page, close } = await open(browser, server.url);
  const text = lines.join("\n");
  await drop(page, "half.jsonl", text.slice(0, text.length - 200));
  await panel(page).getByText(/half a record|cut off|unreadable/i).first().waitFor();
  await drop(page, "empty.jsonl", "");
  await panel(page).getByText(/empty/).first().waitFor();
  await drop(page, "image.png", Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"));
  await panel(page).getByText(/no audit record in it/).first().waitFor();
  await drop(page, "audit.jsonl", text);
  await panel(page).getByText(/^Intact: /).first().waitFor();
  await close();
});

test("a hundred megabytes stream by while the page answers", { timeout: 300_000 }, async () => {
  const { page, close } = await open(browser, server.url);
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    const frame = (now) => {
      window.longest = Math.max(window.longest, now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const file = process.env.LARGE_AUDIT_FILE;
  assert.ok((await stat(file)).size > 100 << 20);
  await page.getByRole("tab", { name: "Audit file" }).click();
  await panel(page).getByLabel(/Drop an audit file/).setInputFiles(file);
  await page.getByRole("progressbar").first().waitFor();
  await panel(page).getByText(/^Not intact: /).waitFor({ timeout: 240_000 });
  await panel(page).getByRole("table").last().getByRole("row").nth(1).waitFor({ timeout: 240_000 });
  const shown = await panel(page).textContent();
  assert.match(shown, /in 1\d\d,\d{3} records of 1 chain/);
  const longest = await page.evaluate(() => window.longest);
  assert.ok(longest < 1000, `the page stood still for ${longest} ms`);
  await panel(page).getByRole("button", { name: `Line ${Number(process.env.CHANGED_LINE).toLocaleString("en")}` }).first().click();
  await page.getByRole("dialog").getByText("malor").first().waitFor();
  await close();
});
