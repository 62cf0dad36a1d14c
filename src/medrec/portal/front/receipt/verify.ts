// The verification of docs/spec/receipt.md, version 1, step by step, in the browser; nothing leaves it. A third program
// that follows that text, bound by the same vectors as tools/verify_receipt.py and the package.
import { equal, type Item, readCbor, utf8, writeCbor } from "./cbor";
import { canonical, decodeUtf8, readJson, Table } from "./json";
import { leadsTo } from "./log";
import { inForce, type Log, readRoot, type Root } from "./members";
import { countBack, fallen, readLines, readRenewal, type Retired } from "./renewal";
import {
  demand, either, hex, listOf, matches, mustBe, mustFit, natural, nothing, reading, Refused, table, text, unbase64,
} from "./shape";
import { ed25519Verify, sha256 } from "./signatures";

const FORM = "https://medrec.org/canonical/json-literal/1";
export const UNREADABLE = new Set([
  "root", "change", "receipt", "record", "record-missing", "record-not-needed", "quorum", "newer-version", "newer-root",
  "organisation", "renewal", "retired", "fault",
]);
const HEX32 = matches(/^[0-9a-f]{64}$/);
const BATCH = table({ body: text, signature: text, index: natural, path: listOf(text), height: natural, time: natural });
const RECEIPT = table({
  medrec: text, network: HEX32, manifest: text, salt: text, entry: text, batch: BATCH, proof: text,
});
const MANIFEST = { manifest: text, network: text, organisation: text, time: natural };
const VERSION = { type: text, id: text, version: natural, form: text, previous: either(HEX32, nothing) };
const RECORD_MANIFEST = table({
  ...MANIFEST, account: either(text, nothing),
  record: either(
    table({ ...VERSION, action: matches(/^(create|update)$/), sha256: HEX32 }, true),
    table({ ...VERSION, action: matches(/^delete$/), sha256: nothing }, true),
  ),
}, true);

export interface Files {
  root: Uint8Array;
  receipt: Uint8Array;
  record: Uint8Array | null;
  renewal?: Uint8Array | null;
}
export interface Facts {
  network: string;
  networkName: string;
  organisation: string;
  name: string;
  manifest: string;
  record: { type: string; id: string; version: number; action: string } | null;
  line: string;
  height: number;
  time: number;
  stated: number;
  cosigners: string[];
  needed: number;
  of: number;
  existedBy: number;
  renewedBy: number | null; // when the newest renewal was signed, null without one
}
export interface Result {
  verdict: "genuine" | "not-genuine" | "unreadable";
  code: string;
  facts: Facts | null;
}
interface Fields {
  network: string;
  manifest: Uint8Array;
  salt: Uint8Array;
  entry: Uint8Array;
  body: Uint8Array;
  signature: Uint8Array;
  index: bigint;
  path: Uint8Array[];
  height: number;
  time: number;
  proof: string;
}

function readReceipt(data: Uint8Array): Fields {
  return reading("receipt", () => {
    const receipt = readJson(data);
    mustBe(receipt, "medrec", "receipt/1");
    mustFit(receipt, RECEIPT);
    const batch = receipt.get("batch") as Table;
    const bytes = (from: Table, name: string, size?: number): Uint8Array => unbase64(from.get(name) as string, size);
    return {
      network: receipt.get("network") as string,
      manifest: utf8(receipt.get("manifest") as string),
      salt: bytes(receipt, "salt", 32),
      signature: bytes(batch, "signature", 64),
      entry: bytes(receipt, "entry"),
      body: bytes(batch, "body"),
      index: BigInt(batch.get("index") as number),
      path: (batch.get("path") as string[]).map((step) => unbase64(step, 32)),
      height: batch.get("height") as number,
      time: batch.get("time") as number,
      proof: receipt.get("proof") as string,
    };
  });
}

// Of step 3: the change of members on which the receipt says that it counts, by the size of the log; 0 for none.
function sinceOf(proof: string): bigint {
  const extra = /^[^\n]*\nextra ([A-Za-z0-9+/=]+)\n/.exec(proof);
  if (!extra) return 0n;
  try {
    const found = /^members ([1-9][0-9]{0,15})$/.exec(decodeUtf8(unbase64(extra[1]!)));
    return BigInt(found?.[1] ?? 0);
  } catch {
    return 0n;
  }
}

// Steps 4 and 5.
function checkManifest(data: Uint8Array, root: Root, record: Uint8Array | null): Table {
  let about = false;
  const manifest = reading("manifest", () => {
    const value = readJson(data);
    if (!equal(utf8(canonical(value, 32)), data)) throw new Error("it is not in its one canonical form");
    mustFit(value, table(MANIFEST, true));
    about = (value.get("manifest") as string).startsWith("record/");
    if (about) {
      mustBe(value, "manifest", "record/1");
      mustFit(value, RECORD_MANIFEST);
      demand((value.get("record") as Table).get("form") === FORM, "newer-version");
    }
    return value;
  });
  demand(manifest.get("network") === root.network, "network");
  demand(root.sets.some(({ known }) => known.has(manifest.get("organisation") as string)), "organisation");
  const wanted = about ? ((manifest.get("record") as Table).get("sha256") as string | null) : null;
  demand(wanted === null || record !== null, "record-missing");
  demand(wanted !== null || record === null, "record-not-needed");
  if (record !== null) {
    const content = reading("record", () => utf8(canonical(readJson(record, true), 64)));
    demand(hex(sha256(content)) === wanted, "record-changed");
  }
  return manifest;
}

const bytesOf = (size: number) => (item: Item | undefined) => item instanceof Uint8Array && item.length === size;
const whole = (item: Item | undefined): boolean => typeof item === "bigint" && item >= 0n;
const map = (item: Item | undefined): boolean => item instanceof Map;

function fields(item: Item | undefined, shape: Record<string, (item: Item | undefined) => boolean>): Map<string, Item> {
  const good = item instanceof Map && item.size === Object.keys(shape).length &&
    Object.entries(shape).every(([name, check]) => check(item.get(name)));
  if (!good) throw new Error("a field is missing, unknown or of the wrong type");
  return item;
}

// Steps 6 to 9: the number of the journal line, and the key that signed.
function checkBatch(receipt: Fields, root: Root, who: string): [bigint, Uint8Array] {
  const entry = reading("entry", () => {
    const item = readCbor(receipt.entry);
    if (!Array.isArray(item) || item.length !== 3) throw new Error("an entry has three parts");
    fields(new Map([["commitment", item[0]!], ["tag", item[1]!], ["extras", item[2]!]]), {
      commitment: bytesOf(32), tag: bytesOf(16), extras: map,
    });
    return item;
  });
  const commitment = sha256(utf8("medrec/entry/1"), receipt.salt, sha256(receipt.manifest));
  demand(equal(commitment, entry[0] as Uint8Array), "commitment");
  const read = reading("body", () =>
    fields(readCbor(receipt.body), {
      author: (item) => typeof item === "string", expires: whole, key: bytesOf(16),
      kind: (item) => typeof item === "string", network: bytesOf(32), nonce: whole, payload: map,
    }),
  );
  demand(read.get("kind") === "anchor", "kind");
  const batch = reading("body", () =>
    fields(read.get("payload"), {
      count: whole, first: whole, journal: bytesOf(32), previous: bytesOf(32), root: bytesOf(32),
    }),
  );
  demand(hex(read.get("network") as Uint8Array) === root.network, "network");
  demand(read.get("author") === who, "author");
  const count = batch.get("count") as bigint;
  demand(leadsTo(batch.get("root") as Uint8Array, receipt.entry, receipt.index, count, receipt.path), "batch-path");
  const keys = root.sets.flatMap(({ known }) => known.get(who)?.keys.ed25519 ?? []);
  const id = sha256(utf8("medrec/transaction/1"), receipt.body);
  const key = keys.find((one) => equal(read.get("key") as Uint8Array, sha256(one).slice(0, 16)));
  if (!key || !ed25519Verify(key, id, receipt.signature)) throw new Refused("signature");
  return [(batch.get("first") as bigint) + receipt.index, key];
}

const N = "(0|[1-9][0-9]{0,18})";
const PROOF = new RegExp(
  `^c2sp\\.org/tlog-proof@v1\n(?:extra (?<extra>[^\n]+)\n)?index (?<index>${N})\n(?<path>(?:[^\n]+\n)*)\n` +
  `(?<body>(?<origin>medrec/[0-9a-f]{64})\n(?<size>${N})\n(?<root>[^\n]+)\nheight (?<height>${N})\n` +
  `time (?<time>${N})\nstate (?<state>[^\n]+)\nprotocol (?<protocol>${N})\n)\n(?<lines>(?:[^\n]+\n)+)$`,
  "s",
);

// Steps 10 to 12.
function checkLog(receipt: Fields, root: Root): Log & { index: bigint } {
  const read = reading("proof", () => {
    mustBe(new Table([["proof", receipt.proof.split("\n")[0]!]]), "proof", "c2sp.org/tlog-proof@v1");
    const found = PROOF.exec(receipt.proof);
    // eslint-disable-next-line no-control-regex
    if (!found?.groups || /[\x00-\x09\x0b-\x1f]/.test(receipt.proof)) throw new Error("its lines are not those of a proof");
    const { groups } = found;
    const number = (name: string): bigint => BigInt(groups[name]!);
    unbase64(groups.state!, 32);
    unbase64(groups.extra ?? "");
    const path = groups.path!.split("\n").slice(0, -1).map((line) => unbase64(line, 32));
    const lines = readLines(groups.lines!);
    const numbers = ["index", "size", "height", "time", "protocol"].map(number);
    if (path.length > 63 || numbers.some((one) => one >= 1n << 63n)) throw new Error("something is too large");
    return {
      path, lines, body: groups.body!, origin: groups.origin!, root: unbase64(groups.root!, 32), index: number("index"),
      size: number("size"), height: number("height"), time: number("time"), protocol: number("protocol"),
    };
  });
  demand(read.origin === `medrec/${root.network}`, "network");
  demand(read.protocol === 1n, "newer-version");
  const leaf = writeCbor([1n, BigInt(receipt.height), BigInt(receipt.time), receipt.body]);
  demand(leadsTo(read.root, leaf, read.index, read.size, read.path), "log-path");
  demand(BigInt(receipt.height) <= read.height && BigInt(receipt.time) <= read.time, "time");
  return read;
}

function verify(files: Files, quorum: number | null, retired: Retired): Facts {
  const root = readRoot(files.root, fallen(retired));
  const receipt = readReceipt(files.receipt);
  const most = Math.max(...root.sets.map(({ known }) => known.size));
  demand(quorum === null || (quorum >= 1 && quorum <= most), "quorum");
  demand(receipt.network === root.network, "network");
  demand(sinceOf(receipt.proof) <= root.sets.at(-1)!.from, "newer-root");
  const manifest = checkManifest(receipt.manifest, root, files.record);
  const who = manifest.get("organisation") as string;
  const [line, key] = checkBatch(receipt, root, who);
  const log = checkLog(receipt, root);
  const maker = inForce(root, log.index).get(who);
  if (!maker || !equal(maker.keys.ed25519, key)) throw new Refused("member");
  const renewal = files.renewal ? readRenewal(files.renewal, root.network, log.body) : { own: log.lines, heads: [] };
  const head = { ...log, lines: renewal.own };
  const { counted, known, needed, by, renewedBy } = countBack(root, head, renewal.heads, retired, quorum);
  // Step 16: the author's own signature is Ed25519.
  demand(receipt.time < (retired.ed25519 ?? Infinity), "retired");
  const record = manifest.get("manifest") === "record/1" ? (manifest.get("record") as Table) : null;
  return {
    network: root.network, networkName: root.name, organisation: who, name: maker.name,
    manifest: manifest.get("manifest") as string,
    record: record && {
      type: record.get("type") as string, id: record.get("id") as string, version: record.get("version") as number,
      action: record.get("action") as string,
    },
    line: line.toString(), height: receipt.height, time: receipt.time, stated: manifest.get("time") as number,
    cosigners: [...counted.keys()].map((id) => known.get(id)!.name).sort(), needed, of: known.size,
    existedBy: by, renewedBy,
  };
}

// Never throws, whatever the bytes are; a fault of this program does not look like a verdict.
export function result(files: Files, quorum: number | null = null, retired: Retired = {}): Result {
  try {
    const sizes: [string, Uint8Array | null, number][] = [
      ["root", files.root, 1 << 20], ["receipt", files.receipt, 1 << 20], ["record", files.record, 16 << 20],
      ["renewal", files.renewal ?? null, 1 << 20],
    ];
    for (const [what, data, most] of sizes) demand(data === null || data.length <= most, what);
    return { verdict: "genuine", code: "genuine", facts: verify(files, quorum, retired) };
  } catch (error) {
    const code = error instanceof Refused ? error.code : "fault";
    return { verdict: UNREADABLE.has(code) ? "unreadable" : "not-genuine", code, facts: null };
  }
}

// What a dropped file is, by what it says of itself.
export function kindOf(data: Uint8Array): "root" | "receipt" | "record" | "renewal" {
  try {
    const value = JSON.parse(decodeUtf8(data)) as { medrec?: unknown };
    const said = typeof value?.medrec === "string" ? value.medrec : "";
    return (["receipt", "root", "renewal"] as const).find((kind) => said.startsWith(`${kind}/`)) ?? "record";
  } catch {
    return "record";
  }
}
