import type { Lint } from "../engine";
import { Message } from "../parts/Message";

/** What would better be changed, and how. */
export function Lints({ lints }: { lints: Lint[] }) {
  return (
    <section class="stack" aria-labelledby="module-lints">
      <h3 id="module-lints">Remarks</h3>
      {lints.length === 0 && <Message kind="good">Nothing to remark.</Message>}
      {lints.map(({ name, text }) => <Message key={name} kind="warning"><code>{name}</code>: {text}</Message>)}
    </section>
  );
}
