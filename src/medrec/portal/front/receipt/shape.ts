// What a verdict other than "genuine" is, and the shapes that the parts of a receipt must have.
import { Table, type Value } from "./json";

export class Refused extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

export function demand(good: unknown, code: string): asserts good {
  if (!good) throw new Refused(code);
}

// Whatever goes wrong while something is read has this code; a verdict that was reached within stays.
export function reading<T>(code: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof Refused ? error : new Refused(code);
  }
}

export type Check = (value: Value | undefined) => boolean;
export const text: Check = (value) => typeof value === "string";
export const natural: Check = (value) => typeof value === "number" && value >= 0;
export const nothing: Check = (value) => value === null;
export const matches = (pattern: RegExp): Check => (value) => typeof value === "string" && pattern.test(value);
export const either = (...checks: Check[]): Check => (value) => checks.some((check) => check(value));
export const listOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
export const table = (fields: Record<string, Check>, others = false): Check => (value) =>
  value instanceof Table &&
  (others || value.size === Object.keys(fields).length) &&
  Object.entries(fields).every(([name, check]) => value.has(name) && check(value.get(name)));

export function mustFit(value: Value, check: Check): asserts value is Table {
  if (!check(value)) throw new Error("a field is missing, unknown or of the wrong type");
}

// "newer-version" for another number of a known format; an error for everything that is not it.
export function mustBe(value: Value, field: string, known: string): void {
  const found = value instanceof Table ? value.get(field) : undefined;
  if (typeof found === "string" && found !== known) {
    const stem = known.replace(/[0-9]+$/, "");
    if (found.startsWith(stem) && /^[0-9]+$/.test(found.slice(stem.length))) throw new Refused("newer-version");
  }
  if (found !== known) throw new Error(`this is not ${known}`);
}

export function unbase64(written: string, size?: number): Uint8Array {
  const data = Uint8Array.from(atob(written), (sign) => sign.charCodeAt(0));
  let again = "";
  for (const byte of data) again += String.fromCharCode(byte);
  if (btoa(again) !== written || (size !== undefined && data.length !== size)) throw new Error("malformed base64");
  return data;
}

export function unhex(written: string): Uint8Array {
  return Uint8Array.from(written.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
