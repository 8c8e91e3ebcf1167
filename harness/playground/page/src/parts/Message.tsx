import type { ComponentChildren } from "preact";

export type MessageKind = "error" | "warning" | "good" | "note";

const SIGNS: Record<MessageKind, [sign: string, word: string]> = {
  error: ["✕", "Error"],
  warning: ["!", "Warning"],
  good: ["✓", "Good"],
  note: ["i", "Note"],
};

/** A sentence with a sign; an error is read out at once, anything else when the reader has time. */
export function Message({ kind, children }: { kind: MessageKind; children: ComponentChildren }) {
  const [sign, word] = SIGNS[kind];
  return (
    <div class={`message message-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <span class="message-sign" aria-hidden="true">{sign}</span>
      <span class="unseen">{word}: </span>
      <div class="message-text">{children}</div>
    </div>
  );
}
