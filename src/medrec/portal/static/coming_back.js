// Coming back: makes a passkey on a new phone, which then waits for its account.
import { post, registration, why } from "./passkey.js";

const form = document.querySelector("#come-back");
const state = document.querySelector("#come-back-state");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  state.hidden = true;
  const label = form.elements.label.value;
  try {
    const { rp, organisation } = await post("sign-in/challenge", {});
    const user = crypto.getRandomValues(new Uint8Array(16));
    const made = await registration(rp, organisation, user, label || organisation);
    const { to } = await post("coming-back/begin", { label, ...made });
    location.assign(to);
  } catch (error) {
    state.textContent = why(error, state.dataset);
    state.hidden = false;
    button.disabled = false;
  }
});
