/** Where in a YAML document a position is. */

import { isMap, isPair, isScalar, isSeq, parseDocument, visit, type Node, type Pair } from "yaml";
import type { Path } from "./schema";

/** Stands in for what is being written. */
const MARK = "portcullis__cursor";

export interface Place {
  /** That of the object or value that is being written. */
  path: Path;
  /** Whether a member's name may stand here, a value, or both. */
  takes: "name" | "value" | "both";
  /** The members that are there already. */
  siblings: string[];
}

type Ancestors = readonly unknown[];

/** What may be written in place of `from` to `to`; null within comments and the like. */
export function placeAt(text: string, from: number, to: number): Place | null {
  const line = text.slice(text.lastIndexOf("\n", from - 1) + 1, from);
  const behind = /^[^\n]*/.exec(text.slice(to))?.[0] ?? "";
  const beginsLine = /^\s*(-\s+)*["']?$/.test(line);
  const isName = /^["']?\s*:/.test(behind);
  // Alone on its line it becomes a member, so that what follows stays one.
  const mark = beginsLine && behind.trim() === "" ? `${MARK}: x` : MARK;
  const document = parseDocument(text.slice(0, from) + mark + text.slice(to), { keepSourceTokens: false });
  let place: Place | null = null;
  visit(document, {
    Pair(_, pair, ancestors) {
      if (!isScalar(pair.key) || pair.key.value !== MARK) return undefined;
      const isAlone = beginsLine && !isName;
      place = { path: pathOf(ancestors), takes: isAlone || !isInMap(ancestors) ? "both" : "name", siblings: siblings(ancestors) };
      return visit.BREAK;
    },
    Scalar(key, node, ancestors) {
      if (node.value !== MARK || key === "key") return undefined;
      place = { path: pathOf([...ancestors, ...(typeof key === "number" ? [key] : [])]), takes: "value", siblings: [] };
      return visit.BREAK;
    },
  });
  return place;
}

/** The path of the member whose name or value is at this position, and whether it is its name. */
export function pathAt(text: string, position: number): { path: Path; from: number; to: number } | null {
  let found: { path: Path; from: number; to: number } | null = null;
  visit(parseDocument(text), {
    Scalar(key, node, ancestors) {
      const [from, to] = node.range ?? [0, 0];
      if (position < from || position > to || from === to) return undefined;
      found = { path: pathOf(typeof key === "number" ? [...ancestors, key] : [...ancestors]), from, to };
      return visit.BREAK;
    },
  });
  return found;
}

/** The steps from the root; a number at the end is an index. */
function pathOf(ancestors: Ancestors): Path {
  const path: Path = [];
  ancestors.forEach((ancestor, depth) => {
    if (isPair(ancestor) && isScalar((ancestor as Pair<Node>).key)) path.push(String((ancestor as Pair<{ value: unknown } & Node>).key.value));
    const next = ancestors[depth + 1];
    if (isSeq(ancestor)) path.push(typeof next === "number" ? next : Math.max(0, ancestor.items.indexOf(next)));
  });
  return path;
}

function isInMap(ancestors: Ancestors): boolean {
  return isMap(ancestors.at(-1));
}

function siblings(ancestors: Ancestors): string[] {
  const map = ancestors.at(-1);
  if (!isMap(map)) return [];
  return map.items.flatMap(({ key }) => (isScalar(key) && key.value !== MARK ? [String(key.value)] : []));
}
