import { useRef, useState } from "preact/hooks";
import type { Engine } from "../engine";
import { Drop } from "../parts/Drop";
import { beginningOf, insteadOfRecords } from "../parts/foreign";
import { Message } from "../parts/Message";
import { bytes } from "../parts/units";
import { AuditFile } from "./AuditFile";
import { Help } from "./Help";

interface Chosen {
  file: File;
  /** A file that is chosen again may have changed, so it is another one. */
  number: number;
  /** What it seems to be, should there be no record in it. Anybody can let a file of records begin so too. */
  instead: string | null;
}

/** Audit files: whether they are intact, and what is in them. */
export function AuditTab({ engine }: { engine: Engine }) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const number = useRef(0);
  const choose = async ([file]: File[]) => {
    if (!file) return;
    const mine = ++number.current;
    const beginning = await beginningOf(file);
    if (mine !== number.current) return;
    setChosen({ file, number: mine, instead: insteadOfRecords(beginning) });
    setProblem(file.size === 0 ? `${file.name} is empty: it has no records` : null);
  };
  return (
    <div class="audit stack">
      <Drop label="Drop an audit file here, or choose one" accept=".jsonl,.ndjson,.json,.log,.txt,.binpb" several="The command takes several: portcullis audit verify FILE..." onFiles={choose} />
      {problem && <Message kind="error">{problem}</Message>}
      <p class="quiet">
        One record on each line, in OCSF or ECS, as the filter audit-log writes them; other lines may stand between them. The file may be large. It is read in this page
        and goes nowhere else.
      </p>
      <Help />
      {chosen && <h2 class="file-name">{chosen.file.name} <span class="quiet">{bytes(chosen.file.size)}</span></h2>}
      {chosen && chosen.file.size > 0 && <AuditFile key={chosen.number} engine={engine} {...chosen} onProblem={setProblem} />}
    </div>
  );
}
