// A scanned code: it stands behind the #, stays in this window alone until somebody has signed in, and is posted once.
const KEPT = "medrec-scanned";

if (location.hash.length > 1) {
  sessionStorage.setItem(KEPT, decodeURIComponent(location.hash.slice(1)));
  history.replaceState(null, "", location.pathname);
}
const code = sessionStorage.getItem(KEPT);
const form = document.querySelector("#scanned");
if (form !== null && code !== null) {
  sessionStorage.removeItem(KEPT);
  form.elements.code.value = code;
  form.requestSubmit();
}
// The same page again with another code: its address differs behind the # alone, so the browser does not load it.
addEventListener("hashchange", () => location.reload());
