/** A policy in the fragment of an address, which browsers send to no server. */

import { base64url, fromBase64url } from "../parts/base64url";
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
