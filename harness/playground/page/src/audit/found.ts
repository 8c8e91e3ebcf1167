import type { Finding } from "../engine";

/** Findings by the line that they are in. */
export type Marked = ReadonlyMap<number, Finding[]>;

export function byLine(findings: Finding[]): Marked {
  const lines = new Map<number, Finding[]>();
  for (const finding of findings) lines.set(finding.line, [...(lines.get(finding.line) ?? []), finding]);
  return lines;
}

/** In the order of the file, and which of them are the first of their code: what that means is said once. */
export function inOrder(findings: Finding[]): [finding: Finding, isFirst: boolean][] {
  const codes = new Set<string>();
  // What only the end shows is told last, and may be of any line.
  const sorted = [...findings].sort((one, other) => one.line - other.line);
  return sorted.map((finding) => {
    const isFirst = !codes.has(finding.code);
    codes.add(finding.code);
    return [finding, isFirst];
  });
}
