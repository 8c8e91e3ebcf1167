import type { ChainRead } from "../engine";
import { Table } from "../parts/Table";
import { count } from "../parts/units";

const HEAD = ["Chain", "Records", "Intact", "Checkpoints", "How it ends, and what vouches for it"];

/** The writers of a file, those with findings first. */
export function Chains({ chains, inAll }: { chains: ChainRead[]; inAll: number }) {
  const sorted = [...chains].sort((one, other) => Number(one.isIntact) - Number(other.isIntact));
  return (
    <div class="chains stack">
      <Table caption="Chains: the records of one writer each" head={HEAD} rows={sorted} portion={20} cells={cells} />
      {inAll > chains.length && <p class="quiet">And {count(inAll - chains.length)} more chains, which are not shown.</p>}
    </div>
  );
}

function cells({ uid, records, state, isIntact, checkpoints, signedCheckpoints }: ChainRead) {
  return [
    <code title={uid}>{uid.length > 8 ? `${uid.slice(0, 8)}…` : uid}</code>,
    count(records),
    isIntact ? "✓ yes" : "✕ no",
    signed(checkpoints, signedCheckpoints),
    state,
  ];
}

function signed(checkpoints: number, signed: number): string {
  if (checkpoints === 0) return "none";
  if (signed === 0) return `${count(checkpoints)}, no signature verified`;
  return signed === checkpoints ? `${count(checkpoints)}, signed` : `${count(checkpoints)}, ${count(signed)} of them signed`;
}
