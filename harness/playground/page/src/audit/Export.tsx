import type { Engine, Query } from "../engine";
import { Message } from "../parts/Message";
import { save } from "../parts/save";
import { counted } from "../parts/units";
import { useRun } from "../parts/useRun";
import { Running } from "./Running";

type Format = "jsonl" | "csv";

interface Props {
  engine: Engine;
  file: File;
  query: Query;
  meant: number;
}

/** Saves the records that are meant, on all pages. */
export function Export({ engine, file, query, meant }: Props) {
  const run = useRun<void>();
  const begin = (format: Format) => run.start(async (progress, signal) => {
    const content = await engine.exportAs(file, query, format, progress, signal);
    if (!signal.aborted) save(exported(file.name, format), content);
  });
  const button = (label: string, format: Format) => (
    <button type="button" class="button" disabled={meant === 0 || run.state === "running"} onClick={() => begin(format)}>{label}</button>
  );
  return (
    <div class="stack">
      <div class="row" role="group" aria-label={`Save ${counted(meant, "record")}`}>
        <span>Save {counted(meant, "record")} as</span>
        {button("JSON lines", "jsonl")}
        {button("CSV", "csv")}
      </div>
      <Running what="Exporting" run={run} size={file.size} />
      {run.refusal && <Message kind="error">{run.refusal.problem}</Message>}
    </div>
  );
}

/** `audit.jsonl` becomes `audit-part.csv`. */
function exported(name: string, format: Format): string {
  const dot = name.lastIndexOf(".");
  return `${dot > 0 ? name.slice(0, dot) : name}-part.${format}`;
}
