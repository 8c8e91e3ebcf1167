import { useId, useState } from "preact/hooks";
import { Message } from "./Message";

interface DropProps {
  /** `Drop an audit file here, or choose one`. */
  label: string;
  /** Of the file chooser: `.jsonl,.json`. */
  accept?: string;
  multiple?: boolean;
  /** Where it takes one: what else takes several. */
  several?: string;
  onFiles: (files: File[]) => void;
}

/** Takes files by drag and drop, or by the browser's own chooser. */
export function Drop({ label, accept, multiple = false, several = "", onFiles }: DropProps) {
  const id = useId();
  const [isOver, setOver] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const give = (files: FileList | null | undefined, folder: string | null = null) => {
    const all = [...(files ?? [])];
    if (all.length === 0 && folder === null) return;
    const isMany = !multiple && all.length > 1;
    const against = folder !== null ? `${folder} is a folder. Drop the files in it, or choose them.` : isMany ? `One file at a time, and these are ${all.length}. ${several}`.trim() : null;
    setTrouble(against);
    if (against === null) onFiles(all);
  };
  return (
    <div
      class={isOver ? "drop drop-over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        give(event.dataTransfer?.files, folderIn(event.dataTransfer));
      }}
    >
      <label for={id}>{label}</label>
      <input
        id={id}
        type="file"
        accept={accept}
        multiple={multiple}
        onChange={(event) => {
          give(event.currentTarget.files);
          event.currentTarget.value = "";
        }}
      />
      {trouble && <Message kind="error">{trouble}</Message>}
    </div>
  );
}

/** The name of the first folder among what was dropped: to a page it looks like a file that cannot be read. */
function folderIn(dropped: DataTransfer | null): string | null {
  const entries = [...(dropped?.items ?? [])].map((item) => (item.kind === "file" ? item.webkitGetAsEntry() : null));
  return entries.find((entry) => entry?.isDirectory)?.name ?? null;
}
