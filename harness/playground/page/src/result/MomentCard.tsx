import { useState } from "preact/hooks";
import type { Exchange, Moment } from "../engine";
import { decide } from "../policy/decision";
import { changes } from "../policy/header_diff";
import { elapsed } from "../policy/times";
import { MomentDetails } from "./MomentDetails";

export interface MomentCardProps {
  moment: Moment;
  before: Record<string, number>;
  start: number;
  /** What the step is called where it is no request. */
  name: string;
  scripted: Parameters<typeof MomentDetails>[0]["scripted"];
  lost: number;
  isOpen?: boolean;
}

/** A step, with what became of it; its details are drawn when they are asked for. */
export function MomentCard({ moment, before, start, name, scripted, lost, isOpen = false }: MomentCardProps) {
  const [isShown, setShown] = useState(isOpen);
  return (
    <li class="card">
      {moment.exchanges.map((exchange, index) => <Head key={index} exchange={exchange} at={elapsed(moment.at - start)} />)}
      {moment.exchanges.length === 0 && (
        <div class="row">
          <h3>{name}</h3>
          <span class="quiet push">{elapsed(moment.at - start)}</span>
        </div>
      )}
      <details open={isShown} onToggle={(event) => setShown(event.currentTarget.open)}>
        <summary class="quiet">Details<span class="unseen"> of {moment.exchanges[0]?.name ?? name}</span>{hints(moment)}</summary>
        {isShown && <MomentDetails moment={moment} before={before} scripted={scripted} lost={lost} />}
      </details>
    </li>
  );
}

function Head({ exchange, at }: { exchange: Exchange; at: string }) {
  const { kind, mark, why } = decide(exchange);
  const { details, client, request } = exchange;
  const value = (name: string) => request.headers.find(([found]) => found === name)?.[1] ?? "";
  const isOwn = details !== null && !details.startsWith("via_upstream");
  const grpc = client?.headers.find(([name]) => name === "grpc-status")?.[1];
  return (
    <div class="stack-tight">
      <div class="row">
        <h3>{exchange.name}</h3>
        <span class="quiet push">{at}</span>
      </div>
      <div class="row">
        <span class={`mark mark-${kind}`}>{SIGN[kind]} {mark}</span>
        <strong>{client ? client.status : "—"}</strong>
        <span class="code quiet break">{value(":method")} {value(":path")}</span>
      </div>
      {(why || grpc || isOwn) && (
        <p>
          {why} {isOwn && <code class="code quiet break">{details}</code>}
          {grpc && <span class="quiet"> gRPC status {grpc}</span>}
        </p>
      )}
    </div>
  );
}

const SIGN = { good: "✓", bad: "✕", warn: "!", note: "i" } as const;

/** What else there is, so that nobody has to look in vain. */
function hints({ callOuts, exchanges, log }: Moment): string {
  const changed = exchanges.flatMap(({ request, upstream }) => (upstream ? changes(request.headers, upstream.headers) : [])).filter(({ kind, isProxys }) => kind !== "same" && !isProxys).length;
  const parts = [
    changed > 0 ? `${changed} ${changed === 1 ? "header" : "headers"} changed` : "",
    callOuts.length > 0 ? `${callOuts.length} sent to clusters` : "",
    log.length > 0 ? `${log.length} ${log.length === 1 ? "line" : "lines"} in the log` : "",
  ].filter(Boolean);
  return parts.length > 0 ? `: ${parts.join(", ")}` : "";
}
