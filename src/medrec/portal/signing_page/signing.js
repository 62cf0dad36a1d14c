// The signing page. It stands after passkey.js and its words (WORDS) in one file that is pinned by its hash. It shows every
// field of what is to be signed, computes the bytes to sign from the very values it shows, lets the key sign them, and
// posts the four parts of each assertion.

const $ = (name) => document.getElementById(name);

// Form -> [tag, how the value becomes bytes]: docs/spec/account.md, section "What is signed".
export const FORMS = {
  "consent/1": ["medrec/consent/1", "json"],
  "consent/2": ["medrec/consent/2", "json"],
  "delegation/1": ["medrec/delegation/1", "json"],
  "entry/1": ["medrec/own-entry/1", "json"],
  "list-act/1": ["medrec/list-act/1", "json"],
  "delegation-rest/1": ["medrec/delegation-rest/1", "json"],
  "dispute/1": ["medrec/dispute/1", "json"],
  "correction/1": ["medrec/correction/1", "json"],
  "sharing/1": ["medrec/sharing/1", "json"],
  transaction: ["medrec/transaction/1", "cbor"],
  "link/1": ["medrec/link/1", "cbor"],
  "unlink/1": ["medrec/unlink/1", "cbor"],
  "move/1": ["medrec/move/1", "cbor"],
  "show-words/1": ["medrec/show-words/1", "cbor"],
  "vouch/1": ["medrec/vouch/1", "cbor"],
  "freeze/1": ["medrec/freeze/1", "cbor"],
  "revocation/1": ["medrec/revocation/1", "bytes"],
  "delegation-end/1": ["medrec/delegation-end/1", "bytes"],
};
// Values that are a list: what stands at which place.
const PLACES = {
  "link/1": ["network", "organisation", "account", "code"],
  "unlink/1": ["network", "organisation", "account", "time"],
  "move/1": ["network", "account", "organisation", "time"],
  "show-words/1": ["network", "account", "nonce"],
  "vouch/1": ["network", "organisation", "account", "credential", "check"],
  "freeze/1": ["network", "organisation", "account", "nonce"],
};
const TIMES = new Set(["time", "until"]);
const LONG = 400;
let say = WORDS.en;

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// A value as it came: {"bytes": base64url} stands for a byte string.
const isBytes = (value) =>
  value !== null && typeof value === "object" && Object.keys(value).length === 1 && typeof value.bytes === "string";

function revived(value) {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new RangeError("a number is not whole");
  if (value === null || typeof value !== "object") return value;
  if (isBytes(value)) return fromText(value.bytes);
  if (Array.isArray(value)) return value.map(revived);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revived(inner)]));
}

// Canonical JSON (docs/spec/codec.md): keys in the order of their UTF-8 bytes, no white space, whole numbers.
export function encodeJson(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new RangeError("a number is not whole");
    return String(value);
  }
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(encodeJson).join(",")}]`;
  const names = Object.keys(value).sort((one, other) => compare(text.encode(one), text.encode(other)));
  return `{${names.map((name) => `${JSON.stringify(name)}:${encodeJson(value[name])}`).join(",")}}`;
}

// The 32 bytes to sign, from the values that are shown. Throws for a form this page does not know.
export async function digestOf(form, value) {
  const known = Object.hasOwn(FORMS, form) ? FORMS[form] : null;
  if (known === null) throw new Error(say.not_known);
  const [tag, how] = known;
  if (how === "json") {
    const { signature, ...stated } = value;
    return sha256(tag, encodeJson(stated));
  }
  return sha256(tag, how === "cbor" ? encodeCbor(revived(value)) : fromText(value.bytes));
}

function said(name, value) {
  if (value === null) return say.nothing;
  if (isBytes(value)) return hex(fromText(value.bytes));
  if (TIMES.has(name) && typeof value === "number")
    return `${new Date(value).toISOString().replace("T", " ").slice(0, 19)} UTC`;
  if (name === "consent" && typeof value === "string") return JSON.stringify(JSON.parse(value), null, 1);
  if (Array.isArray(value) && value.every((part) => part === null || typeof part !== "object"))
    return value.length ? value.join(", ") : say.all_of_them;
  return typeof value === "object" ? null : String(value);
}

// Every field, nothing left out; only text, so nothing that is shown can act.
function show(list, value, names = []) {
  for (const [at, part] of Object.entries(value)) {
    if (at === "signature") continue;
    const name = names[at] ?? at;
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const detail = document.createElement("dd");
    term.textContent = say[`field-${name}`] ?? name;
    const words = said(name, part);
    if (words === null) {
      const inner = document.createElement("dl");
      show(inner, part);
      detail.append(inner);
    } else if (words.length > LONG) {
      // Long texts are folded: they are there, and a tap away.
      const folded = document.createElement("details");
      folded.append(paragraph("summary", say.open), paragraph("pre", words));
      detail.append(folded);
    } else {
      detail.textContent = words;
    }
    row.append(term, detail);
    list.append(row);
  }
}

function speak(code) {
  const known = Object.hasOwn(WORDS, code) ? code : "en";
  say = WORDS[known];
  document.documentElement.lang = known;
  document.documentElement.dir = say.direction;
  document.title = `${say.title} – MedRec`;
  $("title").textContent = say.title;
  $("lead").textContent = say.lead;
  $("changes").textContent = say.changes;
  $("sign").textContent = say.sign;
  $("leave").textContent = say.cancel;
  document.querySelector("#exact h2").textContent = say.all;
}

function tell(error) {
  $("state").textContent = error.name === "NotAllowedError" ? say.stopped : error.message || say.no_answer;
  $("state").hidden = false;
}

function paragraph(name, words) {
  const made = document.createElement(name);
  made.textContent = words;
  return made;
}

// A sentence: what stands between U+2068 and U+2069 is somebody's name and does not turn the text around it.
function sentence(name, words) {
  const made = document.createElement(name);
  for (const [at, part] of words.split(/[\u2068\u2069]/).entries()) made.append(at % 2 ? paragraph("bdi", part) : part);
  return made;
}

async function showPart(part, number, many) {
  const digest = await digestOf(part.form, part.value);
  if (part.content && hex(await sha256(part.content)) !== part.value.sha256) throw new Error(say.not_the_content);
  const title = say[`title-${part.form}`];
  $("fields").append(paragraph("h3", many ? `${say.part.replace("{number}", number)}: ${title}` : title));
  const list = document.createElement("dl");
  show(list, isBytes(part.value) ? { nullifier: part.value } : part.value, PLACES[part.form]);
  if (part.content) {
    const row = document.createElement("div");
    row.append(paragraph("dt", say.text), paragraph("dd", JSON.stringify(JSON.parse(part.content), null, 1)));
    list.append(row);
  }
  $("fields").append(list);
  return digest;
}

async function signed(act, ticket, digests) {
  const proofs = [];
  for (const digest of digests) proofs.push(await assertion(digest, act.rp, [fromText(act.key)]));
  const { to } = await post("signing/answer", { ticket, id: proofs[0].id, proofs });
  location.assign(to);
}

async function begin() {
  const ticket = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  const act = await post("signing/act", { ticket });
  speak(act.language);
  $("leave").hidden = false;
  $("leave").addEventListener("click", () => (act.cancel ? location.assign(act.cancel) : history.back()));
  $("said").append(...act.sentences.map((one) => sentence("p", one)));
  $("said").hidden = act.sentences.length === 0;
  document.querySelector("#follows ul").append(...act.changes.map((one) => sentence("li", one)));
  $("follows").hidden = act.changes.length === 0;
  const digests = [];
  for (const part of act.parts) digests.push(await showPart(part, digests.length + 1, act.parts.length > 1));
  $("exact").hidden = false;
  $("code").textContent = `${say.compare} ${digests.map((digest) => hex(digest).slice(0, 16)).join(" ")}`;
  $("many").textContent = say.how_many.replace("{count}", act.parts.length);
  $("many").hidden = act.parts.length === 1;
  // What no sentence tells is read before the button.
  if (act.sentences.length === 0) document.querySelector(".actions").before($("exact"));
  $("sign").hidden = $("sign").disabled = false;
  $("sign").addEventListener("click", async () => {
    $("sign").disabled = true;
    $("state").hidden = true;
    try {
      await signed(act, ticket, digests);
    } catch (error) {
      tell(error);
      $("sign").disabled = false;
    }
  });
}

if ($("fields") !== null) {
  speak(navigator.languages.map((one) => one.split("-")[0]).find((one) => Object.hasOwn(WORDS, one)) ?? "en");
  begin().catch(tell);
}
