import type { Report } from "../engine";
import { Message } from "../parts/Message";

/** How a scenario ended, with what was not as expected. `expectations` is how many it has; null where nobody asks. */
export function Verdict({ report, expectations }: { report: Report; expectations: number | null }) {
  const { outcome, steps, warnings = [] } = report;
  return (
    <>
      {outcome === "passed" && expectations !== null && (
        expectations > 0 ? <Message kind="good">Passed: {expectations === 1 ? "what it expects is so." : `all ${expectations} of its expectations hold.`}</Message> : <Message kind="note">It expects nothing, so nothing could fail.</Message>
      )}
      {outcome === "failed" && (
        <Message kind="error">
          Something is not as it should be.
          <ul class="plain-list">
            {steps.flatMap((step) => step.mismatches.map(({ what, expected, found }, index) => (
              <li key={`${step.line} ${index}`}><strong>{step.name}</strong> (line {step.line}): {what} should be <code>{expected}</code>, and is <code>{found}</code></li>
            )))}
          </ul>
        </Message>
      )}
      {typeof outcome === "object" && "not_run" in outcome && <Message kind="warning">It was not played: {outcome.not_run}</Message>}
      {typeof outcome === "object" && "broken" in outcome && <Message kind="error">{outcome.broken}</Message>}
      {steps.flatMap(({ name, hints = [] }) => hints.map((hint, index) => <Message key={`${name} ${index}`} kind="note">{name}: {hint}</Message>))}
      {warnings.map(({ lint, explanation, place }) => <Message key={`${lint} ${place}`} kind="warning">{explanation} <span class="quiet">({lint}, {place})</span></Message>)}
    </>
  );
}
