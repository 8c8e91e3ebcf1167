/** What became of headers on their way. */

import type { Header } from "../engine";
import type { IsWritten } from "./edits";

export interface Change {
  kind: "added" | "changed" | "removed" | "same";
  name: string;
  before: string;
  after: string;
  /** Whether the proxy has done it of its own accord, and none of its filters. */
  isProxys: boolean;
}

/** One row for each name, those that the filters have changed first; repeated headers count as one value. */
export function changes(before: Header[], after: Header[], isWritten: IsWritten): Change[] {
  const [old, now] = [byName(before), byName(after)];
  const rows = [...new Set([...old.keys(), ...now.keys()])].map((name): Change => {
    const [was, is] = [old.get(name), now.get(name)];
    return { kind: kindOf(was, is), name, before: was ?? "", after: is ?? "", isProxys: !isWritten(name) };
  });
  const rank = ({ kind, isProxys }: Change) => (kind === "same" ? 2 : isProxys ? 1 : 0);
  return rows.toSorted((one, other) => rank(one) - rank(other));
}

function kindOf(was: string | undefined, is: string | undefined): Change["kind"] {
  if (was === undefined) return "added";
  if (is === undefined) return "removed";
  return was === is ? "same" : "changed";
}

function byName(headers: Header[]): Map<string, string> {
  const all = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = all.get(name);
    all.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return all;
}
