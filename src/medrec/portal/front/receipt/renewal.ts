// After the fall of an algorithm: steps 14 to 16 of docs/spec/receipt.md. What was signed by it counts only if something
// that still stands shows that the signature was there before.
import { equal, utf8 } from "./cbor";
import { readJson, Table } from "./json";
import { leadsTo } from "./log";
import { countCosigners, inForce, type Known, type Line, type Log, type Root } from "./members";
import { demand, listOf, matches, mustBe, mustFit, natural, reading, table, text, unbase64 } from "./shape";

const LENGTHS = { ed25519: 76, mldsa44: 2432 } as const; // of a signature line's bytes
// Since when signatures of an algorithm prove nothing, in milliseconds.
export type Retired = Partial<Record<keyof typeof LENGTHS, number>>;

const LINK = table({ index: natural, path: listOf(text), head: text });
const RENEWAL = table({ medrec: text, note: text, links: listOf(LINK) });
const N = "[1-9][0-9]{0,18}";
const HEAD = new RegExp(
  `^(?<body>(?<origin>medrec/[0-9a-f]{64}/renewal)\n(?<size>${N})\n(?<root>[^\n]+)\n)\n(?<lines>(?:[^\n]+\n)+)$`,
);

export function readLines(written: string): Line[] {
  const lines = written.split("\n").slice(0, -1).map((line): Line => {
    const mark = /^— ([^\s+]+) (\S+)$/.exec(line);
    if (!mark) throw new Error("a signature line is malformed");
    return [mark[1]!, unbase64(mark[2]!)];
  });
  if (lines.length > 256 || lines.some(([, data]) => data.length < 5)) throw new Error("too many lines, or one is too short");
  return lines;
}

// The lengths of lines that prove nothing any more, unless it is proven that they were there at `proven` (ms).
export function fallen(retired: Retired, proven: number | null = null): Set<number> {
  const names = Object.keys(LENGTHS) as (keyof Retired)[];
  const down = names.filter((name) => retired[name] !== undefined && (proven === null || proven >= retired[name]));
  return new Set(down.map((name) => LENGTHS[name]));
}

// Step 14: the lines under the receipt's own head, and the heads of the links, the oldest first.
export function readRenewal(data: Uint8Array, network: string, body: string): { own: Line[]; heads: Log[] } {
  return reading("renewal", () => {
    const renewal = readJson(data);
    mustBe(renewal, "medrec", "renewal/1");
    mustFit(renewal, RENEWAL);
    const note = renewal.get("note") as string;
    const links = renewal.get("links") as Table[];
    if (!note.startsWith(`${body}\n`) || links.length < 1 || links.length > 16) throw new Error("of another head");
    let leaf = note;
    const heads = links.map((link): Log => {
      const groups = HEAD.exec(link.get("head") as string)?.groups;
      if (groups?.origin !== `medrec/${network}/renewal`) throw new Error("a head is malformed, or of another network");
      const [size, root] = [BigInt(groups.size!), unbase64(groups.root!, 32)];
      const path = (link.get("path") as string[]).map((step) => unbase64(step, 32));
      const inside = size < 1n << 63n && leadsTo(root, utf8(leaf), BigInt(link.get("index") as number), size, path);
      if (!inside) throw new Error("it does not lead to the head that was signed");
      leaf = link.get("head") as string;
      return { body: groups.body!, origin: groups.origin, size, root, lines: readLines(groups.lines!) };
    });
    return { own: readLines(note.slice(body.length + 1)), heads };
  });
}

export interface Proven {
  counted: Map<string, bigint>;
  known: Known;
  needed: number;
  by: number;
  renewedBy: number | null;
}

// Step 15, from the newest head back to the receipt's own; without a renewal that one alone.
export function countBack(root: Root, log: Log, heads: Log[], retired: Retired, quorum: number | null): Proven {
  const then = inForce(root, log.size);
  // Whoever renews is a member then: of the set of the checkpoint, or of a later one.
  const later = root.sets.filter(({ from }) => from > log.size).reverse().map(({ known }) => known);
  let proven: Proven | null = null;
  for (const head of [...[...heads].reverse(), log]) {
    const down = fallen(retired, proven?.by ?? null);
    const standing = { ...head, lines: head.lines.filter(([, data]) => !down.has(data.length)) };
    let found: Omit<Proven, "by" | "renewedBy"> | null = null;
    for (const known of head === log ? [then] : [...later, then]) {
      const needed = quorum ?? Math.floor((known.size * 2) / 3) + 1;
      found = { known, needed, counted: countCosigners(known, standing, needed) };
      if (found.counted.size >= needed) break;
    }
    const { counted, needed } = found!;
    demand(counted.size >= needed, down.size ? "retired" : "cosignatures");
    const stamps = [...counted.values()].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
    proven = { ...found!, by: Number(stamps[needed - 1]!) * 1000, renewedBy: proven?.by ?? null };
  }
  return proven!;
}
