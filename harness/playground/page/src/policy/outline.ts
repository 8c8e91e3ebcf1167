/** What the page itself has to know of the text of a scenario file. */

import { isMap, isScalar, isSeq, parseDocument, visit, type Document } from "yaml";

export interface Outline {
  /** Whether it has the members that make a scenario. */
  isScenario: boolean;
  /** Whether it has one of them, as one has that is not finished. */
  isLikeOne: boolean;
  /** The files that it includes. */
  includes: string[];
  /** The modules that it is about. */
  about: string[];
  /** How many it has. */
  expectations: number;
}

/** A text of more letters is not read by the page. */
const LONGEST = 1 << 20;
/** Texts whose outlines are kept: each is asked for with every drawing of the page. */
const MOST_KEPT = 4;
const NOTHING: Outline = { isScenario: false, isLikeOne: false, includes: [], about: [], expectations: 0 };

const kept = new Map<string, Outline>();

/** The outline of a text, whatever it is; of what cannot be read it is empty. */
export function outlineOf(text: string): Outline {
  const known = kept.get(text);
  if (known) return known;
  const outline = read(text);
  const [oldest] = kept.keys();
  if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  kept.set(text, outline);
  return outline;
}

function read(text: string): Outline {
  if (text.length > LONGEST) return NOTHING;
  try {
    return outline(parseDocument(text));
  } catch {
    return NOTHING;
  }
}

/** From what is written alone, as an alias may lead anywhere. */
function outline(document: Document): Outline {
  const { contents, errors } = document;
  if (!isMap(contents)) return { ...NOTHING, expectations: expectations(document) };
  const isLikeOne = ["steps", "filter", "plugins", "module"].some((key) => contents.has(key));
  const isWhole = errors.length === 0;
  const plugins = items(contents.get("plugins", true)).map((plugin) => (isMap(plugin) ? plugin.get("module", true) : null));
  return {
    isScenario: isLikeOne && contents.has("name"),
    isLikeOne,
    includes: isWhole ? texts(items(contents.get("include", true))) : [],
    about: isWhole ? texts([contents.get("module", true), ...plugins]) : [],
    expectations: expectations(document),
  };
}

function expectations(document: Document): number {
  let found = 0;
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) && ["expect", "config_error", "load_error"].includes(String(key.value))) found += 1;
    },
  });
  return found;
}

function items(node: unknown): unknown[] {
  return isSeq(node) ? node.items : [];
}

function texts(nodes: unknown[]): string[] {
  return [...new Set(nodes.flatMap((node) => (isScalar(node) && typeof node.value === "string" ? [node.value] : [])))];
}
