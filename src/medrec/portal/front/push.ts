// Switches pushes on in this browser: asks it for a subscription and sends its description with the form.
const form = document.querySelector<HTMLFormElement>("#push-form")!;
const state = document.querySelector<HTMLElement>("#push-state")!;
const able = "serviceWorker" in navigator && "PushManager" in window && isSecureContext;
form.hidden = !able;
if (!able) state.textContent = state.dataset.unable!;

function bytes(text: string): Uint8Array {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  try {
    const worker = await navigator.serviceWorker.register(form.dataset.worker!);
    const applicationServerKey = bytes(form.dataset.key!) as BufferSource;
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
    form.querySelector<HTMLInputElement>("input[name=browser]")!.value = JSON.stringify(made);
    form.submit();
  } catch {
    // Most often: somebody, or the browser by itself, said no to messages of this site.
    state.textContent = state.dataset.denied!;
  }
});
