// The ledger's CBOR (RFC 8949, 4.2.1, narrowed as in docs/spec/codec.md): one byte form of every value. What is read is
// written again and compared, so that no other form of it passes.
import { decodeUtf8 } from "./json";

export type Item = null | boolean | bigint | string | Uint8Array | Item[] | Map<string, Item>;
const BYTES_MAX = 16 << 10;
const DEPTH_MAX = 8;

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, n) => byte === other[n]);
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function bigEndian(number: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, n) => Number((number >> BigInt(8 * (size - 1 - n))) & 255n));
}

function head(major: number, number: bigint): Uint8Array {
  if (number < 24n) return Uint8Array.of((major << 5) | Number(number));
  const power = [0, 1, 2, 3].find((n) => number < 1n << BigInt(8 << n))!;
  return concat(Uint8Array.of((major << 5) | (24 + power)), bigEndian(number, 1 << power));
}

function inOrder(one: Uint8Array, other: Uint8Array): number {
  for (let n = 0; n < one.length && n < other.length; n += 1) if (one[n] !== other[n]) return one[n]! - other[n]!;
  return one.length - other.length;
}

export function writeCbor(value: Item): Uint8Array {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (typeof value === "bigint") return value >= 0n ? head(0, value) : head(1, -1n - value);
  if (typeof value === "string") return concat(head(3, BigInt(utf8(value).length)), utf8(value));
  if (value instanceof Uint8Array) return concat(head(2, BigInt(value.length)), value);
  if (Array.isArray(value)) return concat(head(4, BigInt(value.length)), ...value.map(writeCbor));
  const pairs = [...value].map(([key, item]) => concat(writeCbor(key), writeCbor(item))).sort(inOrder);
  return concat(head(5, BigInt(value.size)), ...pairs);
}

export function readCbor(data: Uint8Array): Item {
  if (data.length > BYTES_MAX) throw new Error("the CBOR is too long");
  let at = 0;
  const take = (size: number): Uint8Array => {
    if (at + size > data.length) throw new Error("the CBOR ends too early");
    at += size;
    return data.subarray(at - size, at);
  };
  const item = (depth: number): Item => {
    const first = take(1)[0]!;
    const major = first >> 5;
    let number = BigInt(first & 31);
    if (number >= 28n) throw new Error("a CBOR item is outside the profile");
    if (number >= 24n) number = take(1 << Number(number - 24n)).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    if (major === 6 || number >= 1n << 63n || (major >= 4 && major < 6 && depth === 0)) {
      throw new Error("a CBOR item is outside the profile");
    }
    if (major === 0) return number;
    if (major === 1) return -1n - number;
    if (major === 7) return simple(number);
    if (number > BigInt(data.length)) throw new Error("the CBOR ends too early");
    if (major === 2) return take(Number(number)).slice();
    if (major === 3) return decodeUtf8(take(Number(number)));
    if (major === 4) return Array.from({ length: Number(number) }, () => item(depth - 1));
    const map = new Map<string, Item>();
    for (let n = 0n; n < number; n += 1n) {
      const key = item(depth - 1);
      if (typeof key !== "string") throw new Error("a CBOR map key is not text");
      map.set(key, item(depth - 1));
    }
    return map;
  };
  const value = item(DEPTH_MAX);
  if (at !== data.length || !equal(writeCbor(value), data)) throw new Error("the CBOR is not in its one form");
  return value;
}

function simple(number: bigint): Item {
  if (number === 20n || number === 21n) return number === 21n;
  if (number === 22n) return null;
  throw new Error("a CBOR item is outside the profile");
}
