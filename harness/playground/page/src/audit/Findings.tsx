import { useState } from "preact/hooks";
import type { Finding, Verified } from "../engine";
import { count } from "../parts/units";

/** So many are drawn at a time. */
const PORTION = 20;

/** Where a file is not as it was written. Each finding leads to its line. */
export function Findings({ verified, onLine }: { verified: Verified; onLine: (line: number) => void }) {
  const [drawn, setDrawn] = useState(PORTION);
  const { findingsInAll } = verified;
  // What is missing is known only at the end of the file.
  const findings = [...verified.findings].sort((one, other) => one.line - other.line);
  if (findings.length === 0) return null;
  const untold = findingsInAll - findings.length;
  return (
    <div class="stack">
      <h4>Where it breaks</h4>
      <ol class="findings">
        {findings.slice(0, drawn).map((finding, index) => (
          <li key={index}>
            {finding.line > 0 && <button type="button" class="button" onClick={() => onLine(finding.line)}>Line {count(finding.line)}</button>}
            <span><Told finding={finding} /></span>
          </li>
        ))}
      </ol>
      {findings.length > drawn && (
        <button type="button" class="button" onClick={() => setDrawn(drawn + 10 * PORTION)}>Show more of {count(findings.length)}</button>
      )}
      {untold > 0 && <p class="quiet">And {count(untold)} more, which are not shown.</p>}
    </div>
  );
}

/** A finding in words: what it is, and what that means. */
export function Told({ finding: { code, text, meaning } }: { finding: Finding }) {
  return <>{text} <span class="meaning"><code>{code}</code>: {meaning}</span></>;
}
