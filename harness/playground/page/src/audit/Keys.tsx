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
  const [text, setText] = useState("");
  const [isRequired, setRequired] = useState(false);
  const verify = (event: Event) => {
    event.preventDefault();
    const verifierKeys = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    onVerify({ verifierKeys, isRequired });
  };
  return (
    <details class="more">
      <summary>Verify the signatures of checkpoints</summary>
      <form class="more-inside" onSubmit={verify}>
        <TextField
          label="Verifier keys, one on each line" lines={2} code value={text} onValue={setText} placeholder="audit.example+c271e3d6+AeMR4ZsVJXi6…"
          hint="The second line of what portcullis audit key prints. The first one is secret and has no place here."
          problem={refusal && refusal.member !== "file" ? refusal.problem : null}
        />
        <label class="check">
          <input type="checkbox" checked={isRequired} onChange={({ currentTarget }) => setRequired(currentTarget.checked)} />
          Each chain has to have a checkpoint that one of the keys vouches for
        </label>
        <div><button type="submit" class="button" disabled={isRunning}>Verify again</button></div>
      </form>
    </details>
  );
}
