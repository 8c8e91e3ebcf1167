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

test("variables that cannot be read are not sent as they were before", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  await page.locator("summary", { hasText: "Clock, clusters, variables" }).click();
  const variables = page.getByLabel("Variables");
  const before = await variables.inputValue();
  await variables.fill(`${before}\n- broken`);
  await page.locator("summary", { hasText: "Clock, clusters, variables" }).click();
  for (const name of ["Send", "Share …", "Export …", "Edit as YAML"]) assert.ok(await result(page).getByRole("button", { name }).isDisabled(), name);
  await result(page).getByText(/^Variables: /).waitFor();
  await result(page).getByRole("button", { name: "Show it" }).click();
  assert.ok(await variables.evaluate((field) => field === document.activeElement && field.checkVisibility()));
  assert.equal(await variables.inputValue(), `${before}\n- broken`);
  await variables.fill(before.replace(/^good: .*$/m, "good: abc"));
  await send(page);
  assert.equal((await marks(page))[1], "✕ Denied by jwt-auth");
  await close();
});

test("a result is not taken for that of what plays now", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  const note = result(page).locator(".message-note");
  // Nothing comes of a call while the worker holds it.
  await page.evaluate(() => {
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...more) {
      if (message?.call === "play") window.goOn = () => post.call(this, message, ...more);
      else post.call(this, message, ...more);
    };
  });
  await page.getByLabel("Begin with an example").selectOption({ index: 0 });
  await note.getByText("These results are of the former version.", { exact: true }).waitFor();
  assert.match(await result(page).locator(".result-line").textContent(), /^Of the former version\. Played: 7 requests/);
  await page.waitForFunction(() => window.goOn);
  await page.evaluate(() => window.goOn());
  await note.waitFor({ state: "detached" });
  assert.match(await result(page).locator(".result-line").textContent(), /^Played: 5 requests/);
  await close();
});

test("a token that was refused is looked into, as seen from when it came", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  assert.equal(await result(page).getByRole("button", { name: /^Look into this token/ }).count(), 2, "neither what has none nor what passes");
  await result(page).getByRole("button", { name: "Look into this token of an expired one" }).click();
  const dialog = page.getByRole("dialog", { name: "The token of: an expired one" });
  await dialog.locator(".message-warning").getByText(/^jwt-auth can read it, but it has expired\. /).waitFor();
  await dialog.getByText(/^It expired 3 minutes ago, /).waitFor();
  await dialog.getByText(/^Seen from \S+ \S+ UTC, the time of the request\.$/).waitFor();
  await page.keyboard.press("Escape");
  await result(page).getByRole("button", { name: "Look into this token of one for somebody else" }).click();
  await page.getByRole("dialog").locator(".message-good").waitFor();
  assert.match(await page.getByRole("dialog").getByRole("region", { name: "Claims of the token" }).textContent(), /"aud": "billing"/);
  await page.keyboard.press("Escape");
  // The form looks from the start.
  const token = await page.getByLabel("Variables").inputValue().then((text) => /^good: (\S+)$/m.exec(text)[1]);
  await page.locator("summary", { hasText: "Look into a token" }).click();
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByText(/^Seen from \S+ \S+ UTC, the time at the start\.$/).waitFor();
  await page.locator("summary", { hasText: "Clock, clusters, variables" }).click();
  await page.getByLabel("Time at the start").fill("2020-01-01T00:00:00Z");
  await page.getByText(/^Seen from 2020-01-01 00:00:00 UTC, the time at the start\.$/).waitFor();
  await page.getByLabel("Time at the start").fill("2050-01-01T00:00:00Z");
  await page.locator(".message-warning").getByText(/^jwt-auth can read it, but it has expired\. /).waitFor();
  await page.getByLabel("Time at the start").fill("");
  await page.getByText(/^Seen from \S+ \S+ UTC, the clock of this browser\.$/).waitFor();
  await close();
});

test("a token is for the provider that is chosen, and the cluster that is asked for keys has to know its own", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  await write(page, `providers:
  - { name: shop, issuer: "https://shop.example", audiences: [orders], jwks: { inline: "\${jwks}" } }
  - { name: bank, issuer: "https://bank.example", audiences: [money], jwks: { remote: { cluster: keys, uri: "https://bank.example/jwks" } } }
otherwise: { any: [{ provider: shop }, { provider: bank }] }
`);
  await requests(page).locator("summary").first().click();
  const dialog = page.getByRole("dialog");
  const ask = () => requests(page).getByRole("button", { name: "Token …" }).first().click();
  await ask();
  assert.match(await dialog.getByLabel("Claims").inputValue(), /"iss": "https:\/\/shop\.example"/);
  assert.equal(await dialog.locator(".message").count(), 0);
  await dialog.getByLabel("For").selectOption("bank");
  assert.match(await dialog.getByLabel("Claims").inputValue(), /"iss": "https:\/\/bank\.example",\s+"aud": "money"/);
  await dialog.getByText("The provider asks the cluster keys for its keys, which does not know that one. Under “Clock, clusters, variables” let it answer with the body ${jwks}.").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("summary", { hasText: "Clock, clusters, variables" }).click();
  await page.getByRole("button", { name: "Add a cluster that the filter calls" }).click();
  await page.getByRole("group", { name: "Cluster" }).getByLabel("Name", { exact: true }).fill("keys");
  await page.getByRole("group", { name: "Cluster keys" }).getByLabel("Body").fill("${jwks}");
  await ask();
  await dialog.getByLabel("For").selectOption("bank");
  assert.equal(await dialog.locator(".message").count(), 0);
  await dialog.getByRole("button", { name: "Put it into the request" }).click();
  await send(page);
  assert.equal((await marks(page))[0], "✓ Passed to the upstream");
  await page.getByLabel("Time at the start").fill("noon");
  await ask();
  await dialog.locator(".message-error").getByText(/^The time at the start is wrong, so nobody can tell when a token is good: /).waitFor();
  assert.ok(await dialog.getByRole("button", { name: "Put it into the request" }).isDisabled());
  assert.doesNotMatch(await dialog.getByLabel("Claims").inputValue(), /null/);
  await close();
});

test("what a step names and nobody has is told by the number that the form gives it", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  await requests(page).locator("summary").nth(1).click();
  await requests(page).getByLabel("Path and query").nth(1).fill("/${nobody}");
  await result(page).getByRole("button", { name: "Send" }).click();
  assert.match(await result(page).locator(".message-error .message-text").textContent(), /^Step 2: request\.path: .*nobody/);
  await close();
});
