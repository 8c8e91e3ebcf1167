import { useRef, useState } from "preact/hooks";
import type { Engine, Problem } from "../engine";
import type { Opened } from "./opened";
import { asProblem, complete, playPolicy, type Run } from "./play";
import type { Policy } from "./policy";

/** What is being worked on: a policy in a form, or a scenario file as it is. */
export type Work = { policy: Policy } | { opened: Opened };

interface Playing {
  isPlaying: boolean;
  /** What was played last, and what it was made from. */
  run: (Run & { of: Work }) | null;
  problem: Problem | null;
  play: (work: Work) => Promise<void>;
  /** The problem was about something that is no more. */
  forget: () => void;
}

/** Plays what is worked on; where two were sent, the later one counts. */
export function usePlay(engine: Engine): Playing {
  const [run, setRun] = useState<Playing["run"]>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isPlaying, setPlaying] = useState(false);
  const turn = useRef(0);
  const play = async (work: Work) => {
    const mine = ++turn.current;
    setPlaying(true);
    const outcome = await attempt(engine, work);
    if (mine !== turn.current) return;
    setPlaying(false);
    setProblem("problem" in outcome ? outcome.problem : null);
    setRun("run" in outcome ? { ...outcome.run, of: work } : null);
  };
  return { isPlaying, run, problem, play, forget: () => setProblem(null) };
}

async function attempt(engine: Engine, work: Work): Promise<{ run: Run } | { problem: Problem }> {
  try {
    if ("policy" in work) {
      const policy = await complete(work.policy);
      return { run: { policy, played: await playPolicy(engine, policy) } };
    }
    const { name, text, files } = work.opened;
    return { run: { policy: null, played: await engine.play(name, text, files, Date.now()) } };
  } catch (thrown) {
    return { problem: asProblem(thrown) };
  }
}
