/** Private keys and other secrets in a policy: such a one is not shared. What a client would send as its own, such as an API key, may be made up; that is asked about. */

import { parse } from "yaml";
import { definitions, inside, type Schema } from "../editor/schema";
import type { Engine } from "../engine";
import { MOST_DEPTH } from "./depth";
import type { Answer, HeaderLine, Policy, Step } from "./policy";

/** Definitions of the schemas whose values are secrets. */
const SECRET = /^(Secret|SignConfig)\d*$/;
/** Definitions of headers that a filter sends of its own, such as a key. */
const HEADER = /^(Export)?HeaderConfig\d*$/;
/** Those of them that are no keys. */
const HARMLESS = /^(accept|accept-encoding|content-encoding|content-type|user-agent)$/i;
/** Names of what is a secret wherever it stands. */
const NAMES = /^(hmac|bearer|client[-_]?secret|.*passw(or)?d|passphrase|(x-)?api[-_]?key|(private|access|secret)[-_]?key|x-.*-(key|secret|token))$/i;
/** Those of them that nobody sends. */
const KEPT = /hmac|private|passphrase|client[-_]?secret/i;
/** Names of what is one in a configuration or a variable; elsewhere they are those of anything. */
const OWN_NAMES = /^(secret|key)$/i;
/** Members of a JWK that are not public (RFC 7518 section 6). */
const PRIVATE_PARTS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const PRIVATE_KEY = /PRIVATE.KEY/;
const BASIC = /^\s*basic\s+\S/i;
/** What a text begins with, or has in it, that stands for a password. */
const PASSWORD = /^\s*basic\s+\S|\b(client_secret|password)=\S/i;
/** A JWK within what cannot be read. */
const BROKEN_JWK = /"kty"[^]*"(d|k)"\s*:|"(d|k)"\s*:[^]*"kty"/;

/** Why a policy is not for everybody. */
export interface Secret {
  /** In a sentence. */
  said: string;
  /** Whether there are no others than those that a client sends in headers, which may be made up. */
  isSent: boolean;
}

/** Why a policy is not for everybody; null where nothing is known against that. */
export async function secretOf(engine: Engine, policy: Policy): Promise<Secret | null> {
  const schema = (await engine.schema(policy.filter)) as Schema;
  try {
    const [found, sent] = [secretsIn(policy, schema), credentialsIn(policy)];
    if (found.length > 0) return { said: `There is a private key or another secret in it (${[...found, ...sent].join(", ")}).`, isSent: false };
    return sent.length > 0 ? { said: `A request has what looks like a key or a password in it (${sent.join(", ")}).`, isSent: true } : null;
  } catch (error) {
    return { said: `The configuration cannot be read, so nobody can tell whether there is a secret in it: ${(error as Error).message.split("\n")[0]}`, isSent: false };
  }
}

/** Where requests have a key or a password that a client sends in a header. */
export function credentialsIn({ steps }: Pick<Policy, "steps">): string[] {
  const found = steps.flatMap((step, index) => (step.kind === "send" ? step.headers.filter(isCredential).map(([name]) => `step ${index + 1}, ${name.trim()}`) : []));
  return [...new Set(found)];
}

function isCredential([name, value]: HeaderLine): boolean {
  if (KEPT.test(name) || value === "" || PRIVATE_KEY.test(value)) return false;
  return BASIC.test(value) || (NAMES.test(name.trim()) && ofText(value, name).length === 0);
}

/** Where the policy has what is a private key or another secret, or looks like one, besides its `credentialsIn`; throws where its configuration cannot be read. */
export function secretsIn({ name, vars, config, clusters, steps }: Policy, schema: Schema): string[] {
  const found = [
    ...within(vars, { place: "variables", names: OWN_NAMES, schemas: [], root: schema }),
    ...within(parse(config), { place: "configuration", names: OWN_NAMES, schemas: [schema], root: schema }),
    ...clusters.flatMap((cluster) => cluster.answers.flatMap((answer, index) => ofAnswer(answer, `cluster ${cluster.name}, answer ${index + 1}`))),
    ...steps.flatMap((step, index) => ofStep(step, `step ${index + 1}`)),
    ...ofText(name, "name"),
  ];
  if (found.length === 0 && PRIVATE_KEY.test(config)) found.push("a comment of the configuration");
  return [...new Set(found)];
}

function ofStep(step: Step, place: string): string[] {
  if (step.kind === "advance") return ofText(step.name, place);
  const texts = [step.name, step.method, step.path, step.host].flatMap((text) => ofText(text, place));
  return [...texts, ...ofHeaders(step.headers.filter((header) => !isCredential(header)), place), ...ofText(step.body, `${place}, body`), ...ofAnswer(step.upstream, `${place}, upstream`)];
}

function ofAnswer({ headers, body }: Answer, place: string): string[] {
  return [...ofHeaders(headers, place), ...ofText(body, `${place}, body`)];
}

function ofHeaders(headers: HeaderLine[], place: string): string[] {
  return headers.flatMap(([name, value]) => (NAMES.test(name.trim()) && value ? [`${place}, ${name.trim()}`] : ofText(value, `${place}, ${name.trim()}`)));
}

function ofText(text: string, place: string): string[] {
  return [...within(text, { place, names: null, schemas: [], root: {} })];
}

interface Where {
  place: string;
  /** Names of secrets besides those that are so everywhere. */
  names: RegExp | null;
  /** What the schema says of what is here. */
  schemas: Schema[];
  root: Schema;
}

function* within(value: unknown, where: Where, around: unknown[] = []): Generator<string> {
  const { place, names, schemas, root } = where;
  const known = definitions(root, schemas);
  if (value === null || value === undefined) return;
  if (around.includes(value) || around.length > MOST_DEPTH) throw new Error(`${place} is too deep, or a part of itself`);
  if (known.some((name) => SECRET.test(name)) || (known.some((name) => HEADER.test(name)) && isKeyHeader(value))) yield place;
  else if (typeof value === "string") yield* inText(value, where, around);
  else if (typeof value === "object") {
    const isJwk = "kty" in value;
    for (const [name, member] of Object.entries(value)) {
      const below = `${place}.${name}`;
      const isNamed = isJwk ? PRIVATE_PARTS.includes(name) : isPlain(member) && (NAMES.test(name) || names?.test(name));
      if (isNamed) yield below;
      else yield* within(member, { place: below, names, schemas: inside(root, schemas, Array.isArray(value) ? Number(name) : name), root }, [...around, value]);
    }
  }
}

/** A text may be a JSON of its own, such as a set of keys. */
function* inText(text: string, { place, names, root }: Where, around: unknown[]): Generator<string> {
  if (PRIVATE_KEY.test(text) || PASSWORD.test(text)) return yield place;
  if (!/^\s*[{[]/.test(text)) return;
  const read = json(text);
  if (read !== undefined) yield* within(read, { place, names, schemas: [], root }, [...around, text]);
  else if (BROKEN_JWK.test(text)) yield place;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether it is a single value that is not empty. */
function isPlain(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint" || (typeof value === "string" && value !== "");
}

function isKeyHeader(value: unknown): boolean {
  const name = typeof value === "object" && value !== null && "name" in value ? value.name : null;
  return typeof name === "string" && !HARMLESS.test(name);
}
