/** What a JSON Schema says about a place in a document. */

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  description?: string;
  title?: string;
  type?: string | string[];
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  pattern?: string;
}

/** Members of objects by name, items of lists by number. */
export type Path = (string | number)[];

export interface Member {
  name: string;
  schema: Schema;
  isRequired: boolean;
}

export interface Value {
  value: unknown;
  description: string;
}

/** References that lead to themselves end here. */
const DEEPEST = 32;

/** Every form that the schema allows: references followed, alternatives laid out. */
function forms(root: Schema, schema: Schema, depth = 0): Schema[] {
  if (depth > DEEPEST) return [];
  const name = schema.$ref?.replace(/^#\/\$defs\//, "");
  const target = name === undefined ? undefined : root.$defs?.[name];
  const others = [...(target ? [target] : []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [schema, ...others.flatMap((other) => forms(root, other, depth + 1))];
}

/** The schemas of what is at this path. */
export function at(root: Schema, path: Path): Schema[] {
  return path.reduce<Schema[]>((found, step) => found.flatMap((schema) => forms(root, schema)).flatMap((form) => below(form, step)), [root]);
}

function below(form: Schema, step: string | number): Schema[] {
  if (typeof step === "number") return form.items ? [form.items] : [];
  const member = form.properties && Object.hasOwn(form.properties, step) ? form.properties[step] : undefined;
  if (member) return [member];
  return typeof form.additionalProperties === "object" ? [form.additionalProperties] : [];
}

/** The members that an object at this path may have. */
export function membersAt(root: Schema, path: Path): Member[] {
  const found = new Map<string, Member>();
  for (const form of at(root, path).flatMap((schema) => forms(root, schema))) {
    for (const [name, schema] of Object.entries(form.properties ?? {})) {
      if (!found.has(name)) found.set(name, { name, schema, isRequired: form.required?.includes(name) ?? false });
    }
  }
  return [...found.values()];
}

/** The values that are named for this path. */
export function valuesAt(root: Schema, path: Path): Value[] {
  return at(root, path).flatMap((schema) => forms(root, schema)).flatMap((form): Value[] => {
    const description = form.description ?? "";
    if (form.const !== undefined) return [{ value: form.const, description }];
    if (form.enum) return form.enum.map((value) => ({ value, description }));
    return form.type === "boolean" ? [{ value: true, description: "" }, { value: false, description: "" }] : [];
  });
}

/** What is said about this path: that of the member itself, and then that of its type. */
export function describe(root: Schema, path: Path): { text: string; fallback: string | null } {
  const schemas = at(root, path);
  const texts = schemas.flatMap((schema) => [schema.description, ...forms(root, schema).slice(1, 2).map((form) => form.description)]);
  const fallback = schemas.find((schema) => schema.default !== undefined)?.default;
  return {
    text: [...new Set(texts.filter((text) => text !== undefined && text !== ""))].join("\n\n"),
    fallback: fallback === undefined ? null : JSON.stringify(fallback),
  };
}
