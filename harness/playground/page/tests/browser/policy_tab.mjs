// The policy tab, as its tests use it.
import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";

export const configuration = (page) => page.getByRole("region", { name: "Configuration" });
export const requests = (page) => page.getByRole("region", { name: "Requests" });
export const result = (page) => page.getByRole("region", { name: "Result" });
export const marks = (page) => result(page).locator(".mark").allTextContents();
/** What the result says beside what became of the requests. */
export const messages = (page) => result(page).locator(".message-text").allTextContents();
const run = async (page) => Number((await result(page).getAttribute("data-run")) ?? 0);

/** Does what plays something, and waits for its result. */
export async function played(page, act) {
  const before = await run(page);
  await act();
  await page.waitForFunction((before) => Number(document.querySelector(".result")?.dataset.run ?? 0) > before, before);
}

export const send = (page) => played(page, () => result(page).getByRole("button", { name: /^(Send|Play)$/ }).click());

/** Begins with the example of a filter. */
export async function choose(page, filter) {
  await result(page).locator(".result-line:not(:empty)").waitFor();
  const labels = await page.getByLabel("Begin with an example").locator("option").allTextContents();
  const label = labels.find((label) => label.toLowerCase().includes(filter));
  assert.ok(label, `${filter}: ${labels}`);
  // The first one is there already.
  if ((await page.getByLabel("Begin with an example").locator("option:checked").textContent()) === label) return;
  await played(page, () => page.getByLabel("Begin with an example").selectOption({ label }));
}

/** Writes a configuration in place of what is there. */
export async function write(page, text) {
  await configuration(page).locator(".cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}

/** An address with a policy in it. */
export function linkTo(url, part) {
  const policy = { name: "", filter: "jwt-auth", config: "", vars: {}, clock: "2026-01-01T00:00:00Z", upstream: "healthy", clusters: [], steps: [], ...part };
  return `${url}#policy=${deflateRawSync(JSON.stringify(policy)).toString("base64url")}`;
}

export function request(part) {
  const upstream = { status: 200, headers: [], body: "", after: "", fault: "" };
  return { kind: "send", name: "", method: "GET", path: "/", host: "", headers: [], body: "", http2: false, upstream: { ...upstream, ...part.upstream }, ...part.step };
}

export const written = (page) => page.locator(".cm-content").first().innerText();
