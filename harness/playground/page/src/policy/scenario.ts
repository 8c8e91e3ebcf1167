/** A policy as a scenario file, the form that the engine and `portcullis test` play. */

import { stringify } from "yaml";
import { title, type Answer, type Cluster, type HeaderLine, type Policy, type Send, type Step } from "./policy";

export interface Scenario {
  text: string;
  /** The line before the first one of the configuration. */
  configLine: number;
  configLines: number;
}

/** What must hold after the step of this index. */
export type Expect = (step: number) => Record<string, unknown> | undefined;

/** The scenario of a policy that starts at this time; the configuration stands in it as it was typed. */
export function toScenario(policy: Policy, clock: string, expect: Expect = () => undefined): Scenario {
  const head = write({ name: policy.name || "From the playground", filter: policy.filter, clock });
  const config = policy.config.replace(/\r\n?/g, "\n").trimEnd().split("\n");
  const body = config.map((line) => (line === "" ? "" : `  ${line}`)).join("\n");
  const rest = write({
    upstream: policy.upstream === "healthy" ? undefined : policy.upstream,
    vars: Object.keys(policy.vars).length > 0 ? policy.vars : undefined,
    clusters: policy.clusters.length > 0 ? clusters(policy.clusters) : undefined,
    steps: policy.steps.map((step, index) => stepFile(step, expect(index))),
  });
  const configLine = head.split("\n").length;
  return { text: `${head}config:\n${body}\n${rest}`, configLine, configLines: config.length };
}

function write(value: unknown): string {
  // No aliases: the same object twice is written twice.
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

function stepFile(step: Step, expect: Record<string, unknown> | undefined): unknown {
  if (step.kind === "advance") return { name: title(step), advance: step.by, expect };
  return { name: title(step), request: requestFile(step), upstream: answerFile(step.upstream), expect };
}

function requestFile(step: Send): unknown {
  return {
    protocol: step.http2 ? "http2" : undefined,
    method: step.method === "GET" ? undefined : step.method,
    path: step.path,
    host: step.host || undefined,
    headers: headersFile(step.headers),
    body: step.body || undefined,
  };
}

function answerFile(answer: Answer): Record<string, unknown> | undefined {
  const isBroken = answer.fault !== "" && answer.fault !== "reset_mid_body";
  const file = {
    fault: answer.fault || undefined,
    status: isBroken || answer.status === 200 ? undefined : answer.status,
    headers: isBroken ? undefined : headersFile(answer.headers),
    body: isBroken ? undefined : answer.body || undefined,
    after: answer.after || undefined,
  };
  return Object.values(file).some((value) => value !== undefined) ? file : undefined;
}

function headersFile(headers: HeaderLine[]): Record<string, string | string[]> | undefined {
  const all = new Map<string, string[]>();
  for (const [name, value] of headers) {
    if (name.trim()) all.set(name.trim(), [...(all.get(name.trim()) ?? []), value]);
  }
  if (all.size === 0) return undefined;
  return Object.fromEntries([...all].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]));
}

function clusters(all: Cluster[]): unknown {
  return Object.fromEntries(
    all.map(({ name, reachability, answers }) => [
      name,
      {
        reachability: reachability === "healthy" ? undefined : reachability,
        answers: answers.length > 0 ? answers.map((answer) => answerFile(answer) ?? { status: 200 }) : undefined,
      },
    ]),
  );
}
