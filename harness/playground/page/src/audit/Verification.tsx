import type { Engine, Finding, Trust, Verified } from "../engine";
import { Message } from "../parts/Message";
import type { Runner } from "../parts/useRun";
import { Chains } from "./Chains";
import { Findings } from "./Findings";
import { Keys } from "./Keys";
import { Running } from "./Running";
import { verdict } from "./verdict";

interface Props {
  engine: Engine;
  file: File;
  run: Runner<Verified>;
  /** What is known of it now. */
  verified: Verified | null;
  onFinding: (finding: Finding) => void;
}

/** Whether the file is as it was written, and where it is not. */
export function Verification({ engine, file, run, verified, onFinding }: Props) {
  const verify = (trust: Trust) => run.start((progress, signal) => engine.verify(file, trust, progress, signal));
  return (
    <section class="stack" aria-labelledby="audit-verification">
      <h3 id="audit-verification">Verification</h3>
      <Running what="Verifying" run={run} size={file.size} />
      {run.refusal && <Message kind="error">Not verified: {run.refusal.member === "file" ? run.refusal.problem : "a key cannot be read, as is said below it."}</Message>}
      {verified && <Verdict verified={verified} />}
      {verified && <Findings verified={verified} onFinding={onFinding} />}
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
  const { kind, text, remarks } = verdict(verified);
  return (
    <Message kind={kind}>
      <strong>{text}</strong>
      {remarks.map((remark) => <p key={remark}>{remark}</p>)}
    </Message>
  );
}
