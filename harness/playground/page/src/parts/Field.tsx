import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Common {
  label: string;
  /** Shown below. */
  hint?: string | undefined;
  /** What is wrong with the value; shown below, and read out. */
  problem?: string | null | undefined;
  value: string;
  onValue: (value: string) => void;
}

interface TextProps extends Common {
  placeholder?: string;
  /** More than one: a field of so many lines. */
  lines?: number;
  code?: boolean;
  list?: string[];
}

/** A line of text, or several, with a label. */
export function TextField({ lines = 1, code = false, placeholder, list, ...common }: TextProps) {
  const id = useId();
  const shared = {
    id,
    class: code ? "input code" : "input",
    value: common.value,
    placeholder,
    spellcheck: false,
    autocomplete: "off" as const,
    autocapitalize: "off" as const,
    "aria-invalid": common.problem ? true : undefined,
    "aria-describedby": `${id}-below`,
  };
  return (
    <Frame id={id} {...common}>
      {lines > 1 ? (
        <textarea {...shared} rows={lines} onInput={(event) => common.onValue(event.currentTarget.value)} />
      ) : (
        <input {...shared} type="text" {...(list ? { list: `${id}-list` } : {})} onInput={(event) => common.onValue(event.currentTarget.value)} />
      )}
      {list && <datalist id={`${id}-list`}>{list.map((entry) => <option key={entry} value={entry} />)}</datalist>}
    </Frame>
  );
}

interface ChoiceProps extends Common {
  options: readonly (readonly [value: string, label: string])[];
}

/** One of a few. */
export function ChoiceField({ options, ...common }: ChoiceProps) {
  const id = useId();
  return (
    <Frame id={id} {...common}>
      <select
        id={id}
        class="input"
        value={common.value}
        aria-describedby={`${id}-below`}
        onChange={(event) => common.onValue(event.currentTarget.value)}
      >
        {options.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
      </select>
    </Frame>
  );
}

function Frame({ id, label, hint, problem, children }: { id: string; label: string; hint?: string | undefined; problem?: string | null | undefined; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <div id={`${id}-below`} class="field-below">
        {problem ? <span class="problem" role="alert">{problem}</span> : hint && <span class="quiet">{hint}</span>}
      </div>
    </div>
  );
}
