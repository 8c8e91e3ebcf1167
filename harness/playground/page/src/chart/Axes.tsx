export interface Tick {
  /** In the units of the drawing. */
  place: number;
  label: string;
}

/** Where the drawing is within a chart. */
export interface Plot {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The two axes of a chart, with lines across at the ticks of the upright one. */
export function Axes({ plot, x, y }: { plot: Plot; x: Tick[]; y: Tick[] }) {
  const { left, right, top, bottom } = plot;
  return (
    <g aria-hidden="true">
      {y.map(({ place, label }) => (
        <g key={label}>
          <line class="grid" x1={left} x2={right} y1={place} y2={place} />
          <text x={left - 6} y={place + 4} text-anchor="end">{label}</text>
        </g>
      ))}
      {x.map(({ place, label }) => (
        <g key={label}>
          <line class="axis" x1={place} x2={place} y1={bottom} y2={bottom + 4} />
          <text x={place} y={bottom + 16} text-anchor={anchor(place, left, right)}>{label}</text>
        </g>
      ))}
      <line class="axis" x1={left} x2={right} y1={bottom} y2={bottom} />
      <line class="axis" x1={left} x2={left} y1={top} y2={bottom} />
    </g>
  );
}

/** Labels at the ends stay within the chart. */
function anchor(place: number, left: number, right: number): "start" | "middle" | "end" {
  if (place - left < 20) return "start";
  return right - place < 20 ? "end" : "middle";
}
