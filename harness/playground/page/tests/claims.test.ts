import assert from "node:assert/strict";
import { test } from "node:test";
import { claimsFor, timed } from "../src/policy/claims";
import { EXAMPLES } from "../src/policy/examples";
import { ALGORITHMS, mint, publicKeys } from "../src/policy/page_key";

const FIRST = { ...EXAMPLES[0]!.policy, clock: "2026-01-01T00:00:00Z" };

test("claims are those that the first provider takes", () => {
  const config = "providers:\n  - { name: a, issuer: https://a.example, audiences: [one, two] }\n  - { name: b, issuer: https://b.example }\n";
  assert.deepEqual(claimsFor(config), { iss: "https://a.example", aud: "one", sub: "alice" });
  assert.deepEqual(claimsFor("jwt_auth: { providers: [{ issuers: [https://c.example] }] }"), { iss: "https://c.example", sub: "alice" });
  for (const none of ["", "providers: [", "limits: []", "providers: 3"]) assert.deepEqual(claimsFor(none), { iss: "https://issuer.example", sub: "alice" }, none);
});

test("times are those of the start, and take the place of others", () => {
  const start = Date.parse(FIRST.clock) / 1000;
  assert.deepEqual(timed({ sub: "x", nbf: 1, exp: 2 }, "good", FIRST), { sub: "x", iat: start, exp: start + 3600 });
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
