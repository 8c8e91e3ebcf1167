/** YAML that is read as what was meant, whichever the reader. */

import { Document, visit } from "yaml";

/** Plain words; `nULL`, `0b11` or `1_000` mean something else to one reader or another. */
const PLAIN = /^(?!(null|true|false|yes|no|y|n|on|off|inf|infinity|nan)$)[a-z/][^\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]*$/i;
/** Signs that YAML does not have, or that stand for something else in it. */
const UNSEEN = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** A value as YAML. */
export function toYaml(value: unknown): string {
  // No aliases: the same object twice is written twice.
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === "string" && !PLAIN.test(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  // They are in quoted texts alone.
  return document.toString({ lineWidth: 0 }).replace(UNSEEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A text that is one document, as a part of another: without what begins and ends a document, and with each line where it was. */
export function asPart(text: string): string[] {
  const lines = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n").trimEnd().split("\n");
  const begin = lines.findIndex((line) => !/^(%.*|\s*#.*|\s*)$/.test(line));
  const hasMark = /^---(\s|$)/.test(lines[begin] ?? "");
  const last = lines.findLastIndex((line) => !/^\s*(#.*)?$/.test(line));
  const isEnd = (at: number) => at === last && /^\.\.\.(\s|$)/.test(lines[at] ?? "");
  return lines.map((line, at) => {
    if (isEnd(at) || (hasMark && at < begin && line.startsWith("%"))) return "";
    return hasMark && at === begin ? line.replace(/^---/, "   ").trimEnd() : line;
  });
}
