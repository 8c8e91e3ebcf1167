import { useState } from "preact/hooks";
import type { Header } from "../engine";
import { Table } from "../parts/Table";
import type { IsWritten } from "../parts/edits";
import { changes, type Change } from "../parts/header_diff";

const SIGN: Record<Change["kind"], string> = { added: "+ added", changed: "~ changed", removed: "− removed", same: "same" };

/** Headers before and after; those that nobody has touched are shown on demand. */
export function HeaderChanges({ caption, before, after, isWritten }: { caption: string; before: Header[]; after: Header[]; isWritten: IsWritten }) {
  const [isAll, setAll] = useState(false);
  const rows = changes(before, after, isWritten);
  const untouched = rows.filter(({ kind }) => kind === "same").length;
  return (
    <div class="stack">
      <Table
        caption={caption}
        showCaption
        head={["Header", "Value"]}
        rows={isAll ? rows : rows.filter(({ kind }) => kind !== "same")}
        cells={(change) => [<Name change={change} />, <Value change={change} />]}
        rowClass={({ kind, isProxys }) => (isProxys ? undefined : kind)}
        empty={`${caption}: nothing was changed.`}
      />
      {untouched > 0 && (
        <label class="check">
          <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.currentTarget.checked)} />
          {untouched} unchanged, too
        </label>
      )}
    </div>
  );
}

function Name({ change: { name, kind, isProxys } }: { change: Change }) {
  return <><span class="code">{name}</span><div>{SIGN[kind]}{isProxys && kind !== "same" && <span class="quiet"> by the proxy</span>}</div></>;
}

/** What was, struck out, and what is. */
function Value({ change: { kind, before, after } }: { change: Change }) {
  if (kind === "added" || kind === "same") return <span class="value">{after}</span>;
  return <><del class="value">{before}</del>{kind === "changed" && <div class="value">{after}</div>}</>;
}

/** Headers as they are. */
export function HeaderTable({ caption, headers }: { caption: string; headers: Header[] }) {
  return (
    <Table caption={caption} showCaption head={["Header", "Value"]} rows={headers} cells={([name, value]) => [<span class="code">{name}</span>, <span class="value">{value}</span>]} empty={`${caption}: no headers.`} />
  );
}
