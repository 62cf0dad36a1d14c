// The signing page. One file, nothing from elsewhere, pinned by its hash. It shows every field of what is to be signed,
// computes the bytes to sign from the very values it shows, lets the key sign them, and posts the four parts of the
// assertion. Extension results of the authenticator (PRF) are never read, so they cannot leave.

const text = new TextEncoder();
const $ = (name) => document.getElementById(name);

// Form -> [tag, how the value becomes bytes]: docs/spec/account.md, section "What is signed".
export const FORMS = {
  "consent/1": ["medrec/consent/1", "json"],
  "consent/2": ["medrec/consent/2", "json"],
  "delegation/1": ["medrec/delegation/1", "json"],
  "entry/1": ["medrec/own-entry/1", "json"],
  "list-act/1": ["medrec/list-act/1", "json"],
  transaction: ["medrec/transaction/1", "cbor"],
  "link/1": ["medrec/link/1", "cbor"],
  "move/1": ["medrec/move/1", "cbor"],
  "revocation/1": ["medrec/revocation/1", "bytes"],
  "delegation-end/1": ["medrec/delegation-end/1", "bytes"],
};

const TITLES = {
  "consent/1": "A permission",
  "consent/2": "A permission",
  "delegation/1": "A helper",
  "entry/1": "Something for your record",
  "list-act/1": "Your word on a medicine",
  transaction: "A change of your account",
  "link/1": "A place that knows you",
  "move/1": "Another agent",
  "revocation/1": "Taking a permission back",
  "delegation-end/1": "Ending a helper's right",
};

const NAMES = {
  account: "Whose record",
  against: "What it speaks against",
  attested: "Stated by",
  author: "Who says it",
  basis: "On what ground",
  born: "Date of birth",
  credential: "The new key",
  delegate: "Who may act",
  delegation: "By which right",
  effect: "Answer",
  expires: "Valid to block",
  grant: "Permission",
  id: "Number",
  key: "Signed with key",
  kind: "What it does",
  name: "Name",
  network: "Network",
  nonce: "Your act number",
  nullifier: "Mark for ending it",
  organisation: "Place",
  origins: "Where the key may sign",
  payload: "Details",
  recipients: "Who may see it",
  rights: "What she may do",
  notice: "The hint it puts away",
  sha256: "Fingerprint of the content",
  subjects: "Which medicine",
  time: "Time",
  type: "Kind of record",
  types: "Kinds of records",
  until: "Until",
  words: "Your words",
};
const TIMES = new Set(["time", "until"]);

export function fromText(value) {
  const binary = atob(value.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

export function toText(bytes) {
  let binary = "";
  for (const byte of new Uint8Array(bytes)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function compare(one, other) {
  for (let index = 0; index < Math.min(one.length, other.length); index++) {
    if (one[index] !== other[index]) return one[index] - other[index];
  }
  return one.length - other.length;
}

// A value as it came: {"bytes": base64url} stands for a byte string.
const isBytes = (value) =>
  value !== null && typeof value === "object" && Object.keys(value).length === 1 && typeof value.bytes === "string";

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

function head(major, count) {
  const sizes = [24n, 1n << 8n, 1n << 16n, 1n << 32n, 1n << 64n];
  const index = sizes.findIndex((limit) => count < limit);
  if (index < 0) throw new RangeError("a number is too large");
  if (index === 0) return Uint8Array.of((major << 5) | Number(count));
  const width = 1 << (index - 1);
  const bytes = [(major << 5) | (23 + index)];
  for (let step = width - 1; step >= 0; step--) bytes.push(Number((count >> BigInt(8 * step)) & 255n));
  return Uint8Array.from(bytes);
}

// Deterministic CBOR (RFC 8949, 4.2.1).
export function encodeCbor(value) {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new RangeError("a number is not whole");
    return value < 0 ? head(1, -1n - BigInt(value)) : head(0, BigInt(value));
  }
  if (typeof value === "string") {
    const bytes = text.encode(value);
    return joined([head(3, BigInt(bytes.length)), bytes]);
  }
  if (isBytes(value)) {
    const bytes = fromText(value.bytes);
    return joined([head(2, BigInt(bytes.length)), bytes]);
  }
  if (Array.isArray(value)) return joined([head(4, BigInt(value.length)), ...value.map(encodeCbor)]);
  const pairs = Object.entries(value).map(([name, inner]) => [encodeCbor(name), encodeCbor(inner)]);
  pairs.sort(([one], [other]) => compare(one, other));
  return joined([head(5, BigInt(pairs.length)), ...pairs.flat()]);
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(parts)));
}

// The 32 bytes to sign, from the values that are shown. Throws for a form this page does not know.
export async function digestOf(form, value) {
  const known = Object.hasOwn(FORMS, form) ? FORMS[form] : null;
  if (known === null) throw new Error("This page does not know what this is, and signs nothing.");
  const [tag, how] = known;
  if (how === "json") {
    const { signature, ...stated } = value;
    return sha256(text.encode(tag), text.encode(encodeJson(stated)));
  }
  return sha256(text.encode(tag), how === "cbor" ? encodeCbor(value) : fromText(value.bytes));
}

function said(name, value) {
  if (value === null) return "–";
  if (isBytes(value)) return hex(fromText(value.bytes));
  if (TIMES.has(name) && typeof value === "number") return new Date(value).toISOString().replace("T", " ").slice(0, 19) + " UTC";
  if (Array.isArray(value) && value.every((part) => typeof part !== "object")) return value.length ? value.join(", ") : "all";
  return typeof value === "object" ? null : String(value);
}

// Every field, nothing left out; only text, so nothing that is shown can act.
function show(list, value) {
  for (const [name, part] of Object.entries(value)) {
    if (name === "signature") continue;
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const detail = document.createElement("dd");
    term.textContent = Object.hasOwn(NAMES, name) ? NAMES[name] : name;
    const words = said(name, part);
    if (words === null) {
      const inner = document.createElement("dl");
      show(inner, part);
      detail.append(inner);
    } else {
      detail.textContent = words;
    }
    row.append(term, detail);
    list.append(row);
  }
}

async function post(path, value) {
  const answer = await fetch(path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.sentence || "The server could not answer.");
  return told;
}

function tell(error) {
  $("state").textContent =
    error.name === "NotAllowedError" ? "Nothing was signed. Try again when you are ready." : error.message;
  $("state").hidden = false;
}

async function begin() {
  const ticket = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  const act = await post("signing/act", { ticket });
  const digest = await digestOf(act.form, act.value);
  if (act.content) {
    const found = hex(await sha256(text.encode(act.content)));
    if (found !== act.value.sha256) throw new Error("The content is not the one that would be signed. Nothing is signed.");
  }
  $("title").textContent = TITLES[act.form];
  show($("fields"), isBytes(act.value) ? { nullifier: act.value } : act.value);
  if (act.content) show($("fields"), { Content: JSON.stringify(JSON.parse(act.content), null, 1) });
  $("code").textContent = `To compare on another device: ${hex(digest).slice(0, 16)}`;
  $("sign").disabled = false;
  $("sign").addEventListener("click", async () => {
    $("sign").disabled = true;
    $("state").hidden = true;
    try {
      const made = await navigator.credentials.get({
        publicKey: {
          challenge: digest,
          rpId: act.rp,
          userVerification: "required",
          allowCredentials: [{ type: "public-key", id: fromText(act.key) }],
        },
      });
      const { to } = await post("signing/answer", {
        ticket,
        id: toText(made.rawId),
        authenticatorData: toText(made.response.authenticatorData),
        clientDataJSON: toText(made.response.clientDataJSON),
        signature: toText(made.response.signature),
      });
      location.assign(to);
    } catch (error) {
      tell(error);
      $("sign").disabled = false;
    }
  });
}

if ($("fields") !== null) {
  $("leave").addEventListener("click", () => history.back());
  begin().catch(tell);
}
