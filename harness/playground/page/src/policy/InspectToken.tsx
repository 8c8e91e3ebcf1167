import { useEffect, useState } from "preact/hooks";
import type { Engine, TokenRead } from "../engine";
import { Boundary } from "../parts/Boundary";
import { TextField } from "../parts/Field";
import { laidOut } from "../parts/laid_out";
import { Message } from "../parts/Message";
import { useDebounced } from "../parts/useDebounced";
import { instant, outOfTime, timesOf } from "../parts/times";
import { clockProblem } from "./field_problems";

/** What was made of a token. */
type Seen = { of: string } & ({ read: TokenRead } | { problem: string });

/** When a token is looked at. */
export interface When {
  /** In seconds since the epoch. */
  at: number;
  /** By what: `the clock of this browser`. */
  by: string;
}

/** The time at the start, or now where none is set. */
export function startOf(clock: string): When {
  if (clock === "" || clockProblem(clock)) return { at: Date.now() / 1000, by: "the clock of this browser" };
  return { at: Date.parse(clock) / 1000, by: "the time at the start" };
}

interface InspectProps {
  engine: Engine;
  when: When;
  /** What is looked into at first. */
  token?: string;
}

/** Takes a token apart, and says what jwt-auth has against it whatever its configuration. */
export function InspectToken({ engine, when, token: first = "" }: InspectProps) {
  const [text, setText] = useState(first);
  const [last, setLast] = useState<Seen | null>(null);
  const token = useDebounced(text, 250).trim().replace(/^(authorization:\s*)?bearer\s+/i, "");
  useEffect(() => {
    let isCurrent = true;
    const tell = (next: Seen) => isCurrent && setLast(next);
    if (token) engine.token(token).then((read) => tell({ of: token, read }), (error: Error) => tell({ of: token, problem: error.message }));
    return () => {
      isCurrent = false;
    };
  }, [engine, token]);
  // What is known of another token is not shown below this one.
  const seen = last?.of === token ? last : null;
  return (
    <>
      <TextField label="Token" lines={4} code value={text} problem={seen && ("problem" in seen ? seen.problem : against(seen.read))} hint="It stays in this page." onValue={setText} />
      <div role="status">{seen && "read" in seen && isReadable(seen.read) && <Boundary key={token} what="The token"><Read token={seen.read} when={when} /></Boundary>}</div>
    </>
  );
}

function against({ problem }: TokenRead): string | null {
  return problem && `jwt-auth does not take it, whatever its configuration: ${problem}`;
}

/** A header is what somebody else has put there, so this may be anything. */
function algorithm(alg: unknown): string {
  if (alg === undefined || alg === null) return "none is named";
  return typeof alg === "string" ? alg : JSON.stringify(alg);
}

/** Whether there is anything in it that somebody could read. */
function isReadable({ header, claims }: TokenRead): boolean {
  return Object.keys(header).length + Object.keys(claims).length > 0;
}

function Read({ token: { header, claims, signature, problem }, when: { at, by } }: { token: TokenRead; when: When }) {
  const against = outOfTime(claims, at);
  return (
    <div class="stack">
      {!problem && <Message kind={against ? "warning" : "good"}>jwt-auth can read it{against && <>, but <strong>{against}</strong></>}. Whether the signature is right, and whose it is, depends on the keys of the configuration.</Message>}
      <dl class="facts">
        <dt>Algorithm</dt>
        <dd>{algorithm(header["alg"])}{header["alg"] === "none" && ": it is not signed at all"}</dd>
        <dt>Signature</dt>
        <dd>{signature} bytes</dd>
        <dt>Times</dt>
        <dd>
          {timesOf(claims, at).map((sentence) => <div key={sentence}>{sentence}</div>)}
          <div class="quiet">Seen from {instant(Math.floor(at))}, {by}.</div>
        </dd>
      </dl>
      <h3>Header</h3>
      <pre class="code block" tabIndex={0} role="region" aria-label="Header of the token">{laidOut(JSON.stringify(header))}</pre>
      <h3>Claims</h3>
      <pre class="code block" tabIndex={0} role="region" aria-label="Claims of the token">{laidOut(JSON.stringify(claims))}</pre>
    </div>
  );
}
