import assert from "node:assert/strict";
import { test } from "node:test";
import { EXAMPLES } from "../src/policy/examples";
import { withKey } from "../src/policy/page_key";
import type { Policy } from "../src/policy/policy";
import { fromFragment, secretsIn, toFragment } from "../src/policy/share";

const FIRST = EXAMPLES[0]!.policy;

function fragmentOf(value: unknown): Promise<string> {
  return toFragment(value as Policy);
}

test("a policy comes back from its fragment as it was", async () => {
  for (const { policy } of EXAMPLES) assert.deepEqual(await fromFragment(`#${await toFragment(policy)}`), policy);
});

test("a fragment about something else is none", async () => {
  assert.equal(await fromFragment("#main"), null);
  assert.equal(await fromFragment(""), null);
});

test("a fragment that was cut off is refused", async () => {
  const whole = await toFragment(FIRST);
  await assert.rejects(fromFragment(whole.slice(0, -20)));
  await assert.rejects(fromFragment("#policy=garbage!!"));
});

test("a fragment that becomes very large is refused", async () => {
  const large = await fragmentOf({ ...FIRST, config: " ".repeat(3 << 20) });
  assert.ok(large.length < 10_000);
  await assert.rejects(fromFragment(large), /larger than a megabyte/);
});

test("what is no policy is refused with the member that is wrong", async () => {
  await assert.rejects(fromFragment(await fragmentOf({ ...FIRST, steps: [{ kind: "send", name: 1 }] })), /name is not a text/);
  await assert.rejects(fromFragment(await fragmentOf({ ...FIRST, upstream: "gone" })), /upstream is none of healthy/);
  await assert.rejects(fromFragment(await fragmentOf({ ...FIRST, steps: [{ kind: "tcp" }] })), /kind is none of send/);
  await assert.rejects(fromFragment(await fragmentOf([])), /the policy is not an object/);
});

test("private keys and secrets are found", () => {
  const secrets = (part: Partial<Policy>) => secretsIn({ ...FIRST, ...part });
  assert.deepEqual(secrets({}), []);
  assert.deepEqual(secrets({ vars: { jwks: { keys: [{ kty: "OKP", crv: "Ed25519", x: "a" }] } } }), []);
  assert.deepEqual(secrets({ vars: { jwks: { keys: [{ kty: "OKP", x: "a", d: "b" }] } } }), ["variables.jwks.keys.0.d"]);
  assert.deepEqual(secrets({ config: "integrity: { sign: { ed25519: PRIVATE+KEY+a+b+c } }" }), ["configuration.integrity.sign.ed25519"]);
  assert.deepEqual(secrets({ config: "integrity: { sign: { hmac: abc } }" }), ["configuration.integrity.sign.hmac"]);
  assert.deepEqual(secrets({ config: "limits: [{ key: [{ header: x-user }] }]" }), []);
});

test("the key of the page joins those of a shared policy", () => {
  const [theirs, ours] = ["theirs", "ours"].map((kid) => ({ kty: "OKP", crv: "Ed25519", x: "a", alg: "EdDSA", use: "sig" as const, kid }));
  const both = withKey({ jwks: { keys: [theirs] } }, ours!);
  assert.deepEqual(both, { jwks: { keys: [theirs, ours] } });
  assert.equal(withKey(both, ours!), both);
  const file = { jwks: "a text" };
  assert.equal(withKey(file, ours!), file);
});
