// The service worker: keeps the shell, the page for whoever is offline and the emergency card of whoever is signed in,
// and nothing else of a person; shows pushes.
/// <reference lib="webworker" />
const worker = self as unknown as ServiceWorkerGlobalScope;
const SHELL = "medrec-shell-1", CARD = "medrec-card-3";
const UNTIL = "medrec-until", KEPT_MS = 90 * 86_400_000;
const IS_SHELL = /\/(portal-(ltr|rtl)\.css|portal\.js|icon\.svg)$/;
const IS_CARD = /\/people\/([0-9a-f]{32})\/card$/;

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter((name) => name !== SHELL && name !== CARD).map((name) => caches.delete(name)))),
  );
});

// What is kept of an address, if anything is.
async function kept(address: string, where: string): Promise<Response | undefined> {
  return (await caches.open(where)).match(new URL(address, worker.location.origin).pathname);
}

async function fresh(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await (await caches.open(SHELL)).put(new URL(request.url).pathname, answer.clone());
    return answer;
  } catch (error) {
    const found = await kept(request.url, SHELL);
    if (found) return found;
    throw error;
  }
}

// Every page says whose card this browser may keep, in this header (offline.py). Cards of others go with the first page
// that says so: after signing out, after a session that ended by itself, after somebody else has signed in.
async function heed(answer: Response): Promise<string | null> {
  const whose = answer.headers.get("medrec-keeps");
  if (whose === null) return null;
  const cards = await caches.open(CARD);
  for (const card of await cards.keys()) {
    if (IS_CARD.exec(new URL(card.url).pathname)?.[1] !== whose) await cards.delete(card);
  }
  return whose;
}

// A kept card ends by itself: a browser that never comes back to the internet hears of no ended session (decision 0151).
async function stamped(answer: Response): Promise<Response> {
  const headers = new Headers(answer.headers);
  headers.set(UNTIL, String(Date.now() + KEPT_MS));
  return new Response(await answer.blob(), { status: answer.status, headers });
}

async function unexpired(path: string): Promise<Response | undefined> {
  const found = await kept(path, CARD);
  if (!found || Number(found.headers.get(UNTIL)) > Date.now()) return found;
  await (await caches.open(CARD)).delete(path);
  return undefined;
}

// An emergency card: kept where it is the signed-in person's own. A card that may not be read any more is not kept.
async function card(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname;
  try {
    const answer = await fetch(request);
    const own = (await heed(answer)) === IS_CARD.exec(path)![1];
    const cards = await caches.open(CARD);
    if (answer.ok && own) await cards.put(path, await stamped(answer.clone()));
    else if (answer.status < 500) await cards.delete(path);
    return answer;
  } catch (error) {
    const found = (await unexpired(path)) ?? (await kept(OFFLINE, SHELL));
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
    const answer = await fetch(request);
    await heed(answer);
    return answer;
  } catch (error) {
    const found = await kept(OFFLINE, SHELL);
    if (found) return found;
    throw error;
  }
}

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== worker.location.origin) return;
  if (IS_SHELL.test(url.pathname)) event.respondWith(fresh(event.request));
  else if (IS_CARD.test(url.pathname)) event.respondWith(card(event.request));
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
