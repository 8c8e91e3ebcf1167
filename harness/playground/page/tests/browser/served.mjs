// The playground as its users have it: `portcullis playground`, and a real browser.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

/** The command, built with the page in it. */
export const PORTCULLIS = process.env.PORTCULLIS;
/** The top of the repository. */
export const ROOT = new URL("../../../../../", import.meta.url).pathname;

/** No background traffic, which a closed network would refuse. */
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** The page and a browser, for the tests of one file: `url` and `browser` are there while these run. */
export function playground() {
  const it = {};
  let server;
  before(async () => {
    server = await serve();
    it.url = server.url;
    it.browser = await launch();
  });
  after(async () => {
    await it.browser?.close();
    server?.end();
  });
  return it;
}

/** Serves the page on a free port, until `end`; with PLAYGROUND_URL it is served already. */
async function serve() {
  if (process.env.PLAYGROUND_URL) return { url: process.env.PLAYGROUND_URL, end: () => {} };
  assert.ok(PORTCULLIS, "PORTCULLIS names the command");
  const command = spawn(PORTCULLIS, ["playground", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface(command.stdout), "line");
  const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)?.[0];
  assert.ok(url, line);
  return { url, end: () => command.kill() };
}

function launch() {
  const found = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  return chromium.launch({ executablePath: found, args: ARGUMENTS });
}

/** A page in a browser of its own. What it asks of other origins, and what it complains of, fails the test at `close`. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ reducedMotion: "reduce", acceptDownloads: true, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(url).origin });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && complaints.push(`console: ${message.text()}`));
  context.on("request", (request) => {
    if (/^https?:/.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  await page.goto(url);
  await page.getByRole("tab", { name: "Policy" }).waitFor();
  return { page, context, complaints, close: async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  } };
}
