// Whose keys hold: the root file, its changes of members, and who of them vouches for a log head.
import { bigEndian, concat, equal, utf8 } from "./cbor";
import { canonical, readJson, Table, type Value } from "./json";
import { demand, hex, listOf, matches, mustBe, mustFit, natural, reading, table, text, unbase64, unhex } from "./shape";
import { ed25519Verify, mldsa44Verify, sha256 } from "./signatures";

const KEYS = ["ed25519", "cosign_ed25519", "cosign_mldsa44"] as const;
const HEX32 = matches(/^[0-9a-f]{64}$/);
const SLUG = matches(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/);
const ORGANISATION = table({
  id: SLUG, name: text, roles: listOf(text), endpoint: text,
  keys: table({ ed25519: HEX32, cosign_ed25519: HEX32, cosign_mldsa44: matches(/^[0-9a-f]{2624}$/) }),
});
const GENESIS = table({ medrec: text, name: text, created: natural, protocol: natural, organisations: listOf(ORGANISATION) });
const CHANGE = table({
  size: natural, gone: listOf(SLUG), set: listOf(ORGANISATION), lines: listOf(table({ by: SLUG, line: text })),
});
const ROOT = table({ medrec: text, genesis: (value) => value instanceof Table, changes: listOf(CHANGE) });

interface Organisation {
  name: string;
  keys: Record<(typeof KEYS)[number], Uint8Array>;
}
export type Known = Map<string, Organisation>;
export type Line = [string, Uint8Array];
export interface Root {
  network: string;
  name: string;
  // The sets of members since genesis, each with the log size from which it is in force.
  sets: { from: bigint; known: Known }[];
}
export interface Log {
  body: string;
  origin: string;
  size: bigint;
  root: Uint8Array;
  lines: Line[];
}

// The set in force at a size of the log, or for the leaf of this index.
export function inForce(root: Root, size: bigint): Known {
  return root.sets.filter(({ from }) => from <= size).at(-1)!.known;
}

// Step 1. Signature lines of a length in `fallen` prove nothing any more.
export function readRoot(data: Uint8Array, fallen: ReadonlySet<number>): Root {
  return reading("root", () => {
    const root = readJson(data);
    mustBe(root, "medrec", "root/1");
    mustFit(root, ROOT);
    const genesis = root.get("genesis")!;
    mustBe(genesis, "medrec", "genesis/1");
    mustFit(genesis, GENESIS);
    demand(genesis.get("protocol") === 1, "newer-version");
    let before = sha256(utf8("medrec/genesis/1"), utf8(canonical(genesis, 32)));
    const network = hex(before);
    let present = arrived(new Map(), genesis.get("organisations") as Table[]);
    const sets = [{ from: 0n, known: knownOf(present) }];
    for (const change of root.get("changes") as Table[]) {
      const [last, size] = [sets.at(-1)!, BigInt(change.get("size") as number)];
      const gone = change.get("gone") as string[];
      if (size <= last.from || !gone.every((who) => present.has(who))) throw new Error("a change is out of order");
      const stay = new Map([...present].filter(([who]) => !gone.includes(who)));
      present = arrived(stay, change.get("set") as Table[]);
      const known = knownOf(present);
      const sorted: Value[] = [...present.keys()].sort().map((who) => present.get(who)!);
      before = sha256(utf8("medrec/members/1"), before, utf8(canonical(sorted, 32)));
      const origin = `medrec/${network}/members`;
      const body = `${origin}\n${size}\n${btoa(String.fromCharCode(...before))}\n`;
      const all = (change.get("lines") as Table[]).map((one): Line => [
        `medrec/${one.get("by") as string}`, unbase64(one.get("line") as string),
      ]);
      const lines = all.filter(([, data]) => !fallen.has(data.length));
      const quorum = Math.floor((last.known.size * 2) / 3) + 1;
      const counted = countCosigners(last.known, { body, origin, size, root: before, lines }, quorum);
      demand(counted.size >= quorum, "change");
      sets.push({ from: size, known });
    }
    return { network, name: genesis.get("name") as string, sets };
  });
}

// Those who stay, and those who come or have other keys.
function arrived(stay: Map<string, Table>, came: Table[]): Map<string, Table> {
  const ids = came.map((one) => one.get("id") as string);
  if (new Set(ids).size < ids.length) throw new Error("two organisations share an id");
  return new Map([...stay, ...came.map((one): [string, Table] => [one.get("id") as string, one])]);
}

function knownOf(present: Map<string, Table>): Known {
  const keys = [...present.values()].map((one) => one.get("keys") as Table);
  const distinct = KEYS.every((use) => new Set(keys.map((one) => one.get(use))).size === keys.length);
  if (!keys.length || !distinct) throw new Error("two organisations share a key, or there is none");
  return new Map([...present].map(([who, one]): [string, Organisation] => {
    const bytes = KEYS.map((use) => [use, unhex((one.get("keys") as Table).get(use) as string)]);
    return [who, { name: one.get("name") as string, keys: Object.fromEntries(bytes) as Organisation["keys"] }];
  }));
}

// Step 13: the seconds of each organisation that cosigned. Ed25519 first; ML-DSA-44 only if that is not enough.
export function countCosigners(known: Known, log: Log, quorum: number): Map<string, bigint> {
  const counted = new Map<string, bigint>();
  const origin = utf8(log.origin);
  const tree = concat(Uint8Array.of(origin.length), origin, bigEndian(log.size, 16), log.root);
  for (const [kind, field, length] of [[4, "cosign_ed25519", 76], [6, "cosign_mldsa44", 2432]] as const) {
    if (kind === 6 && counted.size >= quorum) break;
    for (const [name, data] of log.lines) {
      const who = name.startsWith("medrec/") ? name.slice(7) : "";
      const key = known.get(who)?.keys[field];
      if (!key || counted.has(who) || data.length !== length) continue;
      const label = utf8(name);
      if (!equal(data.subarray(0, 4), sha256(label, Uint8Array.of(10, kind), key).subarray(0, 4))) continue;
      const stamp = data.subarray(4, 12).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      if (stamp === 0n || stamp >= 1n << 63n) continue;
      const good = kind === 4
        ? ed25519Verify(key, utf8(`cosignature/v1\ntime ${stamp}\n${log.body}`), data.subarray(12))
        : mldsa44Verify(
          key, concat(utf8("subtree/v1\n\0"), Uint8Array.of(label.length), label, data.subarray(4, 12), tree),
          data.subarray(12),
        );
      if (good) counted.set(who, stamp);
    }
  }
  return counted;
}
