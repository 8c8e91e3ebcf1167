import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap } from "@codemirror/lint";
import { Annotation, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Problem } from "../engine";
import { completeFrom, documentationOf } from "./assist";
import { folded } from "./folded";
import { look } from "./look";
import { problemsBelow, showProblems } from "./problems";
import type { Schema } from "./schema";

interface EditorProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  problems: Problem[];
  schema?: Schema | null;
}

/** Mod-Enter is the page's: it sends. */
const othersKeymap = defaultKeymap.filter(({ key }) => key !== "Mod-Enter");

/** Marks changes that nobody has typed. */
const fromPage = Annotation.define<boolean>();

/** An editor for YAML, and for JSON, which is YAML too. Tab leaves it, as it leaves any other field. */
export function Editor({ label, value, onValue, problems, schema = null }: EditorProps) {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const now = useRef({ onValue, schema });
  now.current = { onValue, schema };

  useLayoutEffect(() => {
    const schemaNow = () => now.current.schema;
    const editor = new EditorView({
      parent: frame.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(),
          lintGutter(),
          history(),
          drawSelection(),
          indentOnInput(),
          indentUnit.of("  "),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          EditorView.lineWrapping,
          // The cursor keeps off whatever the page keeps the focus off.
          EditorView.scrollMargins.of(() => ({ bottom: parseFloat(getComputedStyle(document.documentElement).scrollPaddingBottom) || 0 })),
          yaml(),
          autocompletion({ override: [completeFrom(schemaNow)], icons: false }),
          documentationOf(schemaNow),
          problemsBelow,
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...historyKeymap, ...othersKeymap]),
          EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": `${id}-problems`, spellcheck: "false" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !update.transactions.some((one) => one.annotation(fromPage))) now.current.onValue(update.state.doc.toString());
          }),
          look,
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, []);

  // Before anything else happens: a later effect would take back what was typed since.
  useLayoutEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value }, annotations: fromPage.of(true) });
  }, [value]);

  useEffect(() => {
    if (view.current) showProblems(view.current, problems);
  }, [problems]);

  return (
    <div class="stack-tight">
      <div class="editor" ref={frame} />
      <div id={`${id}-problems`} role="status">
        {problems.map(({ line, problem }) => (
          // One that has a line is seen there, and read out from here.
          <p key={`${line} ${problem}`} class={line >= 1 ? "unseen" : "problem"}>{line >= 1 ? `Line ${line}: ` : ""}{folded(problem).short}</p>
        ))}
      </div>
    </div>
  );
}
