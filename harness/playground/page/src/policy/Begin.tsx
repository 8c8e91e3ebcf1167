import { useRef } from "preact/hooks";
import { ChoiceField } from "../parts/Field";
import { Drop } from "../parts/Drop";
import { Message } from "../parts/Message";
import { EXAMPLES } from "./examples";
import { OWN, type useBeginning } from "./useBeginning";

interface BeginProps {
  beginning: ReturnType<typeof useBeginning>;
  trouble: string | null;
}

const ALL = [...EXAMPLES.map(({ title }, index) => [String(index), title] as const), [OWN, "Your own policy"] as const];

/** What to begin with. */
export function Begin({ beginning: { example, former, offer, choose, openFiles, bringBack, takeOffer }, trouble }: BeginProps) {
  const section = useRef<HTMLElement>(null);
  /** The button that was pressed goes away. */
  const then = (act: () => void) => () => {
    act();
    section.current?.querySelector("select")?.focus();
  };
  return (
    <section class="card" aria-label="Begin with" ref={section}>
      <ChoiceField label="Begin with an example" value={example} options={example ? ALL : [["", "–"], ...ALL]} onValue={choose} />
      <Drop label="or open a scenario file, with what belongs to it, a configuration, or a module" accept=".yaml,.yml,.json,.wasm" multiple onFiles={openFiles} />
      {former && (
        <p class="row quiet">
          What you had written is gone from here. <button type="button" class="button button-small" onClick={then(bringBack)}>Bring it back</button>
        </p>
      )}
      {offer && (
        <Message kind="note">
          {offer.file} is no scenario; it has a configuration of {offer.filter}. <button type="button" class="button button-small" onClick={then(takeOffer)}>Put it into the editor</button>
        </Message>
      )}
      {trouble && <Message kind="error">{trouble}</Message>}
    </section>
  );
}
