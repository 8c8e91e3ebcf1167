import { useState } from "preact/hooks";
import { CopyButton } from "../parts/CopyButton";
import { ChoiceField, TextField } from "../parts/Field";
import { mint } from "./page_key";
import { title, type Step } from "./policy";

const HOUR = 3600;

/** Signs tokens by the key of the page. */
export function Mint({ steps, onToken }: { steps: Step[]; onToken: (step: number, token: string) => void }) {
  const [claims, setClaims] = useState(() => JSON.stringify(usual(Math.floor(Date.now() / 1000)), null, 2));
  const [token, setToken] = useState("");
  const [said, setSaid] = useState("");
  const [step, setStep] = useState(0);
  const { read, problem } = readClaims(claims);
  const requests = steps.flatMap((entry, index) => (entry.kind === "send" ? [[String(index), `${index + 1}. ${title(entry)}`] as const] : []));
  const target = requests.some(([index]) => index === String(step)) ? step : Number(requests[0]?.[0] ?? -1);

  const sign = async () => {
    if (read) setToken(await mint(read));
  };
  const put = () => {
    onToken(target, token);
    setSaid(`Step ${target + 1} has it as its authorization header`);
  };
  return (
    <>
      <p class="quiet">
        Signed by a key that this page has made for itself and that ends with it. Its public half is {"${jwks}"}: write <code>jwks: {'{ inline: "${jwks}" }'}</code> into the configuration.
      </p>
      <TextField label="Claims" lines={7} code value={claims} problem={problem} onValue={setClaims} />
      <div class="row">
        <button type="button" class="button" disabled={!read} onClick={sign}>Sign a token</button>
      </div>
      {token && (
        <>
          <output class="code block">{token}</output>
          <div class="row">
            <CopyButton text={token} />
          </div>
          {requests.length > 0 && (
            <>
              <ChoiceField label="Request" value={String(target)} options={requests} onValue={(value) => setStep(Number(value))} />
              <div class="row">
                <button type="button" class="button" onClick={put}>Put it into this request</button>
                <span role="status" class="quiet">{said}</span>
              </div>
            </>
          )}
        </>
      )}
    </>
  );
}

function usual(now: number) {
  return { iss: "https://issuer.example", aud: "orders", sub: "alice", iat: now, exp: now + HOUR };
}

function readClaims(text: string): { read: Record<string, unknown> | null; problem: string | null } {
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return { read: read as Record<string, unknown>, problem: null };
    return { read: null, problem: "The claims are one JSON object." };
  } catch (error) {
    return { read: null, problem: `The claims are no JSON: ${(error as Error).message}` };
  }
}
