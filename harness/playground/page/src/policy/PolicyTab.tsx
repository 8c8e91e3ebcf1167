import { useEffect, useRef, useState } from "preact/hooks";
import type { Engine, Filter } from "../engine";
import { Message } from "../parts/Message";
import { Results } from "../result/Results";
import { Begin } from "./Begin";
import { ExportDialog } from "./ExportDialog";
import { asOpened } from "./opened";
import { OpenedForm } from "./OpenedForm";
import { PolicyForm } from "./PolicyForm";
import { ShareDialog } from "./ShareDialog";
import { useBeginning } from "./useBeginning";
import { usePlay, type Work } from "./usePlay";

/** Policies: a configuration, requests through it, and what became of them. */
export function PolicyTab({ engine }: { engine: Engine }) {
  const { isPlaying, run, problem, play, forget } = usePlay(engine);
  const beginning = useBeginning(play);
  const [filters, setFilters] = useState<Filter[]>([]);
  const [failure, setFailure] = useState<string | null>(null);
  const [dialog, setDialog] = useState<"share" | "export" | null>(null);
  const result = useRef<HTMLElement>(null);
  const { work, former } = beginning;
  const policy = work && "policy" in work ? work.policy : null;

  useEffect(() => {
    engine.filters().then(setFilters, (error: Error) => setFailure(error.message));
  }, [engine]);
  const edit = (next: Work) => {
    forget();
    beginning.edit(next);
  };
  const send = async () => {
    if (!work) return;
    await play(work);
    reveal(result.current);
  };

  return (
    <div class="columns">
      <div class="stack">
        <Begin
          example={beginning.example}
          onExample={beginning.choose}
          onFiles={beginning.openFiles}
          onFormer={former && (() => beginning.start(former))}
          trouble={beginning.trouble ?? failure}
        />
        {policy && <PolicyForm engine={engine} filters={filters} policy={policy} problem={problem} onPolicy={(next) => edit({ policy: next })} />}
        {work && "opened" in work && <OpenedForm opened={work.opened} problem={problem} onOpened={(opened) => edit({ opened })} />}
      </div>
      <section class="stack" aria-label="Result" ref={result}>
        <div class="row actions">
          <button type="button" class="button button-main" disabled={!work} onClick={send}>{isPlaying ? "Playing …" : policy ? "Send" : "Play"}</button>
          {policy && <button type="button" class="button" onClick={() => setDialog("share")}>Share …</button>}
          {policy && <button type="button" class="button" onClick={() => setDialog("export")}>Export …</button>}
          {policy && <button type="button" class="button" onClick={() => edit({ opened: asOpened(policy) })}>As YAML</button>}
        </div>
        {problem && <Message kind="error">{problem.line > 0 && `Line ${problem.line}: `}{problem.problem}</Message>}
        {run && run.of !== work && !isPlaying && <Message kind="note">Something has changed since. This is what became of it before.</Message>}
        {run ? <Results run={run} /> : !problem && <p class="quiet">{isPlaying ? "Playing …" : "Send the requests to see what becomes of them."}</p>}
      </section>
      {policy && dialog === "share" && <ShareDialog policy={policy} onClose={() => setDialog(null)} />}
      {policy && dialog === "export" && <ExportDialog engine={engine} policy={policy} onClose={() => setDialog(null)} />}
    </div>
  );
}

/** In one column the result is below all that was written; whoever sends wants to see it. */
function reveal(result: HTMLElement | null): void {
  if (result && result.getBoundingClientRect().top > innerHeight / 2) result.scrollIntoView();
}
