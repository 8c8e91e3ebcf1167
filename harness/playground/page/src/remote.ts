/** One worker with an engine in it. */

import type { Answer, Ask, Begin, CallName } from "./protocol";

interface Pending {
  call: CallName;
  settle: (value: unknown) => void;
  fail: (error: Error) => void;
  progress: ((bytes: number) => void) | undefined;
}

/** A call that was broken off: the engine has trapped, or somebody has stopped it. */
export class BrokenOff extends Error {}

/** Calls an engine in a worker of its own. The worker begins with the first call, and anew after one that had to be ended. */
export class Remote {
  private worker: Worker | undefined;
  private readonly pending = new Map<number, Pending>();
  private count = 0;

  /** `watch` hears the calls that are under way, whenever that changes. */
  constructor(
    private readonly script: URL,
    private readonly engine: () => Promise<WebAssembly.Module>,
    private readonly watch: (calls: CallName[]) => void,
  ) {}

  async call(call: CallName, args: unknown[], progress?: (bytes: number) => void): Promise<unknown> {
    const engine = await this.engine();
    return new Promise((settle, fail) => {
      const id = ++this.count;
      this.pending.set(id, { call, settle, fail, progress });
      this.tell();
      this.running(engine).postMessage({ id, call, args } satisfies Ask);
    });
  }

  /** Ends the worker, whatever it does; calls that are under way fail with this reason. */
  end(reason: string): void {
    this.worker?.terminate();
    this.worker = undefined;
    const broken = [...this.pending.values()];
    this.pending.clear();
    this.tell();
    for (const { fail } of broken) fail(new BrokenOff(reason));
  }

  private running(engine: WebAssembly.Module): Worker {
    if (this.worker) return this.worker;
    const worker = new Worker(this.script, { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.hear(data);
    worker.onerror = (event) => this.end(`The engine's worker has failed: ${event.message || "it could not be loaded"}. Load the page again if that goes on.`);
    worker.postMessage({ engine } satisfies Begin);
    this.worker = worker;
    return worker;
  }

  private hear(answer: Answer): void {
    const pending = this.pending.get(answer.id);
    if (!pending) return;
    if ("progress" in answer) return pending.progress?.(answer.progress);
    if ("trap" in answer) return this.end(`The engine has broken down (${answer.trap}) and was started anew. What you have written is still there.`);
    this.pending.delete(answer.id);
    this.tell();
    if ("error" in answer) return pending.fail(new Error(answer.error));
    pending.settle(answer.value);
  }

  private tell(): void {
    this.watch([...this.pending.values()].map(({ call }) => call));
  }
}
