import { LineChart } from "../chart/LineChart";
import type { Moment, Played } from "../engine";
import { elapsed } from "../parts/times";
import { shadowDenial } from "./decision";
import type { Scripted } from "./ExchangeView";
import { MomentCard, type SeenToken } from "./MomentCard";
import { levelSeries, placed, stateSeries, STATES } from "./series";
import { Verdict } from "./Verdict";

const KINDS: Record<Moment["kind"], string> = { start: "The plugins start", send: "Requests", advance: "Time passes", tcp: "A TCP connection" };

/** A step as it was written. */
export interface Written {
  title: string;
  upstream: Scripted | null;
}

interface ResultsProps {
  played: Played;
  /** Empty where nobody knows. */
  steps: Written[];
  /** Of the scenario; null where nobody asks. */
  expectations: number | null;
  onToken: (token: SeenToken) => void;
}

/** What became of everything that was played. */
export function Results({ played: { moments, report, lostCalls }, steps, expectations, onToken }: ResultsProps) {
  // The first moment is the start.
  const names = moments.map(({ kind, exchanges }, index) => exchanges[0]?.name ?? steps[index - 1]?.title ?? KINDS[kind]);
  const places = placed(moments, names);
  const [levels, states] = [levelSeries(places), stateSeries(places)];
  const start = places.isTimed ? (moments[0]?.at ?? 0) : null;
  const xLabel = places.isTimed ? elapsed : (step: number) => (Number.isInteger(step) ? `Step ${step}` : "");
  return (
    <>
      <Verdict report={report} expectations={expectations} />
      {levels.length > 0 && <div class="card"><LineChart title="Tokens left in each bucket" valueName="Left" series={levels} xLabel={xLabel} isTimed={places.isTimed} /></div>}
      {states.length > 0 && <div class="card"><LineChart title="State of each breaker" valueName="State" series={states} xLabel={xLabel} isTimed={places.isTimed} yNames={STATES} height={130} /></div>}
      <ol class="steps">
        {moments.map((moment, index) => (
          <MomentCard
            key={index}
            moment={moment}
            before={moments[index - 1] ?? null}
            start={start}
            name={names[index] ?? ""}
            scripted={steps[index - 1]?.upstream ?? null}
            lost={lostCalls}
            onToken={onToken}
          />
        ))}
      </ol>
    </>
  );
}

/** What became of it in one line. */
export function inOneLine(moments: Moment[]): string {
  const exchanges = moments.flatMap(({ exchanges: all }) => all);
  const called = exchanges.filter(({ upstream }) => upstream !== null).length;
  const shadowed = moments.filter((moment, index) => shadowDenial(moment, moments[index - 1]?.metrics ?? {})).length;
  if (exchanges.length === 0) return "Played, without any request.";
  const would = shadowed > 0 ? `; ${shadowed} would be denied` : "";
  return `Played: ${exchanges.length} ${exchanges.length === 1 ? "request" : "requests"}, ${called} of which ${called === 1 ? "has" : "have"} reached the upstream${would}.`;
}
