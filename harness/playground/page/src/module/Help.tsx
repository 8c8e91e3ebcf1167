/** What the tab does, and what its words mean. */
export function Help() {
  return (
    <details class="more">
      <summary>Help: what is done here, and what the words mean</summary>
      <div class="more-inside">
        <p>
          A filter for Envoy can be a WebAssembly module. Envoy calls what it exports and gives it functions to import, as the interface proxy-wasm says. The page checks
          what Envoy checks when it loads the module, and says what each function is for.
        </p>
        <dl class="facts">
          <dt>ABI</dt><dd>The version of that interface that the module was made for. Envoy has 0.1.0, 0.2.0 and 0.2.1.</dd>
          <dt>Export</dt><dd>A function of the module that others can call. Each that Envoy calls for every request costs time, also where it does nothing.</dd>
          <dt>Import</dt><dd>A function of Envoy that the module calls.</dd>
          <dt>Remark</dt><dd>What Envoy takes and what would better be changed all the same.</dd>
          <dt>Custom section</dt><dd>Names and debugging information, for people; it makes the module larger and not slower.</dd>
          <dt>SHA-256</dt><dd>The digest by which Envoy and Istio make sure that they have fetched this module and no other.</dd>
        </dl>
        <p>
          The command says the same with <code>portcullis inspect MODULE</code>, and runs a module with <code>portcullis test</code>.
        </p>
      </div>
    </details>
  );
}
