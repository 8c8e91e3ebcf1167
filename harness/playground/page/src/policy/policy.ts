/** What the policy tab is about: a configuration, and what is sent through it. */

export interface Policy {
  /** What it shows, in one sentence; may be empty. */
  name: string;
  filter: string;
  /** The configuration as it was typed: YAML or JSON. */
  config: string;
  /** What `${name}` stands for. */
  vars: Record<string, unknown>;
  /** What was typed for the variables last, where it cannot be read: they are still those before it. */
  unreadVars?: string | undefined;
  /** The time at the start, in UTC; empty for that of the browser. */
  clock: string;
  upstream: Reachability;
  clusters: Cluster[];
  steps: Step[];
}

/** With how each is said. */
export const REACHABILITIES = [
  ["healthy", "can be reached"],
  ["no_healthy_host", "has no healthy host"],
  ["connect_error", "refuses connections"],
] as const;

export type Reachability = (typeof REACHABILITIES)[number][0];

/** What else than answering a server may do, with how each is said; the first is to answer. */
export const FAULTS = [
  ["", "answers"],
  ["timeout", "never answers"],
  ["reset", "closes the connection"],
  ["reset_mid_body", "closes it within the body"],
  ["malformed", "answers something that is no HTTP"],
] as const;

export type HeaderLine = [name: string, value: string];

export interface Answer {
  status: number;
  headers: HeaderLine[];
  body: string;
  /** How long it takes: `200ms`; empty for no time. */
  after: string;
  fault: (typeof FAULTS)[number][0];
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

/** Whether it answers with a status, headers and a body, whole or in part. */
export function hasAnswer({ fault }: Answer): boolean {
  return fault === "" || fault === "reset_mid_body";
}
