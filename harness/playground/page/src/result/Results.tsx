import { LineChart } from "../chart/LineChart";
import type { Moment } from "../engine";
import { title } from "../policy/policy";
import type { Run } from "../policy/play";
import { levelSeries, stateSeries, STATES } from "../policy/series";
import { elapsed } from "../policy/times";
import { MomentCard } from "./MomentCard";
import { Verdict } from "./Verdict";

const KINDS: Record<Moment["kind"], string> = { start: "The plugins start", send: "Requests", advance: "Time passes", tcp: "A TCP connection", look: "A look at what has come of it" };

/** What became of everything that was played. */
export function Results({ run: { played, policy } }: { run: Run }) {
  const { moments, report, lostCalls } = played;
  const [levels, states] = [levelSeries(moments), stateSeries(moments)];
  const start = moments[0]?.at ?? 0;
  return (
    <>
      <p class="result-line" role="status">{inOneLine(moments)}</p>
      <Verdict report={report} />
      {levels.length > 0 && <div class="card"><LineChart title="Tokens left in each bucket" valueName="Tokens" series={levels} xLabel={elapsed} /></div>}
      {states.length > 0 && <div class="card"><LineChart title="State of each breaker" valueName="State" series={states} xLabel={elapsed} yNames={STATES} height={130} /></div>}
      <ol class="steps">
        {moments.map((moment, index) => {
          const step = policy?.steps[index - 1];
          return (
            <MomentCard
              key={index}
              moment={moment}
              before={moments[index - 1]?.metrics ?? {}}
              start={start}
              name={step ? title(step) : KINDS[moment.kind]}
              scripted={step?.kind === "send" ? step.upstream : null}
              lost={lostCalls}
            />
          );
        })}
      </ol>
    </>
  );
}

function inOneLine(moments: Moment[]): string {
  const exchanges = moments.flatMap(({ exchanges: all }) => all);
  const called = exchanges.filter(({ upstream }) => upstream !== null).length;
  if (exchanges.length === 0) return "Played, without any request.";
  return `Played: ${exchanges.length} ${exchanges.length === 1 ? "request" : "requests"}, ${called} of which ${called === 1 ? "has" : "have"} reached the upstream.`;
}
