import { useMemo, useState } from "preact/hooks";
import type { Finding, Verified } from "../engine";
import { count } from "../parts/units";
import { inOrder, unmarked, type Mark } from "./found";

/** So many are drawn at a time. */
const PORTION = 20;

/** Where a file is not as it was written, and what to do now. Each finding leads to its line. */
export function Findings({ verified, onFinding }: { verified: Verified; onFinding: (finding: Finding) => void }) {
  const [drawn, setDrawn] = useState(PORTION);
  const findings = useMemo(() => inOrder(verified.findings), [verified]);
  if (findings.length === 0) return null;
  const untold = verified.findingsInAll - findings.length;
  return (
    <div class="stack">
      <h4>Where it breaks</h4>
      <ol class="findings">
        {findings.slice(0, drawn).map(([finding, isFirst], index) => (
          <li key={index}>
            {finding.line > 0 && <button type="button" class="button" onClick={() => onFinding(finding)}>Line {count(finding.line)}</button>}
            <span><Told finding={finding} isExplained={isFirst} /></span>
          </li>
        ))}
      </ol>
      {findings.length > drawn && (
        <button type="button" class="button" onClick={() => setDrawn(drawn + 10 * PORTION)}>Show more of {count(findings.length)}</button>
      )}
      {untold > 0 && <p class="quiet">{beyond(untold, unmarked(verified))}</p>}
    </div>
  );
}

/** What becomes of findings that are not told. */
function beyond(untold: number, unmarked: number): string {
  const more = `And ${count(untold)} more, which are not listed`;
  if (unmarked === 0) return `${more}: their records are marked below.`;
  return `${more}: the records of ${count(untold - unmarked)} of them are marked below, those of the other ${count(unmarked)} are not.`;
}

/** A finding in words: what it is, and, where that is to be explained, what it means and what to do. */
export function Told({ finding: { text, meaning, advice }, isExplained }: { finding: Mark; isExplained: boolean }) {
  if (!isExplained) return <>{text}</>;
  return <>{text} <span class="meaning">That is: {meaning}.</span> <span class="meaning"><strong>What now:</strong> {advice}</span></>;
}
