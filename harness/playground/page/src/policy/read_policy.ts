/** A policy from a shared link: whatever somebody has put there, so each member is looked at. */

import { isDeep, MOST_DEPTH } from "./depth";
import { FAULTS, REACHABILITIES, type Answer, type Cluster, type HeaderLine, type Policy, type Step } from "./policy";

/** A page with more is of no use to anybody. */
const MOST_ENTRIES = 1000;

/** The policy; throws where it is none, and says which member is wrong. */
export function readPolicy(value: unknown): Policy {
  const policy = record(value, "the policy");
  return {
    name: text(policy, "name"),
    filter: text(policy, "filter"),
    config: text(policy, "config"),
    vars: variables(policy),
    clock: text(policy, "clock"),
    upstream: oneOf(policy, "upstream", names(REACHABILITIES)),
    clusters: list(policy, "clusters", readCluster),
    steps: list(policy, "steps", readStep),
  };
}

function variables(policy: Record<string, unknown>): Policy["vars"] {
  const vars = record(policy["vars"], "vars");
  if (isDeep(vars)) throw new Error(`vars are more than ${MOST_DEPTH} levels deep`);
  return vars;
}

function readCluster(value: unknown): Cluster {
  const cluster = record(value, "a cluster");
  return { name: text(cluster, "name"), reachability: oneOf(cluster, "reachability", names(REACHABILITIES)), answers: list(cluster, "answers", readAnswer) };
}

function readStep(value: unknown): Step {
  const step = record(value, "a step");
  if (step["kind"] === "advance") return { kind: "advance", name: text(step, "name"), by: text(step, "by") };
  return {
    kind: oneOf(step, "kind", ["send"] as const),
    name: text(step, "name"),
    method: text(step, "method"),
    path: text(step, "path"),
    host: text(step, "host"),
    headers: list(step, "headers", readHeader),
    body: text(step, "body"),
    http2: step["http2"] === true,
    upstream: readAnswer(step["upstream"]),
  };
}

function readAnswer(value: unknown): Answer {
  const answer = record(value, "an answer");
  return {
    status: number(answer, "status"),
    headers: list(answer, "headers", readHeader),
    body: text(answer, "body"),
    after: text(answer, "after"),
    fault: oneOf(answer, "fault", names(FAULTS)),
  };
}

function readHeader(value: unknown): HeaderLine {
  const [name, content] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof name !== "string" || typeof content !== "string") throw new Error("a header is not a pair of texts");
  return [name, content];
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${what} is not an object`);
  return value as Record<string, unknown>;
}

function text(of: Record<string, unknown>, name: string): string {
  const value = of[name];
  if (typeof value !== "string") throw new Error(`${name} is not a text`);
  return value;
}

function number(of: Record<string, unknown>, name: string): number {
  const value = of[name];
  if (typeof value !== "number") throw new Error(`${name} is not a number`);
  return value;
}

function names<T extends string>(said: readonly (readonly [T, string])[]): T[] {
  return said.map(([name]) => name);
}

function oneOf<T>(of: Record<string, unknown>, name: string, known: readonly T[]): T {
  const found = known.find((entry) => entry === of[name]);
  if (found === undefined) throw new Error(`${name} is none of ${known.filter(Boolean).join(", ")}`);
  return found;
}

function list<T>(of: Record<string, unknown>, name: string, entry: (value: unknown) => T): T[] {
  const value = of[name];
  if (!Array.isArray(value)) throw new Error(`${name} is not a list`);
  if (value.length > MOST_ENTRIES) throw new Error(`${name} has more than ${MOST_ENTRIES} entries`);
  return value.map(entry);
}
