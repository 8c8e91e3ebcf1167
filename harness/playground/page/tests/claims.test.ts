import assert from "node:assert/strict";
import { test } from "node:test";
import { providersIn, timed, untold } from "../src/policy/claims";
import { EXAMPLES } from "../src/policy/examples";
import { answer, type Cluster } from "../src/policy/policy";
import { ALGORITHMS, mint, publicKeys } from "../src/policy/page_key";

const FIRST = { ...EXAMPLES[0]!.policy, clock: "2026-01-01T00:00:00Z" };

test("claims are those that a provider takes", () => {
  const config = "providers:\n  - { name: a, issuer: https://a.example, audiences: [one, two] }\n  - { issuer: https://b.example }\n";
  assert.deepEqual(providersIn(config).map(({ name, claims }) => [name, claims]), [["a", { iss: "https://a.example", aud: "one", sub: "alice" }], ["provider 2", { iss: "https://b.example", sub: "alice" }]]);
  assert.deepEqual(providersIn("jwt_auth: { providers: [{ issuers: [https://c.example] }] }")[0]?.claims, { iss: "https://c.example", sub: "alice" });
  for (const none of ["", "providers: [", "limits: []", "providers: 3"]) assert.deepEqual(providersIn(none), [], none);
});

test("who does not know the key of the page is told of it: the configuration, or the cluster that is asked for keys", () => {
  const cluster = (name: string, body: string) => ({ name, reachability: "healthy" as const, answers: [answer(), answer({ body })] });
  const told = (jwks: string, ...clusters: Cluster[]) => {
    const config = `providers: [{ name: a, jwks: ${jwks} }]`;
    return untold({ config, clusters }, providersIn(config)[0]);
  };
  assert.equal(told('{ inline: "${jwks}" }'), null);
  assert.equal(told("{ inline: { keys: [] } }", cluster("issuer", "${jwks}")), "configuration");
  assert.deepEqual(told("{ remote: { cluster: issuer, uri: /jwks } }", cluster("issuer", "{}"), cluster("other", "${jwks}")), { cluster: "issuer" });
  assert.equal(told("{ remote: { cluster: issuer, uri: /jwks } }", cluster("issuer", "${jwks}")), null);
  assert.deepEqual(told("{ discovery: { cluster: meta, jwks_cluster: keys } }", cluster("meta", "${jwks}")), { cluster: "keys" });
  assert.equal(untold({ config: "", clusters: [] }, undefined), "configuration");
  assert.equal(untold({ config: 'providers: [{ jwks: "${jwks}" }', clusters: [] }, undefined), null);
});

test("times are those of the start, and take the place of others", () => {
  const start = Date.parse(FIRST.clock) / 1000;
  assert.deepEqual(timed({ sub: "x", nbf: 1, exp: 2 }, "good", FIRST), { sub: "x", iat: start, exp: start + 3600 });
  assert.deepEqual(timed({ sub: "x", exp: 2 }, "good", { clock: "noon" }), { sub: "x" }, "nobody knows when that is");
  assert.deepEqual(timed({ sub: "x" }, "expired", FIRST), { sub: "x", iat: start - 3600, exp: start - 180 });
});

test("a token is signed by the key that its header names, whatever the algorithm", async () => {
  for (const alg of ALGORITHMS) {
    const [head = "", , signature = ""] = (await mint({ sub: "alice" }, alg)).split(".");
    const { alg: named, kid } = JSON.parse(atob(head)) as { alg: string; kid: string };
    const key = (await publicKeys()).find((one) => one.kid === kid);
    assert.deepEqual([named, key?.alg], [alg, alg]);
    assert.ok(signature.length > 80 && !Object.hasOwn(key!, "d"), alg);
  }
});
