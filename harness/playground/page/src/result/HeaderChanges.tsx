import { useState } from "preact/hooks";
import type { Header } from "../engine";
import { Table } from "../parts/Table";
import { changes, type Change } from "../policy/header_diff";

const SIGN: Record<Change["kind"], string> = { added: "+ added", changed: "~ changed", removed: "− removed", same: "same" };

/** Headers before and after; those that nobody has touched are shown on demand. */
export function HeaderChanges({ caption, before, after }: { caption: string; before: Header[]; after: Header[] }) {
  const [isAll, setAll] = useState(false);
  const rows = changes(before, after);
  const untouched = rows.filter(({ kind }) => kind === "same").length;
  return (
    <div class="stack">
      <Table
        caption={caption}
        showCaption
        head={["Header", "Change", "Before", "After"]}
        rows={isAll ? rows : rows.filter(({ kind }) => kind !== "same")}
        cells={({ kind, name, before: was, after: is, isProxys }) => [<span class="code">{name}</span>, <span class="keep">{SIGN[kind]}{isProxys && kind !== "same" && <span class="quiet"> by the proxy</span>}</span>, <span class="value">{was}</span>, <span class="value">{is}</span>]}
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

/** Headers as they are. */
export function HeaderTable({ caption, headers }: { caption: string; headers: Header[] }) {
  return (
    <Table caption={caption} showCaption head={["Header", "Value"]} rows={headers} cells={([name, value]) => [<span class="code">{name}</span>, <span class="value">{value}</span>]} empty={`${caption}: no headers.`} />
  );
}
