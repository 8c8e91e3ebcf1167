/** The worker in which the engine runs. A call that fails is answered with its text; one that traps makes the engine useless, and the page starts another worker. */

import start, * as engine from "portcullis-engine";
import type { Modules, Query, Trust } from "../engine";
import type { Answer, Ask, Begin, CallName } from "../protocol";

/** The page need not know of every block. */
const PROGRESS_EVERY = 100;
/** Pieces are put together to blobs of this size, which the browser need not keep in memory. */
const BLOB_BYTES = 8 << 20;

let started: Promise<unknown> | undefined;

self.onmessage = async ({ data }: MessageEvent<Begin | Ask>) => {
  if (isBegin(data)) {
    started = start({ module_or_path: data.engine });
    // Whoever calls is told.
    started.catch(() => {});
    return;
  }
  post(await answer(data));
};

/** By a member of its own: what a module does to all objects must not count. */
function isBegin(data: Begin | Ask): data is Begin {
  return Object.hasOwn(data, "engine");
}

async function answer({ id, call, args }: Ask): Promise<Answer> {
  try {
    await started;
    return { id, value: run(id, call, args) };
  } catch (thrown) {
    return typeof thrown === "string" ? { id, error: thrown } : { id, trap: String(thrown) };
  }
}

function run(id: number, call: CallName, args: unknown[]): unknown {
  switch (call) {
    case "filters":
      return JSON.parse(engine.filters());
    case "schema":
      return JSON.parse(engine.schema(args[0] as string));
    case "check":
      return JSON.parse(engine.check(args[0] as string, args[1] as string, JSON.stringify(args[2])));
    case "play":
      return JSON.parse(engine.play(args[0] as string, args[1] as string, JSON.stringify(args[2]), args[3] as Modules, args[4] as number));
    case "token":
      return JSON.parse(engine.token(args[0] as string));
    case "inspect":
      return JSON.parse(engine.inspect(args[0] as Uint8Array));
    case "verify":
      return verify(id, args[0] as File, args[1] as Trust);
    case "search":
      return search(id, args[0] as File, args[1] as Query, args[2] as { skip: number; take: number });
    case "exportAs":
      return exportAs(id, args[0] as File, args[1] as Query, args[2] as string);
    case "record":
      return JSON.parse(engine.audit_record(args[0] as Uint8Array));
  }
}

function verify(id: number, file: File, trust: Trust): unknown {
  return JSON.parse(engine.audit_verify(file.name, file.size, reader(file), JSON.stringify(trust), counter(id)));
}

function search(id: number, file: File, query: Query, { skip, take }: { skip: number; take: number }): unknown {
  return JSON.parse(engine.audit_search(file.name, file.size, reader(file), JSON.stringify(query), skip, take, counter(id)));
}

function exportAs(id: number, file: File, query: Query, format: string): Blob {
  let blob = new Blob();
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let waiting = 0;
  const write = (piece: Uint8Array) => {
    // A piece may lie in the engine's memory, which it will use again.
    pieces.push(piece.slice() as Uint8Array<ArrayBuffer>);
    waiting += piece.length;
    if (waiting < BLOB_BYTES) return;
    blob = new Blob([blob, ...pieces]);
    pieces = [];
    waiting = 0;
  };
  engine.audit_export(file.name, file.size, reader(file), JSON.stringify(query), format, write, counter(id));
  return new Blob([blob, ...pieces], { type: format === "csv" ? "text/csv" : "application/jsonl" });
}

function reader(file: File): (offset: number, length: number) => Uint8Array {
  const files = new FileReaderSync();
  return (offset, length) => new Uint8Array(files.readAsArrayBuffer(file.slice(offset, offset + length)));
}

function counter(id: number): (bytes: number) => void {
  let told = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - told < PROGRESS_EVERY) return;
    told = now;
    post({ id, progress: bytes });
  };
}

function post(answer: Answer): void {
  self.postMessage(answer);
}
