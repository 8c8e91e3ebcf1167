/** What is wrong with the fields of a policy, each in a sentence for the place where it stands. */

import { hasAnswer, type Answer, type Policy, type Step } from "./policy";
import { variablesProblem } from "./variables";

/** A token of HTTP (RFC 9110 section 5.6.2), which a variable may stand for. */
const TOKEN = /^([!#$%&'*+.^_`|~0-9A-Za-z-]|\$\{[^}]*\})+$/;
const DURATION = /^[0-9]+(ns|us|ms|s|m|h)$/;

export function methodProblem(method: string): string | null {
  return TOKEN.test(method) ? null : "A method is one word, such as GET.";
}

export function pathProblem(path: string): string | null {
  return /^(\/|\$\{)\S*$/.test(path) ? null : "A path begins with a slash and has no spaces.";
}

export function headerProblem(name: string): string | null {
  return name === "" || TOKEN.test(name.trim()) ? null : "The name of a header is one word.";
}

export function durationProblem(text: string, mayBeEmpty = false): string | null {
  if (mayBeEmpty && text === "") return null;
  return DURATION.test(text) ? null : "A time is a number and a unit: 250ms, 10s, 5m, 1h.";
}

export function statusProblem(status: number): string | null {
  return status >= 200 && status <= 599 ? null : "A status is a number from 200 to 599.";
}

export function clockProblem(clock: string): string | null {
  if (clock === "") return null;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(clock) && !Number.isNaN(Date.parse(clock));
  return isTime ? null : "The time is one in UTC: 2026-01-01T00:00:00Z.";
}

export function clusterProblem(name: string): string | null {
  return name ? null : "A cluster has a name.";
}

/** The first problem of all fields, with the place: `Step 2: A path begins with a slash.` */
export function fieldProblem({ steps, clock, clusters, unreadVars }: Policy): string | null {
  const ofSteps = steps.map((step, index) => placed(`Step ${index + 1}`, stepProblem(step)));
  const ofClusters = clusters.map(({ name, answers }) => placed(`Cluster ${name}`, clusterProblem(name) ?? first(answers.map(answerProblem))));
  return first([...ofSteps, placed("Time at the start", clockProblem(clock)), ...ofClusters, placed("Variables", variablesProblem(unreadVars))]);
}

function stepProblem(step: Step): string | null {
  if (step.kind === "advance") return durationProblem(step.by);
  return methodProblem(step.method) ?? pathProblem(step.path) ?? first(step.headers.map(([name]) => headerProblem(name))) ?? answerProblem(step.upstream);
}

function answerProblem(answer: Answer): string | null {
  const own = hasAnswer(answer) ? (statusProblem(answer.status) ?? first(answer.headers.map(([name]) => headerProblem(name)))) : null;
  return own ?? durationProblem(answer.after, true);
}

function placed(place: string, problem: string | null): string | null {
  return problem && `${place}: ${problem}`;
}

function first(problems: (string | null)[]): string | null {
  return problems.find((problem) => problem !== null) ?? null;
}
