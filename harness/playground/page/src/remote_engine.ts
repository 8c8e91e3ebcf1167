/** The engine as the page calls it: each kind of work has a worker of its own, so that a long one holds up no other. */

import type { Engine, Filter, Found, ModuleRead, Modules, Played, Problem, Progress, Query, RecordRead, TokenRead, Trust, Verified } from "./engine";
import { genuine, type Built } from "./genuine";
import type { CallName } from "./protocol";
import { asRefused } from "./refused";
import { Remote } from "./remote";

declare const ENGINE_WORKER: Built;
declare const ENGINE_WASM: Built;

/** What is read in pieces from a file, and can be stopped on its own. */
type Reading = "verify" | "search" | "exportAs";
type Kind = "policy" | "module" | "record" | Reading;

/** Work that is under way. */
export interface Busy {
  calls: CallName[];
  stop: () => void;
}

type Watch = (kind: Kind, work: Busy) => void;

export class RemoteEngine implements Engine {
  private readonly remotes: Record<Kind, Remote>;
  private compiled: Promise<WebAssembly.Module> | undefined;

  constructor(watch: Watch) {
    const watched = (kind: Kind) => this.remote(kind, watch);
    // Who reads a file shows how far that is, and has a button of his own to stop it.
    const unwatched = (kind: Reading | "record") => this.remote(kind, () => {});
    this.remotes = {
      policy: watched("policy"), module: watched("module"),
      verify: unwatched("verify"), search: unwatched("search"), exportAs: unwatched("exportAs"), record: unwatched("record"),
    };
  }

  filters = () => this.policy<Filter[]>("filters");
  schema = (filter: string) => this.policy<unknown>("schema", filter);
  check = (filter: string, config: string, vars: Record<string, unknown>) => this.policy<Problem | null>("check", filter, config, vars);
  token = (text: string) => this.policy<TokenRead>("token", text);
  inspect = (module: Uint8Array) => this.refusable<ModuleRead>("module", "inspect", module);
  verify = (file: File, trust: Trust, progress: Progress, signal: AbortSignal) => this.reading<Verified>("verify", [file, trust], progress, signal);
  search = (file: File, query: Query, page: { skip: number; take: number }, progress: Progress, signal: AbortSignal) =>
    this.reading<Found>("search", [file, query, page], progress, signal);
  exportAs = (file: File, query: Query, format: "jsonl" | "csv", progress: Progress, signal: AbortSignal) =>
    this.reading<Blob>("exportAs", [file, query, format], progress, signal);
  record = (bytes: Uint8Array) => this.refusable<RecordRead>("record", "record", bytes);

  async play(path: string, text: string, files: Record<string, string>, modules: Modules, now: number): Promise<Played> {
    try {
      return await this.policy<Played>("play", path, text, files, modules, now);
    } catch (error) {
      throw problem(error);
    }
  }

  private async refusable<T>(kind: "module" | "record", call: CallName, bytes: Uint8Array): Promise<T> {
    try {
      return (await this.remotes[kind].call(call, [bytes])) as T;
    } catch (error) {
      throw asRefused(error);
    }
  }

  private policy<T>(call: CallName, ...args: unknown[]): Promise<T> {
    return this.remotes.policy.call(call, args) as Promise<T>;
  }

  /** The engine is busy until it has read everything, so a reading is stopped by ending its worker. */
  private async reading<T>(call: Reading, args: unknown[], progress: Progress, signal: AbortSignal): Promise<T> {
    await this.module();
    signal.throwIfAborted();
    const stop = () => this.remotes[call].end("Stopped.");
    signal.addEventListener("abort", stop);
    try {
      return (await this.remotes[call].call(call, args, progress)) as T;
    } catch (error) {
      signal.throwIfAborted();
      throw asRefused(error);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  private remote(kind: Kind, watch: Watch): Remote {
    const script = new URL(ENGINE_WORKER.name, document.baseURI);
    const remote: Remote = new Remote(script, () => this.module(), (calls) =>
      watch(kind, { calls, stop: () => remote.end("Stopped.") }),
    );
    return remote;
  }

  /** The engine is fetched and compiled once for all workers; after a failure the next call tries again. */
  private module(): Promise<WebAssembly.Module> {
    this.compiled ??= compile().catch((error: unknown) => {
      this.compiled = undefined;
      throw error;
    });
    return this.compiled;
  }
}

async function compile(): Promise<WebAssembly.Module> {
  // A worker is not loaded by a digest, so it is looked at before the first one begins.
  const responses = await Promise.all([ENGINE_WASM, ENGINE_WORKER].map((file) => genuine(file, document.baseURI).catch(() => null)));
  const failed = responses.find((response) => !response?.ok);
  if (failed !== undefined) throw new Error(`The engine could not be fetched (${failed ? `status ${failed.status}` : "no connection, or not the file of this page"}). Load the page again when it can be reached.`);
  // Not every static server knows the media type that compileStreaming asks for.
  return WebAssembly.compile(await responses[0]!.arrayBuffer());
}

function problem(error: unknown): Problem {
  const text = error instanceof Error ? error.message : String(error);
  try {
    const read: unknown = JSON.parse(text);
    if (isProblem(read)) return read;
  } catch {
    // It is no Problem, but a sentence.
  }
  return { line: 0, problem: text };
}

/** Whether something that was thrown is a Problem. */
export function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "problem" in value && "line" in value;
}
