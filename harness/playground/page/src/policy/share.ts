/** A policy in the fragment of an address, which browsers send to no server. */

import { parse } from "yaml";
import type { Policy } from "./policy";
import { readPolicy } from "./read_policy";

const NAME = "policy=";
/** What a fragment may become when it is unpacked. */
const MOST_BYTES = 1 << 20;

/** The fragment, without its `#`. */
export async function toFragment(policy: Policy): Promise<string> {
  const packed = new Blob([JSON.stringify(policy)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  return NAME + base64url(bytes);
}

/** The policy of a fragment, null where it is not about one; throws where it cannot be read. */
export async function fromFragment(fragment: string): Promise<Policy | null> {
  const text = fragment.replace(/^#/, "");
  if (!text.startsWith(NAME)) return null;
  return readPolicy(JSON.parse(await unpacked(fromBase64url(text.slice(NAME.length)))));
}

async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for (let size = 0; ; ) {
    const { value, done } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > MOST_BYTES) throw new Error("it is larger than a megabyte");
    text += decoder.decode(value, { stream: true });
  }
}

/** Base64 for addresses, without padding (RFC 4648 section 5). */
export function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
}

/** Members of a configuration that hold secrets, wherever they stand. */
const SECRETS = new Set(["hmac", "client_secret", "secret", "key"]);
/** Members of a JWK that are not public (RFC 7518 section 6). */
const PRIVATE_PARTS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** Where the policy has what looks like a private key or a secret; such a one is not shared. */
export function secretsIn(policy: Policy): string[] {
  const found = [...secrets(policy.vars, "variables")];
  try {
    found.push(...secrets(parse(policy.config), "configuration"));
  } catch {
    if (/PRIVATE.KEY/.test(policy.config)) found.push("configuration");
  }
  return found;
}

function* secrets(value: unknown, place: string): Generator<string> {
  if (typeof value === "string" && /PRIVATE.KEY/.test(value)) yield place;
  if (typeof value !== "object" || value === null) return;
  const isKey = "kty" in value;
  for (const [name, member] of Object.entries(value)) {
    const isSecret = typeof member === "string" && (isKey ? PRIVATE_PARTS.includes(name) : SECRETS.has(name));
    if (isSecret) yield `${place}.${name}`;
    else yield* secrets(member, `${place}.${name}`);
  }
}
