import { ChoiceField } from "../parts/Field";
import { Drop } from "../parts/Drop";
import { Message } from "../parts/Message";
import { EXAMPLES } from "./examples";

interface BeginProps {
  /** The number of the example that was chosen last. */
  example: string;
  onExample: (example: string) => void;
  onFiles: (files: File[]) => void;
  /** Brings back what was written before; null where there is nothing. */
  onFormer: (() => void) | null;
  trouble: string | null;
}

/** What to begin with. */
export function Begin({ example, onExample, onFiles, onFormer, trouble }: BeginProps) {
  return (
    <section class="card" aria-label="Begin with">
      <ChoiceField label="Begin with an example" value={example} options={EXAMPLES.map(({ title }, index) => [String(index), title] as const)} onValue={onExample} />
      <Drop label="or open a scenario file, with what it includes" accept=".yaml,.yml" multiple onFiles={onFiles} />
      {onFormer && (
        <p class="row quiet">
          What you had written is gone from here. <button type="button" class="button button-small" onClick={onFormer}>Bring it back</button>
        </p>
      )}
      {trouble && <Message kind="error">{trouble}</Message>}
    </section>
  );
}
