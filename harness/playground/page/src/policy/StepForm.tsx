import { TextField } from "../parts/Field";
import { AnswerForm } from "./AnswerForm";
import { HeaderLines } from "./HeaderLines";
import { durationProblem, methodProblem, pathProblem } from "./field_problems";
import type { Advance, Send, Step } from "./policy";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/** One step, to be edited; `onToken` asks for a token for it. */
export function StepForm({ step, onStep, onToken }: { step: Step; onStep: (step: Step) => void; onToken: () => void }) {
  return step.kind === "send" ? <SendForm step={step} onStep={onStep} onToken={onToken} /> : <AdvanceForm step={step} onStep={onStep} />;
}

function AdvanceForm({ step, onStep }: { step: Advance; onStep: (step: Step) => void }) {
  return (
    <div class="row-fields">
      <TextField label="Time that passes" value={step.by} problem={durationProblem(step.by)} onValue={(by) => onStep({ ...step, by })} />
      <TextField label="Name" value={step.name} onValue={(name) => onStep({ ...step, name })} />
    </div>
  );
}

function SendForm({ step, onStep, onToken }: { step: Send; onStep: (step: Step) => void; onToken: () => void }) {
  const put = (part: Partial<Send>) => onStep({ ...step, ...part });
  return (
    <>
      <div class="row-fields">
        <TextField label="Method" value={step.method} list={METHODS} problem={methodProblem(step.method)} onValue={(method) => put({ method })} />
        <TextField label="Path and query" code value={step.path} problem={pathProblem(step.path)} onValue={(path) => put({ path })} />
        <TextField label="Host" code value={step.host} placeholder="example.com" onValue={(host) => put({ host })} />
      </div>
      <HeaderLines of="of the request" headers={step.headers} onHeaders={(headers) => put({ headers })}>
        <button type="button" class="button button-small" onClick={onToken}>Token …</button>
      </HeaderLines>
      <TextField label="Body" lines={2} code value={step.body} onValue={(body) => put({ body })} />
      <div class="row-fields">
        <TextField label="Name of the step" value={step.name} onValue={(name) => put({ name })} />
        <label class="check">
          <input type="checkbox" checked={step.http2} onChange={(event) => put({ http2: event.currentTarget.checked })} />
          HTTP/2
        </label>
      </div>
      <h3>The upstream</h3>
      <AnswerForm who="The upstream" of="of the upstream" answer={step.upstream} onAnswer={(upstream) => put({ upstream })} />
    </>
  );
}
