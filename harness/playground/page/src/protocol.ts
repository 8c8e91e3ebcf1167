/** What the page and its workers say to each other. */

import type { Engine } from "./engine";

export type CallName = keyof Engine;

/** To the worker, once, before anything else. */
export interface Begin {
  engine: WebAssembly.Module;
}

/** To the worker: one call; the arguments are those of `Engine` without `progress` and `signal`. */
export interface Ask {
  id: number;
  call: CallName;
  args: unknown[];
}

/** From the worker. After `trap` it answers no more. */
export type Answer =
  | { id: number; value: unknown }
  | { id: number; error: string }
  | { id: number; trap: string }
  | { id: number; progress: number };
