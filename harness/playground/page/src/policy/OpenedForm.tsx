import { useMemo, useState } from "preact/hooks";
import { Editor } from "../editor/Editor";
import type { Problem } from "../engine";
import { Drop } from "../parts/Drop";
import { Message } from "../parts/Message";
import { add, missing, type Opened } from "./opened";

interface OpenedFormProps {
  opened: Opened;
  problem: Problem | null;
  onOpened: (opened: Opened) => void;
}

/** A scenario file as it is, with the files that it includes. */
export function OpenedForm({ opened, problem, onOpened }: OpenedFormProps) {
  const [trouble, setTrouble] = useState<string | null>(null);
  const problems = useMemo(() => (problem ? [problem] : []), [problem]);
  const lacking = missing(opened);
  const names = Object.keys(opened.files);
  const more = (files: File[]) => {
    add(opened, files).then(onOpened, (error: Error) => setTrouble(error.message));
  };
  return (
    <section class="card" aria-label="Scenario file">
      <h2 class="break">{opened.name}</h2>
      <Editor label="Scenario file" value={opened.text} onValue={(text) => onOpened({ ...opened, text })} problems={problems} />
      {lacking.length > 0 && (
        <>
          <Message kind="warning">It includes {lacking.join(", ")}.</Message>
          <Drop label="Drop what it includes here, or choose it" accept=".yaml,.yml" multiple onFiles={more} />
        </>
      )}
      {names.length > 0 && <p class="quiet">With {names.join(", ")}.</p>}
      {trouble && <Message kind="error">{trouble}</Message>}
    </section>
  );
}
