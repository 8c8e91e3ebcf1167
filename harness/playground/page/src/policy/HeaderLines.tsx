import { Fragment } from "preact";
import type { HeaderLine } from "./policy";

interface HeaderLinesProps {
  /** Whose headers: `of the request`. */
  of: string;
  headers: HeaderLine[];
  onHeaders: (headers: HeaderLine[]) => void;
}

/** Headers as lines of name and value. */
export function HeaderLines({ of, headers, onHeaders }: HeaderLinesProps) {
  const put = (index: number, line: HeaderLine) => onHeaders(headers.map((old, at) => (at === index ? line : old)));
  return (
    <fieldset class="plain">
      <legend class="label">Headers {of}</legend>
      {headers.length > 0 && (
        <div class="headers-grid">
          {headers.map(([name, value], index) => (
            <Fragment key={index}>
              <input class="input code" aria-label={`Name of header ${index + 1} ${of}`} value={name} spellcheck={false} autocapitalize="off" onInput={(event) => put(index, [event.currentTarget.value, value])} />
              <input class="input code" aria-label={`Value of ${name || `header ${index + 1}`} ${of}`} value={value} spellcheck={false} autocapitalize="off" onInput={(event) => put(index, [name, event.currentTarget.value])} />
              <button type="button" class="button button-small" aria-label={`Remove ${name || `header ${index + 1}`} ${of}`} onClick={() => onHeaders(headers.filter((_, at) => at !== index))}>✕</button>
            </Fragment>
          ))}
        </div>
      )}
      <button type="button" class="button button-small" onClick={() => onHeaders([...headers, ["", ""]])}>Add a header</button>
    </fieldset>
  );
}
