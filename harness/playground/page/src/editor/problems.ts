/** Problems under the lines that they belong to. */

import { setDiagnostics } from "@codemirror/lint";
import { StateEffect, StateField, type EditorState } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, type DecorationSet } from "@codemirror/view";
import type { Problem } from "../engine";

const setBelow = StateEffect.define<DecorationSet>();

/** Shows each problem in full below its line; the gutter and the underline are CodeMirror's own. */
export const problemsBelow = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, transaction) {
    const set = transaction.effects.find((effect) => effect.is(setBelow));
    return set ? (set.value as DecorationSet) : shown.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

export function showProblems(view: EditorView, problems: Problem[]): void {
  const found = problems.filter(({ line }) => line >= 1);
  const diagnostics = found.map(({ line, problem }) => {
    const { from, to, text } = lineAt(view.state, line);
    return { from: from + text.length - text.trimStart().length, to, severity: "error" as const, message: problem };
  });
  const below = found.map(({ line, problem }) => Decoration.widget({ widget: new Below(problem), block: true, side: 1 }).range(lineAt(view.state, line).to));
  view.dispatch(setDiagnostics(view.state, diagnostics), { effects: setBelow.of(Decoration.set(below, true)) });
}

function lineAt(state: EditorState, line: number) {
  return state.doc.line(Math.min(line, state.doc.lines));
}

class Below extends WidgetType {
  constructor(private readonly text: string) {
    super();
  }

  override eq(other: Below): boolean {
    return other.text === this.text;
  }

  override toDOM(): HTMLElement {
    const node = document.createElement("div");
    node.className = "cm-problem";
    node.textContent = `✕ ${this.text}`;
    // The message below the editor is the one that is read out.
    node.setAttribute("aria-hidden", "true");
    return node;
  }
}
