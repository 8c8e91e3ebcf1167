import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { advance, answer, send, title, type Step } from "./policy";
import { StepForm } from "./StepForm";

interface StepsProps {
  steps: Step[];
  onSteps: (steps: Step[]) => void;
  /** Asks for a token for the step of this index. */
  onToken: (step: number) => void;
}

/** What is sent, one after the other. */
export function Steps({ steps, onSteps, onToken }: StepsProps) {
  const [said, setSaid] = useState("");
  const keys = useKeys(steps.length);
  const section = useRef<HTMLElement>(null);
  /** Where the focus goes once the steps have changed, as what had it may be gone. */
  const next = useRef<{ at: number; isNew: boolean } | null>(null);
  useLayoutEffect(() => {
    if (next.current) show(section.current, next.current.at, next.current.isNew);
    next.current = null;
  }, [steps]);
  /** Takes out so many steps at a place, and puts others there; what is open stays with its step. */
  const splice = (at: number, out: number, put: Step[], what: string) => {
    keys.splice(at, out, ...put.map(newKey));
    next.current = { at: put.length > 0 ? at : Math.min(at, steps.length - out - 1), isNew: put.length > 0 };
    onSteps(steps.toSpliced(at, out, ...put));
    setSaid(what);
  };
  const swap = (first: number, to: number) => {
    const [one, other] = [steps[first], steps[first + 1]];
    if (!one || !other) return;
    keys.splice(first, 2, keys[first + 1]!, keys[first]!);
    onSteps(steps.toSpliced(first, 2, other, one));
    setSaid(`Now step ${to + 1} of ${steps.length}`);
  };
  return (
    <section class="card" aria-label="Requests" ref={section}>
      <h2>Requests</h2>
      {steps.length === 0 && <p class="quiet">None yet.</p>}
      <ol class="steps">
        {steps.map((step, index) => (
          <li key={keys[index]}>
            <details class="more">
              <summary>{index + 1}. <Summary step={step} /></summary>
              <div class="more-inside">
                <StepForm step={step} onStep={(next) => onSteps(steps.map((old, at) => (at === index ? next : old)))} onToken={() => onToken(index)} />
                <div class="row">
                  <Act what="Move up" step={step} disabled={index === 0} onClick={() => swap(index - 1, index - 1)} />
                  <Act what="Move down" step={step} disabled={index === steps.length - 1} onClick={() => swap(index, index + 1)} />
                  <Act what="Duplicate" step={step} onClick={() => splice(index + 1, 0, [step], "Duplicated")} />
                  <Act what="Remove" step={step} onClick={() => splice(index, 1, [], `${title(step)} removed`)} />
                </div>
              </div>
            </details>
          </li>
        ))}
      </ol>
      <div class="row">
        <button type="button" class="button" data-add onClick={() => splice(steps.length, 0, [send("")], `Step ${steps.length + 1} added: a request`)}>Add a request</button>
        <button type="button" class="button" onClick={() => splice(steps.length, 0, [advance("1s")], `Step ${steps.length + 1} added: time passes`)}>Let time pass</button>
        <span role="status" class="quiet">{said}</span>
      </div>
    </section>
  );
}

/** Puts the focus on a step, and opens it where it is new; without any, on the button that adds one. */
function show(section: HTMLElement | null, at: number, isNew: boolean): void {
  const step = section?.querySelectorAll<HTMLDetailsElement>(".steps > li > details")[at];
  if (step && isNew) step.open = true;
  const inside = step?.querySelector<HTMLElement>(isNew ? ".input" : "summary");
  (inside ?? section?.querySelector<HTMLElement>("[data-add]"))?.focus();
}

let lastKey = 0;

function newKey(): number {
  lastKey += 1;
  return lastKey;
}

/** A key for each step, by which it is known while it moves. */
function useKeys(count: number): number[] {
  const keys = useRef<number[]>([]).current;
  while (keys.length < count) keys.push(newKey());
  keys.length = count;
  return keys;
}

function Act({ what, step, disabled = false, onClick }: { what: string; step: Step; disabled?: boolean; onClick: () => void }) {
  return <button type="button" class="button button-small" aria-label={`${what}: ${title(step)}`} disabled={disabled} onClick={onClick}>{what}</button>;
}

function Summary({ step }: { step: Step }) {
  if (step.kind === "advance") return <>{step.name ? `${step.name} ` : "Time passes: "}<span class="quiet">{step.by}</span></>;
  return <>{step.name ? `${step.name} ` : ""}<span class="code quiet">{step.method} {step.path}</span>{upstreamIn(step.upstream)}</>;
}

function upstreamIn(upstream: ReturnType<typeof answer>) {
  if (upstream.fault) return <span class="quiet">, upstream: {upstream.fault.replaceAll("_", " ")}</span>;
  return upstream.status === 200 ? null : <span class="quiet">, upstream: {upstream.status}</span>;
}
