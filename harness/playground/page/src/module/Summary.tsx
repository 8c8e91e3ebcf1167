import type { ModuleRead } from "../engine";
import { CopyButton } from "../parts/CopyButton";
import { bytes } from "../parts/units";

interface Props {
  file: File;
  /** Null where Envoy would not take it. */
  module: ModuleRead | null;
  digest: string | null;
}

/** What a module is, at a glance. */
export function Summary({ file: { name, size }, module, digest }: Props) {
  return (
    <section class="card" aria-labelledby="module-name">
      <h2 id="module-name" class="break">{name}</h2>
      <dl class="facts">
        {module && <><dt>ABI</dt><dd>proxy-wasm {module.abi}</dd></>}
        <dt>Size</dt><dd>{bytes(size)}</dd>
        {module && <Parts module={module} />}
        <dt>SHA-256</dt><dd>{digest ? <code class="break">{digest}</code> : "The browser computes it over HTTPS and on this machine alone; sha256sum prints it."}</dd>
      </dl>
      {digest && module && <Pinned digest={digest} />}
    </section>
  );
}

function Parts({ module: { memory, memoryMaximum, calledAlways, imports } }: { module: ModuleRead }) {
  const most = memoryMaximum === null ? "no limit of its own" : `at most ${bytes(memoryMaximum)}`;
  return (
    <>
      <dt>Memory</dt><dd>{bytes(memory)} at the start, {most}</dd>
      <dt>Envoy always calls</dt><dd>{calledAlways.length} of its exports</dd>
      <dt>Imports</dt><dd>{imports.length}</dd>
    </>
  );
}

/** Where the digest goes. */
function Pinned({ digest }: { digest: string }) {
  return (
    <>
      <div class="row">
        <CopyButton text={digest} label="Copy the SHA-256" />
      </div>
      <p class="quiet">
        It goes as it is into <code>code.remote.sha256</code> of Envoy's <code>vm_config</code>, and into <code>sha256</code> of Istio's WasmPlugin where the{" "}
        <code>url</code> begins with <code>https://</code>. For an <code>oci://</code> URL Istio wants that of the image's manifest, which <code>portcullis oci</code> prints.
      </p>
    </>
  );
}
