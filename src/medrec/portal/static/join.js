// Joining: makes a passkey, and goes on to the signing page, where the key signs the opening of its account.
import { post, registration, why } from "./passkey.js";

const form = document.querySelector("#join");
const state = document.querySelector("#join-state");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  state.hidden = true;
  const { name, label } = form.elements;
  try {
    const { rp, organisation } = await post("sign-in/challenge", {});
    const made = await registration(rp, organisation, crypto.getRandomValues(new Uint8Array(16)), name.value);
    const { to } = await post("join", { name: name.value, label: label.value, ...made });
    location.assign(to);
  } catch (error) {
    state.textContent = why(error, state.dataset);
    state.hidden = false;
    button.disabled = false;
  }
});
