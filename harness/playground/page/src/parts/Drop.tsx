import { useId, useState } from "preact/hooks";

interface DropProps {
  /** `Drop an audit file here, or choose one`. */
  label: string;
  /** Of the file chooser: `.jsonl,.json`. */
  accept?: string;
  multiple?: boolean;
  onFiles: (files: File[]) => void;
}

/** Takes files by drag and drop, or by the browser's own chooser. */
export function Drop({ label, accept, multiple = false, onFiles }: DropProps) {
  const id = useId();
  const [isOver, setOver] = useState(false);
  const give = (files: FileList | null | undefined) => {
    const all = [...(files ?? [])];
    if (all.length > 0) onFiles(multiple ? all : all.slice(0, 1));
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
        give(event.dataTransfer?.files);
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
    </div>
  );
}
