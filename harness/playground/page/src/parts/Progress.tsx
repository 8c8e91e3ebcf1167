import { useId } from "preact/hooks";

interface ProgressProps {
  label: string;
  done: number;
  /** Left out where nobody knows. */
  total?: number;
  onStop?: () => void;
}

/** How far something is, with a button to stop it. */
export function Progress({ label, done, total, onStop }: ProgressProps) {
  const id = useId();
  const percent = total ? Math.min(100, Math.floor((100 * done) / total)) : null;
  return (
    <div class="progress">
      <label for={id}>{label}{percent !== null && ` ${percent} %`}</label>
      <progress id={id} max={total ?? 1} value={total ? done : undefined} />
      {onStop && <button type="button" class="button" onClick={onStop}>Stop</button>}
    </div>
  );
}
