/** Keeps the page for when there is no network. With one, the page itself always comes from there, so that nothing else that is served from the same origin is hidden. */

declare const BUILD: string;
declare const FILES: string[];

const worker = self as unknown as ServiceWorkerGlobalScope;

// Other pages of this origin have caches too; the scope is part of the name.
const PREFIX = `portcullis-playground ${worker.registration.scope} `;
const CACHE = PREFIX + BUILD;
const PAGE = worker.registration.scope;
const KEPT = new Set(FILES.map((name) => new URL(name, PAGE).href));

worker.addEventListener("install", (event) => event.waitUntil(keep()));
worker.addEventListener("activate", (event) => event.waitUntil(Promise.all([worker.clients.claim(), forget()])));
worker.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  if (method !== "GET") return;
  if (KEPT.has(url)) event.respondWith(kept(event.request));
  else if (mode === "navigate" && isPage(url)) event.respondWith(fetch(event.request).catch(() => kept(new Request(PAGE))));
});

async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  // What has its digest in its name is what it was when the page fetched it.
  await cache.addAll([...KEPT]);
  await cache.addAll([new Request(PAGE, { cache: "no-cache" })]);
}

async function forget(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) ?? fetch(request);
}

function isPage(url: string): boolean {
  const { origin, pathname } = new URL(url);
  return [PAGE, `${PAGE}index.html`].includes(origin + pathname);
}
