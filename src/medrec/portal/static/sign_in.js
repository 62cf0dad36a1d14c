// The sign-in page: asks for a challenge, computes itself what is signed, and posts the assertion alone.
import { assertion, encodeCbor, fromText, post, registration, sha256, why } from "./passkey.js";

const state = document.querySelector("#sign-in-state");

async function tried(button, action) {
  button.disabled = true;
  state.hidden = true;
  try {
    const { to } = await action();
    location.assign(to);
  } catch (error) {
    state.textContent = why(error, state.dataset);
    state.hidden = false;
    button.disabled = false;
  }
}

async function signIn() {
  const asked = await post("sign-in/challenge", {});
  const statement = encodeCbor([fromText(asked.network), asked.organisation, fromText(asked.nonce)]);
  const digest = await sha256("medrec/sign-in/1", statement);
  return post("sign-in/answer", { nonce: asked.nonce, ...(await assertion(digest, asked.rp)) });
}

async function register(form) {
  const asked = await post("sign-in/challenge", {});
  const user = crypto.getRandomValues(new Uint8Array(16));
  const made = await registration(asked.rp, asked.organisation, user, form.elements.label.value || asked.organisation);
  return post("sign-in/register", { code: form.elements.code.value, ...made });
}

const button = document.querySelector("#sign-in");
button?.addEventListener("click", () => tried(button, signIn));
const form = document.querySelector("#register");
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  tried(form.querySelector("button"), () => register(form));
});
