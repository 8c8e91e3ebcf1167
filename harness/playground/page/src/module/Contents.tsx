import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Import, ModuleRead } from "../engine";
import { Table } from "../parts/Table";
import { bytes } from "../parts/units";
import { calledFor, inOrder } from "./callbacks";
import { meaning } from "./hostcalls";

/** What a module exports and imports, and what else is in it. */
export function Contents({ module }: { module: ModuleRead }) {
  const { calledAlways, calledForContent, calledForTcp, calledOnOccasion, neverCalled, lifecycle } = module;
  const { otherExports, otherExportsInAll, imports, customSections, customSectionsInAll } = module;
  return (
    <>
      <Exports title="Envoy calls at the start and for every request" names={calledAlways} />
      <Exports title="Envoy calls where there is a body, trailers or metadata" names={calledForContent} />
      <Exports title="Envoy calls for TCP" names={calledForTcp} />
      <Exports title="Envoy calls after the module has asked for it, or as a stats sink" names={calledOnOccasion} />
      {neverCalled.length > 0 && <Exports title="Envoy never calls, though it checks the signature" names={neverCalled} />}
      <Chapter title="Imports" size={imports.length}>
        {grouped(imports).map(([from, names]) => <Imports key={from} from={from} names={names} />)}
      </Chapter>
      <Exports title="For the start, and for memory" names={lifecycle} />
      <Chapter title="Exported, and never looked at" size={otherExportsInAll}>
        <Table caption="Exports that Envoy never looks at" head={["Export"]} rows={otherExports} cells={(name) => [<Name of={name} />]} portion={50} />
        <More count={otherExportsInAll - otherExports.length} />
      </Chapter>
      <Chapter title="Custom sections, which do nothing at run time" size={customSectionsInAll}>
        <Table
          caption="Custom sections" head={["Name", "Size"]} rows={customSections}
          cells={({ name, size }) => [<Name of={name} />, bytes(size)]} portion={50}
        />
        <More count={customSectionsInAll - customSections.length} />
      </Chapter>
    </>
  );
}

function Chapter({ title, size, children }: { title: string; size: number; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class="stack" aria-labelledby={id}>
      <h3 id={id}>{title} <span class="quiet">({size})</span></h3>
      {size > 0 ? children : <p class="quiet">None.</p>}
    </section>
  );
}

function Exports({ title, names }: { title: string; names: string[] }) {
  return (
    <Chapter title={title} size={names.length}>
      <Table caption={title} head={["Export", "When, or what for"]} rows={inOrder(names)} cells={(name) => [<Name of={name} />, calledFor(name) ?? "–"]} />
    </Chapter>
  );
}

function Imports({ from, names }: { from: string; names: string[] }) {
  return (
    <Table
      caption={`From ${from}`} showCaption head={["Function", "What it does"]} rows={names}
      cells={(name) => [<Name of={name} />, meaning(from, name) ?? "Envoy has no such function."]}
    />
  );
}

function More({ count }: { count: number }) {
  return count > 0 ? <p class="quiet">And {count} more, which are not shown.</p> : null;
}

function Name({ of }: { of: string }) {
  return <code class="break">{of}</code>;
}

/** The names that are imported, by the module that they are imported from. */
function grouped(imports: Import[]): [from: string, names: string[]][] {
  const groups = new Map<string, string[]>();
  for (const { module, name } of imports) groups.set(module, [...(groups.get(module) ?? []), name]);
  return [...groups].map(([from, names]) => [from, names.sort()]);
}
