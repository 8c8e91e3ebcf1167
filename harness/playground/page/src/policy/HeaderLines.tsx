import { Fragment, type ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { headerProblem } from "./field_problems";
import type { HeaderLine } from "./policy";

interface HeaderLinesProps {
  /** Whose headers: `of the request`. */
  of: string;
  headers: HeaderLine[];
  onHeaders: (headers: HeaderLine[]) => void;
  /** What else there is to press. */
  children?: ComponentChildren;
}

/** Headers as lines of name and value. */
export function HeaderLines({ of, headers, onHeaders, children }: HeaderLinesProps) {
  const put = (index: number, line: HeaderLine) => onHeaders(headers.map((old, at) => (at === index ? line : old)));
  const frame = useRef<HTMLFieldSetElement>(null);
  const adding = useRef<HTMLButtonElement>(null);
  const isNew = useRef(false);
  useLayoutEffect(() => {
    if (isNew.current) [...(frame.current?.querySelectorAll<HTMLElement>("[data-name]") ?? [])].at(-1)?.focus();
    isNew.current = false;
  }, [headers.length]);
  const add = () => {
    isNew.current = true;
    onHeaders([...headers, ["", ""]]);
  };
  const remove = (index: number) => {
    onHeaders(headers.filter((_, at) => at !== index));
    adding.current?.focus();
  };
  return (
    <fieldset class="plain" ref={frame}>
      <legend class="label">Headers {of}</legend>
      {headers.length > 0 && (
        <div class="headers-grid">
          {headers.map(([name, value], index) => (
            <Fragment key={index}>
              <input class="input code" data-name aria-invalid={headerProblem(name) ? true : undefined} title={headerProblem(name) ?? undefined} aria-label={`Name of header ${index + 1} ${of}`} value={name} spellcheck={false} autocapitalize="off" onInput={(event) => put(index, [event.currentTarget.value, value])} />
              <input class="input code" aria-label={`Value of ${name || `header ${index + 1}`} ${of}`} value={value} spellcheck={false} autocapitalize="off" onInput={(event) => put(index, [name, event.currentTarget.value])} />
              <button type="button" class="button button-small" aria-label={`Remove ${name || `header ${index + 1}`} ${of}`} onClick={() => remove(index)}>✕</button>
            </Fragment>
          ))}
        </div>
      )}
      <div class="row">
        <button type="button" class="button button-small" ref={adding} onClick={add}>Add a header</button>
        {children}
      </div>
    </fieldset>
  );
}
