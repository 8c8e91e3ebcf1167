import { useState } from "preact/hooks";
import { CopyButton } from "../parts/CopyButton";
import { Dialog } from "../parts/Dialog";
import { ChoiceField, TextField } from "../parts/Field";
import { Message } from "../parts/Message";
import { claimsFor, timed, VALIDITIES, type Claims, type Validity } from "./claims";
import { ALGORITHMS, mint, type KeyAlgorithm } from "./page_key";
import type { Policy } from "./policy";

interface TokenDialogProps {
  policy: Policy;
  /** Of the request that is to have it. */
  title: string;
  onToken: (token: string) => void;
  onClose: () => void;
}

const WHEN = Object.entries(VALIDITIES).map(([name, { said }]) => [name, said] as const);
const HOW = [["", "as the browser can"], ...ALGORITHMS.map((name) => [name, name] as const)] as const;

/** Signs a token by a key of the page, for one request. */
export function TokenDialog({ policy, title, onToken, onClose }: TokenDialogProps) {
  const [validity, setValidity] = useState<Validity>("good");
  const [algorithm, setAlgorithm] = useState<KeyAlgorithm | "">("");
  const [text, setText] = useState(() => written(timed(claimsFor(policy.config), "good", policy)));
  const [token, setToken] = useState("");
  const [failure, setFailure] = useState<string | null>(null);
  const { read, problem } = readClaims(text);

  const choose = (next: Validity) => {
    setValidity(next);
    if (read) setText(written(timed(read, next, policy)));
  };
  const sign = (then: (token: string) => void) => {
    if (read) mint(read, algorithm || undefined).then(then, () => setFailure(`This browser cannot sign by ${algorithm || "any of these algorithms"}.`));
  };
  const put = (signed: string) => {
    onToken(signed);
    onClose();
  };
  return (
    <Dialog title={`A token for: ${title}`} onClose={onClose}>
      <p class="quiet">Signed by a key that this page has made for itself and that ends with it. The public half is {"${jwks}"}.</p>
      {!policy.config.includes("${jwks}") && <Message kind="note">The configuration does not know that key. Write <code>{'jwks: { inline: "${jwks}" }'}</code> into a provider.</Message>}
      <div class="row-fields">
        <ChoiceField label="It is" value={validity} options={WHEN} hint="Seen from the time at the start." onValue={(next) => choose(next as Validity)} />
        <ChoiceField label="Algorithm" value={algorithm} options={HOW} onValue={(next) => setAlgorithm(next as KeyAlgorithm | "")} />
      </div>
      <TextField label="Claims" lines={8} code value={text} problem={problem} onValue={setText} />
      {failure && <Message kind="error">{failure}</Message>}
      <div class="row">
        <button type="button" class="button button-main" disabled={!read} onClick={() => sign(put)}>Put it into the request</button>
        <button type="button" class="button" disabled={!read} onClick={() => sign(setToken)}>Show it</button>
      </div>
      {token && (
        <>
          <output class="code block">{token}</output>
          <CopyButton text={token} />
        </>
      )}
    </Dialog>
  );
}

function written(claims: Claims): string {
  return JSON.stringify(claims, null, 2);
}

function readClaims(text: string): { read: Claims | null; problem: string | null } {
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return { read: read as Claims, problem: null };
    return { read: null, problem: "The claims are one JSON object." };
  } catch (error) {
    return { read: null, problem: `The claims are no JSON: ${(error as Error).message}` };
  }
}
