import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Exchange, Header, Moment } from "../engine";
import { editsOf } from "../parts/edits";
import { changes } from "../parts/header_diff";
import { elapsed } from "../parts/times";
import { isUpstreams } from "./codes";
import { decide, shadowDenial, tellsFallback, type Seen } from "./decision";
import type { Scripted } from "./ExchangeView";
import { MomentDetails } from "./MomentDetails";

export interface MomentCardProps {
  moment: Moment;
  /** Null of the first one. */
  before: Moment | null;
  /** The virtual time of the first one; null where no time passes at all. */
  start: number | null;
  /** What the step is called where it is no request. */
  name: string;
  scripted: Scripted | null;
  lost: number;
  /** Asks to look into a token that was refused. */
  onToken: (token: SeenToken) => void;
}

/** A token of a request. */
export interface SeenToken {
  token: string;
  /** The name of the request. */
  of: string;
  /** The virtual time when it came, in milliseconds since the epoch. */
  at: number;
}

/** A step, with what became of it; its details are drawn when they are asked for. */
export function MomentCard({ moment, before, start, name, scripted, lost, onToken }: MomentCardProps) {
  const [isShown, setShown] = useState(false);
  const metrics = before?.metrics ?? {};
  const when = start !== null && <span class="quiet push">{span((before ?? moment).at - start, moment.at - start)}</span>;
  return (
    <li class="card">
      {moment.exchanges.map((exchange, index) => <Head key={index} exchange={exchange} when={when} onToken={(token) => onToken({ token, of: exchange.name, at: (before ?? moment).at })} seen={{ shadow: shadowDenial(moment, metrics), isFallback: tellsFallback(moment, metrics) }} />)}
      {moment.exchanges.length === 0 && (
        <div class="row">
          <h3>{name}</h3>
          {when}
        </div>
      )}
      <details open={isShown} onToggle={(event) => setShown(event.currentTarget.open)}>
        <summary class="quiet">Details<span class="unseen"> of {moment.exchanges[0]?.name ?? name}</span>{hints(moment, lost)}</summary>
        {isShown && <MomentDetails moment={moment} before={metrics} scripted={scripted} lost={lost} />}
      </details>
    </li>
  );
}

interface HeadProps {
  exchange: Exchange;
  when: ComponentChildren;
  seen: Seen;
  onToken: (token: string) => void;
}

function Head({ exchange, when, seen, onToken }: HeadProps) {
  const { kind, mark, why } = decide(exchange, seen);
  const { details, client, request } = exchange;
  const value = (name: string) => request.headers.find(([found]) => found === name)?.[1] ?? "";
  const token = kind === "bad" ? bearerOf(request.headers) : null;
  const isOwn = details !== null && !isUpstreams(details);
  const grpc = client?.headers.find(([name]) => name === "grpc-status")?.[1];
  return (
    <div class="stack-tight">
      <div class="row">
        <h3>{exchange.name}</h3>
        {when}
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
      {token && <div class="row"><button type="button" class="button button-small" onClick={() => onToken(token)}>Look into this token<span class="unseen"> of {exchange.name}</span></button></div>}
    </div>
  );
}

/** The bearer token among headers (RFC 6750 section 2.1). */
export function bearerOf(headers: Header[]): string | null {
  const values = headers.flatMap(([name, value]) => (name.toLowerCase() === "authorization" ? [/^bearer +(\S+)/i.exec(value)?.[1]] : []));
  return values.find((value) => value !== undefined) ?? null;
}

function span(from: number, to: number): string {
  return from === to ? elapsed(to) : `${elapsed(from)} to ${elapsed(to)}`;
}

const SIGN = { good: "✓", bad: "✕", warn: "!", note: "i" } as const;

/** What else there is, so that nobody has to look in vain. */
function hints({ callOuts, calls, exchanges, log }: Moment, lost: number): string {
  const { request: isWritten } = editsOf(calls, lost);
  const changed = exchanges.flatMap(({ request, upstream }) => (upstream ? changes(request.headers, upstream.headers, isWritten) : [])).filter(({ kind, isProxys }) => kind !== "same" && !isProxys).length;
  const parts = [
    changed > 0 ? `${changed} ${changed === 1 ? "header" : "headers"} changed` : "",
    callOuts.length > 0 ? `${callOuts.length} sent to clusters` : "",
    log.length > 0 ? `${log.length} ${log.length === 1 ? "line" : "lines"} in the log` : "",
  ].filter(Boolean);
  return parts.length > 0 ? `: ${parts.join(", ")}` : "";
}
