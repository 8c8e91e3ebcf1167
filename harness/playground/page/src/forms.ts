/** What goes between the page and the engine. It is made from the code of the engine: see `forms.rs` there. */

/** What became of a request. */
export type Decision = "allowed" | "denied" | "other";
/** What a moment is. */
export type Kind = "start" | "send" | "advance" | "tcp";
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";
/** How a scenario ended. */
export type Ending =
  | "passed"
  | "failed"
  | {
      not_run: string;
    }
  | {
      broken: string;
    };

export interface Border {
  given: Given;
  taken: Taken;
  thrown: Thrown;
}
/** What the functions of the engine give, by their names. */
export interface Given {
  audit_record: RecordRead;
  audit_search: Found;
  audit_verify: Verified;
  check: Problem | null;
  filters: Filter[];
  inspect: Description;
  play: Played;
  token: TokenRead;
}
/** All of a record. */
export interface RecordRead {
  /** What `portcullis audit show --one` says of it. */
  facts: Answer[];
  /** Whether it is a message of protobuf in the file, of which this is the JSON. */
  isMessage: boolean;
  json: string;
}
/** What a record says to a question. */
export interface Answer {
  /** What that means, where it is not plain. */
  meaning: string | null;
  /** The name of the field: `subject`. */
  name: string;
  /** Its value. */
  value: string;
}
/** What was found. */
export interface Found {
  allowed: number;
  /** Lines whose record cannot be read: the first hundred. */
  broken: BrokenLine[];
  brokenInAll: number;
  denied: number;
  histogram: Bars | null;
  /** Records that writers have lost in the time that is meant, by their own account: they may be some that are looked for. */
  lost: number;
  /** How many of them are meant. */
  meant: number;
  /** Lines of something else. */
  others: number;
  /** Records in the file. */
  records: number;
  /** Records that came again, byte for byte, and are left out. */
  repeats: number;
  /** Those of one page. */
  rows: PageRow[];
  undecided: number;
}
/** A line whose record cannot be read. */
export interface BrokenLine {
  line: number;
  problem: string;
}
/** Requests over time. */
export interface Bars {
  /** The bars, at most 120, one behind the other. */
  columns: Bar[];
  /** The beginning of the first bar, in milliseconds since the epoch; a multiple of the width. */
  from: number;
  /** The width of each bar, in milliseconds: a round one, as 5 s, 10 min or 2 days. */
  width: number;
}
/** How many requests there were in a time, by decision. */
export interface Bar {
  /** Those that were let through. */
  allowed: number;
  /** Those that a filter has denied. */
  denied: number;
  /** Those of which the record does not say either. */
  other: number;
}
/** What a row shows of a record. A text that it has not is empty. */
export interface PageRow {
  /** What became of it. */
  decision: Decision;
  /** Its host. */
  host: string;
  /** `request`, or what the writer says of itself. */
  kind: string;
  /** How long it is: a record without the line feed, a message as it is encoded. */
  length: number;
  /** The line in the file, from 1 on. */
  line: number;
  /** The method of the request. */
  method: string;
  /** Where it begins: a record in a log behind what the log has written before it, a message behind its length. */
  offset: number;
  /** Its path. */
  path: string;
  /** Why a request was denied, or what else has gone wrong; what the writer says, in a sentence. */
  reason: string;
  /** The address of the client. */
  source: string;
  /** The status that the client got. */
  status: number | null;
  /** The user. */
  subject: string;
  /** The tenant. */
  tenant: string;
  /** In milliseconds since the epoch. */
  time: number | null;
  /** The trace. */
  traceId: string;
}
export interface Verified {
  /** The first thousand, those with findings before all others. */
  chains: ChainRead[];
  chainsInAll: number;
  /** The first thousand; for those that only the end of the file shows there is room among them. */
  findings: FindingRead[];
  findingsInAll: number;
  /** Whether nothing was found. */
  isIntact: boolean;
  /** Where the others are: the first hundred thousand of them. */
  marks: Marks[];
  /** Lines that are no records. */
  others: number;
  records: number;
  /** For what nothing vouches, and what else has to be known to judge: as `portcullis audit verify` says it, without its options. */
  remarks: string[];
  /** What `portcullis audit verify` prints. */
  text: string;
}
export interface ChainRead {
  checkpoints: number;
  isIntact: boolean;
  /** Whether nothing in the file shows that it ends where it ends. */
  isOpen: boolean;
  records: number;
  /** Those that one of the keys vouches for. */
  signedCheckpoints: number;
  /** `complete`, `open`, with what is known of it in a sentence. */
  state: string;
  uid: string;
}
/** One finding. */
export interface FindingRead {
  /** What to do now. */
  advice: string;
  /** `changed`, `missing`, `tail_cut`. */
  code: string;
  line: number;
  /** What a finding of this code means. */
  meaning: string;
  /** Where the record of the line is in the file; null for what only the end of the file shows. */
  place: Place | null;
  text: string;
}
/** Where something is in a file, in bytes: by that it can be read again without what is before it. */
export interface Place {
  /** How long it is: a record without the line feed, a message as it is encoded. */
  length: number;
  /** Where it begins: a record in a log behind what the log has written before it, a message behind its length. */
  offset: number;
}
/** Findings of one code of which no more than their lines is told. */
export interface Marks {
  /** What to do now. */
  advice: string;
  code: string;
  /** The line of each. */
  lines: number[];
  /** What a finding of this code means. */
  meaning: string;
}
/** What is wrong with a text, and where. */
export interface Problem {
  /** From 1 on; 0 where it is about all of it. */
  line: number;
  problem: string;
}
/** A filter. */
export interface Filter {
  /** `jwt-auth`; the suite is `portcullis`. */
  name: string;
  /** Its configuration to begin with, in YAML. */
  sample: string;
}
/**
 * What a module is made of.
 *
 * A list has a thousand entries at most, and an entry 256 characters: beyond that there is only what a damaged or hostile module has.
 */
export interface Description {
  /** The ABI that it says it was made for. */
  abi: string;
  /** The exports that Envoy calls at the start and for every HTTP request that gets there: each costs a crossing. */
  calledAlways: string[];
  /** The exports that Envoy calls for a request or response with a body, trailers or metadata. */
  calledForContent: string[];
  /** The exports that Envoy calls for a connection of TCP. */
  calledForTcp: string[];
  /** The exports that Envoy calls after the module has asked for it, or where it is a stats sink. */
  calledOnOccasion: string[];
  /** Sections that do nothing at run time, such as names and debugging information. */
  customSections: CustomSection[];
  /** How many such sections there are. */
  customSectionsInAll: number;
  /** What it imports, each once. */
  imports: Import[];
  /** The exports that Envoy uses to start the module and to give it memory. */
  lifecycle: string[];
  /** What could be better. */
  lints: Lint[];
  /** The memory that it starts with, in bytes. */
  memory: number;
  /** The memory beyond which it cannot grow, in bytes; `None` where only the proxy limits it. */
  memoryMaximum: number | null;
  /** The exports whose signatures Envoy checks, and which it never calls. */
  neverCalled: string[];
  /** Other exports, which Envoy never looks at. */
  otherExports: string[];
  /** How many other exports there are. */
  otherExportsInAll: number;
  /** The size of the module in bytes. */
  size: number;
}
/** A section that does nothing at run time. */
export interface CustomSection {
  /** `name` where it holds names of functions, `.debug_info`. */
  name: string;
  /** In bytes, its name included. */
  size: number;
}
/** A function that a module imports. */
export interface Import {
  /** Where from: `env`, `wasi_snapshot_preview1`. */
  module: string;
  /** Its name there. */
  name: string;
}
/** A remark about a module. */
export interface Lint {
  /** Its name: `body-without-trailers`. */
  name: string;
  /** What is meant and what to do about it, in a sentence. */
  text: string;
}
/** A scenario that was played. */
export interface Played {
  /** Calls for which there was no room. */
  lostCalls: number;
  moments: Moment[];
  report: ScenarioReport;
}
/** The start of the plugins, or a step. */
export interface Moment {
  /** The virtual time when it was over, in milliseconds since the epoch. */
  at: number;
  callOuts: CallOut[];
  calls: Call[];
  /** Only of `send`: one right after the other. */
  exchanges: Exchange[];
  kind: Kind;
  levels: Level[];
  log: Line[];
  /** All counters and gauges, as they are afterwards: `portcullis_token_bucket_all_allowed_total`. */
  metrics: {
    [k: string]: number;
  };
}
/** A call-out of a plugin, as its cluster received it. */
export interface CallOut {
  cluster: string;
  request: Message;
}
/** A request or a response, pseudo-headers first. */
export interface Message {
  body: Bytes | null;
  headers: [string, string][];
  trailers: [string, string][] | null;
}
/** Bytes: as text where they are UTF-8, else in hexadecimal; cut after 64 KiB, while the size is that of all. */
export interface Bytes {
  hex?: string;
  size: number;
  text?: string;
}
/** A callback of the proxy, or a hostcall of the plugin. */
export interface Call {
  arguments: string;
  context: number;
  isCallback: boolean;
  name: string;
  /** Why it did not end well. */
  reason: string | null;
  returned: string;
  status: string;
  /** `worker 0`, `main thread`, `canary`. */
  vm: string;
}
/** A request on its way through the proxy. */
export interface Exchange {
  /** What the client gets; null where the stream was reset, or waits. */
  client: Response | null;
  /** Envoy's response_code_details: `via_upstream`, `portcullis_jwt_expired`. */
  details: string | null;
  /** The step of the scenario, and the name of the request in it. */
  name: string;
  /** What the client sends. */
  request: Message;
  /** What the upstream gets; null where it is not called. */
  upstream: Message | null;
}
/** A response. */
export interface Response {
  body: Bytes | null;
  headers: [string, string][];
  status: number;
  trailers: [string, string][] | null;
}
/** A bucket of token-bucket at the beginning and at the end of a request that was under its limit. */
export interface Level {
  /** When it was so, in milliseconds since the epoch. */
  at: number;
  /** How many it holds. */
  burst: number;
  /** Whose bucket; empty for one of all. */
  key: string;
  limit: string;
  /** Tokens that come in a second. */
  perSecond: number;
  /** Tokens that are left, with their fractions; below zero where more were taken. */
  remaining: number;
  /** How many there were in the beginning. */
  start: number;
  /** Which tier of the limit, from 1 on; 0 where it has none. */
  tier: number;
  /** The worker, where each has a bucket of its own. */
  worker: string | null;
}
/** A line of the log. */
export interface Line {
  level: LogLevel;
  message: string;
}
/** What came of one scenario on one target. */
export interface ScenarioReport {
  /** In how many orders its workers have taken turns. */
  explored?: number;
  /** The file; empty for a scenario that did not come from one. */
  file: string;
  /** What it shows. */
  name: string;
  /** How it ended. */
  outcome: Ending;
  /** Whose behaviour was expected of a simulated target: `envoy` or `spec`. */
  profile: string;
  /** How to see the failure again. */
  replay?: string;
  /** The steps that were played. */
  steps: StepReport[];
  /** The target. */
  target: string;
  /** What the plugins have done that works here and will hurt elsewhere. */
  warnings?: WarningReport[];
  /** In which other ways it was played. */
  ways?: string[];
}
/** What came of one step. */
export interface StepReport {
  /** Envoy's `response_code_details`. */
  details: string | null;
  /** What may explain that: hostcalls that were refused, with their reasons, and streams that nobody resumed. */
  hints?: string[];
  /** The line of the scenario file where it begins. */
  line: number;
  /** What was not as expected. */
  mismatches: Mismatch[];
  /** What it shows. */
  name: string;
  /** The status that the client got. */
  status: number | null;
  /** Whether the request got to the upstream. */
  upstream_called: boolean | null;
}
/** Something that is not as expected. */
export interface Mismatch {
  /** How it should be. */
  expected: string;
  /** How it is. */
  found: string;
  /** What: `status`, `header www-authenticate`, `upstream header x-jwt-sub`. */
  what: string;
}
/** A warning, and why it is one. */
export interface WarningReport {
  /** What is wrong, in a sentence. */
  explanation: string;
  /** Its name. */
  lint: string;
  /** Where it was seen first. */
  place: string;
  /** The row of the list of behaviours that it rests on. */
  row: string;
  /** How often it was seen. */
  times: number;
}
/** A token as jwt-auth reads it, before it asks whether it is good. */
export interface TokenRead {
  claims: {
    [k: string]: unknown;
  };
  header: {
    [k: string]: unknown;
  };
  /** Why jwt-auth would not read it, whatever its configuration. */
  problem: string | null;
  /** Bytes of the signature. */
  signature: number;
}
/** What they take. */
export interface Taken {
  query: Query;
  trust: Keys;
}
/** Which records are meant. What is left out or empty does not matter. */
export interface Query {
  decision?: Decision;
  /** A pattern with `*`. */
  method?: string;
  /** A pattern with `*`. */
  path?: string;
  /** RFC 3339, or less of it: `2026-09-21 13:00`. */
  since?: string;
  /** An address, or a network. */
  source?: string;
  /** `403`, `4xx`, `500-599`. */
  status?: string;
  /** A pattern with `*`. */
  subject?: string;
  /** A pattern with `*`. */
  tenant?: string;
  /** Anywhere in the record. */
  text?: string;
  /** A pattern with `*`. */
  traceId?: string;
  /** RFC 3339, or less of it: `2026-09-21 13:00`. */
  until?: string;
}
/** Keys by which checkpoints are verified; empty for none. */
export interface Keys {
  /** Whether each chain has to have a checkpoint that one of the keys vouches for, as `--require-signed` says. */
  isRequired?: boolean;
  /** What is in the file that `--mac-key` takes. */
  macKeys?: string[];
  /** As `portcullis audit verify --key` takes it. */
  verifierKeys?: string[];
}
/** What they throw instead. */
export interface Thrown {
  audit: Refusal;
  inspect: Refusal;
  play: Problem;
}
/** What of a question is at fault, and why. */
export interface Refusal {
  /** The member of the query or of the trust; `file` for all else. */
  member: string;
  /** What is wrong with it, and what would be right. */
  problem: string;
}
