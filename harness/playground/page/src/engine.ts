/**
 * What the engine (the filters and the simulated proxy as WebAssembly) takes and gives. It runs in a worker: see `workers/engine.ts`. The forms are those of its
 * code, in `forms.ts`; some have other names here.
 */

import type { Filter, Found, Keys, Message, Played, Problem, Query, RecordRead, Refusal as OfAny, TokenRead, Verified, Description as ModuleRead } from "./forms";

export type { Bytes, Call, CallOut, ChainRead, Exchange, Filter, Found, Import, Level, Lint, Marks, Message, Moment, Played, Problem, Query, RecordRead, TokenRead, Verified } from "./forms";
export type { Bars as Histogram, Description as ModuleRead, FindingRead as Finding, Line as LogLine, PageRow as Row, Place as Span, ScenarioReport as Report } from "./forms";

/** A name and a value. */
export type Header = Message["headers"][number];

/** The engine takes less; the page says all of it. */
export type Trust = Required<Keys>;

/** Why a file is not read: which member of the question is wrong, or `file`. `inspect`, `verify`, `search`, `exportAs` and `record` reject with a `Refused`, which has it. */
export interface Refusal extends OfAny {
  member: keyof Query | keyof Trust | "file";
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
