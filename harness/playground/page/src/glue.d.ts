/** What `wasm-bindgen --target web` has written; its texts are JSON in the forms of `engine.ts`. */
declare module "portcullis-engine" {
  export default function start(engine: { module_or_path: WebAssembly.Module }): Promise<unknown>;

  export function filters(): string;
  export function schema(filter: string): string;
  export function check(filter: string, config: string, vars: string): string;
  export function play(path: string, text: string, files: string, modules: Record<string, Uint8Array>, now: number): string;
  export function token(text: string): string;
  export function inspect(bytes: Uint8Array): string;

  type Read = (offset: number, length: number) => Uint8Array;
  type Count = (bytes: number) => void;

  export function audit_verify(name: string, size: number, read: Read, trust: string, progress: Count): string;
  export function audit_search(name: string, size: number, read: Read, query: string, skip: number, take: number, progress: Count): string;
  export function audit_export(
    name: string,
    size: number,
    read: Read,
    query: string,
    format: string,
    write: (piece: Uint8Array) => void,
    progress: Count,
  ): void;
  export function audit_record(bytes: Uint8Array): string;
}
