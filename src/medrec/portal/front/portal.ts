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

// Whoever signs out leaves nothing of herself behind in this browser.
document.querySelector("form[data-forget]")?.addEventListener("submit", () => {
  navigator.serviceWorker?.controller?.postMessage("forget");
});

const worker = document.querySelector<HTMLLinkElement>("link[rel=manifest]")?.dataset.worker;
if (worker && "serviceWorker" in navigator) void navigator.serviceWorker.register(worker).catch(() => undefined);
