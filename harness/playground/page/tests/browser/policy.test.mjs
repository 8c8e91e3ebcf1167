import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { choose, configuration, marks, messages, played, requests, result, send, write, written } from "./policy_tab.mjs";
import { open, playground, PORTCULLIS, ROOT } from "./served.mjs";

const it = playground();

const EXAMPLES = ["jwt-auth", "token-bucket", "circuit-breaker", "trace-injection", "audit-log", "suite"];

test("a limit passes and denies, and its bucket is drawn", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  assert.deepEqual(await marks(page), [..."✓✓✓✕✓✓✓"].map((sign) => (sign === "✓" ? "✓ Passed to the upstream" : "✕ Denied by token-bucket")));
  assert.equal(await result(page).locator(".result-line").textContent(), "Played: 7 requests, 6 of which have reached the upstream.");
  await result(page).getByRole("img", { name: /^Tokens left in each bucket/ }).waitFor();
  await result(page).getByText("As a table").click();
  const rows = await result(page).getByRole("region", { name: "Tokens left in each bucket" }).locator("tbody tr").allTextContents();
  assert.equal(rows[3], "+0 sper-user (alice)alice, once too often0 of 3");
  await close();
});

test("every example plays, in the form and as YAML, and leads back", async () => {
  const { page, close } = await open(it.browser, it.url);
  for (const filter of EXAMPLES) {
    await choose(page, filter);
    const [inForm, text] = [await marks(page), await written(page)];
    assert.ok(inForm.length > 2, filter);
    await result(page).getByRole("button", { name: "Edit as YAML" }).click();
    await send(page);
    assert.deepEqual(await marks(page), inForm, filter);
    assert.deepEqual(await messages(page), ["It expects nothing, so nothing could fail."], filter);
    await result(page).getByRole("button", { name: "Back to the form" }).click();
    assert.equal(await written(page), text, filter);
    assert.equal(await page.getByRole("button", { name: "Bring it back" }).count(), filter === EXAMPLES[0] ? 0 : 1, "what was written before, and no YAML that nobody has changed");
  }
  await close();
});

test("what was changed in the YAML is not lost on the way back to the form", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  await result(page).getByRole("button", { name: "Edit as YAML" }).click();
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.insertText("# mine\n");
  await result(page).getByRole("button", { name: "Back to the form" }).click();
  await played(page, () => page.getByRole("button", { name: "Bring it back" }).click());
  assert.match(await written(page), /^# mine/);
  await close();
});

test("what was written comes back, however many examples came between", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  await write(page, "limits: [{ name: mine, rate: 3/1m }]\n");
  await choose(page, "circuit-breaker");
  await choose(page, "audit-log");
  await played(page, () => page.getByRole("button", { name: "Bring it back" }).click());
  assert.match(await written(page), /name: mine/);
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "SELECT", "the button is gone, the focus is not");
  assert.equal(await page.getByLabel("Begin with an example").locator("option:checked").textContent(), "–");
  await choose(page, "jwt-auth");
  await played(page, () => page.getByRole("button", { name: "Bring it back" }).click());
  assert.match(await written(page), /name: mine/, "it was brought back, and is still somebody's own");
  await close();
});

test("leaving is asked about where something would be lost", async () => {
  const { page, close } = await open(it.browser, it.url);
  const asked = [];
  page.on("dialog", (dialog) => asked.push(dialog.type()) && dialog.accept());
  await choose(page, "token-bucket");
  await page.reload();
  assert.deepEqual(asked, []);
  await choose(page, "token-bucket");
  await write(page, "limits: [{ name: mine, rate: 3/1m }]\n");
  await page.reload();
  assert.deepEqual(asked, ["beforeunload"]);
  await close();
});

test("a file that is dropped beside the place for it leads nowhere", async () => {
  const { page, close } = await open(it.browser, it.url);
  const isPrevented = await page.evaluate(() => {
    const event = new DragEvent("drop", { cancelable: true, bubbles: true });
    document.body.dispatchEvent(event);
    return event.defaultPrevented;
  });
  assert.ok(isPrevented);
  await close();
});

test("a mistake in a configuration is told once, below its line, and nothing is sent", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  await write(page, "providers:\n  - name: shop\n    issuer: https://a.example\n    claims_to_header: []\n");
  const problem = configuration(page).locator(".cm-problem");
  await problem.waitFor();
  assert.match(await problem.textContent(), /^✕ providers\[0\]\.claims_to_header: unknown field `claims_to_header`; claims_to_headers is meant, perhapsWhat may stand thereOne of \d+: name, /);
  await result(page).getByRole("button", { name: "Send" }).click();
  await result(page).locator(".message-error").waitFor();
  assert.deepEqual(await messages(page), ["Line 4 of the configuration is refused; nothing was sent."]);
  assert.deepEqual(await marks(page), []);
  await page.getByLabel("Filter", { exact: true }).selectOption("token-bucket");
  await write(page, "limits: [{ name: all, rate: 1/1s }]\n");
  await configuration(page).getByText("token-bucket takes this configuration.").waitFor();
  await send(page);
  assert.equal((await marks(page)).filter((mark) => mark === "✕ Denied by token-bucket").length, 4);
  await close();
});

test("alternatives are offered where a value stands", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  await write(page, "providers:\n  - name: shop\n    jwks: ");
  await page.keyboard.press("Control+Space");
  await page.locator(".cm-tooltip-autocomplete li").first().waitFor();
  assert.deepEqual(await page.locator(".cm-tooltip-autocomplete li").allTextContents(), ["{ discovery: }", "{ inline: }", "{ remote: }"]);
  await page.locator(".cm-tooltip-autocomplete li").nth(1).click();
  assert.match(await written(page), /jwks: \{ inline: {1,2}\}/);
  await close();
});

test("a field's mistake is told by its step, and shown", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  await requests(page).locator("summary").nth(1).click();
  await requests(page).getByLabel("Path and query").nth(1).fill("no slash");
  await requests(page).locator("summary").nth(1).click();
  assert.ok(await result(page).getByRole("button", { name: "Send" }).isDisabled());
  assert.match((await messages(page))[0], /^Step 2: A path begins with a slash and has no spaces\. Show it$/);
  await result(page).getByRole("button", { name: "Show it" }).click();
  assert.ok(await requests(page).getByLabel("Path and query").nth(1).evaluate((field) => field === document.activeElement && field.checkVisibility()));
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText("/slash");
  await send(page);
  await close();
});

test("a token suits the provider and the clock, by each algorithm", async () => {
  const { page, close } = await open(it.browser, it.url);
  const url = "https://login.example";
  await choose(page, "jwt-auth");
  await write(page, `providers: [{ name: shop, issuer: "${url}", audiences: [billing], jwks: { inline: "\${jwks}" } }]\notherwise: { provider: shop }\n`);
  await page.locator("summary", { hasText: "Clock, clusters, variables" }).click();
  await page.getByLabel("Time at the start").fill("2020-02-02T02:02:02Z");
  await requests(page).locator("summary").first().click();
  const put = async (algorithm, validity) => {
    await requests(page).getByRole("button", { name: "Token …" }).first().click();
    await page.getByRole("dialog").getByLabel("Algorithm").selectOption(algorithm);
    await page.getByRole("dialog").getByLabel("It is").selectOption(validity);
    await page.getByRole("dialog").getByRole("button", { name: "Put it into the request" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await send(page);
    return (await marks(page))[0];
  };
  for (const algorithm of ["EdDSA", "ES256", "RS256"]) assert.equal(await put(algorithm, "good"), "✓ Passed to the upstream", algorithm);
  assert.equal(await put("ES256", "expired"), "✕ Denied by jwt-auth");
  const token = (await requests(page).getByLabel(/^Value of authorization/).first().inputValue()).replace("Bearer ", "");
  await page.locator("summary", { hasText: "Look into a token" }).click();
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByText(/^jwt-auth can read it/).waitFor();
  await page.getByRole("textbox", { name: "Token" }).fill(`${token}x.y`);
  await page.getByText(/portcullis_jwt_malformed/).waitFor();
  await close();
});

test("a denial in shadow mode is not told as if all were well", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  await write(page, `mode: shadow\n${await written(page)}`);
  await send(page);
  assert.deepEqual((await marks(page)).slice(0, 2), ["i Passed; jwt-auth would deny it", "✓ Passed to the upstream"]);
  await close();
});

test("a policy of one's own, from nothing to its file, by keys alone", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  await page.getByLabel("Begin with an example").focus();
  await played(page, () => page.keyboard.press("End"));
  assert.match(await written(page), /^limits:/);
  const tabTo = async (what) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((what) => (document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "") === what, what)) return;
    }
    assert.fail(`${what} cannot be reached`);
  };
  await tabTo("Configuration of token-bucket");
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText("limits: [{ name: mine, rate: 1/1m }]\n");
  await tabTo("Add a request");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.labels?.[0]?.textContent), "Method", "the new request is open");
  await played(page, () => page.keyboard.press("Control+Enter"));
  assert.deepEqual(await marks(page), ["✓ Passed to the upstream", "✕ Denied by token-bucket"]);
  await tabTo("Remove: GET /");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "SUMMARY", "the step before has the focus");
  await tabTo("Export …");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("Played again, it has passed.").waitFor();
  await tabTo("Save scenario.yaml");
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assert.match(await readFile(await download.path(), "utf8"), /name: mine, rate: 1\/1m/);
  await close();
});

test("steps move, are doubled, and time passes between them", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  const steps = () => requests(page).locator("li summary").allTextContents();
  await requests(page).locator("summary").first().click();
  await requests(page).getByRole("button", { name: "Move down: alice, first" }).click();
  assert.match((await steps())[1], /^2\. alice, first/);
  await requests(page).getByRole("button", { name: "Move up: alice, first" }).click();
  await requests(page).getByRole("button", { name: "Duplicate: alice, first" }).click();
  assert.match((await steps())[1], /^2\. alice, first/);
  await requests(page).getByRole("button", { name: "Let time pass" }).click();
  assert.match((await steps()).at(-1), /Time passes: 1s$/);
  await send(page);
  assert.equal((await marks(page)).length, 8);
  await close();
});

test("clusters fail as they are told to, come and go", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "trace-injection");
  await page.locator("summary", { hasText: "Clock, clusters, variables" }).click();
  const fail = page.getByRole("group", { name: "Cluster otel" }).getByLabel("When called, it …");
  await fail.selectOption("reset");
  await send(page);
  await result(page).getByText(/^Details/).last().click();
  await result(page).getByRole("tab", { name: /^Metrics/ }).last().click();
  assert.match(await result(page).getByRole("region", { name: "Metrics that changed" }).textContent(), /portcullis_trace_injection_export_retries_total01/);
  await page.getByRole("button", { name: "Add a cluster that the filter calls" }).click();
  assert.match((await messages(page))[0], /^Cluster : A cluster has a name\./);
  await page.getByRole("button", { name: "Remove the cluster" }).last().click();
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Add a cluster that the filter calls");
  await send(page);
  await close();
});

test("another filter brings a configuration of its own, and nothing else of an example", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  await page.getByLabel("Filter", { exact: true }).selectOption("token-bucket");
  assert.match(await written(page), /^limits:/);
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "");
  await result(page).getByRole("button", { name: "Export …" }).click();
  await page.getByRole("dialog").getByText("Played again, it has passed.").waitFor();
  const file = await page.getByRole("dialog").getByRole("region", { name: "Scenario file" }).textContent();
  assert.doesNotMatch(file, /jwks|clusters/);
  await page.keyboard.press("Escape");
  await page.getByLabel("Filter", { exact: true }).selectOption("jwt-auth");
  assert.match(await written(page), /^providers:/, "what was written for it is still there");
  await close();
});

test("what is exported passes in portcullis test", { skip: PORTCULLIS ? false : "PORTCULLIS is not set" }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "portcullis-playground-"));
  const { page, close } = await open(it.browser, it.url);
  for (const filter of EXAMPLES) {
    await choose(page, filter);
    await result(page).getByRole("button", { name: "Export …" }).click();
    const dialog = page.getByRole("dialog");
    const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: /^Save/ }).click()]);
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

test("a scenario file of the repository is opened as it is, passes, fails when it is changed, and is saved", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  const files = ["tests/scenarios/jwt-auth/demo.yaml", "tests/tokens/fixtures.yaml"];
  await played(page, () => page.getByLabel(/open a scenario file/).setInputFiles(files.map((file) => join(ROOT, file))));
  assert.match((await messages(page))[0], /^Passed: all \d+ of its expectations hold\.$/);
  const text = await readFile(join(ROOT, files[0]), "utf8");
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text.replace("status: 401", "status: 418"));
  await send(page);
  assert.match((await messages(page))[0], /^Something is not as it should be\..*status should be 418, and is 401/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save demo.yaml" }).click()]);
  assert.match(await readFile(await download.path(), "utf8"), /status: 418/);
  await close();
});

test("a configuration, bare or in a manifest, is put into the editor", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  const config = "limits:\n  - { name: opened, rate: 5/1s }\n";
  const manifest = `apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec:\n  pluginConfig:\n${config.replace(/^/gm, "    ").trimEnd()}\n`;
  for (const [name, text] of [["limits.yaml", config], ["plugin.yaml", manifest], ["mistake.yaml", config.replace("rate: 5/1s", "rates: 5/1s")]]) {
    await page.getByLabel(/open a scenario file/).setInputFiles({ name, mimeType: "application/yaml", buffer: Buffer.from(text) });
    const offer = page.getByRole("region", { name: "Begin with" }).locator(".message-note");
    await offer.getByText(`${name} is no scenario; it has a configuration of token-bucket.`).waitFor();
    await offer.getByRole("button", { name: "Put it into the editor" }).click();
    await offer.waitFor({ state: "detached" });
    assert.match(await written(page), /name: opened/);
  }
  await configuration(page).locator(".cm-problem").waitFor();
  await close();
});
