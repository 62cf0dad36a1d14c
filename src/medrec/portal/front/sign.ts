// The page where an act is confirmed: hashes the very text that is shown, lets the passkey sign, sends the assertion.
// @ts-expect-error served beside this file, not built with it
import { assertion, fromText, sha256 } from "./passkey.js";

const form = document.querySelector<HTMLFormElement>("#sign")!;
const state = document.querySelector<HTMLElement>("#sign-state")!;
const button = form.querySelector("button")!;

function bytesOf(code: HTMLElement): Uint8Array | string {
  const shown = code.textContent ?? "";
  if (code.dataset.form !== "hex") return shown;
  return Uint8Array.from(shown.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  button.disabled = true;
  state.hidden = true;
  try {
    const proofs = [];
    for (const code of document.querySelectorAll<HTMLElement>("code[data-tag]")) {
      const digest = await sha256(code.dataset.tag, bytesOf(code));
      proofs.push(await assertion(digest, form.dataset.rp, [fromText(form.dataset.credential!)]));
    }
    form.querySelector<HTMLInputElement>("input[name=proofs]")!.value = JSON.stringify(proofs);
    form.submit();
  } catch {
    state.textContent = form.dataset.stopped ?? "";
    state.hidden = false;
    button.disabled = false;
  }
});
