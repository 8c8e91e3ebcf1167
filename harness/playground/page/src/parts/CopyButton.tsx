import { useState } from "preact/hooks";

/** Copies a text, and says whether that went well. */
export function CopyButton({ text, label = "Copy", onCopied }: { text: string; label?: string; onCopied?: () => void }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
      onCopied?.();
    } catch {
      setSaid("The browser does not let the page copy; select the text instead");
    }
    setTimeout(() => setSaid(""), 3000);
  };
  return (
    <span class="copy">
      <button type="button" class="button" onClick={copy}>{label}</button>
      <span role="status" class="quiet">{said}</span>
    </span>
  );
}
