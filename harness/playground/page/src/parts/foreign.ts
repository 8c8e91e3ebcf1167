/** What files of other kinds are, by how they begin. No name of a file is in what is to be typed into a shell: whoever made the file chose it. */

/** So many bytes are enough to tell. */
export const BEGINNING = 1 << 14;

/** How a file begins; of one that cannot be read, nothing. */
export async function beginningOf(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await file.slice(0, BEGINNING).arrayBuffer().catch(() => new ArrayBuffer(0)));
}

/** What a file seems to be in which no audit record was found, and what makes some of it, in a sentence; null where that is not plain. */
export function insteadOfRecords(beginning: Uint8Array): string | null {
  if (isUtf16(beginning)) return "It is a text in UTF-16: iconv -f UTF-16 -t UTF-8 FILE makes one in UTF-8 of it.";
  const text = textOf(beginning);
  if (/^\s*\[\s*\{/.test(text)) return "It is an array of JSON: jq -c '.[]' FILE makes a line of each record.";
  return isCsv(text) ? "It is CSV, as for a spreadsheet: open the JSON lines that it was made of." : null;
}

/** What a file that is no module is, and what makes one of it, in a sentence; null where that is not plain. */
export function insteadOfModule(beginning: Uint8Array): string | null {
  if (beginning[0] === 0x1f && beginning[1] === 0x8b) return "It is packed with gzip: gunzip FILE unpacks it.";
  const code = textOf(beginning).replace(/\(;[^]*?;\)|;;.*/g, "").trimStart();
  return /^\(module\b/.test(code) ? "It is the text form of a module: wat2wasm FILE makes a module of it." : null;
}

/** The text that these bytes are in UTF-8; null where they are none. */
export function wholeText(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** By its mark, or by the half of the letters of ASCII that are zero. */
function isUtf16([one, two, three, four]: Uint8Array): boolean {
  if ((one === 0xff && two === 0xfe) || (one === 0xfe && two === 0xff)) return true;
  return [[one, three], [two, four]].some((pair) => pair.every((byte) => byte === 0)) && [one, two, three, four].some(Boolean);
}

/** Whether it begins with names between commas. */
function isCsv(text: string): boolean {
  const [head = ""] = text.replace(/^\ufeff/, "").split(/\r?\n/, 1);
  return /^"?[\w .@-]+"?(,"?[\w .@-]+"?){3,}$/.test(head);
}
