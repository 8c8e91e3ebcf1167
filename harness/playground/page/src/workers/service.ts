/** Keeps the page for when there is no network. With one, the page itself always comes from there, so that nothing else that is served from the same origin is hidden. */

import { genuine, type Built } from "../genuine";

declare const BUILD: string;
declare const INDEX: string;
declare const FILES: Built[];

const worker = self as unknown as ServiceWorkerGlobalScope;

// Other pages of this origin have caches too; the scope is part of the name.
const PREFIX = `portcullis-playground ${worker.registration.scope} `;
const CACHE = PREFIX + BUILD;
const PAGE = worker.registration.scope;
const KEPT = new Map([{ name: "", integrity: INDEX }, ...FILES].map((file) => [new URL(file.name, PAGE).href, file]));

worker.addEventListener("install", (event) => event.waitUntil(keep()));
worker.addEventListener("activate", (event) => event.waitUntil(Promise.all([worker.clients.claim(), forget()])));
worker.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  if (method !== "GET") return;
  const file = KEPT.get(url);
  if (mode === "navigate" && isPage(url)) event.respondWith(fetch(event.request).catch(() => kept(PAGE)));
  else if (file) event.respondWith(kept(url));
});

async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  const put = async ([url, file]: [string, Built]) => cache.put(url, await whole(genuine(file, PAGE)));
  await Promise.all([...KEPT].map(put));
}

async function whole(response: Promise<Response>): Promise<Response> {
  const { ok, status } = await response;
  if (!ok) throw new Error(`status ${status}`);
  return response;
}

async function forget(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** What was kept, if it is what was kept: other pages of this origin can write into its caches. */
async function kept(url: string): Promise<Response> {
  const file = KEPT.get(url);
  const found = await (await caches.open(CACHE)).match(url);
  if (found && file && (await digest(found.clone())) === file.integrity) return found;
  return file ? genuine(file, PAGE) : fetch(url);
}

async function digest(response: Response): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  return `sha256-${btoa(String.fromCharCode(...bytes))}`;
}

function isPage(url: string): boolean {
  const { origin, pathname } = new URL(url);
  return [PAGE, `${PAGE}index.html`].includes(origin + pathname);
}
