/** Texts for people, with nothing in them that nobody sees. */

import { visible } from "./visible";

/** How many times as long a text may become. */
const MOST_GROWTH = 4;
/** Up to here that is no matter. */
const SHORT = 1 << 12;

/** JSON, or lines of JSON, with one member per line where that tells all that is there; else the text itself. Signs that nobody would see are written out. */
export function laidOut(text: string): string {
  return readable(inLines([text]) ?? inLines(text.trim().split("\n")) ?? text);
}

function inLines(texts: string[]): string | null {
  const laid: string[] = [];
  for (const text of texts) {
    const one = inMembers(text);
    if (one === null) return null;
    laid.push(one);
  }
  return laid.join("\n");
}

/** Null where the text is no JSON, or says something that would be lost: one of two equal members, the digits of a large number. */
function inMembers(text: string): string | null {
  if (!/^\s*[{[]/.test(text)) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (JSON.stringify(value) !== dense(text) || grown(text) > Math.max(SHORT, MOST_GROWTH * text.length)) return null;
    return JSON.stringify(value, null, 2);
  } catch {
    return null;
  }
}

const STRING_OR_SPACE = /("(?:[^"\\]|\\.)*")|\s+/g;

/** JSON without what stands between its signs, and with the texts in it written as `JSON.stringify` does. */
function dense(text: string): string {
  return text.replace(STRING_OR_SPACE, (_, string: string | undefined) => (string === undefined ? "" : JSON.stringify(JSON.parse(string))));
}

/** How long it becomes at most: each sign that begins a line has as many spaces before it as its depth asks for. */
function grown(text: string): number {
  let [length, depth] = [0, 0];
  for (const [sign] of text.matchAll(/"(?:[^"\\]|\\.)*"|[^]/g)) {
    if (sign === "{" || sign === "[") depth += 1;
    else if (sign === "}" || sign === "]") depth -= 1;
    length += "{}[],".includes(sign) ? 2 + 2 * depth : sign.length;
  }
  return length;
}

/** With line breaks and tabulators as they are, as those lay a text out. */
function readable(text: string): string {
  return text.split(/(\r?\n|\t)/).map((part, index) => (index % 2 === 0 ? visible(part) : part)).join("");
}
