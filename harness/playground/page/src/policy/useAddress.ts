import { useEffect } from "preact/hooks";
import type { Policy } from "./policy";
import { fromFragment } from "./share";

interface Listener {
  onPolicy: (policy: Policy) => void;
  /** There is none when the page begins, or one that cannot be read: then with the reason. */
  onNone: (reason: string | null) => void;
  onBroken: (reason: string) => void;
}

/** Reads the policy in the address of the page, when the page begins and whenever the address changes. */
export function useAddress({ onPolicy, onNone, onBroken }: Listener): void {
  useEffect(() => {
    const tell = (error: Error) => `The policy in the address cannot be read: ${error.message}. The link may be cut off.`;
    const read = () => fromFragment(location.hash);
    read().then((policy) => (policy ? onPolicy(policy) : onNone(null)), (error: Error) => onNone(tell(error)));
    const changed = () => void read().then((policy) => policy && onPolicy(policy), (error: Error) => onBroken(tell(error)));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
}

/** The policy in the address is no longer that of the page. */
export function forgetAddress(): void {
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
}
