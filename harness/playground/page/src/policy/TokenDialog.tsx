import { useMemo, useState } from "preact/hooks";
import { CopyButton } from "../parts/CopyButton";
import { Dialog } from "../parts/Dialog";
import { ChoiceField, TextField } from "../parts/Field";
import { Message } from "../parts/Message";
import { ANYBODY, providersIn, timed, untold, VALIDITIES, type Claims, type Validity } from "./claims";
import { clockProblem } from "./field_problems";
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
  const providers = useMemo(() => providersIn(policy.config), [policy.config]);
  const [chosen, setChosen] = useState(0);
  const [text, setText] = useState(() => written(timed(providers[0]?.claims ?? ANYBODY, "good", policy)));
  const [token, setToken] = useState("");
  const [failure, setFailure] = useState<string | null>(null);
  const { read, problem } = readClaims(text);

  const wrongClock = clockProblem(policy.clock);
  const isReady = read !== null && wrongClock === null;
  const chooseProvider = (index: number) => {
    const { iss: _iss, aud: _aud, ...others } = read ?? {};
    setChosen(index);
    setText(written({ ...providers[index]?.claims, ...others }));
  };
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
      <Untold to={untold(policy, providers[chosen])} />
      {wrongClock && <Message kind="error">The time at the start is wrong, so nobody can tell when a token is good: {wrongClock} It stands under “Clock, clusters, variables”.</Message>}
      <div class="row-fields">
        {providers.length > 1 && <ChoiceField label="For" value={String(chosen)} options={providers.map(({ name }, index) => [String(index), name] as const)} onValue={(next) => chooseProvider(Number(next))} />}
        <ChoiceField label="It is" value={validity} options={WHEN} hint="Seen from the time at the start." onValue={(next) => choose(next as Validity)} />
        <ChoiceField label="Algorithm" value={algorithm} options={HOW} onValue={(next) => setAlgorithm(next as KeyAlgorithm | "")} />
      </div>
      <TextField label="Claims" lines={8} code value={text} problem={problem} onValue={setText} />
      {failure && <Message kind="error">{failure}</Message>}
      <div class="row">
        <button type="button" class="button button-main" disabled={!isReady} onClick={() => sign(put)}>Put it into the request</button>
        <button type="button" class="button" disabled={!isReady} onClick={() => sign(setToken)}>Show it</button>
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

/** How a provider comes to know the key. */
function Untold({ to }: { to: ReturnType<typeof untold> }) {
  if (to === null) return null;
  if (to === "configuration") return <Message kind="note">The configuration does not know that key. Write <code>{'jwks: { inline: "${jwks}" }'}</code> into a provider.</Message>;
  return <Message kind="note">The provider asks the cluster {to.cluster} for its keys, which does not know that one. Under “Clock, clusters, variables” let it answer with the body <code>{"${jwks}"}</code>.</Message>;
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
