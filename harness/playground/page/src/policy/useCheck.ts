import { useEffect, useState } from "preact/hooks";
import type { Engine, Problem } from "../engine";
import { useDebounced } from "../parts/useDebounced";
import { varsOf } from "./play";
import type { Policy } from "./policy";

/** What the filter has against the configuration, as of when typing last paused. */
export function useCheck(engine: Engine, { filter, config, vars }: Policy): Problem[] | null {
  const settled = useDebounced(config, 300);
  const [problems, setProblems] = useState<Problem[] | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const tell = (found: Problem[]) => isCurrent && setProblems(found);
    check(engine, filter, settled, vars).then(tell, (error: Error) => tell([{ line: 0, problem: error.message }]));
    return () => {
      isCurrent = false;
    };
  }, [engine, filter, settled, vars]);
  return problems;
}

async function check(engine: Engine, filter: string, config: string, vars: Policy["vars"]): Promise<Problem[]> {
  const problem = await engine.check(filter, config, await varsOf({ config, vars, steps: [], clusters: [] }));
  return problem ? [problem] : [];
}
