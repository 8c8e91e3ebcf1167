/** A file of this build: its name, and what is in it. */
export interface Built {
  name: string;
  /** As the attribute of that name has it: `sha256-…`. */
  integrity: string;
}

/** Fetches a file of this build. Whoever had this origin before may have left something else under its name, in a cache; then it comes from the server anew. */
export async function genuine({ name, integrity }: Built, base: string): Promise<Response> {
  const address = new URL(name, base);
  return fetch(address, { integrity }).catch(() => fetch(address, { integrity, cache: "reload" }));
}
