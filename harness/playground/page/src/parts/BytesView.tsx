import type { Bytes } from "../engine";
import { laidOut } from "./laid_out";

/** Bytes for people: JSON set out in lines, other text as it is, anything else in hexadecimal. */
export function BytesView({ bytes, label }: { bytes: Bytes | null; label: string }) {
  if (!bytes || bytes.size === 0) return <p class="quiet">No body.</p>;
  const shown = bytes.text !== undefined ? laidOut(bytes.text) : spaced(bytes.hex ?? "");
  const isCut = bytes.text !== undefined ? new Blob([bytes.text]).size < bytes.size : (bytes.hex ?? "").length / 2 < bytes.size;
  return (
    <>
      <pre class="code block" tabIndex={0} role="region" aria-label={label}>{shown}</pre>
      {isCut && <p class="quiet">Cut here; all of it is {bytes.size} bytes.</p>}
    </>
  );
}

function spaced(hex: string): string {
  return hex.replace(/(..)/g, "$1 ").replace(/((?:.. ){16})/g, "$1\n").trim();
}
