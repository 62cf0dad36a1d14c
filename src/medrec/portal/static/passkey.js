// What every page that uses a passkey shares: bytes and texts, and the few calls of WebAuthn. No third-party code.
// PRF results and other extension outputs of an authenticator are never read here and never leave the browser.

const text = new TextEncoder();

export function toText(bytes) {
  let binary = "";
  for (const byte of new Uint8Array(bytes)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromText(value) {
  const binary = atob(value.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

export async function sha256(...parts) {
  const bytes = parts.map((part) => (typeof part === "string" ? text.encode(part) : new Uint8Array(part)));
  const whole = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

// Deterministic CBOR (RFC 8949, 4.2.1) of byte strings, texts, whole numbers, arrays and maps: docs/spec/codec.md.
export function encodeCbor(value) {
  if (typeof value === "number" || typeof value === "bigint") {
    return BigInt(value) < 0n ? head(1, -1n - BigInt(value)) : head(0, BigInt(value));
  }
  if (value === true || value === false) return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (value === null) return Uint8Array.of(0xf6);
  if (value instanceof Uint8Array) return joined([head(2, BigInt(value.length)), value]);
  if (typeof value === "string") {
    const bytes = text.encode(value);
    return joined([head(3, BigInt(bytes.length)), bytes]);
  }
  if (Array.isArray(value)) return joined([head(4, BigInt(value.length)), ...value.map(encodeCbor)]);
  const pairs = Object.entries(value).map(([name, inner]) => [encodeCbor(name), encodeCbor(inner)]);
  pairs.sort(([one], [other]) => compare(one, other));
  return joined([head(5, BigInt(pairs.length)), ...pairs.flat()]);
}

function head(major, count) {
  const sizes = [[24n, 0], [1n << 8n, 1], [1n << 16n, 2], [1n << 32n, 4], [1n << 64n, 8]];
  const index = sizes.findIndex(([limit]) => count < limit);
  if (index < 0) throw new RangeError("a number is too large");
  if (index === 0) return Uint8Array.of((major << 5) | Number(count));
  const width = sizes[index][1];
  const bytes = [(major << 5) | (23 + index)];
  for (let step = width - 1; step >= 0; step--) bytes.push(Number((count >> BigInt(8 * step)) & 255n));
  return Uint8Array.from(bytes);
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

// A sentence for whoever reads the page, in her language, and where more of it is said (`to`); any other error is the browser's own, in whatever language.
export class Told extends Error {}

// Why something failed, in the words of the page: `say` has stopped, known, elsewhere and no_answer.
export function why(error, say) {
  if (error instanceof Told && error.message) return error.message;
  const names = { NotAllowedError: say.stopped, InvalidStateError: say.known, SecurityError: say.elsewhere };
  return names[error?.name] ?? say.no_answer;
}

export async function post(path, value) {
  const answer = await fetch(path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Told(told.sentence), { to: told.to });
  return told;
}

// Lets a passkey sign 32 bytes. Only the four parts of the assertion come back.
export async function assertion(challenge, rpId, allowed = []) {
  const made = await navigator.credentials.get({
    publicKey: {
      challenge,
      rpId,
      userVerification: "required",
      allowCredentials: allowed.map((id) => ({ type: "public-key", id })),
    },
  });
  return {
    id: toText(made.rawId),
    authenticatorData: toText(made.response.authenticatorData),
    clientDataJSON: toText(made.response.clientDataJSON),
    signature: toText(made.response.signature),
  };
}

// Makes a passkey. The key's first signature proves that its holder has it, so no attestation is asked for.
export async function registration(rpId, rpName, userId, userName) {
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      rp: { id: rpId, name: rpName },
      user: { id: userId, name: userName, displayName: userName },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -8 }],
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
    },
  });
  return { id: toText(made.rawId), authenticatorData: toText(made.response.getAuthenticatorData()) };
}
