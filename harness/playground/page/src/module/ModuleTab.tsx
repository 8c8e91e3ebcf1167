import { useState } from "preact/hooks";
import type { Engine, ModuleRead } from "../engine";
import { Drop } from "../parts/Drop";
import { BEGINNING, insteadOfModule } from "../parts/foreign";
import { Message } from "../parts/Message";
import { useRun } from "../parts/useRun";
import { open, type Opened } from "../policy/opened";
import { Refused } from "../refused";
import { Contents } from "./Contents";
import { Help } from "./Help";
import { Lints } from "./Lints";
import { sha256 } from "./sha256";
import { Summary } from "./Summary";

/** Envoy would not take one of such a size, and the page would not hold it. */
const LARGEST = 256 << 20;

interface Read {
  file: File;
  /** Null where the browser does not compute it. */
  digest: string | null;
  /** What is in it, or why Envoy would not take it. */
  module: ModuleRead | string;
}

interface ModuleTabProps {
  engine: Engine;
  /** Hears of a scenario for the module. */
  onTry: (scenario: Opened) => void;
}

/** Any proxy-wasm module: what it is made of, and what Envoy will do with it. */
export function ModuleTab({ engine, onTry }: ModuleTabProps) {
  const [file, setFile] = useState<File | null>(null);
  const [trouble, setTrouble] = useState<{ file: File; problem: string } | null>(null);
  const run = useRun<Read>();
  const choose = ([file]: File[]) => {
    if (!file) return;
    setFile(file);
    run.start(() => read(engine, file));
  };
  const result = run.state === "done" && run.result?.file === file ? run.result : null;
  const tryOut = (file: File) => {
    open([file]).then(onTry, (error: Error) => setTrouble({ file, problem: error.message }));
  };
  return (
    <div class="module stack">
      <Drop label="Drop a proxy-wasm module here, or choose one" accept=".wasm,application/wasm" onFiles={choose} />
      {file && run.refusal && <Message kind="error">{file.name}: {run.refusal.problem}</Message>}
      <p class="quiet">Any .wasm for Envoy, of whatever SDK. It is read in this page, runs in this page alone, and only when you try it.</p>
      <Help />
      <p class={result ? "unseen" : "quiet"} role="status">
        {file && run.state === "running" && `Reading ${file.name} …`}
        {result && `${result.file.name} was read`}
      </p>
      {result && typeof result.module !== "string" && (
        <div class="row">
          <button type="button" class="button button-main" onClick={() => tryOut(result.file)}>Try it</button>
          <span class="quiet">A request goes through it, in the simulated proxy; the policy tab shows what becomes of that.</span>
        </div>
      )}
      {trouble && trouble.file === result?.file && <Message kind="error">{trouble.problem}</Message>}
      {result && <Shown {...result} />}
    </div>
  );
}

function Shown({ file, digest, module }: Read) {
  const summary = <Summary file={file} module={typeof module === "string" ? null : module} digest={digest} />;
  if (typeof module === "string") {
    return (
      <>
        <Message kind="error"><strong>Envoy 1.40 does not take {file.name}:</strong> {module}</Message>
        {summary}
      </>
    );
  }
  return (
    <>
      <Message kind="good">
        <strong>Envoy 1.40 takes {file.name}:</strong> its ABI, its imports and its exports are as they should be. Whether it takes a configuration only a run can show.
      </Message>
      {summary}
      <Lints lints={module.lints} />
      <Contents module={module} />
    </>
  );
}

async function read(engine: Engine, file: File): Promise<Read> {
  if (file.size > LARGEST) throw new Error("larger than 256 MiB, which is no module for a proxy");
  const bytes = new Uint8Array(await file.arrayBuffer());
  // The engine may take the bytes away, so the digest comes first.
  const [digest, beginning] = [await sha256(bytes), bytes.slice(0, BEGINNING)];
  try {
    return { file, digest, module: await engine.inspect(bytes) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const instead = insteadOfModule(beginning);
    return { file, digest, module: instead ? `${error.refusal.problem}. ${instead}` : error.refusal.problem };
  }
}
