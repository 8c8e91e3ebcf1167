/** What the policy tab is about: a configuration, and what is sent through it. */

export interface Policy {
  /** What it shows, in one sentence. */
  name: string;
  filter: string;
  /** The configuration as it was typed: YAML or JSON. */
  config: string;
  /** What `${name}` stands for. */
  vars: Record<string, unknown>;
  /** The time at the start, RFC 3339; empty for that of the browser. */
  clock: string;
  upstream: Reachability;
  clusters: Cluster[];
  steps: Step[];
}

export type Reachability = "healthy" | "no_healthy_host" | "connect_error";

export type HeaderLine = [name: string, value: string];

export interface Answer {
  status: number;
  headers: HeaderLine[];
  body: string;
  /** How long it takes: `200ms`; empty for no time. */
  after: string;
  fault: "" | "timeout" | "reset" | "reset_mid_body" | "malformed";
}

export interface Cluster {
  name: string;
  reachability: Reachability;
  answers: Answer[];
}

export interface Send {
  kind: "send";
  name: string;
  method: string;
  path: string;
  host: string;
  headers: HeaderLine[];
  body: string;
  http2: boolean;
  upstream: Answer;
}

export interface Advance {
  kind: "advance";
  name: string;
  /** `1s`, `500ms`, `5m`. */
  by: string;
}

export type Step = Send | Advance;

export function answer(part: Partial<Answer> = {}): Answer {
  return { status: 200, headers: [], body: "", after: "", fault: "", ...part };
}

export function send(name: string, part: Partial<Omit<Send, "kind" | "name">> = {}): Send {
  return { kind: "send", name, method: "GET", path: "/", host: "", headers: [], body: "", http2: false, upstream: answer(), ...part };
}

export function advance(by: string, name = ""): Advance {
  return { kind: "advance", name, by };
}

/** What a step is called where it has no name of its own. */
export function title(step: Step): string {
  if (step.name) return step.name;
  return step.kind === "send" ? `${step.method} ${step.path}` : `Time passes: ${step.by}`;
}

const DURATION = /^[0-9]+(ns|us|ms|s|m|h)$/;

/** What is wrong with a duration, or null. */
export function durationProblem(text: string, mayBeEmpty = false): string | null {
  if (mayBeEmpty && text === "") return null;
  return DURATION.test(text) ? null : "A number and a unit: 250ms, 10s, 5m, 1h.";
}
