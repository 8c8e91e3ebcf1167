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
import { secretOf, type Secret } from "./secrets";

type Made = Awaited<ReturnType<typeof exported>> & { secret: Secret | null };

/** The policy as a scenario file that expects what was seen, played again to be sure. */
export function ExportDialog({ engine, policy, onKept, onClose }: { engine: Engine; policy: Policy; onKept: () => void; onClose: () => void }) {
  const [made, setMade] = useState<Made | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    make(engine, policy).then(setMade, (thrown) => setProblem(asProblem(thrown)));
  }, [engine, policy]);
  const name = fileName(policy.name, "yaml");
  const command = `portcullis test ${name} --target native,wasm`;
  const keep = () => {
    if (made) save(name, new Blob([made.text], { type: "application/yaml" }));
    onKept();
  };
  return (
    <Dialog title="Export as a scenario file" onClose={onClose}>
      <p class="quiet">The scenario expects what was seen here: status, details, whether the upstream was called, and the headers that the filter has changed. Left out are x-request-id and the headers of traces, in which chance has a part, and what the proxy does to headers of its own accord.</p>
      {problem && <Message kind="error">{problem.line > 0 && `Line ${problem.line} of the configuration: `}{problem.problem}. Nothing was sent, so there is nothing that a file could expect.</Message>}
      {made && (
        <>
          {made.again.report.outcome === "passed" ? <Message kind="good">Played again, it has passed.</Message> : <Verdict report={made.again.report} expectations={null} />}
          {made.secret && <Message kind="warning">{made.secret.said} The file has all of it: give it to nobody who may not have that.</Message>}
          <pre class="code block" tabIndex={0} role="region" aria-label="Scenario file">{made.text}</pre>
          <div class="row">
            <button type="button" class="button button-main" onClick={keep}>Save {name}</button>
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
  const refused = await engine.check(whole.filter, whole.config, whole.vars);
  if (refused) throw refused;
  const file = await exported(engine, { policy: whole, played: await playPolicy(engine, whole) });
  const { outcome } = file.again.report;
  if (typeof outcome === "object" && "broken" in outcome) throw { line: 0, problem: outcome.broken } satisfies Problem;
  return { ...file, secret: await secretOf(engine, whole) };
}
