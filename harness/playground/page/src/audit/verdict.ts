import type { Verified } from "../engine";
import { counted } from "../parts/units";

/** What a verification comes to; it is good where nothing is left to doubt but what is behind the last checkpoint. */
export interface Verdict {
  kind: "good" | "note" | "error";
  text: string;
  remarks: string[];
}

export function verdict({ isIntact, records, chains, chainsInAll, findingsInAll, remarks: said }: Verified): Verdict {
  const remarks = said.map(sentence);
  const all = `${counted(records, "record")} of ${counted(chainsInAll, "chain")}`;
  if (!isIntact) {
    const found = counted(findingsInAll, "finding");
    return { kind: "error", text: records === 0 ? `Not intact: ${found}, and no record that holds.` : `Not intact: ${found} in ${all}.`, remarks };
  }
  const isSigned = chains.some(({ signedCheckpoints }) => signedCheckpoints > 0);
  return {
    kind: remarks.length === 0 ? "good" : "note",
    text: `Intact: ${all}; none was changed, put in, or removed between others, as far as the hashes tell.`,
    remarks: isSigned ? [...remarks, "Nothing vouches for what comes after the last signed checkpoint of a chain."] : remarks,
  };
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
