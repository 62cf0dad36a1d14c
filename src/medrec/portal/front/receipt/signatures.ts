// Hashes and signatures: the noble libraries, narrowed to the rules of docs/spec/receipt.md, "Encodings".
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 as digest, sha512 } from "@noble/hashes/sha2.js";
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
import { concat, equal } from "./cbor";

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const Y8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL = [0n, 1n, P - 1n, Y8, P - Y8]; // the y of the points whose order divides 8

export function sha256(...parts: Uint8Array[]): Uint8Array {
  return digest(concat(...parts));
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

// RFC 8032 by libsodium's strict rule: no cofactor; S < L; key and R canonical and not of small order.
export function ed25519Verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== 32 || signature.length !== 64) return false;
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  const [y, ry] = [littleEndian(key) % 2n ** 255n, littleEndian(r) % 2n ** 255n];
  if (s >= ORDER || y >= P || SMALL.includes(y) || SMALL.includes(ry)) return false;
  const h = littleEndian(sha512(concat(r, key, message))) % ORDER;
  try {
    const a = ed25519.Point.fromBytes(key, false);
    // The bytes are compared, so an R that is not canonical never fits.
    const found = ed25519.Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(h));
    return equal(found.toBytes(), r);
  } catch {
    return false; // no point of the curve
  }
}

export function mldsa44Verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return ml_dsa44.verify(signature, message, key);
  } catch {
    return false; // lengths that are none
  }
}
