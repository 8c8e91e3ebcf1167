import type { Finding, Verified } from "../engine";

/** What was found in a line. */
export type Mark = Pick<Finding, "code" | "text" | "meaning" | "advice">;

/** What was found, by the line that it is in. */
export type Marked = ReadonlyMap<number, Mark[]>;

/** Of findings that are not told, it is known which they are, and no more. */
export function byLine({ findings, marks }: Pick<Verified, "findings" | "marks">): Marked {
  const found = new Map<number, Mark[]>();
  const add = (line: number, mark: Mark) => {
    const others = found.get(line);
    if (others) others.push(mark);
    else found.set(line, [mark]);
  };
  for (const finding of findings) add(finding.line, finding);
  for (const { code, meaning, advice, lines } of marks) {
    const mark = { code, text: `${code.replaceAll("_", " ")}: there are too many findings to say more.`, meaning, advice };
    for (const line of lines) add(line, mark);
  }
  return found;
}

/** How many findings mark no line, because there are too many of them. */
export function unmarked({ findings, marks, findingsInAll }: Pick<Verified, "findings" | "marks" | "findingsInAll">): number {
  return findingsInAll - findings.length - marks.reduce((sum, { lines }) => sum + lines.length, 0);
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
