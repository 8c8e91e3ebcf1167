/** The throw-away keys of the page: they live as long as the page does, and the browser gives their private halves to nobody. */

import { base64url } from "../parts/base64url";

export const ALGORITHMS = ["EdDSA", "ES256", "RS256"] as const;
export type KeyAlgorithm = (typeof ALGORITHMS)[number];

/** RFC 7517 section 4. */
export interface PublicJwk {
  kty: string;
  kid: string;
  alg: string;
  use: "sig";
  [parameter: string]: string;
}

interface PageKey {
  jwk: PublicJwk;
  sign: (data: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;
}

type Kind = [generate: AlgorithmIdentifier | EcKeyGenParams | RsaHashedKeyGenParams, sign: AlgorithmIdentifier | EcdsaParams, parameters: string[]];

const KINDS: Record<KeyAlgorithm, Kind> = {
  EdDSA: [{ name: "Ed25519" }, "Ed25519", ["crv", "x"]],
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }, ["crv", "x", "y"]],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, "RSASSA-PKCS1-v1_5", ["n", "e"]],
};

const made = new Map<KeyAlgorithm, Promise<PageKey>>();

/** The key for an algorithm, made when it is first asked for; rejects where the browser does not know the algorithm. */
function pageKey(alg: KeyAlgorithm): Promise<PageKey> {
  const key = made.get(alg) ?? make(alg);
  made.set(alg, key);
  return key;
}

async function make(alg: KeyAlgorithm): Promise<PageKey> {
  const [kind, how, parameters] = KINDS[alg];
  const pair = (await crypto.subtle.generateKey(kind, false, ["sign", "verify"])) as CryptoKeyPair;
  const exported = (await crypto.subtle.exportKey("jwk", pair.publicKey)) as Record<string, string>;
  const own = Object.fromEntries(parameters.map((name) => [name, exported[name] ?? ""]));
  // A name of its own, so that the keys of several pages can stand in one set.
  const kid = `playground-${(own["x"] ?? own["n"] ?? "").slice(0, 8)}`;
  return {
    jwk: { kty: exported["kty"] ?? "", ...own, alg, use: "sig", kid },
    sign: async (data) => new Uint8Array(await crypto.subtle.sign(how, pair.privateKey, data)),
  };
}

/** The algorithm that the page signs by where nobody chooses; older browsers have no Ed25519. */
export function usualAlgorithm(): Promise<KeyAlgorithm> {
  return pageKey("EdDSA").then(() => "EdDSA", () => "ES256");
}

/** The public halves of the keys that the page has; at least one. */
export async function publicKeys(): Promise<PublicJwk[]> {
  await pageKey(await usualAlgorithm());
  const keys = await Promise.allSettled(made.values());
  return keys.flatMap((key) => (key.status === "fulfilled" ? [key.value.jwk] : []));
}

/** A token with these claims, signed by a key of the page (RFC 7515 section 3.1). */
export async function mint(claims: Record<string, unknown>, alg?: KeyAlgorithm): Promise<string> {
  const { jwk, sign } = await pageKey(alg ?? (await usualAlgorithm()));
  const signed = `${part({ alg: jwk.alg, typ: "JWT", kid: jwk.kid })}.${part(claims)}`;
  return `${signed}.${base64url(await sign(new TextEncoder().encode(signed)))}`;
}

function part(value: unknown): string {
  return base64url(new TextEncoder().encode(JSON.stringify(value)));
}

/** The variables with keys of the page among those of `jwks`. */
export function withKeys(vars: Record<string, unknown>, jwks: PublicJwk[]): Record<string, unknown> {
  const keys = keysOf(vars["jwks"]);
  // A set of somebody else's making stays as it is.
  if (!keys) return vars;
  const more = jwks.filter(({ kid }) => !keys.some((key) => key["kid"] === kid));
  return more.length === 0 ? vars : { ...vars, jwks: { keys: [...keys, ...more] } };
}

function keysOf(jwks: unknown): Record<string, unknown>[] | null {
  if (jwks === undefined) return [];
  const keys = typeof jwks === "object" && jwks !== null ? (jwks as { keys?: unknown }).keys : undefined;
  return Array.isArray(keys) ? (keys as Record<string, unknown>[]) : null;
}
