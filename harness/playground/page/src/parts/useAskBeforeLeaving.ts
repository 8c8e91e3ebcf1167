import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Has the browser ask before the page is left while something in it would be lost. */
export function useAskBeforeLeaving(isUnkept: RefObject<boolean>): void {
  useEffect(() => {
    const leaving = (event: BeforeUnloadEvent) => {
      if (isUnkept.current) event.preventDefault();
    };
    window.addEventListener("beforeunload", leaving);
    return () => window.removeEventListener("beforeunload", leaving);
  }, []);
}
