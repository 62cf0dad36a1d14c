// The service worker: keeps the shell, the page for whoever is offline and the emergency card, and nothing else of a
// person; shows pushes.
/// <reference lib="webworker" />
const worker = self as unknown as ServiceWorkerGlobalScope;
const SHELL = "medrec-shell-1", CARD = "medrec-card-1";
const IS_SHELL = /\/(portal-(ltr|rtl)\.css|portal\.js|icon\.svg)$/;
const IS_CARD = /\/people\/[0-9a-f]{32}\/card$/;

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter((name) => name !== SHELL && name !== CARD).map((name) => caches.delete(name)))),
  );
});

async function fresh(request: Request, kept: string): Promise<Response> {
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await (await caches.open(kept)).put(new URL(request.url).pathname, answer.clone());
    return answer;
  } catch (error) {
    const found = await (await caches.open(kept)).match(new URL(request.url).pathname);
    if (found) return found;
    throw error;
  }
}

const OFFLINE = new URL("offline", worker.registration.scope).pathname;

// The page for whoever is offline, in the language of the last page: asked for as a stranger, so that it names nobody.
async function keepOffline(language: string): Promise<void> {
  const answer = await fetch(`${OFFLINE}?lang=${language}`, { credentials: "omit" });
  if (answer.ok) await (await caches.open(SHELL)).put(OFFLINE, answer);
}

async function orOffline(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const found = await (await caches.open(SHELL)).match(OFFLINE);
    if (found) return found;
    throw error;
  }
}

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== worker.location.origin) return;
  if (IS_SHELL.test(url.pathname)) event.respondWith(fresh(event.request, SHELL));
  else if (IS_CARD.test(url.pathname)) event.respondWith(fresh(event.request, CARD));
  else if (event.request.mode === "navigate") event.respondWith(orOffline(event.request));
});

worker.addEventListener("message", (event) => {
  if (event.data === "forget") event.waitUntil(caches.delete(CARD));
  else if (/^[a-z]{2}$/.test(String(event.data))) event.waitUntil(keepOffline(event.data).catch(() => undefined));
});

worker.addEventListener("push", (event) => {
  event.waitUntil(worker.registration.showNotification("MedRec", { body: event.data?.text() ?? "", icon: "icon.svg" }));
});
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(worker.clients.openWindow("./"));
});
