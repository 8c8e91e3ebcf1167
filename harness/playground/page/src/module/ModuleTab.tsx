import { useState } from "preact/hooks";
import type { Engine, ModuleRead } from "../engine";
import { Drop } from "../parts/Drop";
import { Message } from "../parts/Message";
import { useRun } from "../parts/useRun";
import { useStayOnPage } from "../parts/useStayOnPage";
import { Contents } from "./Contents";
import { Lints } from "./Lints";
import { sha256 } from "./sha256";
import { Summary } from "./Summary";

/** Envoy would not take one of such a size, and the page would not hold it. */
const LARGEST = 256 << 20;

interface Read {
  file: File;
  module: ModuleRead;
  /** Null where the browser does not compute it. */
  digest: string | null;
}

/** Any proxy-wasm module: what it is made of, and what Envoy will do with it. */
export function ModuleTab({ engine }: { engine: Engine }) {
  const [file, setFile] = useState<File | null>(null);
  const run = useRun<Read>();
  useStayOnPage();
  const choose = ([file]: File[]) => {
    if (!file) return;
    setFile(file);
    run.start(() => read(engine, file));
  };
  const result = run.state === "done" && run.result?.file === file ? run.result : null;
  return (
    <div class="module stack">
      <Drop label="Drop a proxy-wasm module here, or choose one" accept=".wasm,application/wasm" onFiles={choose} />
      {file && run.refusal && <Message kind="error">{file.name}: {run.refusal.problem}</Message>}
      <p class="quiet">Any .wasm for Envoy, of whatever SDK. It is read in this page, is not run, and goes nowhere else.</p>
      <p class={result ? "unseen" : "quiet"} role="status">
        {file && run.state === "running" && `Reading ${file.name} …`}
        {result && `${result.file.name} was read`}
      </p>
      {result && (
        <>
          <Summary name={result.file.name} module={result.module} digest={result.digest} />
          <Lints lints={result.module.lints} />
          <Contents module={result.module} />
        </>
      )}
    </div>
  );
}

async function read(engine: Engine, file: File): Promise<Read> {
  if (file.size > LARGEST) throw new Error("larger than 256 MiB, which is no module for a proxy");
  const bytes = new Uint8Array(await file.arrayBuffer());
  // The engine may take the bytes away, so the digest comes first.
  const digest = await sha256(bytes);
  return { file, digest, module: await engine.inspect(bytes) };
}
