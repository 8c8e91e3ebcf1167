import { useState } from "preact/hooks";
import type { Call } from "../engine";
import { Table } from "../parts/Table";
import { TextField } from "../parts/Field";
import { named } from "./actions";

/** Letters of a value that are shown at once. */
const LONGEST = 60;

/** Every callback and hostcall; those of one callback stand below it. */
export function Calls({ calls, lost }: { calls: Call[]; lost: number }) {
  const [wanted, setWanted] = useState("");
  const needle = wanted.trim().toLowerCase();
  const rows = needle === "" ? calls : calls.filter((call) => `${call.vm} ${call.name} ${call.arguments} ${call.status} ${call.returned}`.toLowerCase().includes(needle));
  return (
    <div class="stack calls">
      <TextField label="Only those with" value={wanted} placeholder="proxy_set_property, worker 0, not_found" onValue={setWanted} />
      <p class="quiet" role="status">{rows.length} of {calls.length} calls{lost > 0 && `; there was no room for ${lost} more of this run`}</p>
      <p class="quiet">The filters of this page are native code: what they ask of the clock and of randomness is not among the calls, as clock_time_get and random_get of a module are.</p>
      <Table
        key={needle}
        caption="Callbacks and hostcalls"
        head={["Call", "Status", "Arguments", "Returned", "Where"]}
        rows={rows}
        portion={100}
        cells={(call) => [
          <span class={call.isCallback ? "code callback" : "code hostcall"}>{call.isCallback ? "▸ " : ""}{call.name}</span>,
          <><span class="keep">{call.status}</span>{call.reason && <div class="quiet">{call.reason}</div>}</>,
          <Cut text={call.arguments} />,
          <Cut text={named(call.name, call.returned)} />,
          <span class="quiet keep">{call.vm}, context {call.context}</span>,
        ]}
        rowClass={({ isCallback }) => (isCallback ? "callback-row" : undefined)}
      />
    </div>
  );
}

function Cut({ text }: { text: string }) {
  if (text.length <= LONGEST) return <span class="value">{text}</span>;
  return (
    <details class="value">
      <summary>{text.slice(0, LONGEST)}…</summary>
      {text}
    </details>
  );
}
