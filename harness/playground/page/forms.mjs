// Makes types of a JSON Schema: node forms.mjs < SCHEMA > src/forms.ts
import { text } from "node:stream/consumers";
import { compile } from "json-schema-to-typescript";

const schema = JSON.parse(await text(process.stdin), (_, value) => withoutNull(value));
const types = await compile(schema, "Border", {
  additionalProperties: false,
  bannerComment: "/** What goes between the page and the engine. It is made from the code of the engine: see `forms.rs` there. */",
  style: { printWidth: 160 },
});
// A comment of one line takes one.
process.stdout.write(types.replace(/\/\*\*\n *\* (.*)\n *\*\//g, "/** $1 */"));

/** A member that may be left out is left out, and is never null. */
function withoutNull(schema) {
  for (const [name, member] of Object.entries(schema?.properties ?? {})) {
    if (schema.required?.includes(name)) continue;
    if (Array.isArray(member.type)) member.type = member.type.filter((type) => type !== "null");
    if (member.anyOf) member.anyOf = member.anyOf.filter(({ type }) => type !== "null");
  }
  return schema;
}
