import { useEffect, useState } from "preact/hooks";
import type { CallName } from "../protocol";
import type { Busy } from "../remote_engine";

/** How long a call may take before anybody is told, in milliseconds. */
const PATIENCE = 1000;

const DOING: Record<CallName, string> = {
  filters: "Starting the engine",
  schema: "Starting the engine",
  check: "Checking the configuration",
  play: "Playing",
  token: "Reading the token",
  inspect: "Reading the module",
  verify: "Verifying",
  search: "Searching",
  exportAs: "Exporting",
  record: "Reading the record",
};

/** What the engine has been busy with for a second or longer, with a button to stop it. */
export function Working({ work }: { work: Busy[] }) {
  const busy = work.find(({ calls }) => calls.length > 0);
  const call = busy?.calls[0];
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (!call) return;
    const timer = setTimeout(() => setLong(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [call]);
  return (
    <div role="status">
      {isLong && busy && call && (
        <div class="working">
          <span>{DOING[call]} …</span>
          <button type="button" class="button button-small" onClick={busy.stop}>Stop</button>
        </div>
      )}
    </div>
  );
}
