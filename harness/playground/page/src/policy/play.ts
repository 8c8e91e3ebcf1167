/** Plays policies and scenario files. */

import type { Engine, Played, Problem } from "../engine";
import { isProblem } from "../remote_engine";
import { fileName } from "./file_name";
import { observed } from "./observed";
import { pageKey, withKey } from "./page_key";
import type { Policy } from "./policy";
import { toScenario, type Expect, type Scenario } from "./scenario";

/** What has been played, with the policy that it was. */
export interface Run {
  policy: Policy | null;
  played: Played;
}

/** Whether the configuration asks for the key of the page. */
export function usesKey(config: string): boolean {
  return config.includes("${jwks}");
}

export async function withPageKey(vars: Policy["vars"]): Promise<Policy["vars"]> {
  return withKey(vars, (await pageKey()).jwk);
}

/** The policy with all that it takes to play it elsewhere: the public key, and the time. */
export async function complete(policy: Policy): Promise<Policy> {
  const vars = usesKey(policy.config) ? await withPageKey(policy.vars) : policy.vars;
  // To the second, as tokens count.
  const clock = policy.clock || new Date().toISOString().replace(/\.\d+Z$/, "Z");
  return { ...policy, vars, clock };
}

/** Plays a complete policy; rejects with a Problem, whose line is that of the configuration where it is about that. */
export async function playPolicy(engine: Engine, policy: Policy, expect?: Expect): Promise<Played> {
  const scenario = toScenario(policy, policy.clock, expect);
  try {
    return await engine.play(fileName(policy.name, "yaml"), scenario.text, {}, Date.parse(policy.clock));
  } catch (thrown) {
    throw inConfig(asProblem(thrown), scenario);
  }
}

/** The scenario file of what was played, and whether it passes when it is played again. */
export async function exported(engine: Engine, { policy, played }: Run & { policy: Policy }): Promise<{ text: string; again: Played }> {
  const expect = observed(played.moments);
  return { text: toScenario(policy, policy.clock, expect).text, again: await playPolicy(engine, policy, expect) };
}

export function asProblem(thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown;
  return { line: 0, problem: thrown instanceof Error ? thrown.message : String(thrown) };
}

function inConfig({ line, problem }: Problem, { configLine, configLines }: Scenario): Problem {
  const own = line - configLine;
  return { line: own >= 1 && own <= configLines ? own : 0, problem };
}
