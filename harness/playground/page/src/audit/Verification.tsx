import type { Engine, Trust, Verified } from "../engine";
import { Message, type MessageKind } from "../parts/Message";
import { counted } from "../parts/units";
import type { Runner } from "../parts/useRun";
import { Chains } from "./Chains";
import { Findings } from "./Findings";
import { Keys } from "./Keys";
import { Running } from "./Running";

interface Props {
  engine: Engine;
  file: File;
  run: Runner<Verified>;
  onLine: (line: number) => void;
}

/** Whether the file is as it was written, and where it is not. */
export function Verification({ engine, file, run, onLine }: Props) {
  const verify = (trust: Trust) => run.start((progress, signal) => engine.verify(file, trust, progress, signal));
  const verified = run.result;
  return (
    <section class="stack" aria-labelledby="audit-verification">
      <h3 id="audit-verification">Verification</h3>
      <Running what="Verifying" run={run} size={file.size} />
      {run.refusal?.member === "file" && <Message kind="error">Not verified: {run.refusal.problem}</Message>}
      {verified && <Verdict verified={verified} />}
      {verified && <Findings verified={verified} onLine={onLine} />}
      {verified && verified.chains.length > 0 && <Chains chains={verified.chains} inAll={verified.chainsInAll} />}
      <Keys refusal={run.refusal} isRunning={run.state === "running"} onVerify={verify} />
      {verified && (
        <details class="more">
          <summary>What <code>portcullis audit verify</code> prints</summary>
          <div class="more-inside">
            <pre class="code block as-printed" tabIndex={0} role="region" aria-label="What portcullis audit verify prints">{verified.text}</pre>
          </div>
        </details>
      )}
    </section>
  );
}

function Verdict({ verified }: { verified: Verified }) {
  const [kind, text] = verdict(verified);
  const remark = kind === "good" ? vouched(verified) : null;
  return (
    <Message kind={kind}>
      <strong>{text}</strong>
      {remark && <p>{remark}</p>}
    </Message>
  );
}

function verdict({ isIntact, records, chainsInAll, findingsInAll }: Verified): [MessageKind, string] {
  const all = `${counted(records, "record")} of ${counted(chainsInAll, "chain")}`;
  if (isIntact) return ["good", `Intact: ${all}, and none was changed, removed or put in as far as the hashes tell.`];
  const found = counted(findingsInAll, "finding");
  return ["error", records === 0 ? `Not intact: ${found}, and no record that holds.` : `Not intact: ${found} in ${all}.`];
}

/** For what of an intact file nobody vouches. */
function vouched({ chains }: Verified): string {
  const unvouched = chains.filter((chain) => chain.signedCheckpoints === 0).length;
  if (unvouched === 0) return "Nothing vouches for what comes after the last signed checkpoint of a chain.";
  const them = `${counted(unvouched, "chain has", "chains have")} no checkpoint whose signature was verified with a key`;
  return `${them}: whoever can write the whole file could have made all of its hashes anew.`;
}
