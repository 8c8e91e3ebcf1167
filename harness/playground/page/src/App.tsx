import { useEffect, useMemo, useState } from "preact/hooks";
import { AuditTab } from "./audit/AuditTab";
import { ModuleTab } from "./module/ModuleTab";
import { Boundary } from "./parts/Boundary";
import { Tabs } from "./parts/Tabs";
import { useNoStrayDrop } from "./parts/useNoStrayDrop";
import { Working } from "./parts/Working";
import type { Opened } from "./policy/opened";
import { PolicyTab } from "./policy/PolicyTab";
import { RemoteEngine, type Busy } from "./remote_engine";
import { choose, chosenTheme, onSystemTheme, show } from "./theme";

/** The page: its head, and a tab for each thing that can be done. */
export function App() {
  const [work, setWork] = useState<Record<string, Busy>>({});
  const engine = useMemo(() => new RemoteEngine((kind, now) => setWork((before) => ({ ...before, [kind]: now }))), []);
  const [asked, setAsked] = useState<Opened | null>(null);
  useNoStrayDrop();
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>To the content</a>
      <div class="page">
        <header class="page-head">
          <h1>Portcullis playground</h1>
          <p class="quiet grow">The filters and the simulated proxy run in this tab. Nothing is sent to any server, nothing is stored.</p>
          <ThemeButton />
          <a class="quiet" href="licenses.txt">Licences</a>
        </header>
        <main id="main" tabIndex={-1}>
          <Tabs
            label="What to do"
            keep
            items={[
              { id: "policy", label: "Policy", panel: () => <Boundary what="The policy"><PolicyTab engine={engine} asked={asked} /></Boundary> },
              { id: "audit", label: "Audit file", panel: () => <Boundary what="The audit file"><AuditTab engine={engine} /></Boundary> },
              { id: "module", label: "Module", panel: (open) => <Boundary what="The module"><ModuleTab engine={engine} onTry={(opened) => {
                setAsked(opened);
                open("policy");
              }} /></Boundary> },
            ]}
          />
        </main>
      </div>
      <Working work={Object.values(work)} />
    </>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(chosenTheme());
  useEffect(() => onSystemTheme((next) => {
    show(next);
    setTheme(next);
  }), []);
  const other = theme === "dark" ? "light" : "dark";
  const change = () => {
    choose(other);
    setTheme(other);
  };
  return <button type="button" class="button button-small" onClick={change}>{other === "dark" ? "Dark" : "Light"} colours</button>;
}

/** The fragment of the address belongs to shared policies, so the skip link moves the focus alone. */
function toMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
