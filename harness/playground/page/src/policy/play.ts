/** Plays policies and scenario files. */

import type { Engine, Played, Problem } from "../engine";
import { isProblem } from "../remote_engine";
import { fileName } from "./file_name";
import { observed } from "./observed";
import { publicKeys, withKeys } from "./page_key";
import type { Policy } from "./policy";
import { toScenario, type Expect, type Scenario } from "./scenario";

/** What has been played, with the policy that it was. */
export interface Run {
  policy: Policy | null;
  played: Played;
}

/** The variables that a policy has and asks for; the public keys of the page are `${jwks}`. */
export async function varsOf({ vars, config, steps, clusters }: Pick<Policy, "vars" | "config" | "steps" | "clusters">): Promise<Policy["vars"]> {
  const asking = `${config}${JSON.stringify([vars, steps, clusters])}`;
  const asked = Object.entries(vars).filter(([name]) => asking.includes(`\${${name}}`));
  const own = Object.fromEntries(asked);
  return asking.includes("${jwks}") ? withKeys(own, await publicKeys()) : own;
}

/** The policy with all that it takes to play it elsewhere, the public keys and the time, and without what nothing in it names. */
export async function complete(policy: Policy): Promise<Policy> {
  const clusters = policy.clusters.filter(({ name }) => policy.config.includes(name));
  return { ...policy, vars: await varsOf({ ...policy, clusters }), clusters, clock: policy.clock || toClock(Date.now() / 1000) };
}

/** A time in seconds since the epoch as that of the start; to the second, as tokens count. */
export function toClock(seconds: number): string {
  return new Date(Math.floor(seconds) * 1000).toISOString().replace(".000Z", "Z");
}

/** Plays a complete policy; rejects with a Problem, whose line is that of the configuration where it is about that. */
export async function playPolicy(engine: Engine, policy: Policy, expect?: Expect): Promise<Played> {
  const scenario = toScenario(policy, expect);
  try {
    return await engine.play(fileName(policy.name, "yaml"), scenario.text, {}, {}, Date.parse(policy.clock));
  } catch (thrown) {
    throw inConfig(asProblem(thrown), scenario);
  }
}

/** The scenario file of what was played, and whether it passes when it is played again. */
export async function exported(engine: Engine, { policy, played }: Run & { policy: Policy }): Promise<{ text: string; again: Played }> {
  const expect = observed(played.moments, played.lostCalls);
  return { text: toScenario(policy, expect).text, again: await playPolicy(engine, policy, expect) };
}

export function asProblem(thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown;
  return { line: 0, problem: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** The form counts steps from 1 on, a file from 0. */
function asInForm(problem: string): string {
  return problem.replace(/\bsteps\[(\d+)\]\.?/, (_, index) => `Step ${Number(index) + 1}: `);
}

function inConfig({ line, problem }: Problem, { configLine, configLines }: Scenario): Problem {
  const own = line - configLine;
  return { line: own >= 1 && own <= configLines ? own : 0, problem: asInForm(problem) };
}
