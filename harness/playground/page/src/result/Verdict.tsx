import type { Report } from "../engine";
import { Message } from "../parts/Message";

/** How a scenario ended, with what was not as expected. */
export function Verdict({ report }: { report: Report }) {
  const { outcome, steps, warnings = [] } = report;
  return (
    <>
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
