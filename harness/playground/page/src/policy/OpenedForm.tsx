import { useMemo, useState } from "preact/hooks";
import { Editor } from "../editor/Editor";
import type { Problem } from "../engine";
import { Drop } from "../parts/Drop";
import { CopyButton } from "../parts/CopyButton";
import { Message } from "../parts/Message";
import { save } from "../parts/save";
import { useDebounced } from "../parts/useDebounced";
import { add, missing, type Opened } from "./opened";

interface OpenedFormProps {
  opened: Opened;
  problem: Problem | null;
  onOpened: (opened: Opened) => void;
  /** It was saved. */
  onKept: () => void;
}

/** A scenario file as it is, with the files that it includes and the modules that it is about. */
export function OpenedForm({ opened, problem, onOpened, onKept }: OpenedFormProps) {
  const [trouble, setTrouble] = useState<string | null>(null);
  const problems = useMemo(() => (problem ? [problem] : []), [problem]);
  // To read a long text takes a second, which nobody waits for with each letter.
  const settled = useDebounced(opened.text, 300);
  const lacking = useMemo(() => missing({ ...opened, text: settled }), [settled, opened.files, opened.modules]);
  const names = [...Object.keys(opened.files), ...Object.keys(opened.modules)];
  const more = (files: File[]) => {
    add(opened, files).then(onOpened, (error: Error) => setTrouble(error.message));
  };
  const keep = () => {
    save(opened.name, new Blob([opened.text], { type: "application/yaml" }));
    onKept();
  };
  return (
    <section class="card" aria-label="Scenario file">
      <h2 class="break">{opened.name}</h2>
      <Editor label="Scenario file" value={opened.text} onValue={(text) => onOpened({ ...opened, text })} problems={problems} />
      <div class="row">
        <button type="button" class="button" onClick={keep}>Save {opened.name}</button>
        <CopyButton text={opened.text} />
      </div>
      {lacking.length > 0 && <Message kind="warning">It takes {lacking.join(", ")}.</Message>}
      <Drop label="Drop what belongs to it here, or choose it: files that it includes, modules" accept=".yaml,.yml,.wasm" multiple onFiles={more} />
      {names.length > 0 && <p class="quiet">With {names.join(", ")}.</p>}
      {trouble && <Message kind="error">{trouble}</Message>}
    </section>
  );
}
