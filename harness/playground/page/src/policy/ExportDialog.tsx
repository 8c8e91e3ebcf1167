import { useEffect, useState } from "preact/hooks";
import type { Engine, Problem } from "../engine";
import { CopyButton } from "../parts/CopyButton";
import { Dialog } from "../parts/Dialog";
import { Message } from "../parts/Message";
import { save } from "../parts/save";
import { Verdict } from "../result/Verdict";
import { fileName } from "./file_name";
import { asProblem, complete, exported, playPolicy } from "./play";
import type { Policy } from "./policy";

type Made = Awaited<ReturnType<typeof exported>>;

/** The policy as a scenario file that expects what was seen, played again to be sure. */
export function ExportDialog({ engine, policy, onClose }: { engine: Engine; policy: Policy; onClose: () => void }) {
  const [made, setMade] = useState<Made | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    make(engine, policy).then(setMade, (thrown) => setProblem(asProblem(thrown)));
  }, [engine, policy]);
  const name = fileName(policy.name, "yaml");
  const command = `portcullis test ${name} --target native`;
  return (
    <Dialog title="Export as a scenario file" onClose={onClose}>
      <p class="quiet">The scenario expects what was seen here: status, details, whether the upstream was called, and the headers that the filter has changed.</p>
      {problem && <Message kind="error">{problem.line > 0 && `Line ${problem.line} of the configuration: `}{problem.problem}</Message>}
      {made && (
        <>
          {made.again.report.outcome === "passed" ? <Message kind="good">Played again, it has passed.</Message> : <Verdict report={made.again.report} />}
          <pre class="code block" tabIndex={0} role="region" aria-label="Scenario file">{made.text}</pre>
          <div class="row">
            <button type="button" class="button button-main" onClick={() => save(name, new Blob([made.text], { type: "application/yaml" }))}>Save {name}</button>
            <CopyButton text={made.text} label="Copy the file" />
          </div>
          <div class="row">
            <code class="code break">{command}</code>
            <CopyButton text={command} label="Copy the command" />
          </div>
        </>
      )}
    </Dialog>
  );
}

async function make(engine: Engine, policy: Policy): Promise<Made> {
  const whole = await complete(policy);
  return exported(engine, { policy: whole, played: await playPolicy(engine, whole) });
}
