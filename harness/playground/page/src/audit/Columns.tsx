import { useEffect, useRef, useState } from "preact/hooks";
import type { Histogram } from "../engine";
import { count, time } from "../parts/units";
import { sum, told } from "./series";

interface Props {
  histogram: Histogram;
  /** Columns that the pointer or the focus is on, or none. */
  onPoint: (columns: [first: number, last: number] | null) => void;
  onChoose: (first: number, last: number) => void;
}

type Picked = { anchor: number; at: number };

/** The drawing is as wide as there is room, so these are shares of it and no pixels. */
const WIDE = 1000;
const HIGH = 100;

/** The columns themselves. A drag chooses a time; so do the arrow keys, with Shift for several columns, and Enter. */
export function Columns({ histogram, onPoint, onChoose }: Props) {
  const { from, width, columns } = histogram;
  const [picked, setPicked] = useState<Picked | null>(null);
  const [focusable, setFocusable] = useState(0);
  const svg = useRef<SVGSVGElement>(null);
  const isDragging = useRef(false);
  /** Whether a key moves the focus, and has picked already. */
  const isMoving = useRef(false);
  const pick = (next: Picked | null) => {
    setPicked(next);
    onPoint(next && range(next));
  };
  useEffect(() => pick(null), [histogram]);
  const under = (event: PointerEvent) => {
    const box = svg.current?.getBoundingClientRect();
    const share = box && box.width > 0 ? (event.clientX - box.left) / box.width : 0;
    return Math.max(0, Math.min(columns.length - 1, Math.floor(share * columns.length)));
  };
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    isDragging.current = true;
    svg.current?.setPointerCapture(event.pointerId);
    pick({ anchor: under(event), at: under(event) });
  };
  const move = (event: PointerEvent) => {
    const at = under(event);
    pick({ anchor: isDragging.current && picked ? picked.anchor : at, at });
  };
  const release = () => {
    if (isDragging.current && picked) onChoose(...range(picked));
    isDragging.current = false;
  };
  const leave = () => {
    isDragging.current = false;
    pick(null);
  };
  const key = (event: KeyboardEvent) => {
    const at = Math.min(picked?.at ?? focusable, columns.length - 1);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return onChoose(...range(picked ?? { anchor: at, at }));
    }
    const next = destination(event.key, at, columns.length - 1);
    if (next === null) return;
    event.preventDefault();
    pick({ anchor: event.shiftKey ? picked?.anchor ?? at : next, at: next });
    setFocusable(next);
    isMoving.current = true;
    svg.current?.querySelectorAll<SVGElement>("[role=button]")[next]?.focus();
    isMoving.current = false;
  };
  const follow = (next: Picked | null) => {
    if (!isDragging.current && !isMoving.current) pick(next);
  };
  const most = Math.max(1, ...columns.map(sum));
  const step = WIDE / columns.length;
  const [first, last] = picked ? range(picked) : [0, -1];
  return (
    <div class="columns-chart">
      <div class="quiet" aria-hidden="true">{count(most)}</div>
      <svg
        ref={svg} class="chart" viewBox={`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="group"
        aria-label="Records over time: arrow keys move between columns, with Shift they choose several, Enter shows their records"
        onPointerDown={press} onPointerMove={move} onPointerUp={release} onPointerCancel={leave} onPointerLeave={leave} onKeyDown={key}
      >
        {last >= first && <rect class="picked" x={first * step} y={0} width={(last - first + 1) * step} height={HIGH} />}
        {columns.map((column, at) => (
          <g
            key={at} role="button" tabindex={at === Math.min(focusable, columns.length - 1) ? 0 : -1} aria-label={told(histogram, [at, at])}
            onFocus={() => follow({ anchor: at, at })} onBlur={() => follow(null)}
          >
            <rect class="hit" x={at * step} y={0} width={step} height={HIGH} />
            <Stack column={column} x={at * step + step * 0.1} width={step * 0.8} unit={HIGH / most} />
          </g>
        ))}
      </svg>
      <div class="ends quiet" aria-hidden="true"><span>{second(from)}</span><span>{second(from + columns.length * width)}</span></div>
    </div>
  );
}

/** Without what is less than a second, so that there is room for both ends on a phone. */
function second(at: number): string {
  return time(at).slice(0, "2026-09-21 14:13:25".length);
}

/** One on the other: denied at the bottom, where it can be compared from column to column. */
function Stack({ column, x, width, unit }: { column: Histogram["columns"][number]; x: number; width: number; unit: number }) {
  let top = HIGH;
  return (["denied", "other", "allowed"] as const).map((name) => {
    // A single record shows, however many others there are.
    const height = column[name] > 0 ? Math.max(1.5, column[name] * unit) : 0;
    top -= height;
    return height > 0 && <rect key={name} class={`bar-${name}`} x={x} y={top} width={width} height={height} />;
  });
}

function range({ anchor, at }: Picked): [first: number, last: number] {
  return [Math.min(anchor, at), Math.max(anchor, at)];
}

function destination(key: string, at: number, last: number): number | null {
  switch (key) {
    case "ArrowRight":
      return Math.min(last, at + 1);
    case "ArrowLeft":
      return Math.max(0, at - 1);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}
