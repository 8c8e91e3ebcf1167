import { useEffect, useState } from "preact/hooks";
import type { Engine, Problem } from "../engine";
import { useDebounced } from "../parts/useDebounced";
import { usesKey, withPageKey } from "./play";
import type { Policy } from "./policy";

/** What the filter has against the configuration, as of when typing last paused. */
export function useCheck(engine: Engine, { filter, config, vars }: Pick<Policy, "filter" | "config" | "vars">): Problem[] | null {
  const settled = useDebounced(config, 300);
  const [problems, setProblems] = useState<Problem[] | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const tell = (found: Problem[]) => isCurrent && setProblems(found);
    check(engine, { filter, config: settled, vars }).then(tell, (error: Error) => tell([{ line: 0, problem: error.message }]));
    return () => {
      isCurrent = false;
    };
  }, [engine, filter, settled, vars]);
  return problems;
}

async function check(engine: Engine, policy: Pick<Policy, "filter" | "config" | "vars">): Promise<Problem[]> {
  const vars = usesKey(policy.config) ? await withPageKey(policy.vars) : policy.vars;
  const problem = await engine.check(policy.filter, policy.config, vars);
  return problem ? [problem] : [];
}
