import type { Engine } from "../engine";
import { Tabs } from "../parts/Tabs";
import { InspectToken } from "./InspectToken";
import { Mint } from "./Mint";
import type { Step } from "./policy";

/** What helps with tokens. */
export function Tokens({ engine, steps, onToken }: { engine: Engine; steps: Step[]; onToken: (step: number, token: string) => void }) {
  return (
    <details class="more">
      <summary>Tokens</summary>
      <div class="more-inside">
        <Tabs
          label="Tokens"
          keep
          items={[
            { id: "mint", label: "Make one", panel: () => <div class="stack"><Mint steps={steps} onToken={onToken} /></div> },
            { id: "inspect", label: "Look into one", panel: () => <div class="stack"><InspectToken engine={engine} /></div> },
          ]}
        />
      </div>
    </details>
  );
}
