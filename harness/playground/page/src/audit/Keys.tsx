import { useState } from "preact/hooks";
import type { Refusal, Trust } from "../engine";
import { TextField } from "../parts/Field";

interface Props {
  refusal: Refusal | null;
  isRunning: boolean;
  onVerify: (trust: Trust) => void;
}

/** The keys by which signed checkpoints are verified. */
export function Keys({ refusal, isRunning, onVerify }: Props) {
  const [verifiers, setVerifiers] = useState("");
  const [macs, setMacs] = useState("");
  const [isRequired, setRequired] = useState(true);
  const verify = (event: Event) => {
    event.preventDefault();
    const trust = { verifierKeys: lines(verifiers), macKeys: lines(macs) };
    const hasKey = trust.verifierKeys.length + trust.macKeys.length > 0;
    onVerify({ ...trust, isRequired: isRequired && hasKey });
  };
  const problem = (...members: Refusal["member"][]) => (refusal && members.includes(refusal.member) ? refusal.problem : null);
  return (
    <details class="more">
      <summary>Verify the signatures of checkpoints</summary>
      <form class="more-inside" onSubmit={verify}>
        <TextField
          label="Verifier keys, one on each line" lines={2} code value={verifiers} onValue={setVerifiers} placeholder="audit.example+c271e3d6+AeMR4ZsVJXi6…"
          hint="Where the writer has integrity.sign.ed25519: the second line of what portcullis audit key prints. The first one is secret and has no place here."
          problem={problem("verifierKeys", "isRequired")}
        />
        <TextField
          label="HMAC keys, one on each line" lines={2} code value={macs} onValue={setMacs}
          hint="Where the writer has integrity.sign.hmac: that key, 32 bytes in hexadecimal or base64. Whoever has it can sign; it stays in this tab."
          problem={problem("macKeys")}
        />
        <label class="check">
          <input type="checkbox" checked={isRequired} onChange={({ currentTarget }) => setRequired(currentTarget.checked)} />
          Each chain has to have a checkpoint that is signed by one of these keys. Without that, whoever makes all hashes anew leaves the checkpoints out.
        </label>
        <div><button type="submit" class="button" disabled={isRunning}>Verify again</button></div>
      </form>
    </details>
  );
}

function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}
