// Strict JSON as docs/spec/receipt.md, "Encodings", has it: no key twice, no half surrogate pairs, no -0; numbers are
// whole and below 2^53, or, in a record, literals that stay as they are written.

export class Literal {
  constructor(readonly text: string) {}
}
export type Value = null | boolean | number | string | Literal | Value[] | Table;
export class Table extends Map<string, Value> {}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Record<string, string> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const DEPTH_MAX = 400;

export function decodeUtf8(data: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
}

export function readJson(data: Uint8Array, literals = false): Value {
  const reader = new Reader(decodeUtf8(data), literals);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  private at = 0;

  constructor(private readonly text: string, private readonly literals: boolean) {}

  value(depth: number): Value {
    if (depth > DEPTH_MAX) throw new Error("the nesting is too deep");
    this.space();
    const sign = this.text[this.at];
    if (sign === "{") return this.table(depth);
    if (sign === "[") return this.list(depth);
    if (sign === '"') return this.string();
    for (const [word, meant] of [["null", null], ["true", true], ["false", false]] as const) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return meant;
      }
    }
    return this.number();
  }

  end(): void {
    this.space();
    if (this.at !== this.text.length) throw new Error("something follows the JSON");
  }

  private space(): void {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at += 1;
  }

  private takes(sign: string): boolean {
    this.space();
    if (this.text[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  private demand(sign: string): void {
    if (!this.takes(sign)) throw new Error(`a ${sign} is missing`);
  }

  private table(depth: number): Table {
    const table = new Table();
    this.demand("{");
    if (this.takes("}")) return table;
    do {
      this.space();
      const key = this.string();
      if (table.has(key)) throw new Error("an object names a key twice");
      this.demand(":");
      table.set(key, this.value(depth + 1));
    } while (this.takes(","));
    this.demand("}");
    return table;
  }

  private list(depth: number): Value[] {
    const list: Value[] = [];
    this.demand("[");
    if (this.takes("]")) return list;
    do list.push(this.value(depth + 1));
    while (this.takes(","));
    this.demand("]");
    return list;
  }

  private string(): string {
    this.demand('"');
    let found = "";
    for (;;) {
      PLAIN.lastIndex = this.at;
      const plain = PLAIN.exec(this.text)![0];
      found += plain;
      this.at += plain.length;
      const sign = this.text[this.at++];
      if (sign === '"') break;
      if (sign !== "\\") throw new Error("a text does not end, or holds a control character");
      found += this.escape();
    }
    if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(found)) {
      throw new Error("a text holds half of a surrogate pair");
    }
    return found;
  }

  private escape(): string {
    const letter = this.text[this.at++] ?? "";
    if (letter in ESCAPES) return ESCAPES[letter]!;
    const digits = this.text.slice(this.at, this.at + 4);
    if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(digits)) throw new Error("an escape is none");
    this.at += 4;
    return String.fromCharCode(parseInt(digits, 16));
  }

  private number(): number | Literal {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (!found) throw new Error("this is no JSON");
    this.at += found[0].length;
    const text = found[0];
    const whole = found[1] === undefined && found[2] === undefined;
    const long = whole && text.length > 640 + (text.startsWith("-") ? 1 : 0);
    const value = Number(text);
    if (text === "-0" || long || (!this.literals && (!whole || !Number.isSafeInteger(value)))) {
      throw new Error(`the number ${text.slice(0, 20)} is not allowed`);
    }
    return this.literals ? new Literal(text) : value;
  }
}

// Keys in the order of their code points, which is that of their UTF-8 bytes; JavaScript's own order is of code units.
function byCodePoint(one: string, other: string): number {
  const [a, b] = [[...one], [...other]];
  for (let n = 0; n < a.length && n < b.length; n += 1) {
    const difference = a[n]!.codePointAt(0)! - b[n]!.codePointAt(0)!;
    if (difference) return difference;
  }
  return a.length - b.length;
}

export function canonical(value: Value, depth: number): string {
  if (value instanceof Literal) return value.text;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (depth === 0) throw new Error("the nesting is too deep");
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth - 1)).join(",")}]`;
  const keys = [...value.keys()].sort(byCodePoint);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value.get(key)!, depth - 1)}`).join(",")}}`;
}
