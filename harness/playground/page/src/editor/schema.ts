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

const DEFINITIONS = /^#\/\$defs\//;

interface Form {
  form: Schema;
  /** Whether it holds whatever the document says, as one of several alternatives does not. */
  isCertain: boolean;
}

/** Every form that the schema allows: references followed, alternatives laid out. */
function laidOut(root: Schema, schema: Schema, isCertain = true, depth = 0): Form[] {
  if (depth > DEEPEST) return [];
  const name = schema.$ref?.replace(DEFINITIONS, "");
  const target = name === undefined ? undefined : root.$defs?.[name];
  const alternatives = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const isOnly = alternatives.filter(({ type }) => type !== "null").length === 1;
  return [
    { form: schema, isCertain },
    ...[...(target ? [target] : []), ...(schema.allOf ?? [])].flatMap((other) => laidOut(root, other, isCertain, depth + 1)),
    ...alternatives.flatMap((other) => laidOut(root, other, isCertain && isOnly, depth + 1)),
  ];
}

function forms(root: Schema, schema: Schema): Schema[] {
  return laidOut(root, schema).map(({ form }) => form);
}

/** The schemas of what is at this path. */
export function at(root: Schema, path: Path): Schema[] {
  return path.reduce<Schema[]>((found, step) => inside(root, found, step), [root]);
}

/** The schemas of a member, or an item, of what has these. */
export function inside(root: Schema, schemas: Schema[], step: string | number): Schema[] {
  return schemas.flatMap((schema) => forms(root, schema)).flatMap((form) => below(form, step));
}

/** The names of the definitions that these schemas refer to. */
export function definitions(root: Schema, schemas: Schema[]): string[] {
  return schemas.flatMap((schema) => forms(root, schema)).flatMap(({ $ref }) => ($ref ? [$ref.replace(DEFINITIONS, "")] : []));
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
  for (const { form, isCertain } of at(root, path).flatMap((schema) => laidOut(root, schema))) {
    for (const [name, schema] of Object.entries(form.properties ?? {})) {
      if (!found.has(name)) found.set(name, { name, schema, isRequired: isCertain && (form.required?.includes(name) ?? false) });
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
