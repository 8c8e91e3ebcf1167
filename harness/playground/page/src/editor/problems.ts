/** Problems under the lines that they belong to. */

import { setDiagnostics } from "@codemirror/lint";
import { StateEffect, StateField, type EditorState } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, type DecorationSet } from "@codemirror/view";
import type { Problem } from "../engine";
import { folded } from "./folded";

const setBelow = StateEffect.define<DecorationSet>();

/** Shows each problem below its line; the gutter and the underline are CodeMirror's own. */
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
    return { from: from + text.length - text.trimStart().length, to, severity: "error" as const, message: folded(problem).short };
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

  override toDOM(view: EditorView): HTMLElement {
    const { short, rest } = folded(this.text);
    const node = document.createElement("div");
    node.className = "cm-problem";
    node.append(`✕ ${short}`);
    if (rest) node.append(list(rest, view));
    return node;
  }
}

function list(text: string, view: EditorView): HTMLElement {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = "What may stand there";
  details.append(summary, text);
  details.addEventListener("toggle", () => view.requestMeasure());
  return details;
}
