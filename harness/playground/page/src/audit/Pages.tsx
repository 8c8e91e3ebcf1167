import { count } from "../parts/units";

interface Props {
  skip: number;
  take: number;
  all: number;
  onSkip: (skip: number) => void;
}

/** From page to page. */
export function Pages({ skip, take, all, onSkip }: Props) {
  if (all <= take) return null;
  const last = Math.floor((all - 1) / take) * take;
  const turn = (label: string, to: number) => (
    <button type="button" class="button" disabled={to === skip} onClick={() => onSkip(to)}>{label}</button>
  );
  return (
    <nav class="row" aria-label="Pages of records">
      {turn("First", 0)}
      {turn("Previous", Math.max(0, skip - take))}
      <span>{count(skip + 1)} to {count(Math.min(all, skip + take))} of {count(all)}</span>
      {turn("Next", Math.min(last, skip + take))}
      {turn("Last", last)}
    </nav>
  );
}
