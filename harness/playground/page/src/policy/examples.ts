/** A policy to begin with for each filter. */

import type { Filter } from "../engine";
import { mint } from "./page_key";
import { toClock } from "./play";
import { advance, answer, send, type Cluster, type Policy } from "./policy";

export interface Example {
  title: string;
  policy: Policy;
  /** Claims of tokens that are signed when the example is chosen, by the variable that each becomes. */
  tokens: (now: number) => Record<string, Record<string, unknown>>;
}

const HOUR = 3600;
const CLAIMS = { iss: "https://issuer.example", sub: "alice", aud: "orders" };

function policy(part: Partial<Policy> & Pick<Policy, "name" | "filter" | "config" | "steps">): Policy {
  return { vars: {}, clock: "", upstream: "healthy", clusters: [], ...part };
}

function collector(name: string, body = ""): Cluster {
  const headers: [string, string][] = body ? [["content-type", "application/json"]] : [];
  return { name, reachability: "healthy", answers: [answer({ headers, body })] };
}

const bearer = (variable: string): [string, string] => ["authorization", `Bearer \${${variable}}`];

const JWT_AUTH = policy({
  name: "Requests with good, bad and no tokens at one gate",
  filter: "jwt-auth",
  config: `providers:
  - name: shop
    issuer: https://issuer.example
    audiences: [orders]
    jwks: { inline: "\${jwks}" }   # the throw-away key of this page
    claims_to_headers:
      - { claim: sub, header: x-jwt-sub }
rules:
  - match: { path: { exact: /healthz } }
    require: none
otherwise: { provider: shop }
`,
  steps: [
    send("no token", { path: "/orders" }),
    send("a good token", { path: "/orders", headers: [bearer("good"), ["x-jwt-sub", "admin"]] }),
    send("an expired one", { path: "/orders", headers: [bearer("expired")] }),
    send("one for somebody else", { path: "/orders", headers: [bearer("wrong_audience")] }),
    send("a health check needs none", { path: "/healthz" }),
  ],
});

const TOKEN_BUCKET = policy({
  name: "Two requests a second for each user, three at once",
  filter: "token-bucket",
  config: `limits:
  - name: per-user
    rate: 2/1s
    burst: 3
    key: [{ header: x-user }]
reply: { ratelimit: always }
`,
  steps: [
    send("alice, first", { headers: [["x-user", "alice"]] }),
    send("alice, second", { headers: [["x-user", "alice"]] }),
    send("alice, third", { headers: [["x-user", "alice"]] }),
    send("alice, once too often", { headers: [["x-user", "alice"]] }),
    send("bob has a bucket of his own", { headers: [["x-user", "bob"]] }),
    advance("500ms", "half a second passes"),
    send("alice, on time", { headers: [["x-user", "alice"]] }),
    advance("2s", "two seconds pass"),
    send("alice, well rested", { headers: [["x-user", "alice"]] }),
  ],
});

const CIRCUIT_BREAKER = policy({
  name: "An upstream fails, is spared, tried, and used again",
  filter: "circuit-breaker",
  config: `breakers:
  - name: orders
    key: []
    min_requests: 4
    trip: { error_ratio: 0.5 }
    open: { duration: 5s, jitter: 0 }
    half_open: { permits: 2 }
state_header: { name: x-circuit, on: always }
`,
  steps: [
    send("all is well", { path: "/orders" }),
    send("once more", { path: "/orders" }),
    advance("1s"),
    send("the upstream fails", { path: "/orders", upstream: answer({ status: 503 }) }),
    send("and again", { path: "/orders", upstream: answer({ fault: "reset" }) }),
    send("it is spared", { path: "/orders" }),
    advance("5s", "five seconds pass"),
    send("one tries it", { path: "/orders" }),
    send("another, too", { path: "/orders" }),
    advance("1s"),
    send("all pass again", { path: "/orders" }),
  ],
});

const TRACE = "0af7651916cd43dd8448eb211c80319c";

const TRACE_INJECTION = policy({
  name: "Every request gets its place in a trace, and its span goes to the collector",
  filter: "trace-injection",
  config: `extract: [w3c, b3]
inject: [w3c]
sampling:
  rules: [{ when: { path: { exact: /healthz } }, sampler: never }]
traceresponse: started
export: { cluster: otel, protocol: http_json, delay: 1s, resource: { service_name: shop } }
spans: { routes: ["/orders/{id}"] }
`,
  clusters: [collector("otel", "{}")],
  steps: [
    send("a trace begins, and the client is told", { path: "/orders/7" }),
    send("a trace goes on, with another span", { path: "/orders/8", headers: [["traceparent", `00-${TRACE}-b7ad6b7169203331-01`], ["tracestate", "vendor=1"]], upstream: answer({ status: 503 }) }),
    send("a trace in the words of B3 goes on in those of W3C", { headers: [["b3", `${TRACE}-b7ad6b7169203331-1`]] }),
    send("a health check is not recorded", { path: "/healthz" }),
    advance("2500ms", "the spans leave for the collector"),
  ],
});

const AUDIT_LOG = policy({
  name: "Every request leaves a record, redacted and in a chain",
  filter: "audit-log",
  config: `sink: { http: { cluster: siem, path: /ingest, format: json_array } }
delivery: { delay: 1s }
rules:
  - { name: health, when: { path: { exact: /healthz } }, level: none }
  - { name: admin, when: { path: { prefix: /admin/ } }, level: headers }
show: { query: [page], cookies: [theme], hidden: masked }
`,
  clusters: [collector("siem")],
  steps: [
    send("a plain request", { path: "/orders?page=2&token=s3cret", headers: [["user-agent", "curl/8"]] }),
    send("one whose headers are recorded", {
      method: "POST",
      path: "/admin/users",
      headers: [["authorization", "Bearer abc.def.ghi"], ["cookie", "sid=42; theme=dark"]],
      upstream: answer({ status: 201, headers: [["set-cookie", "sid=43; HttpOnly"]] }),
    }),
    send("a health check leaves none", { path: "/healthz" }),
    send("one that fails", { path: "/orders/7", upstream: answer({ fault: "reset" }) }),
    advance("2500ms", "the records leave for the sink"),
  ],
});

const SUITE = policy({
  name: "One module that traces, records, admits, limits and spares",
  filter: "portcullis",
  config: `trace_injection: { traceresponse: always }
audit_log:
  sink: { http: { cluster: siem, path: /ingest, format: json_array } }
  delivery: { delay: 1s }
jwt_auth:
  providers:
    - name: shop
      issuer: https://issuer.example
      audiences: [orders]
      jwks: { inline: "\${jwks}" }   # the throw-away key of this page
      claims_to_headers: [{ claim: sub, header: x-jwt-sub }]
  otherwise: { provider: shop }
token_bucket:
  limits: [{ name: api, rate: 2/1m }]
  reply: { ratelimit: always }
circuit_breaker:
  breakers: [{ name: orders, key: [], trip: { error_ratio: 0.5 } }]
`,
  clusters: [collector("siem")],
  steps: [
    send("no token", { path: "/orders" }),
    send("a good token", { path: "/orders", headers: [bearer("good")] }),
    send("once more", { path: "/orders", headers: [bearer("good")] }),
    send("one too many", { path: "/orders", headers: [bearer("good")] }),
    advance("2500ms", "the records leave for the sink"),
  ],
});

const none = () => ({});
const good = (now: number) => ({ ...CLAIMS, iat: now, exp: now + HOUR });

export const EXAMPLES: readonly Example[] = [
  {
    title: "jwt-auth: good, expired and no tokens",
    policy: JWT_AUTH,
    tokens: (now) => ({ good: good(now), expired: { ...CLAIMS, iat: now - HOUR, exp: now - 180 }, wrong_audience: { ...good(now), aud: "billing" } }),
  },
  { title: "token-bucket: a bucket empties and fills", policy: TOKEN_BUCKET, tokens: none },
  { title: "circuit-breaker: open, half open, closed", policy: CIRCUIT_BREAKER, tokens: none },
  { title: "trace-injection: traces begin and go on", policy: TRACE_INJECTION, tokens: none },
  { title: "audit-log: a record of each request", policy: AUDIT_LOG, tokens: none },
  { title: "The suite: all five in one module", policy: SUITE, tokens: (now) => ({ good: good(now) }) },
];

/** The example with its tokens signed, at a time in seconds since the epoch. */
export async function begin(example: Example, now: number): Promise<Policy> {
  const tokens = await Promise.all(Object.entries(example.tokens(now)).map(async ([name, claims]) => [name, await mint(claims)] as const));
  if (tokens.length === 0) return example.policy;
  // Tokens do not stay as they are for long, so the policy keeps the time that they are for.
  return { ...example.policy, clock: toClock(now), vars: { ...example.policy.vars, ...Object.fromEntries(tokens) } };
}

/** A policy of one request, around a configuration; each cluster that it names answers. */
export function around(filter: string, config: string): Policy {
  const clusters = new Set([...config.matchAll(/\bcluster: "?([\w.-]+)/g)].map(([, name]) => name ?? ""));
  return policy({ name: "", filter, config, clusters: [...clusters].map((name) => collector(name)), steps: [send("")] });
}

/** The configuration that a filter begins with; keys that somebody else would have are those of the page. */
export function sampleOf({ sample }: Filter): string {
  return sample.replace(/jwks: \{ remote: \{[^}]*\} \}/, 'jwks: { inline: "${jwks}" }   # the throw-away key of this page');
}
