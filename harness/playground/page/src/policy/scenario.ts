/** A policy as a scenario file, the form that the engine and `portcullis test` play. */

import { Dollar } from "./dollar";
import { hasAnswer, title, type Answer, type Cluster, type HeaderLine, type Policy, type Send, type Step } from "./policy";
import { asPart, toYaml } from "./yaml_text";

export interface Scenario {
  text: string;
  /** The line before the first one of the configuration. */
  configLine: number;
  configLines: number;
}

/** What must hold after the step of this index. */
export type Expect = (step: number) => Record<string, unknown> | undefined;

/** As far as the configuration is within the file. */
const INDENT = " ".repeat(6);

/** The scenario of a policy; the configuration stands in it as it was typed. */
export function toScenario(policy: Policy, expect: Expect = () => undefined): Scenario {
  const head = toYaml({ name: policy.name || "From the playground", clock: policy.clock || undefined });
  // Plugins of manifests have names, and some filters go by theirs.
  const plugin = `plugins:\n  - filter: ${policy.filter}\n    name: ${policy.filter}\n    config:\n`;
  const config = asPart(policy.config);
  const body = config.map((line) => (line === "" ? "" : INDENT + line)).join("\n");
  const dollar = new Dollar(policy.vars);
  const steps = policy.steps.map((step, index) => stepFile(dollar.typed(step), dollar.literal(expect(index))));
  const others = policy.clusters.length > 0 ? clusters(dollar.typed(policy.clusters)) : undefined;
  const vars = dollar.vars();
  const rest = toYaml({
    upstream: policy.upstream === "healthy" ? undefined : policy.upstream,
    vars: Object.keys(vars).length > 0 ? vars : undefined,
    clusters: others,
    steps,
  });
  const configLine = `${head}${plugin}`.split("\n").length - 1;
  return { text: `${head}${plugin}${body}\n${rest}`, configLine, configLines: config.length };
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
  const isBroken = !hasAnswer(answer);
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
