// The signing page. It stands after passkey.js, its words (WORDS) and reading.js in one file that is pinned by its hash. It
// shows every field of what is to be signed, computes the bytes to sign from the very values it shows, lets the key sign
// them, and posts the four parts of each assertion. The sentences of whoever prepared the act stand above; what the page
// itself reads out of the signed values stands between them and the button, so that they are never all that is read.

const $ = (name) => document.getElementById(name);

// Form -> [tag, how the value becomes bytes]: docs/spec/account.md, section 2.
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
  "notices/1": ["medrec/notices/1", "json"],
  "guardian-word/1": ["medrec/guardian-word/1", "json"],
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
  "vouch/1": ["network", "organisation", "account", "credential", "check", "time"],
  "freeze/1": ["network", "organisation", "account", "nonce"],
};
const TIMES = new Set(["time", "until"]);
// Where an empty list means everything; anywhere else it means nothing.
const EMPTY_IS_ALL = { "delegation/1": "types", "consent/1": "types", "sharing/1": "types" };
// What programs need: shown in full, folded below what a person reads. `sha256` is among it where its text is shown.
const TECHNICAL = new Set(
  ["network", "nonce", "key", "nullifier", "expires", "manifest", "statement", "sha256", "back", "id", "marks"],
);
// What differs between permissions that say the same to several places.
const PER_PLACE = new Set(["organisation", "time", "nullifier"]);
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
  if (known === null) throw new Told(say.not_known);
  const [tag, how] = known;
  if (how === "json") {
    const { signature, ...stated } = value;
    return sha256(tag, encodeJson(stated));
  }
  return sha256(tag, how === "cbor" ? encodeCbor(revived(value)) : fromText(value.bytes));
}

function said(name, value, form) {
  if (value === null) return say.nothing;
  if (typeof value === "boolean") return value ? say.yes : say.no;
  if (name === "kind" && Object.hasOwn(say, `kind-${value}`)) return say[`kind-${value}`];
  if (isBytes(value)) return hex(fromText(value.bytes));
  if (TIMES.has(name) && typeof value === "number")
    return `${new Date(value).toISOString().replace("T", " ").slice(0, 19)} UTC`;
  if (Array.isArray(value) && value.length === 0) return EMPTY_IS_ALL[form] === name ? say.all_of_them : say.none;
  if (Array.isArray(value) && value.every((part) => part === null || typeof part !== "object")) return value.join(", ");
  return typeof value === "object" ? null : String(value);
}

// A long text is folded: it is there, and a tap away.
function folded(title, ...inside) {
  const made = document.createElement("details");
  made.append(paragraph("summary", title), ...inside);
  return made;
}

// A text runs in its own direction, and does not turn what stands around it.
const long = (words) => (words.length > LONG ? folded(say.open, paragraph("pre", words)) : paragraph("bdi", words));

function row(named, ...inside) {
  const made = document.createElement("div");
  const detail = document.createElement("dd");
  detail.append(...inside);
  made.append(named, detail);
  return made;
}

// What this page calls a field; a name that it has no word for stands as it is.
function term(kind, name) {
  const made = paragraph("dt", say[`${kind}-${name}`] ?? "");
  if (made.textContent === "") made.append(paragraph("code", visible(name)));
  return made;
}

const field = (name, ...inside) => row(term("field", name), ...inside);

// Every field, nothing left out; only text, so nothing that is shown can act.
function rows(value, form, names = []) {
  return Object.entries(value).map(([at, part]) => {
    const name = names[at] ?? (Array.isArray(value) ? String(Number(at) + 1) : at);
    if (name === "consent" && typeof part === "string") return field(name, written(part));
    const words = said(name, part, form);
    return field(name, words === null ? listed(rows(part, form)) : long(visible(words)));
  });
}

// A text that is signed, or whose fingerprint is: what it says, and below it the text as it is written.
function written(words) {
  const inside = document.createDocumentFragment();
  inside.append(listed(read(readJson(words))), folded(say.as_written, paragraph("pre", visible(laidOut(words)))));
  return inside;
}

function read(value) {
  return Object.entries(value).map(([at, part]) => {
    const words = oneLine(part) ?? said(at, part);
    const named = term("text", Array.isArray(value) ? String(Number(at) + 1) : at);
    const meaning = say[`means-${words}`];
    if (words !== null) return row(named, long(visible(meaning ? `${words}: ${meaning}` : words)));
    // A list of one thing is that thing.
    return row(named, listed(read(Array.isArray(part) && part.length === 1 ? part[0] : part)));
  });
}

function listed(all) {
  const list = document.createElement("dl");
  list.append(...all);
  return list;
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
  $("state").textContent = why(error, say);
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

// The texts that come along. Each is one whose fingerprint is signed, or stands in a text before it; an entry whose text
// did not come is signed by nobody, nor one that is taken back, nor a correction whose record did not come.
export async function checkTexts({ form, value, contents }) {
  const named = new Set(leaves(value));
  const shown = new Set();
  for (const words of contents) {
    const print = hex(await sha256(words));
    if (!named.has(print)) throw new Told(say.not_the_content);
    shown.add(print);
    for (const leaf of leaves(readJson(words))) named.add(leaf);
  }
  if (form === "entry/1" && !shown.has(value.sha256 ?? value.back)) throw new Told(say.no_content);
  if (await lacksRecord({ form, value, contents })) throw new Told(say.no_record);
}

// Whether a text is what programs need around a record: what a place signed about it. What such a statement or the signed
// value names as its own text is the text itself, whatever stands in it.
export async function isTechnical({ value, contents }, words) {
  const texts = new Set([value.sha256, value.back, ...contents.map((one) => readJson(one)?.record?.sha256)]);
  return Object.hasOwn(readJson(words), "manifest") && !texts.has(hex(await sha256(words)));
}

// Whom a word on a medicine goes to ("*": to all that know her), if a text that came along says that and no more.
export function receiverOf({ form }, words) {
  const { organisation, salt, ...rest } = readJson(words) ?? {};
  return form === "list-act/1" && salt && Object.keys(rest).length === 0 ? (organisation ?? null) : null;
}

// Whether a request for correction came without the record that it is about: it may not be here, or not whole.
export async function lacksRecord({ form, value, contents }) {
  if (form !== "correction/1") return false;
  const prints = await Promise.all(contents.map(async (words) => hex(await sha256(words))));
  const at = prints.indexOf(value.manifest);
  // What she takes back was held back from her, too; what its place signed about it is here.
  if (value.claim === "mine") return at < 0;
  const print = at < 0 ? undefined : readJson(contents[at])?.record?.sha256;
  // Of a deletion there is no text.
  return print !== null && !prints.includes(print);
}

// Whether a permission says the same as the one before it, but to another place.
export function sameBut(one, other) {
  const rest = ({ form, value }) =>
    JSON.stringify([form, Object.entries(value).filter(([name]) => !PER_PLACE.has(name))]);
  return other !== undefined && one.form === "consent/2" && rest(one) === rest(other);
}

// The fields of one part, in two lists: what is read, and what is folded below it.
export function shownOf(part, same) {
  const [, how] = FORMS[part.form];
  const { signature, ...stated } = part.value;
  // Only the field of the form itself is unsigned; one of this name further down is signed as every other.
  const value = isBytes(part.value) ? { nullifier: part.value } : how === "json" ? stated : part.value;
  const open = [];
  const below = [];
  const taken = part.form === "entry/1" && value.sha256 === null;
  // What a change of an account does is read in words. One that this page has no words for is shown whole.
  const inWords = part.form === "transaction" && Object.hasOwn(say, `kind-${value.kind}`);
  for (const [at, made] of Object.entries(rows(value, part.form, PLACES[part.form]))) {
    const name = (PLACES[part.form] ?? Object.keys(value))[at];
    if (taken && name === "sha256") made.querySelector("dd").textContent = say.taken_back;
    const told = taken && name === "sha256";
    const technical = inWords ? name !== "kind" : TECHNICAL.has(name) || value[name] === null;
    ((same ? name !== "organisation" : technical && !told) ? below : open).push(made);
  }
  return open.length ? [open, below] : [below, []];
}

async function showPart(part, number, many, before) {
  const digest = await digestOf(part.form, part.value);
  await checkTexts(part);
  const title = say[`title-${part.form}`];
  $("fields").append(paragraph("h3", many ? `${say.part.replace("{number}", number)}: ${title}` : title));
  const same = sameBut(part, before);
  const [open, below] = shownOf(part, same);
  for (const words of part.contents) {
    const receiver = receiverOf(part, words);
    if (receiver !== null) {
      open.push(field("recipients", long(visible(receiver === "*" ? say.all_of_them : receiver))));
      continue;
    }
    // What a place signed about a record stands below; the record itself is what is read.
    const technical = await isTechnical(part, words);
    (technical ? below : open).push(field(technical ? "manifest" : "text", written(words)));
  }
  $("fields").append(listed(open));
  if (same) $("fields").append(paragraph("p", say.as_before.replace("{number}", number - 1)));
  if (below.length) $("fields").append(folded(say.more, listed(below)));
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
  for (const [at, part] of act.parts.entries())
    digests.push(await showPart(part, at + 1, act.parts.length > 1, act.parts[at - 1]));
  $("exact").hidden = false;
  $("code").textContent = `${say.compare} ${digests.map((digest) => hex(digest).slice(0, 16)).join(" ")}`;
  $("many").textContent = say.how_many.replace("{count}", act.parts.length);
  $("many").hidden = act.parts.length === 1;
  $("sign").hidden = $("sign").disabled = false;
  $("sign").addEventListener("click", async () => {
    $("sign").disabled = true;
    $("state").hidden = true;
    try {
      await signed(act, ticket, digests);
    } catch (error) {
      // What it was worked out from has changed: another page says how.
      if (error.to) return location.assign(error.to);
      tell(error);
      $("sign").disabled = false;
    }
  });
}

if ($("fields") !== null) {
  speak(navigator.languages.map((one) => one.split("-")[0]).find((one) => Object.hasOwn(WORDS, one)) ?? "en");
  begin().catch(tell);
}
