import { useEffect, useState } from "preact/hooks";
import type { Engine, TokenRead } from "../engine";
import { TextField } from "../parts/Field";
import { Message } from "../parts/Message";
import { useDebounced } from "../parts/useDebounced";
import { timesOf } from "./times";

type Seen = { read: TokenRead } | { problem: string } | null;

/** Takes a token apart, and says what jwt-auth has against it whatever its configuration. */
export function InspectToken({ engine }: { engine: Engine }) {
  const [text, setText] = useState("");
  const [seen, setSeen] = useState<Seen>(null);
  const token = useDebounced(text, 250).trim().replace(/^(authorization:\s*)?bearer\s+/i, "");
  useEffect(() => {
    let isCurrent = true;
    const tell = (next: Seen) => isCurrent && setSeen(next);
    if (!token) tell(null);
    else engine.token(token).then((read) => tell({ read }), (error: Error) => tell({ problem: error.message }));
    return () => {
      isCurrent = false;
    };
  }, [engine, token]);
  return (
    <>
      <TextField label="Token" lines={4} code value={text} problem={seen && ("problem" in seen ? seen.problem : against(seen.read))} hint="It stays in this page." onValue={setText} />
      <div role="status">{seen && "read" in seen && isReadable(seen.read) && <Read token={seen.read} />}</div>
    </>
  );
}

function against({ problem }: TokenRead): string | null {
  return problem && `jwt-auth does not take it, whatever its configuration: ${problem}`;
}

/** Whether there is anything in it that somebody could read. */
function isReadable({ header, claims }: TokenRead): boolean {
  return Object.keys(header).length + Object.keys(claims).length > 0;
}

function Read({ token: { header, claims, signature, problem } }: { token: TokenRead }) {
  return (
    <div class="stack">
      {!problem && <Message kind="good">jwt-auth can read it. Whether the signature is right, and whose it is, depends on the keys of the configuration.</Message>}
      <dl class="facts">
        <dt>Algorithm</dt>
        <dd>{String(header["alg"] ?? "none is named")}{header["alg"] === "none" && ": it is not signed at all"}</dd>
        <dt>Signature</dt>
        <dd>{signature} bytes</dd>
        <dt>Times</dt>
        <dd>{timesOf(claims, Date.now() / 1000).map((sentence) => <div key={sentence}>{sentence}</div>)}</dd>
      </dl>
      <h3>Header</h3>
      <pre class="code block" tabIndex={0} role="region" aria-label="Header of the token">{JSON.stringify(header, null, 2)}</pre>
      <h3>Claims</h3>
      <pre class="code block" tabIndex={0} role="region" aria-label="Claims of the token">{JSON.stringify(claims, null, 2)}</pre>
    </div>
  );
}
