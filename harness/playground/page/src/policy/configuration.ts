/** Configurations of filters in files that are no scenarios. */

import { parseAllDocuments, stringify } from "yaml";
import type { Engine, Filter } from "../engine";
import type { Schema } from "../editor/schema";

export interface Configuration {
  filter: string;
  config: string;
}

/** What a text is the configuration of, or has in it for a plugin as manifests of Envoy and Istio do; null where no filter knows most of its members. */
export async function configurationIn(engine: Engine, filters: Filter[], text: string): Promise<Configuration | null> {
  const candidates = parts(text);
  for (const { config } of candidates) {
    for (const { name } of filters) {
      if ((await engine.check(name, config, {})) === null) return { filter: name, config };
    }
  }
  for (const { config, members } of candidates) {
    for (const { name } of filters) {
      const { properties = {} } = (await engine.schema(name)) as Schema;
      const known = members.filter((member) => Object.hasOwn(properties, member));
      if (2 * known.length > members.length) return { filter: name, config };
    }
  }
  return null;
}

interface Part {
  config: string;
  members: string[];
}

function parts(text: string): Part[] {
  const documents = parseAllDocuments(text);
  const roots: unknown[] = "empty" in documents ? [] : documents.map((document) => (document.errors.length > 0 ? null : document.toJS()));
  const whole = roots.length === 1 ? part(roots[0], text) : [];
  return [...whole, ...roots.flatMap((root) => [...plugins(root)])];
}

/** What stands under `pluginConfig`, and in the `value` of a `configuration`. */
function* plugins(value: unknown): Generator<Part> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (name === "pluginConfig") yield* part(member);
    else if (name === "configuration" && typeof member === "object" && member !== null && "value" in member) yield* part(member.value);
    else yield* plugins(member);
  }
}

function part(value: unknown, written?: string): Part[] {
  // A text in a manifest is read once more, and a text in that is none.
  if (typeof value === "string") return written === undefined ? parts(value) : [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const members = Object.keys(value);
  return members.length > 0 ? [{ config: written ?? stringify(value, { lineWidth: 0 }), members }] : [];
}
