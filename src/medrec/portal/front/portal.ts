// Small conveniences. Every page works without this script.

function offline(): void {
  document.documentElement.toggleAttribute("data-offline", !navigator.onLine);
}

addEventListener("online", offline);
addEventListener("offline", offline);
offline();

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (form.dataset.sent !== undefined) event.preventDefault();
  form.dataset.sent = "";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sent]")) delete form.dataset.sent;
});

for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// A code that was scanned before signing in waits in this window; from wherever signing in led to, it is gone on with.
if (document.body.dataset.scan && sessionStorage.getItem("medrec-scanned")) location.replace(document.body.dataset.scan);

// Somebody is at a part of the page: in it, or has begun to write there.
function busy(part: HTMLElement): boolean {
  const written = [...part.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("input[type=text], textarea")];
  return part.contains(document.activeElement) || written.some((field) => field.value !== field.defaultValue);
}

// A part of a page that waits for something elsewhere is asked for again, and shown when it has changed. The request says
// that nobody touched anything (session.py): a page that is left alone keeps no session alive, and is left when it ends.
// The part itself stays, so that a reader hears what changes in it; when the wait is over, it says where to look.
async function refreshed(id: string): Promise<void> {
  const shown = document.getElementById(id);
  if (!shown || shown.dataset.refresh === undefined) return;
  const headers = { "Medrec-By-Itself": "1" };
  const answer = await fetch(location.href, { credentials: "same-origin", headers }).catch(() => undefined);
  if (answer?.redirected) return location.reload();
  const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : undefined;
  const fresh = page?.getElementById(id);
  // What it was about is over: the session, or a way back.
  if (page && !fresh) return location.reload();
  const over = shown.querySelector<HTMLElement>("[data-over]");
  if (fresh && over && fresh.dataset.refresh === undefined) {
    over.hidden = false;
    return shown.replaceChildren(over);
  }
  if (fresh && fresh.innerHTML !== shown.innerHTML && !busy(shown)) {
    shown.replaceChildren(...fresh.childNodes);
    shown.toggleAttribute("data-refresh", fresh.dataset.refresh !== undefined);
  }
  setTimeout(() => void refreshed(id), 3000);
}
for (const part of document.querySelectorAll<HTMLElement>("[data-refresh]")) setTimeout(() => void refreshed(part.id), 3000);

// Whoever signs out leaves nothing of herself behind in this browser.
document.querySelector("form[data-forget]")?.addEventListener("submit", () => {
  navigator.serviceWorker?.controller?.postMessage("forget");
  sessionStorage.clear();
});

const worker = document.querySelector<HTMLLinkElement>("link[rel=manifest]")?.dataset.worker;
if (worker && "serviceWorker" in navigator) {
  void navigator.serviceWorker.register(worker).catch(() => undefined);
  void navigator.serviceWorker.ready.then((ready) => ready.active?.postMessage(document.documentElement.lang));
}

// Offline, the emergency card that this browser keeps is one tap away.
const kept = document.getElementById("kept-card");
if (kept && "caches" in window)
  void caches.open("medrec-card-3").then(async (cards) => {
    const [first] = await cards.keys();
    if (!first) return;
    kept.querySelector("a")?.setAttribute("href", first.url);
    kept.hidden = false;
  });
