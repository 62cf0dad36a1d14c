// What a text says, for the eye. JSON.parse alone would let the second of two equal names hide the first, and take
// digits from numbers; so what is shown is read here, from the text as it is written.

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
// Signs that cannot be seen, or that turn the text around them. Line breaks, and the joiners that names need, stay.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
const SEEN = new Set(["\n", "\t", "\u200c", "\u200d"]);

// The value of a JSON text; numbers and truth values as they are written. Throws where a name stands twice.
export function readJson(written) {
  JSON.parse(written);
  const tokens = written.match(TOKEN);
  let at = 0;
  function value() {
    const token = tokens[at++];
    if (token === "[") {
      const made = [];
      for (; tokens[at] !== "]"; at += tokens[at] === "," ? 1 : 0) made.push(value());
      at += 1;
      return made;
    }
    if (token !== "{") return token[0] === '"' ? JSON.parse(token) : token === "null" ? null : token;
    const made = new Map();
    for (; tokens[at] !== "}"; at += tokens[at] === "," ? 1 : 0) {
      const name = JSON.parse(tokens[at]);
      if (made.has(name)) throw new Told(say.twice);
      at += 2;
      made.set(name, value());
    }
    at += 1;
    return Object.fromEntries(made);
  }
  return value();
}

// The same text over several lines. Nothing but white space between its parts is new.
export function laidOut(written) {
  let deep = 0;
  const line = () => `\n${" ".repeat(deep)}`;
  return written.replace(TOKEN, (token) => {
    if (token === "{" || token === "[") deep += 1;
    if (token === "}" || token === "]") deep -= 1;
    if (token === "{" || token === "[" || token === ",") return token + line();
    if (token === "}" || token === "]") return line() + token;
    return token === ":" ? ": " : token;
  });
}

// A text with nothing hidden in it: what cannot be seen stands as its number.
export function visible(words) {
  return words.replace(UNSEEN, (sign) => (SEEN.has(sign) ? sign : `\\u{${sign.codePointAt(0).toString(16)}}`));
}

// Every text within a value, however deep.
export function leaves(value) {
  if (value === null || typeof value !== "object") return [String(value)];
  return Object.values(value).flatMap(leaves);
}

// What says one thing in several ways (a code, its name, its system): all but the system, on one line. Null for others.
const ONE_THING = new Set(["coding", "code", "system", "version", "text", "display", "reference", "identifier", "value", "unit"]);

export function oneLine(value) {
  if (value === null || typeof value !== "object") return value === null ? null : String(value);
  const parts = [];
  for (const [name, part] of Object.entries(value)) {
    if (!Array.isArray(value) && !ONE_THING.has(name)) return null;
    const words = oneLine(part);
    if (words === null) return null;
    if (name !== "system" && name !== "version") parts.push(words);
  }
  return parts.length ? [...new Set(parts)].join(", ") : null;
}
