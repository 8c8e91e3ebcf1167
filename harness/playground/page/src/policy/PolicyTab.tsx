import { useEffect, useRef, useState } from "preact/hooks";
import type { Engine, Filter } from "../engine";
import { Boundary } from "../parts/Boundary";
import { Dialog } from "../parts/Dialog";
import { Message } from "../parts/Message";
import type { SeenToken } from "../result/MomentCard";
import { inOneLine, Results } from "../result/Results";
import { Begin } from "./Begin";
import { ExportDialog } from "./ExportDialog";
import { fieldProblem } from "./field_problems";
import { Help } from "./Help";
import { InspectToken } from "./InspectToken";
import { asOpened, type Opened } from "./opened";
import { outlineOf } from "./outline";
import { OpenedForm } from "./OpenedForm";
import { complete } from "./play";
import { PolicyForm } from "./PolicyForm";
import { title, type Policy } from "./policy";
import { ShareDialog } from "./ShareDialog";
import { useBeginning } from "./useBeginning";
import { usePlay, type PlayProblem, type Work } from "./usePlay";

interface PolicyTabProps {
  engine: Engine;
  /** What another tab has asked for; each is begun with once. */
  asked: Opened | null;
}

/** Policies: a configuration, requests through it, and what became of them. */
export function PolicyTab({ engine, asked }: PolicyTabProps) {
  const { isPlaying, run, problem, play, forget, clear } = usePlay(engine);
  const [filters, setFilters] = useState<Filter[]>([]);
  const beginning = useBeginning(engine, filters, play, clear);
  const [failure, setFailure] = useState<string | null>(null);
  const [dialog, setDialog] = useState<"share" | "export" | null>(null);
  const [looked, setLooked] = useState<SeenToken | null>(null);
  const form = useRef<HTMLDivElement>(null);
  const result = useRef<HTMLElement>(null);
  const { work } = beginning;
  const policy = work && "policy" in work ? work.policy : null;
  const wrong = policy && fieldProblem(policy);
  const isFormer = run !== null && run.of !== work;
  // Played again, it has the time of what is seen.
  const seen = run?.of === work ? (run?.policy ?? policy) : policy;

  useEffect(() => {
    engine.filters().then(setFilters, (error: Error) => setFailure(error.message));
  }, [engine]);
  useEffect(() => {
    if (asked) beginning.begin({ opened: asked, form: null });
  }, [asked]);
  const edit = (next: Work) => {
    forget();
    beginning.edit(next);
  };
  const send = async () => {
    if (!work || wrong) return;
    await play(work);
    reveal(result.current);
  };
  const asYaml = async () => {
    if (!seen || !policy) return;
    const opened = asOpened(await complete(seen));
    edit({ opened, form: { policy, text: opened.text } });
  };
  const close = () => setDialog(null);
  const back = () => {
    forget();
    beginning.backToForm();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const isSend = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (!isSend || (event.target as Element).closest("dialog")) return;
    event.preventDefault();
    void send();
  };

  return (
    <div class="columns" onKeyDown={onKeyDown}>
      <div class="stack" ref={form}>
        <Begin beginning={beginning} trouble={beginning.trouble ?? failure} />
        <Help />
        <Boundary key={beginning.number} what="The form">
          {policy && <PolicyForm engine={engine} filters={filters} policy={policy} problem={problem?.isOfConfig ? problem : null} onPolicy={(next) => edit({ policy: next })} />}
          {work && "opened" in work && <OpenedForm opened={work.opened} problem={problem} onOpened={(opened) => edit({ ...work, opened })} onKept={beginning.onKept} />}
        </Boundary>
      </div>
      <section class="stack result" aria-label="Result" data-run={run?.number} ref={result}>
        <div class="actions">
          <div class="row">
            <button type="button" class="button button-main" disabled={!work || wrong !== null} onClick={send}>{isPlaying ? "Playing …" : policy ? "Send" : "Play"}</button>
            {policy && <button type="button" class="button" disabled={wrong !== null} onClick={() => setDialog("share")}>Share …</button>}
            {policy && <button type="button" class="button" disabled={wrong !== null} onClick={() => setDialog("export")}>Export …</button>}
            {policy && <button type="button" class="button" disabled={wrong !== null} onClick={asYaml}>Edit as YAML</button>}
            {work && "opened" in work && work.form && <button type="button" class="button" onClick={back}>Back to the form</button>}
          </div>
          <p class="result-line" role="status">{run && `${isFormer ? "Of the former version. " : ""}${inOneLine(run.played.moments)}`}</p>
        </div>
        {wrong && <Message kind="warning">{wrong} <button type="button" class="button button-small" onClick={() => showWrong(form.current)}>Show it</button></Message>}
        {problem && <Message kind="error">{inWords(problem)}</Message>}
        {isFormer && <Message kind="note">These results are of the former version{isPlaying ? "." : ": send again."}</Message>}
        {run ? (
          <Boundary key={run.number} what="The result">
            <Results played={run.played} steps={run.policy?.steps.map(written) ?? []} expectations={"opened" in run.of ? outlineOf(run.of.opened.text).expectations : null} onToken={setLooked} />
          </Boundary>
        ) : !problem && <p class="quiet">{isPlaying ? "Playing …" : "Send the requests to see what becomes of them."}</p>}
      </section>
      {looked && (
        <Boundary what="The token" onClose={() => setLooked(null)}>
          <Dialog title={`The token of: ${looked.of}`} onClose={() => setLooked(null)}>
            <InspectToken engine={engine} token={looked.token} when={{ at: looked.at / 1000, by: "the time of the request" }} />
          </Dialog>
        </Boundary>
      )}
      {seen && dialog && (
        <Boundary what="The dialog" onClose={close}>
          {dialog === "share" && <ShareDialog engine={engine} policy={seen} onKept={beginning.onKept} onClose={close} />}
          {dialog === "export" && <ExportDialog engine={engine} policy={seen} onKept={beginning.onKept} onClose={close} />}
        </Boundary>
      )}
    </div>
  );
}

function written(step: Policy["steps"][number]) {
  return { title: title(step), upstream: step.kind === "send" ? step.upstream : null };
}

function inWords({ line, problem, isOfConfig }: PlayProblem): string {
  if (isOfConfig) return `${line > 0 ? `Line ${line} of the configuration` : "The configuration"} is refused; nothing was sent.`;
  return line > 0 ? `Line ${line}: ${problem}` : problem;
}

/** In one column the result is below all that was written; whoever sends wants to see it. */
function reveal(result: HTMLElement | null): void {
  const top = result?.getBoundingClientRect().top ?? 0;
  if (top < 0 || top > innerHeight / 2) result?.scrollIntoView();
}

/** Opens whatever the first field with a problem is in, and puts the focus there. */
function showWrong(form: HTMLElement | null): void {
  const field = form?.querySelector<HTMLElement>(".input[aria-invalid]");
  for (let around = field?.closest("details"); around; around = around.parentElement?.closest("details")) around.open = true;
  field?.focus();
}
