import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

interface TableProps<T> {
  /** What the table shows; read aloud, and seen only with `showCaption`. */
  caption: string;
  showCaption?: boolean;
  head: ComponentChildren[];
  rows: readonly T[];
  /** The cells of a row; the first one is its heading. */
  cells: (row: T, index: number) => ComponentChildren[];
  rowClass?: (row: T) => string | undefined;
  onChoose?: (row: T, index: number) => void;
  /** How many rows are drawn at a time; more on demand. */
  portion?: number;
  empty?: string;
}

/** A table that scrolls within itself, and draws its rows in portions. */
export function Table<T>({ caption, showCaption = false, head, rows, cells, rowClass, onChoose, portion = 200, empty = "Nothing." }: TableProps<T>) {
  const [drawn, setDrawn] = useState(portion);
  if (rows.length === 0) return <p class="quiet">{empty}</p>;
  return (
    <>
      <div class="table-scroll" role="region" aria-label={caption} tabIndex={0}>
        <table class="table">
          <caption class={showCaption ? undefined : "unseen"}>{caption}</caption>
          <thead>
            <tr>{head.map((cell, index) => <th key={index} scope="col">{cell}</th>)}</tr>
          </thead>
          <tbody>
            {rows.slice(0, drawn).map((row, index) => (
              <tr key={index} class={rowClass?.(row)} onClick={onChoose && (() => onChoose(row, index))}>
                {cells(row, index).map((cell, column) => (column === 0 ? <th key={column} scope="row">{cell}</th> : <td key={column}>{cell}</td>))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > drawn && (
        <button type="button" class="button" onClick={() => setDrawn(drawn + portion)}>
          Show {Math.min(portion, rows.length - drawn)} more of {rows.length}
        </button>
      )}
    </>
  );
}
