/** Completion and documentation from a schema. */

import { snippetCompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { hoverTooltip, type EditorView, type Tooltip } from "@codemirror/view";
import { pathAt, placeAt } from "./place";
import { describe, membersAt, valuesAt, type Path, type Schema } from "./schema";

type SchemaNow = () => Schema | null;

/** What may stand at the cursor. */
export function completeFrom(schemaNow: SchemaNow) {
  return (context: CompletionContext): CompletionResult | null => {
    const schema = schemaNow();
    const word = context.matchBefore(/[\w.-]*/);
    if (!schema || !word || (word.from === word.to && !context.explicit)) return null;
    const text = context.state.doc.toString();
    const to = context.pos + (/^[\w.-]*/.exec(text.slice(context.pos))?.[0].length ?? 0);
    const place = placeAt(text, word.from, to);
    if (!place) return null;
    const names = place.takes === "value" ? [] : memberOptions(schema, place.path, place.siblings, /^["']?\s*:/.test(text.slice(to)));
    const values = place.takes === "name" ? [] : [...valueOptions(schema, place.path), ...(place.takes === "value" ? objectOptions(schema, place.path) : [])];
    return { from: word.from, to, options: [...names, ...values], validFor: /^[\w.-]*$/ };
  };
}

function memberOptions(schema: Schema, path: Path, siblings: string[], hasColon: boolean): Completion[] {
  return membersAt(schema, path)
    .filter(({ name }) => !siblings.includes(name))
    .map(({ name, isRequired }) => ({
      label: name,
      type: "property",
      detail: isRequired ? "required" : "",
      boost: isRequired ? 1 : 0,
      apply: hasColon ? name : `${name}: `,
      info: () => documentation(schema, [...path, name]),
    }));
}

function valueOptions(schema: Schema, path: Path): Completion[] {
  return valuesAt(schema, path).map(({ value, description }) => ({ label: String(value), type: "enum", info: description || undefined! }));
}

/** Objects in braces, by the member that each begins with. */
function objectOptions(schema: Schema, path: Path): Completion[] {
  return membersAt(schema, path).map(({ name }) =>
    snippetCompletion(`{ ${name}: ${"#{}"} }`, { label: name, displayLabel: `{ ${name}: }`, type: "property", info: () => documentation(schema, [...path, name]) }),
  );
}

/** Says what a member is for when the pointer rests on it. */
export function documentationOf(schemaNow: SchemaNow) {
  return hoverTooltip((view: EditorView, position: number): Tooltip | null => {
    const schema = schemaNow();
    const found = schema && pathAt(view.state.doc.toString(), position);
    if (!schema || !found) return null;
    const { text, fallback } = describe(schema, found.path);
    if (!text && fallback === null) return null;
    return { pos: found.from, end: found.to, create: () => ({ dom: documentation(schema, found.path) }) };
  });
}

function documentation(schema: Schema, path: Path): HTMLElement {
  const { text, fallback } = describe(schema, path);
  const node = document.createElement("div");
  node.className = "editor-help";
  node.textContent = [text, fallback === null ? "" : `Left out: ${fallback}`].filter(Boolean).join("\n\n");
  return node;
}
