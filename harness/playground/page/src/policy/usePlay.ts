import { useRef, useState } from "preact/hooks";
import type { Engine, Problem } from "../engine";
import type { Opened } from "./opened";
import { asProblem, complete, playPolicy, type Run } from "./play";
import type { Policy } from "./policy";

/** What is being worked on: a policy in a form, or a scenario file as it is, with the form that it was made from. */
export type Work = { policy: Policy } | { opened: Opened; form: { policy: Policy; text: string } | null };

interface Playing {
  isPlaying: boolean;
  /** What was played last, and what it was made from. */
  run: (Run & { of: Work; number: number }) | null;
  problem: PlayProblem | null;
  play: (work: Work) => Promise<void>;
  /** The problem was about something that is no more. */
  forget: () => void;
  /** So was all that was played. */
  clear: () => void;
}

/** Why nothing was played; its line is that of the configuration where it is about that, else of the file. */
export interface PlayProblem extends Problem {
  isOfConfig: boolean;
}

/** Plays what is worked on; where two were sent, the later one counts. */
export function usePlay(engine: Engine): Playing {
  const [run, setRun] = useState<Playing["run"]>(null);
  const [problem, setProblem] = useState<PlayProblem | null>(null);
  const [isPlaying, setPlaying] = useState(false);
  const turn = useRef(0);
  const play = async (work: Work) => {
    const mine = ++turn.current;
    setPlaying(true);
    const outcome = await attempt(engine, work);
    if (mine !== turn.current) return;
    setPlaying(false);
    setProblem("problem" in outcome ? outcome.problem : null);
    setRun("run" in outcome ? { ...outcome.run, of: work, number: mine } : null);
  };
  const clear = () => {
    turn.current += 1;
    setPlaying(false);
    setProblem(null);
    setRun(null);
  };
  return { isPlaying, run, problem, play, forget: () => setProblem(null), clear };
}

async function attempt(engine: Engine, work: Work): Promise<{ run: Run } | { problem: PlayProblem }> {
  try {
    if ("opened" in work) {
      const { name, text, files, modules } = work.opened;
      return { run: { policy: null, played: await engine.play(name, text, files, modules, Date.now()) } };
    }
    const policy = await complete(work.policy);
    const refused = await engine.check(policy.filter, policy.config, policy.vars);
    if (refused) return { problem: { ...refused, isOfConfig: true } };
    return { run: { policy, played: await playPolicy(engine, policy) } };
  } catch (thrown) {
    const problem = asProblem(thrown);
    return { problem: { ...problem, isOfConfig: "policy" in work && problem.line > 0 } };
  }
}
