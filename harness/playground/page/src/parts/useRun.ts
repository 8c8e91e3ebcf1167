import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Progress, Refusal } from "../engine";
import { Refused } from "../refused";

/** How far a reading of a file is. */
export interface Run<T> {
  state: "idle" | "running" | "stopped" | "failed" | "done";
  /** Of the file that have been read. */
  bytes: number;
  /** Of the last one that came to its end; it stays while another runs. */
  result: T | null;
  refusal: Refusal | null;
}

type Call<T> = (progress: Progress, signal: AbortSignal) => Promise<T>;

export interface Runner<T> extends Run<T> {
  /** Begins; what is still running is stopped first. */
  start(call: Call<T>): void;
  stop(): void;
}

/** One reading of a file at a time, which can be watched and stopped. */
export function useRun<T>(): Runner<T> {
  const [run, setRun] = useState<Run<T>>({ state: "idle", bytes: 0, result: null, refusal: null });
  const current = useRef<AbortController | null>(null);
  useEffect(() => () => current.current?.abort(), []);
  const stop = useCallback(() => {
    current.current?.abort();
    setRun((run) => (run.state === "running" ? { ...run, state: "stopped" } : run));
  }, []);
  const start = useCallback((call: Call<T>) => {
    current.current?.abort();
    const controller = new AbortController();
    current.current = controller;
    const change = (of: (run: Run<T>) => Run<T>) => {
      if (!controller.signal.aborted) setRun(of);
    };
    setRun((run) => ({ ...run, state: "running", bytes: 0, refusal: null }));
    call((bytes) => change((run) => ({ ...run, bytes })), controller.signal).then(
      (result) => change((run) => ({ ...run, state: "done", result })),
      (error: unknown) => change((run) => ({ ...run, state: "failed", refusal: refusal(error) })),
    );
  }, []);
  return useMemo(() => ({ ...run, start, stop }), [run, start, stop]);
}

/** What was wrong, as the engine, the browser or the file says it. */
export function refusal(error: unknown): Refusal {
  if (error instanceof Refused) return error.refusal;
  if (isGone(error)) return { member: "file", problem: "The browser cannot read the file any more: it was changed, moved or removed since it was chosen. Choose it again." };
  return { member: "file", problem: error instanceof Error ? error.message : String(error) };
}

function isGone(error: unknown): boolean {
  return error instanceof DOMException && ["NotReadableError", "NotFoundError"].includes(error.name);
}
