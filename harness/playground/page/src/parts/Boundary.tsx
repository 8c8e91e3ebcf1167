import type { ComponentChildren } from "preact";
import { useErrorBoundary } from "preact/hooks";
import { Message } from "./Message";

interface BoundaryProps {
  /** What it is around: `The result`. */
  what: string;
  children: ComponentChildren;
  /** Of what can be closed; left out where it can only be tried again. */
  onClose?: () => void;
}

/** What is in it may break down alone: the rest of the page stays as it is. */
export function Boundary({ what, children, onClose }: BoundaryProps) {
  const [error, again] = useErrorBoundary();
  if (error === undefined) return children;
  return (
    <Message kind="error">
      {what} cannot be shown: {reason(error)}. The rest of the page works on; change what was put in last.{" "}
      <button type="button" class="button button-small" onClick={onClose ?? again}>{onClose ? "Close" : "Try again"}</button>
    </Message>
  );
}

function reason(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  return /call stack|recursion|string length/.test(said) ? "it is too large or too deep" : said;
}
