import { Progress } from "../parts/Progress";
import { bytes } from "../parts/units";
import type { Runner } from "../parts/useRun";

/** How far a reading is, and the way to stop it. */
export function Running({ what, run, size }: { what: string; run: Runner<unknown>; size: number }) {
  if (run.state === "running") return <Progress label={what} done={run.bytes} total={size} onStop={run.stop} />;
  if (run.state !== "stopped") return null;
  return <p class="quiet" role="status">{what} was stopped after {bytes(run.bytes)} of {bytes(size)}.</p>;
}
