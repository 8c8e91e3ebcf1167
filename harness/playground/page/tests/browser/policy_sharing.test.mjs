import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { choose, linkTo, marks, result, send, write, written } from "./policy_tab.mjs";
import { open, playground } from "./served.mjs";

const it = playground();

test("a shared address gives the same for good, without the private key", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  const before = await marks(page);
  await result(page).getByRole("button", { name: "Share …" }).click();
  const dialog = page.getByRole("dialog");
  await page.waitForFunction((field) => /#policy=[\w-]+$/.test(field.value), await dialog.getByRole("textbox").elementHandle());
  const address = await dialog.getByRole("textbox").inputValue();
  assert.equal(new URL(page.url()).hash, "", "nothing is in the history unless it is asked for");
  await dialog.getByRole("button", { name: "Put it into the address" }).click();
  assert.equal(page.url(), address, "loading the page again keeps the policy");
  await page.keyboard.press("Escape");
  await write(page, "otherwise: none\n");
  await page.waitForFunction(() => location.hash === "", null, { timeout: 5000 });
  const packed = Buffer.from(address.split("#policy=")[1], "base64url");
  const shared = JSON.parse(inflateRawSync(packed).toString());
  assert.deepEqual(shared.vars.jwks.keys.map((key) => Object.keys(key).sort()), [["alg", "crv", "kid", "kty", "use", "x"]]);
  // Two hours later, its tokens are what they were.
  const later = await it.browser.newContext();
  const other = await later.newPage();
  await other.clock.install({ time: Date.now() + 7_200_000 });
  await other.goto(address);
  await result(other).getByText("Send the requests to see what becomes of them.").waitFor();
  assert.deepEqual(await marks(other), [], "what somebody else has made is not played until it is asked for");
  await send(other);
  assert.deepEqual(await marks(other), before);
  await later.close();
  await close();
});

test("a policy with a secret in it is not shared, and one that cannot be read neither", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  const told = async (text, name) => {
    await write(page, text);
    await result(page).getByRole("button", { name: "Share …" }).click();
    const said = await page.getByRole("dialog").locator(".message-error .message-text").textContent();
    assert.equal(await page.getByRole("dialog").getByRole("textbox").count(), 0, name);
    await page.keyboard.press("Escape");
    return said;
  };
  assert.equal(await told("providers: [{ name: a, introspection: { auth: { bearer: b } } }]\n"), "There is a private key or another secret in it (configuration.providers.0.introspection.auth.bearer). A link can be read by anybody who has it, so none was made. Take it out first; Export makes a file with all of it.");
  assert.match(await told("a: 1\na: 2\n"), /^The configuration cannot be read, so nobody can tell whether there is a secret in it: Map keys must be unique/);
  await close();
});

test("a key that a request sends is shared where that is wanted, and only then", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  await write(page, "limits: [{ name: a, rate: 1/1s, key: [{ header: x-api-key }] }]\n");
  await page.getByRole("region", { name: "Requests" }).locator("summary").first().click();
  await page.getByLabel("Name of header 1 of the request").first().fill("x-api-key");
  await result(page).getByRole("button", { name: "Share …" }).click();
  const dialog = page.getByRole("dialog");
  assert.match(await dialog.locator(".message-warning .message-text").textContent(), /^A request has what looks like a key or a password in it \(step 1, x-api-key\)\. Whoever has the link can read it\. Put a made-up value in its place/);
  assert.equal(await dialog.getByRole("textbox").count(), 0);
  await dialog.getByRole("button", { name: "Share all the same" }).click();
  await page.waitForFunction((field) => /#policy=[\w-]+$/.test(field.value), await dialog.getByRole("textbox").elementHandle());
  await page.keyboard.press("Escape");
  await write(page, `{ "limits": [{ "name": "a", "rate": "1/1s" }], "hmac": "abc" }\n`);
  await result(page).getByRole("button", { name: "Share …" }).click();
  assert.match(await dialog.locator(".message-error .message-text").textContent(), /^There is a private key or another secret in it \(configuration\.hmac, step 1, x-api-key\)\./);
  assert.equal(await dialog.getByRole("button", { name: "Share all the same" }).count(), 0);
  await close();
});

test("what a token or a link does to a part of the page it does to that part alone", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  await page.locator("summary", { hasText: "Look into a token" }).click();
  const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  const look = (header, claims) => page.getByRole("textbox", { name: "Token" }).fill(`${part(header)}.${part(claims)}.c2ln`);
  await look({ alg: "ES256" }, { sub: "alice" });
  await page.getByRole("region", { name: "Claims of the token" }).getByText("alice").waitFor();
  await look({ alg: { toString: 1 } }, { sub: "bob" });
  await page.getByRole("region", { name: "Claims of the token" }).getByText("bob").waitFor();
  assert.match(await page.locator(".facts", { hasText: "Algorithm" }).textContent(), /^Algorithm\{"toString":1\}Signature/);
  // Whatever else there may be that cannot be drawn.
  await page.evaluate(() => {
    const before = JSON.stringify;
    JSON.stringify = (value, ...more) => {
      if (value?.sub === "mallory") throw new Error("it is odd");
      return before(value, ...more);
    };
  });
  await look({ alg: "ES256" }, { sub: "mallory" });
  await page.getByText("The token cannot be shown: it is odd. The rest of the page works on; change what was put in last.").waitFor();
  assert.equal(await page.getByRole("region", { name: "Claims of the token" }).count(), 0, "nothing of another token is left");
  await look({ alg: "ES256" }, { sub: "carol" });
  await page.getByRole("region", { name: "Claims of the token" }).getByText("carol").waitFor();
  const vars = JSON.parse(`${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`);
  await page.goto(linkTo(it.url, { vars }));
  await page.getByRole("region", { name: "Begin with" }).getByText("The policy in the address cannot be read: vars are more than 64 levels deep. The link may be cut off.").waitFor();
  await send(page);
  await close();
});

test("a link that was cut off is told of, and the page begins all the same", async () => {
  const { page, close } = await open(it.browser, `${it.url}#policy=AAAA`);
  await page.getByRole("region", { name: "Begin with" }).locator(".message-error").waitFor();
  assert.match(await page.getByRole("region", { name: "Begin with" }).locator(".message-text").textContent(), /^The policy in the address cannot be read: .+ The link may be cut off\.$/);
  assert.match(await written(page), /providers/);
  await close();
});
