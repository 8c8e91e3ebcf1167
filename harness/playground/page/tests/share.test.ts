import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Schema } from "../src/editor/schema";
import { EXAMPLES } from "../src/policy/examples";
import { withKeys } from "../src/policy/page_key";
import { answer, send, type Policy } from "../src/policy/policy";
import { credentialsIn, secretsIn } from "../src/policy/secrets";
import { fromFragment, toFragment } from "../src/policy/share";

declare const ROOT: string;

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

function schemaOf(filter: string): Schema {
  return JSON.parse(readFileSync(`${ROOT}/docs/schemas/${filter}.schema.json`, "utf8"));
}

test("private keys and secrets are found", () => {
  const secrets = (part: Partial<Policy>) => secretsIn({ ...FIRST, ...part }, schemaOf(part.filter ?? FIRST.filter));
  assert.deepEqual(secrets({}), []);
  assert.deepEqual(secrets({ vars: { jwks: { keys: [{ kty: "OKP", crv: "Ed25519", x: "a" }] } } }), []);
  assert.deepEqual(secrets({ vars: { jwks: { keys: [{ kty: "OKP", x: "a", d: "b" }] } } }), ["variables.jwks.keys.0.d"]);
  assert.deepEqual(secrets({ config: "integrity: { sign: { ed25519: PRIVATE+KEY+a+b+c } }" }), ["configuration.integrity.sign.ed25519"]);
  assert.deepEqual(secrets({ config: "integrity: { sign: { hmac: abc } }" }), ["configuration.integrity.sign.hmac"]);
  assert.deepEqual(secrets({ config: "limits: [{ key: [{ header: x-user }] }]" }), []);
});

test("no example has a secret in it", () => {
  for (const { policy } of EXAMPLES) assert.deepEqual(secretsIn(policy, schemaOf(policy.filter)), [], policy.filter);
});

test("what the schema calls a secret is one, and so are the headers of a sink", () => {
  const secrets = (filter: string, config: string) => secretsIn({ ...FIRST, filter, config }, schemaOf(filter));
  assert.deepEqual(secrets("jwt-auth", "providers: [{ introspection: { auth: { bearer: abc } } }]"), ["configuration.providers.0.introspection.auth.bearer"]);
  assert.deepEqual(secrets("jwt-auth", "providers: [{ introspection: { bearer: abc } }]"), ["configuration.providers.0.introspection.bearer"]);
  assert.deepEqual(secrets("audit-log", "integrity: { sign: { hmac: 1234567890123456 } }"), ["configuration.integrity.sign"]);
  assert.deepEqual(secrets("audit-log", "integrity: { sign: { ed25519: \"${key}\" } }"), ["configuration.integrity.sign"]);
  const sink = (headers: string) => `sink: { http: { cluster: siem, path: /, headers: ${headers} } }`;
  assert.deepEqual(secrets("audit-log", sink("[{ name: authorization, value: abc }]")), ["configuration.sink.http.headers.0"]);
  assert.deepEqual(secrets("audit-log", sink("[{ name: content-type, value: text/plain }]")), []);
  assert.deepEqual(secrets("portcullis", `audit_log: { ${sink("[{ name: dd-api, value: abc }]")} }`), ["configuration.audit_log.sink.http.headers.0"]);
});

test("secrets are found in texts that are JSON, in variables, clusters and steps", () => {
  const secrets = (part: Partial<Policy>) => secretsIn({ ...FIRST, config: "", vars: {}, steps: [], ...part }, schemaOf("jwt-auth"));
  assert.deepEqual(secrets({ config: `providers: [{ jwks: { inline: '{"keys":[{"kty":"oct","k":"abc"}]}' } }]` }), ["configuration.providers.0.jwks.inline.keys.0.k"]);
  assert.deepEqual(secrets({ config: `a: '{"keys":[{"kty":"oct","k":"abc"}'` }), ["configuration.a"]);
  assert.deepEqual(secrets({ vars: { password: "hunter2" } }), ["variables.password"]);
  assert.deepEqual(secrets({ clusters: [{ name: "siem", reachability: "healthy", answers: [answer({ body: "-----BEGIN PRIVATE KEY-----" })] }] }), ["cluster siem, answer 1, body"]);
  assert.deepEqual(secrets({ steps: [send("a", { headers: [["x-api-key", "b"]], body: "client_secret=c" })] }), ["step 1, body"]);
  assert.deepEqual(secrets({ steps: [send("a", { headers: [["authorization", "Bearer ${good}"]], body: '{"key":"value"}' })] }), []);
  assert.deepEqual(secrets({ config: "# -----BEGIN PRIVATE KEY-----\n" }), ["a comment of the configuration"]);
});

test("what a client sends as its own is told apart from what nobody sends", () => {
  const told = (name: string, value: string) => {
    const steps = [send("a", { headers: [[name, value]] })];
    return [credentialsIn({ steps }).length, secretsIn({ ...FIRST, steps }, schemaOf("jwt-auth")).length];
  };
  for (const [name, value] of [["x-api-key", "abc"], ["authorization", "Basic YTpi"], ["X-Auth-Token", "abc"], [" api_key ", "abc"]] as const) assert.deepEqual(told(name, value), [1, 0], name);
  for (const [name, value] of [["hmac", "abc"], ["private-key", "abc"], ["x-client-secret", "abc"], ["x-hmac-key", "abc"], ["x-api-key", "PRIVATE+KEY+a+b+c"], ["x-api-key", '{"kty":"oct","k":"abc"}'], ["x", "client_secret=abc"]] as const) assert.deepEqual(told(name, value), [0, 1], name);
  for (const [name, value] of [["x-api-key", ""], ["x-user", "alice"], ["authorization", "Bearer abc"]] as const) assert.deepEqual(told(name, value), [0, 0], name);
  const upstream = answer({ headers: [["x-api-key", "abc"]] });
  assert.deepEqual(secretsIn({ ...FIRST, steps: [send("a", { upstream })] }, schemaOf("jwt-auth")), ["step 1, upstream, x-api-key"]);
});

test("a configuration that cannot be read is not taken for one without secrets", () => {
  const secrets = (config: string) => secretsIn({ ...FIRST, config: `client_secret: hunter2\n${config}` }, schemaOf("jwt-auth"));
  for (const config of ["a: [", "a: 1\na: 2\n", "a: 1\n---\nb: 2\n", "a: &a [*a, *a]\n", `a: ${"[".repeat(100)}${"]".repeat(100)}\n`]) assert.throws(() => secrets(config), Error, config);
  assert.deepEqual(secrets("a: 1"), ["configuration.client_secret"]);
});

test("the key of the page joins those of a shared policy", () => {
  const [theirs, ours] = ["theirs", "ours"].map((kid) => ({ kty: "OKP", crv: "Ed25519", x: "a", alg: "EdDSA", use: "sig" as const, kid }));
  const both = withKeys({ jwks: { keys: [theirs] } }, [ours!]);
  assert.deepEqual(both, { jwks: { keys: [theirs, ours] } });
  assert.equal(withKeys(both, [ours!]), both);
  const file = { jwks: "a text" };
  assert.equal(withKeys(file, [ours!]), file);
});

test("variables that nobody could write out are refused", async () => {
  const nested = (depth: number): unknown => JSON.parse(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);
  assert.ok(await fromFragment(await fragmentOf({ ...FIRST, vars: nested(64) })));
  await assert.rejects(fromFragment(await fragmentOf({ ...FIRST, vars: nested(65) })), /^Error: vars are more than 64 levels deep$/);
  await assert.rejects(fromFragment(await fragmentOf({ ...FIRST, vars: nested(2000) })), /^Error: vars are more than 64 levels deep$/);
});
