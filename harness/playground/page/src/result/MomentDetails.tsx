import type { CallOut, Moment } from "../engine";
import { BytesView } from "../parts/BytesView";
import { editsOf } from "../parts/edits";
import { Table } from "../parts/Table";
import { Tabs, type TabItem } from "../parts/Tabs";
import { Calls } from "./Calls";
import { ExchangeView, type Scripted } from "./ExchangeView";
import { HeaderTable } from "./HeaderChanges";

interface MomentProps {
  moment: Moment;
  /** The metrics before. */
  before: Record<string, number>;
  scripted: Scripted | null;
  lost: number;
}

/** All that is known of a moment, by kind; what there is nothing of has no tab. */
export function MomentDetails({ moment, before, scripted, lost }: MomentProps) {
  const changed = changedMetrics(before, moment.metrics);
  const items: (TabItem & { count: number })[] = [
    { id: "exchange", label: moment.exchanges.length > 1 ? `Requests (${moment.exchanges.length})` : "Headers", count: moment.exchanges.length, panel: () => <Exchanges moment={moment} scripted={scripted} lost={lost} /> },
    { id: "call-outs", label: `To clusters (${moment.callOuts.length})`, count: moment.callOuts.length, panel: () => <CallOuts callOuts={moment.callOuts} /> },
    { id: "log", label: `Log (${moment.log.length})`, count: moment.log.length, panel: () => <Log moment={moment} /> },
    { id: "metrics", label: `Metrics (${changed.length})`, count: changed.length, panel: () => <Metrics changed={changed} /> },
    { id: "calls", label: `Hostcalls (${moment.calls.length})`, count: moment.calls.length, panel: () => <Calls calls={moment.calls} lost={lost} /> },
  ];
  const there = items.filter(({ count }) => count > 0);
  return there.length === 0 ? <p class="quiet">Nothing happened.</p> : <Tabs label="Details" items={there} />;
}

function Exchanges({ moment, scripted, lost }: { moment: Moment; scripted: Scripted | null; lost: number }) {
  const edits = editsOf(moment.calls, lost);
  return (
    <div class="stack">
      {moment.exchanges.map((exchange, index) => (
        <section key={index} class="stack">
          {moment.exchanges.length > 1 && <h4>{exchange.name}</h4>}
          <ExchangeView exchange={exchange} edits={edits} scripted={scripted} />
        </section>
      ))}
    </div>
  );
}

function CallOuts({ callOuts }: { callOuts: CallOut[] }) {
  return (
    <div class="stack">
      {callOuts.map(({ cluster, request }, index) => (
        <section key={index} class="stack">
          <h4>To {cluster}</h4>
          <BytesView label={`Body of what ${cluster} got`} bytes={request.body} />
          <details>
            <summary class="quiet">Its headers</summary>
            <HeaderTable caption={`Headers of what ${cluster} got`} headers={request.headers} />
          </details>
        </section>
      ))}
    </div>
  );
}

function Log({ moment: { log } }: { moment: Moment }) {
  return <Table caption="Log" head={["Level", "Message"]} rows={log} cells={({ level, message }) => [level, <span class="value">{message}</span>]} />;
}

interface ChangedMetric {
  name: string;
  before: number;
  after: number;
}

function Metrics({ changed }: { changed: ChangedMetric[] }) {
  return <Table caption="Metrics that changed" head={["Name", "Before", "After"]} rows={changed} cells={({ name, before, after }) => [<span class="code">{name}</span>, before, after]} />;
}

function changedMetrics(before: Record<string, number>, after: Record<string, number>): ChangedMetric[] {
  return Object.entries(after)
    .map(([name, value]) => ({ name, before: before[name] ?? 0, after: value }))
    .filter(({ before: was, after: is }) => was !== is)
    .sort((one, other) => one.name.localeCompare(other.name));
}
