import type { Verified } from "../engine";
import { count, counted } from "../parts/units";

/** What a verification comes to; it is good where nothing is left to doubt but what is behind the last checkpoint. */
export interface Verdict {
  kind: "good" | "note" | "error";
  text: string;
  remarks: string[];
}

export function verdict(verified: Verified): Verdict {
  const { isIntact, records, chainsInAll, findingsInAll, openChains, unsignedChains } = verified;
  const all = `${counted(records, "record")} of ${counted(chainsInAll, "chain")}`;
  if (!isIntact) {
    const found = counted(findingsInAll, "finding");
    return { kind: "error", text: records === 0 ? `Not intact: ${found}, and no record that holds.` : `Not intact: ${found} in ${all}.`, remarks: [] };
  }
  return {
    kind: openChains + unsignedChains === 0 ? "good" : "note",
    text: `Intact: ${all}; none was changed, put in, or removed between others, as far as the hashes tell.`,
    remarks: [cut(openChains, chainsInAll), vouched(unsignedChains, chainsInAll)].filter((remark) => remark !== null),
  };
}

function cut(open: number, all: number): string | null {
  if (open === 0) return null;
  return `${these(open, all, "is open", "are open")}: nothing here shows whether ${open === 1 ? "its end was" : "their ends were"} cut off.`;
}

/** For what nobody vouches. */
function vouched(unsigned: number, all: number): string {
  if (unsigned === 0) return "Nothing vouches for what comes after the last signed checkpoint of a chain.";
  const them = these(unsigned, all, "has", "have");
  return `${them} no checkpoint whose signature was verified with a key: whoever can write the whole file could have made all of its hashes anew.`;
}

function these(some: number, all: number, one: string, many: string): string {
  if (all === 1) return `The chain ${one}`;
  return `${count(some)} of ${count(all)} chains ${some === 1 ? one : many}`;
}
