/** The throw-away key of the page: it lives as long as the page does, and the browser gives its private half to nobody. */

import { base64url } from "./share";

export interface PageKey {
  alg: "EdDSA" | "ES256";
  jwk: PublicJwk;
  sign: (data: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;
}

export interface PublicJwk {
  kty: string;
  crv: string;
  x: string;
  y?: string;
  alg: string;
  use: "sig";
  kid: string;
}

let made: Promise<PageKey> | undefined;

/** The key, made when it is first asked for. */
export function pageKey(): Promise<PageKey> {
  made ??= make();
  return made;
}

async function make(): Promise<PageKey> {
  // Older browsers have no Ed25519.
  return key("EdDSA", { name: "Ed25519" }, "Ed25519").catch(() =>
    key("ES256", { name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }),
  );
}

async function key(alg: PageKey["alg"], kind: AlgorithmIdentifier | EcKeyGenParams, how: AlgorithmIdentifier | EcdsaParams): Promise<PageKey> {
  const pair = (await crypto.subtle.generateKey(kind, false, ["sign", "verify"])) as CryptoKeyPair;
  const { kty = "", crv = "", x = "", y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  // A name of its own, so that the keys of several pages can stand in one set.
  const kid = `playground-${x.slice(0, 8)}`;
  return {
    alg,
    jwk: { kty, crv, x, ...(y === undefined ? {} : { y }), alg, use: "sig", kid },
    sign: async (data) => new Uint8Array(await crypto.subtle.sign(how, pair.privateKey, data)),
  };
}

/** A token with these claims, signed by the key of the page (RFC 7515 section 3.1). */
export async function mint(claims: Record<string, unknown>): Promise<string> {
  const { alg, jwk, sign } = await pageKey();
  const signed = `${part({ alg, typ: "JWT", kid: jwk.kid })}.${part(claims)}`;
  return `${signed}.${base64url(await sign(new TextEncoder().encode(signed)))}`;
}

function part(value: unknown): string {
  return base64url(new TextEncoder().encode(JSON.stringify(value)));
}

/** The variables with the key of the page among those of `jwks`, for a configuration that names it. */
export function withKey(vars: Record<string, unknown>, jwk: PublicJwk): Record<string, unknown> {
  const keys = keysOf(vars["jwks"]);
  // A set of somebody else's making stays as it is.
  if (!keys || keys.some((key) => key["kid"] === jwk.kid)) return vars;
  return { ...vars, jwks: { keys: [...keys, jwk] } };
}

function keysOf(jwks: unknown): Record<string, unknown>[] | null {
  if (jwks === undefined) return [];
  const keys = typeof jwks === "object" && jwks !== null ? (jwks as { keys?: unknown }).keys : undefined;
  return Array.isArray(keys) ? (keys as Record<string, unknown>[]) : null;
}
