import type { Engine, RecordRead, Span } from "../engine";
import { Refused } from "../refused";

/** A line of a file, and where it is. */
export interface Place extends Span {
  line: number;
}

/** How much is read at once. */
const PIECE = 4 << 20;
/** More of a line is not shown. */
const LONGEST = 1 << 20;
/** No record is longer. */
const LONGEST_RECORD = 16 << 20;
const NEWLINE = 0x0a;

/** The place of a line, counted from 1 on, in a file of any size; null where it has not so many. `near` is a line before it, from where to count. */
export async function placeOf(file: File, line: number, near?: Place): Promise<Place | null> {
  const isBehind = near !== undefined && near.line <= line;
  let [at, offset] = isBehind ? [near.line, near.offset] : [1, 0];
  let start = offset;
  while (offset < file.size) {
    const bytes = await piece(file, offset);
    for (let from = 0; ; ) {
      const end = bytes.indexOf(NEWLINE, from);
      if (end < 0) break;
      if (at === line) return { line, offset: start, length: offset + end - start };
      at += 1;
      from = end + 1;
      start = offset + from;
    }
    offset += bytes.length;
  }
  return at === line && start < file.size ? { line, offset: start, length: file.size - start } : null;
}

async function piece(file: File, offset: number): Promise<Uint8Array> {
  return new Uint8Array(await file.slice(offset, offset + PIECE).arrayBuffer());
}

/** The text at a place; `isCut` where only the beginning of it was read. */
export async function textAt(file: File, { offset, length }: Place): Promise<{ text: string; isCut: boolean }> {
  const text = await file.slice(offset, offset + Math.min(length, LONGEST)).text();
  return { text: text.replace(/[\r\n]+$/, ""), isCut: length > LONGEST };
}

/** What is at a place. */
export interface Content {
  /** Null where it is no record. */
  record: RecordRead | null;
  text: string;
  isCut: boolean;
  /** Why it is none. */
  problem: string | null;
}

/** What is at a place: a record, also one that is no text in the file, or a line of something else. */
export async function contentAt(engine: Pick<Engine, "record">, file: File, place: Place): Promise<Content> {
  const { offset, length } = place;
  const bytes = await file.slice(offset, offset + Math.min(length, LONGEST_RECORD)).arrayBuffer();
  try {
    const record = await engine.record(new Uint8Array(bytes));
    return { record, text: record.json.slice(0, LONGEST), isCut: record.json.length > LONGEST, problem: null };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { record: null, ...(await textAt(file, place)), problem: error.refusal.problem };
  }
}
