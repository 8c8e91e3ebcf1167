const WORDS: [word: string, said: string][] = [
  ["Configuration", "What Envoy gives to the filter, in YAML or JSON. It is checked while you write; what may stand at the cursor is shown by Ctrl+Space."],
  ["Requests", "What a client sends through the proxy, one after the other. Each has its own answer of the upstream, which may also fail. “Let time pass” moves the clock, without any waiting."],
  ["Token …", "In a request: signs a token by a key of this page. A provider knows the key by jwks: { inline: \"${jwks}\" }, or by a cluster that answers ${jwks}."],
  ["Clock, clusters, variables", "The time at the start, what the filter can call, and what ${name} stands for."],
  ["Send", "Plays it all from the start, also by Ctrl+Enter. The same policy at the same time gives the same result."],
  ["Result", "A card for each step: what became of the request, what is in a token that was refused, and below Details its headers, what was sent to clusters, the log, the metrics and each call between proxy and filter."],
  ["Share", "A link with the policy in it, which goes to no server."],
  ["Export", "A scenario file that expects what was seen, for portcullis test on this machine or in CI."],
  ["Edit as YAML", "The same policy as a scenario file, where more can be said than in the form."],
];

/** What is what on the policy tab. */
export function Help() {
  return (
    <details class="more">
      <summary>Help: what is done here, and what the words mean</summary>
      <div class="more-inside">
        <p>A policy is a filter with its configuration. Choose one that is like yours, change it, send requests through it, and read what became of them. The filters are those that run in Envoy; the proxy around them is simulated.</p>
        <dl class="facts">
          {WORDS.map(([word, said]) => [<dt key={word}>{word}</dt>, <dd key={said}>{said}</dd>])}
        </dl>
      </div>
    </details>
  );
}
