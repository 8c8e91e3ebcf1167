/** What the engine (the filters and the simulated proxy as WebAssembly) takes and gives. It runs in a worker: see `workers/engine.ts`. */

export type Header = [name: string, value: string];

/** Bytes: as text where they are UTF-8, else in hexadecimal; cut after 64 KiB, while `size` is that of all. */
export interface Bytes {
  text?: string;
  hex?: string;
  size: number;
}

export interface Message {
  headers: Header[];
  body: Bytes | null;
  trailers: Header[] | null;
}

/** A request on its way through the proxy. */
export interface Exchange {
  /** The step of the scenario, and the name of the request in it. */
  name: string;
  /** What the client sends, pseudo-headers first. */
  request: Message;
  /** What the upstream gets; null where it is not called. */
  upstream: Message | null;
  /** What the client gets; null where the stream was reset, or waits. */
  client: (Message & { status: number }) | null;
  /** Envoy's response_code_details: `via_upstream`, `portcullis_jwt_expired`. */
  details: string | null;
}

/** A callback of the proxy, or a hostcall of the plugin. */
export interface Call {
  /** `worker 0`, `main thread`, `canary`. */
  vm: string;
  context: number;
  isCallback: boolean;
  name: string;
  arguments: string;
  status: string;
  /** Why it did not end well. */
  reason: string | null;
  returned: string;
}

export interface LogLine {
  level: "trace" | "debug" | "info" | "warn" | "error";
  message: string;
}

/** A call-out of a plugin, as the cluster received it. */
export interface CallOut {
  cluster: string;
  request: Message;
}

/** A bucket of token-bucket after a request that was under its limit. */
export interface Level {
  /** When it was so, in milliseconds since the epoch. */
  at: number;
  limit: string;
  /** Which tier of the limit, from 1 on; 0 where it has none. */
  tier: number;
  /** Whose bucket; empty for one of all. */
  key: string;
  /** The worker, where each has a bucket of its own. */
  worker: string | null;
  /** Tokens that are left, with their fractions; below zero where more were taken. */
  remaining: number;
  /** How many it holds. */
  burst: number;
  /** How many there were in the beginning. */
  start: number;
  /** Tokens that come in a second. */
  perSecond: number;
}

/** The start of the plugins, or a step. */
export interface Moment {
  kind: "start" | "send" | "advance" | "tcp";
  /** The virtual time when it was over, in milliseconds since the epoch. */
  at: number;
  /** Only of `send`: one right after the other. */
  exchanges: Exchange[];
  calls: Call[];
  log: LogLine[];
  callOuts: CallOut[];
  /** All counters and gauges, as they are afterwards: `portcullis_token_bucket_all_allowed_total`. */
  metrics: Record<string, number>;
  levels: Level[];
}

/** As `portcullis test --format json` has it. */
export interface Report {
  file: string;
  name: string;
  outcome: "passed" | "failed" | { not_run: string } | { broken: string };
  steps: {
    name: string;
    line: number;
    status: number | null;
    details: string | null;
    upstream_called: boolean | null;
    mismatches: { what: string; expected: string; found: string }[];
    hints?: string[];
  }[];
  warnings?: { lint: string; explanation: string; times: number; place: string }[];
}

export interface Played {
  report: Report;
  moments: Moment[];
  /** Calls for which there was no room. */
  lostCalls: number;
}

/** What is wrong with a text, and where. */
export interface Problem {
  /** From 1 on; 0 where it is about all of it. */
  line: number;
  problem: string;
}

export interface Filter {
  /** `jwt-auth`; the suite is `portcullis`. */
  name: string;
  /** Its configuration to begin with, in YAML. */
  sample: string;
}

/** A token as jwt-auth reads it, before it asks whether it is good. */
export interface TokenRead {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  /** Bytes of the signature. */
  signature: number;
  /** Why jwt-auth would not read it, whatever its configuration. */
  problem: string | null;
}

export interface Import {
  module: string;
  name: string;
}

/** A remark about a module. */
export interface Lint {
  name: string;
  text: string;
}

export interface ModuleRead {
  /** `0.2.1`. */
  abi: string;
  /** In bytes. */
  size: number;
  /** In bytes: at the start, and the most that it may ever have. */
  memory: number;
  memoryMaximum: number | null;
  imports: Import[];
  /** What Envoy calls at the start and for every request. */
  calledAlways: string[];
  /** What it calls where there is a body, trailers or metadata. */
  calledForContent: string[];
  /** What it calls for a connection of TCP. */
  calledForTcp: string[];
  /** What it calls after the module has asked for it, or where it is a stats sink. */
  calledOnOccasion: string[];
  /** What it never calls, though it checks the signature. */
  neverCalled: string[];
  /** What it uses to start the module and to give it memory. */
  lifecycle: string[];
  /** The first thousand. */
  otherExports: string[];
  otherExportsInAll: number;
  /** Sections that do nothing at run time, such as names and debugging information: name and bytes. The first thousand. */
  customSections: { name: string; size: number }[];
  customSectionsInAll: number;
  lints: Lint[];
}

/** Keys by which checkpoints are verified; empty for none. */
export interface Trust {
  /** As `portcullis audit verify --key` takes it. */
  verifierKeys: string[];
  /** What is in the file that `--mac-key` takes. */
  macKeys: string[];
  /** Whether each chain has to have a checkpoint that one of the keys vouches for, as `--require-signed` says. */
  isRequired: boolean;
}

/** Where the record of a line is in the file, in bytes. */
export interface Span {
  offset: number;
  length: number;
}

export interface Finding {
  line: number;
  /** Null for what only the end of the file shows. */
  place: Span | null;
  /** `changed`, `missing`, `tail_cut`. */
  code: string;
  text: string;
  /** What a finding of this code means. */
  meaning: string;
  /** What to do now. */
  advice: string;
}

export interface ChainRead {
  uid: string;
  records: number;
  /** `complete`, `open`, with what is known of it in a sentence. */
  state: string;
  isIntact: boolean;
  /** Whether nothing in the file shows that it ends where it ends. */
  isOpen: boolean;
  checkpoints: number;
  /** Those that one of the keys vouches for. */
  signedCheckpoints: number;
}

export interface Verified {
  /** Whether nothing was found. */
  isIntact: boolean;
  records: number;
  /** Lines that are no records. */
  others: number;
  /** The first thousand, those with findings before all others. */
  chains: ChainRead[];
  chainsInAll: number;
  /** How many of all are open, and how many have no checkpoint that one of the keys vouches for. */
  openChains: number;
  unsignedChains: number;
  /** The first thousand; for those that only the end of the file shows there is room among them. */
  findings: Finding[];
  findingsInAll: number;
  /** What `portcullis audit verify` prints. */
  text: string;
}

/** Which records are meant; what is left out does not matter. */
export interface Query {
  /** Anywhere in the record. */
  text?: string;
  /** RFC 3339, or less of it: `2026-09-21 13:00`. */
  since?: string;
  until?: string;
  decision?: "allowed" | "denied" | "other";
  /** `403`, `4xx`, `500-599`. */
  status?: string;
  /** Patterns with `*`. */
  subject?: string;
  tenant?: string;
  path?: string;
  traceId?: string;
  /** An address, or a network. */
  source?: string;
  method?: string;
}

export interface Row extends Span {
  line: number;
  /** In milliseconds since the epoch. */
  time: number | null;
  kind: string;
  decision: "allowed" | "denied" | "other";
  status: number | null;
  method: string;
  host: string;
  path: string;
  subject: string;
  tenant: string;
  source: string;
  traceId: string;
  reason: string;
}

/** All of a record. */
export interface RecordRead {
  json: string;
  /** Whether it is a message of protobuf in the file, of which this is the JSON. */
  isMessage: boolean;
  /** What `portcullis audit show --one` says of it, by the names that its fields have there. */
  facts: { name: string; value: string; meaning: string | null }[];
}

export interface Histogram {
  /** The beginning of the first column, in milliseconds since the epoch. */
  from: number;
  /** Of each column, in milliseconds. */
  width: number;
  columns: { allowed: number; denied: number; other: number }[];
}

export interface Found {
  /** Records in the file, and how many of them are meant. */
  records: number;
  meant: number;
  allowed: number;
  denied: number;
  undecided: number;
  /** Lines whose record cannot be read: the first hundred. */
  broken: { line: number; problem: string }[];
  brokenInAll: number;
  others: number;
  /** Those of one page. */
  rows: Row[];
  histogram: Histogram | null;
}

/** Why a file is not read: which member of the question is wrong, or `file`. `verify`, `search`, `exportAs` and `record` reject with a `Refused`, which has it. */
export interface Refusal {
  member: keyof Query | keyof Trust | "file";
  problem: string;
}

/** Modules by the names of their files. */
export type Modules = Record<string, Uint8Array>;

export type Progress = (bytes: number) => void;

export interface Engine {
  filters(): Promise<Filter[]>;
  /** The JSON Schema of a filter's configuration. */
  schema(filter: string): Promise<unknown>;
  /** Null where the filter would take the configuration. `vars` are what `${name}` stands for. */
  check(filter: string, config: string, vars: Record<string, unknown>): Promise<Problem | null>;
  /**
   * Plays a scenario. `files` are those that it includes, by their path relative to `path`; `modules` those that it is about, by path or by name alone, and
   * one that has the name of a filter (`jwt-auth.wasm`) takes its place. Rejects with a Problem where it is none.
   */
  play(path: string, text: string, files: Record<string, string>, modules: Modules, now: number): Promise<Played>;
  token(text: string): Promise<TokenRead>;
  /** Rejects with a `Refused` where Envoy would not take it. */
  inspect(module: Uint8Array): Promise<ModuleRead>;
  /** This and the next two reject with the `reason` of the signal once it is aborted. */
  verify(file: File, trust: Trust, progress: Progress, signal: AbortSignal): Promise<Verified>;
  search(file: File, query: Query, page: { skip: number; take: number }, progress: Progress, signal: AbortSignal): Promise<Found>;
  exportAs(file: File, query: Query, format: "jsonl" | "csv", progress: Progress, signal: AbortSignal): Promise<Blob>;
  /** The record of which these are the bytes in the file, or those of its line. */
  record(bytes: Uint8Array): Promise<RecordRead>;
}
