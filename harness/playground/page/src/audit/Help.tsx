/** What the tab does, what its words mean, and what it leaves to the command. */
export function Help() {
  return (
    <details class="more">
      <summary>Help: what is done here, and what the words mean</summary>
      <div class="more-inside">
        <p>
          The filter audit-log writes a record of each request. Each record has a hash over itself and over the hash of the record before it, so that a later change shows.
          The file is verified by these hashes, and its records can be searched and saved.
        </p>
        <dl class="facts">
          <dt>Chain</dt><dd>The records of one writer, a worker of a proxy, in their order. A file has those of several writers.</dd>
          <dt>Chain begins (genesis)</dt><dd>The first record of a chain.</dd>
          <dt>Checkpoint</dt><dd>A record that sums up all before it. A signed one shows who has written it: it vouches for those before it, if you give the key.</dd>
          <dt>Not compared</dt><dd>Records before a checkpoint are missing, so that nobody can tell whether it is of those that are there.</dd>
          <dt>Complete, stop</dt><dd>The chain has a last record that says so.</dd>
          <dt>Open</dt><dd>It has none: its writer still writes, or died, or somebody has cut off the end. The file alone cannot show which.</dd>
          <dt>Abandoned</dt><dd>It has none, and another writer has noticed and says how far it had come.</dd>
          <dt>Records lost</dt><dd>The writer itself says that it could not deliver some, and which numbers they had.</dd>
          <dt>Allowed</dt><dd>The upstream got the request, whatever it answered, 403 as well.</dd>
          <dt>Denied</dt><dd>A filter has denied it, or Envoy itself.</dd>
          <dt>Other</dt><dd>It was to go through and could not, or a filter has answered it.</dd>
        </dl>
        <p>The page takes one file, and keys. These need the command:</p>
        <ul class="plain-list">
          <li>files that belong together, the older first: <code>portcullis audit verify audit.1.jsonl audit.jsonl</code></li>
          <li>checkpoints that have come another way, which show a cut end: <code>portcullis audit verify audit.jsonl --checkpoints envoy.log</code></li>
          <li>packed files: <code>zcat audit.1.gz | portcullis audit verify -</code></li>
          <li>Parquet, protobuf, ECS and OCSF for other programs: <code>portcullis audit export --help</code></li>
        </ul>
      </div>
    </details>
  );
}
