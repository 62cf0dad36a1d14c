// The page that checks a receipt: files are read here and stay here. `result` is what the tests call.
import type { Retired } from "./receipt/renewal";
import { kindOf, result, type Files, type Result } from "./receipt/verify";

import { ed25519Verify } from "./receipt/signatures";

export { ed25519Verify, result };

const FILE_MAX = 17 << 20;
const KINDS = ["receipt", "record", "root", "renewal"] as const;
const given: Partial<Record<(typeof KINDS)[number], { name: string; data: Uint8Array }>> = {};

function part(name: string): HTMLElement {
  return document.querySelector<HTMLElement>(`[data-part="${name}"]`)!;
}

async function take(files: Iterable<File>): Promise<void> {
  for (const file of files) {
    if (file.size > FILE_MAX) continue;
    const data = new Uint8Array(await file.arrayBuffer());
    given[kindOf(data)] = { name: file.name, data };
  }
  show();
}

// Only where nobody brought a root file of her own: the one of this node, which the page then says.
async function ownRoot(): Promise<Uint8Array | null> {
  const address = part("drop").dataset.root!;
  const answer = await fetch(address, { credentials: "omit" }).catch(() => null);
  return answer?.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
}

// The days that somebody wrote down since when an algorithm proves nothing, by UTC; the page of one line does not ask.
function retired(): Retired {
  const days = (["ed25519", "mldsa44"] as const).map((name): [string, number] => [
    name, document.querySelector<HTMLInputElement>(`#retired-${name}`)?.valueAsNumber ?? NaN,
  ]);
  return Object.fromEntries(days.filter(([, day]) => Number.isFinite(day)));
}

function when(ms: number): string {
  const time = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: "long", timeStyle: "medium", timeZone: "UTC",
  });
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? `${time.format(ms)} UTC` : String(ms);
}

function tell(found: Result, own: boolean): void {
  const card = part("verdict");
  card.className = `card state ${found.verdict === "genuine" ? "good" : found.verdict === "not-genuine" ? "bad" : "wait"}`;
  card.hidden = false;
  for (const one of card.querySelectorAll<HTMLElement>("[data-verdict]")) one.hidden = one.dataset.verdict !== found.verdict;
  let known = false;
  for (const one of card.querySelectorAll<HTMLElement>("[data-code]")) {
    one.hidden = one.dataset.code !== found.code;
    known ||= !one.hidden;
  }
  part("code").textContent = known ? "" : found.code;
  part("facts").hidden = !found.facts;
  part("own-root").hidden = !own || !found.facts;
  if (found.facts) {
    const { facts } = found;
    const said: Record<string, string> = {
      what: facts.record ? `${facts.record.type}/${facts.record.id} · ${facts.record.version} · ${facts.record.action}` : facts.manifest,
      who: `${facts.name} (${facts.organisation})`, line: facts.line, block: `${facts.height}`, time: when(facts.time),
      existed: when(facts.existedBy), stated: when(facts.stated),
      vouch: `${facts.cosigners.length} / ${facts.of} (≥ ${facts.needed}): ${facts.cosigners.join(", ")}`,
      network: `${facts.networkName} (${facts.network})`,
    };
    if (facts.renewedBy !== null) said.renewed = when(facts.renewedBy);
    part("fact-renewed").closest("div")!.hidden = facts.renewedBy === null;
    for (const [name, text] of Object.entries(said)) part(`fact-${name}`).textContent = text;
  }
  card.focus();
}

// Why a file was not given, in the sentence of its page; a code of ours where nothing was said.
async function refusal(answer: Response | null): Promise<string> {
  const page = new DOMParser().parseFromString((await answer?.text().catch(() => "")) ?? "", "text/html");
  return page.getElementById("sentence")?.textContent || "not-fetched";
}

// The page of one line names its own receipt and record: nobody has to save and pick files to check what she looks at.
async function takeFromPage(from: DOMStringMap): Promise<void> {
  const named = { receipt: [from.receipt, from.receiptName], record: [from.record, from.recordName] } as const;
  for (const kind of ["receipt", "record"] as const) {
    const [address, name] = named[kind];
    if (!address) continue;
    const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
    if (answer?.redirected) return location.assign(answer.url);
    if (!answer?.ok) return tell({ verdict: "unreadable", code: await refusal(answer) }, false);
    given[kind] = { name: name ?? "", data: new Uint8Array(await answer.arrayBuffer()) };
  }
  await show();
}

async function show(): Promise<void> {
  for (const kind of KINDS) {
    part(`has-${kind}`).textContent = given[kind]?.name ?? "";
    part(`has-${kind}`).parentElement!.hidden = !given[kind];
  }
  part("verdict").hidden = true;
  if (!given.receipt) return;
  const root = given.root?.data ?? (await ownRoot());
  if (!root) return;
  const record = given.record?.data ?? null;
  const files: Files = { root, receipt: given.receipt.data, record, renewal: given.renewal?.data ?? null };
  const found = result(files, null, retired());
  // A record that is still to come is no verdict yet: the page asks for it.
  const wanted = document.querySelector<HTMLElement>('[data-part="wants-record"]');
  if (wanted) wanted.hidden = found.code !== "record-missing";
  if (found.code !== "record-missing") tell(found, !given.root);
}

const drop = document.querySelector<HTMLElement>('[data-part="drop"]');
const here = drop?.querySelector<HTMLElement>('[data-part="here"]');
here?.addEventListener("click", () => void takeFromPage(drop!.dataset));
if (drop && !here) {
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.toggleAttribute("data-over", true);
  });
  drop.addEventListener("dragleave", () => drop.toggleAttribute("data-over", false));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.toggleAttribute("data-over", false);
    void take(event.dataTransfer?.files ?? []);
  });
  for (const day of document.querySelectorAll("#retired-ed25519, #retired-mldsa44")) day.addEventListener("change", () => void show());
  drop.querySelector("input")!.addEventListener("change", (event) => {
    const input = event.target as HTMLInputElement;
    void take([...(input.files ?? [])]).then(() => (input.value = ""));
  });
  part("again").addEventListener("click", () => {
    for (const kind of KINDS) delete given[kind];
    part("wants-record").hidden = true;
    void show();
  });
}
