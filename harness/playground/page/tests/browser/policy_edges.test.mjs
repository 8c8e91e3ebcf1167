import assert from "node:assert/strict";
import { test } from "node:test";
import { choose, linkTo, marks, request, requests, result, send, write, written } from "./policy_tab.mjs";
import { open, playground } from "./served.mjs";

const it = playground();

test("what filters do to headers is told apart from what the proxy does, and so is who answers", async () => {
  const config = "--- # of a file\nbreakers: [{ name: b, timeout: 1s, trip: { consecutive_errors: 1 }, fallback: [{ static: { status: 200, body: hi } }] }]\n...\n";
  const headers = [["x-envoy-expected-rq-timeout-ms", "5000"], ["connection", "keep-alive"], ["expect", "100-continue"], ["x-jndi", "${jndi:ldap://a}"], ["x-number", "0b11"]];
  const steps = [request({ step: { name: "in time", headers } }), request({ step: { name: "it fails" }, upstream: { status: 503 } }), request({ step: { name: "spared" } })];
  const { page, close } = await open(it.browser, linkTo(it.url, { filter: "circuit-breaker", config, steps }));
  await result(page).getByText("Send the requests to see what becomes of them.").waitFor();
  await send(page);
  assert.deepEqual(await marks(page), ["✓ Passed to the upstream", "✓ Passed to the upstream", "i Answered by the fallback"]);
  const card = result(page).locator(".steps > li").nth(1);
  assert.equal(await card.locator("summary").first().textContent(), "Details of in time: 1 header changed");
  await card.locator("summary").first().click();
  const table = card.getByRole("region", { name: /^The request, as the client sent it/ }).locator("tbody tr");
  await table.first().waitFor();
  const rows = await table.allTextContents();
  assert.equal(rows[0], "x-envoy-expected-rq-timeout-ms~ changed50001000");
  assert.deepEqual(rows.slice(1).filter((row) => !row.includes(" by the proxy")), []);
  await card.getByLabel(/unchanged, too/).first().check();
  await table.filter({ hasText: "x-jndi" }).waitFor();
  const all = await table.allTextContents();
  assert.ok(all.includes("x-jndisame${jndi:ldap://a}") && all.includes("x-numbersame0b11"), all.join());
  await card.getByRole("tab", { name: /^Hostcalls/ }).click();
  await card.getByText("The filters of this page are native code: what they ask of the clock and of randomness is not among the calls, as clock_time_get and random_get of a module are.").waitFor();
  await result(page).getByRole("button", { name: "Export …" }).click();
  await page.getByRole("dialog").getByText("Played again, it has passed.").waitFor();
  assert.match(await page.getByRole("dialog").getByRole("region", { name: "Scenario file" }).textContent(), /upstream:\n +headers:\n +x-envoy-expected-rq-timeout-ms: "1000"\n/);
  await close();
});

test("a configuration that is refused makes no file, and one with a secret says so", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  await write(page, "limits:\n  - { name: a, rates: 1/1s }\n");
  await result(page).getByRole("button", { name: "Export …" }).click();
  const dialog = page.getByRole("dialog");
  assert.match(await dialog.locator(".message-error .message-text").textContent(), /^Line 2 of the configuration: limits\[0\]\.rates: .+\. Nothing was sent, so there is nothing that a file could expect\.$/);
  assert.equal(await dialog.getByRole("button", { name: /^Save/ }).count(), 0);
  await page.keyboard.press("Escape");
  await write(page, "limits: [{ name: a, rate: 1/1s }]\n");
  await requests(page).locator("summary").first().click();
  await requests(page).getByLabel("Body").first().fill("client_secret=hunter2");
  await result(page).getByRole("button", { name: "Export …" }).click();
  await dialog.getByText("There is a private key or another secret in it (step 1, body). The file has all of it: give it to nobody who may not have that.").waitFor();
  await close();
});

test("what has grown large or odd in a scenario file is edited all the same", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  await result(page).getByRole("button", { name: "Edit as YAML" }).click();
  for (const text of ["*foo", "include: *foo\n"]) {
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(text);
    await page.waitForTimeout(400);
    assert.equal((await written(page)).trim(), text.trim());
  }
  await page.getByLabel(/^Drop what belongs to it here/).setInputFiles({ name: "large.yaml", mimeType: "application/yaml", buffer: Buffer.alloc((1 << 20) + 1, " ") });
  await page.getByText("large.yaml is larger than 1 MiB. Is it a scenario file?").waitFor();
  await close();
});
