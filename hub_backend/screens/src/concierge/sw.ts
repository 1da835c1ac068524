// The service worker: the page's own files, kept on the tablet so that it opens without any network.
// It never touches /api: what people record is kept by the page itself, in IndexedDB.
/// <reference lib="webworker" />

const worker = self as unknown as ServiceWorkerGlobalScope;
const PATHS = "%PRECACHE_PATHS%" as unknown as string[];
const CACHE = "buurtrit-%PRECACHE_VERSION%";

worker.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(PATHS.map((path) => new Request(path, { cache: "reload" })))));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => worker.clients.claim()),
  );
});

// A new version waits until the concierge agrees: never in the middle of a visit.
worker.addEventListener("message", (event) => {
  if (event.data === "take over") void worker.skipWaiting();
});

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== worker.location.origin || url.pathname.startsWith("/api")) return;
  const wanted = event.request.mode === "navigate" ? "/" : event.request;
  event.respondWith(
    caches.open(CACHE).then(async (cache) => (await cache.match(wanted, { ignoreVary: true })) ?? fetch(event.request)),
  );
});
