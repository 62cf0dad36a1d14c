"""The page that checks receipts: the published vectors through its program, and its files dropped by a person."""

import json
from pathlib import Path
from typing import Any

import pytest

from medrec.node.ledger.renewal import renew
from medrec.portal import language, words
from medrec.portal.page import MOUNT
from tests.browser import checks
from tests.browser.conftest import DESK, PHONE, Opener
from tests.browser.hand import Hand
from tests.browser.world import World
from tests.witness.test_renewal import RECORD, Court, spoilt, tool

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "receipt"
ASK = """async (cases) => {
  const { result } = await import("./verify.js");
  const bytes = (text) => (text === null ? null : new TextEncoder().encode(text));
  return cases.map((one) => {
    const found = result({ root: bytes(one.root), receipt: bytes(one.receipt), record: bytes(one.record) }, one.quorum);
    return [found.verdict, found.code];
  });
}"""


def cases(group: str) -> list[dict[str, Any]]:
    """The vectors of a group with their root files as text."""
    roots = json.loads((VECTORS / "roots.json").read_text())["roots"]
    found = json.loads((VECTORS / f"{group}.json").read_text())["cases"]
    return [case | {"root": case.get("root_text") or json.dumps(roots[case["root"]])} for case in found]


@pytest.mark.parametrize("group", ["genuine", "forged", "unreadable"])
def test_the_browser_agrees_with_every_published_case(world: World, visit: Opener, group: str) -> None:
    page = visit(DESK, "en")
    page.goto(world.address("verify"))
    wanted = cases(group)
    found = page.evaluate(ASK, [{key: case[key] for key in ("root", "receipt", "record", "quorum")} for case in wanted])
    wrong = [
        f"{case['name']}: {got} instead of {[case['expect'], case['code']]}"
        for case, got in zip(wanted, found, strict=True)
        if got != [case["expect"], case["code"]]
    ]
    assert wrong == [], "\n".join(wrong)


def test_the_browser_agrees_about_renewals_and_retired_algorithms(world: World, visit: Opener, tmp_path: Path) -> None:
    court = Court(tmp_path)
    try:
        day = court.after(30)
        court.world.clock.now = court.after(20)
        (once,) = renew(court.node, [(court.receipt, None)])
        court.world.clock.now = court.after(20)
        (twice,) = renew(court.node, [(court.receipt, once)])
        fallen: list[dict[str, int]] = [{}, {"ed25519": day}, {"mldsa44": day}, {"ed25519": day, "mldsa44": day},
                  {"ed25519": day, "mldsa44": court.after(90)}, {"ed25519": 1}]  # fmt: skip
        tried = [(data, one) for data in (None, once, twice) for one in fallen]
        more = (b"", b"{}", b"[]", once[:-3], once.replace(b"renewal/1", b"renewal/2"), *spoilt(once))
        tried += [(data, {"ed25519": day}) for data in more]
        wanted = [tool.result(court.root, court.receipt, RECORD, data, one) for data, one in tried]
    finally:
        court.close()
    page = visit(DESK, "en")
    page.goto(world.address("verify"))
    found = page.evaluate(
        """async ([root, receipt, record, tried]) => {
          const { result } = await import("./verify.js");
          const bytes = (text) => (text === null ? null : new TextEncoder().encode(text));
          const files = { root: bytes(root), receipt: bytes(receipt), record: bytes(record) };
          return tried.map(([data, retired]) => {
            const { verdict, code, facts } = result({ ...files, renewal: bytes(data) }, null, retired);
            return [verdict, code, facts && facts.existedBy, facts && facts.renewedBy];
          });
        }""",
        [court.root.decode(), court.receipt.decode(), RECORD.decode(),
         [[data if data is None else data.decode(), one] for data, one in tried]],
    )  # fmt: skip
    facts = [one["facts"] or {} for one in wanted]
    assert found == [
        [one["verdict"], one["code"], its.get("existed_by"), its.get("renewed_by")]
        for one, its in zip(wanted, facts, strict=True)
    ]
    assert {code for _, code, _, _ in found} == {"genuine", "retired", "renewal", "newer-version"}


def test_a_receipt_whose_algorithm_fell_is_genuine_with_its_renewal(
    world: World, visit: Opener, tmp_path: Path
) -> None:
    court = Court(tmp_path / "court")
    try:
        court.world.clock.now = court.after(20)
        (renewal,) = renew(court.node, [(court.receipt, None)])
    finally:
        court.close()
    for name, data in (("root", court.root), ("receipt", court.receipt), ("record", RECORD), ("renewal", renewal)):
        (tmp_path / f"{name}.json").write_bytes(data)
    page = visit(DESK, "en")
    page.goto(world.address("verify"))
    pick = page.get_by_label(words.VERIFY["pick"])
    pick.set_input_files([tmp_path / "root.json", tmp_path / "receipt.json", tmp_path / "record.json"])
    page.get_by_role("heading", name=words.VERIFY["genuine"], exact=True).wait_for()
    assert page.get_by_text(words.VERIFY["renewed"]).is_hidden()
    page.get_by_text(words.VERIFY["retired"], exact=True).click()
    page.get_by_label(words.VERIFY["retired_ed25519"]).fill("2040-01-31")
    page.get_by_role("heading", name=words.VERIFY["unreadable"], exact=True).wait_for()
    assert page.get_by_text("It may have been signed again in time").is_visible()
    pick.set_input_files([tmp_path / "renewal.json"])
    page.get_by_role("heading", name=words.VERIFY["genuine"], exact=True).wait_for()
    assert page.get_by_text(words.VERIFY["renewed"]).is_visible() and page.said == []


def test_ed25519_accepts_what_libsodium_accepts(world: World, visit: Opener, shared: Path) -> None:
    rows = json.loads((shared / "vectors/cctv/ed25519vectors.json").read_text())
    measured = json.loads((shared / "vectors/cctv/measured.json").read_text())["accepted"]
    wanted = next(numbers for name, numbers in measured.items() if "libsodium" in name)
    page = visit(DESK, "en")
    page.goto(world.address("verify"))
    accepted = page.evaluate(
        """async (rows) => {
          const { ed25519Verify } = await import("./verify.js");
          const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
          const good = (row) => ed25519Verify(unhex(row.key), new TextEncoder().encode(row.msg), unhex(row.sig));
          return rows.filter(good).map((row) => row.number);
        }""",
        rows,
    )
    assert accepted == wanted


def kept(world: World) -> tuple[Path, Path, Path]:
    """Root, receipt and record that the story left."""
    folder = world.network.home / "kept"
    receipt = next(path for path in sorted(folder.rglob("*.receipt.json")) if "Observation" in path.name)
    record = receipt.with_name(receipt.name.replace(".receipt.json", ".json"))
    return folder / "root.json", receipt, record


DROP = """([name, text]) => {
  const files = new DataTransfer();
  files.items.add(new File([text], name, { type: "application/json" }));
  const event = new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
  document.querySelector('[data-part="drop"]').dispatchEvent(event);
}"""


def test_a_receipt_is_dropped_or_chosen_with_the_keyboard(world: World, visit: Opener, keyboard: bool) -> None:
    _, receipt, record = kept(world)
    page = visit(DESK, "en")
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method != "GET" else None)
    page.goto(world.address("ledger"))
    hand = Hand(page, keyboard)
    hand.press("link", words.NAMES["verify"])
    page.get_by_role("heading", name=words.VERIFY["files"]).wait_for()
    # The browser fetches the icon of a page when it likes: what the page itself consists of is there before the files.
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for file in (receipt, record):
        if keyboard:
            with page.expect_file_chooser() as chooser:
                hand.reach(page.get_by_label(words.VERIFY["pick"]))
                page.keyboard.press("Enter")
            chooser.value.set_files([file])
        else:
            page.evaluate(DROP, [file.name, file.read_text()])
    page.get_by_role("heading", name=words.VERIFY["genuine"], exact=True).wait_for()
    assert posted == [] and page.said == []
    # Nothing of the files leaves: all that is asked for is the site's own root file.
    assert {address.partition(MOUNT)[2] for address in asked} == {"/medrec-root.json"}


def test_a_person_drops_a_receipt_and_its_record(world: World, visit: Opener, tmp_path: Path) -> None:
    root, receipt, record = kept(world)
    page = visit(DESK, "en")
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method != "GET" else None)
    page.goto(world.address("verify"))
    page.get_by_label("Or choose the files").set_input_files([receipt])
    page.get_by_text("Now add the record that it speaks of").wait_for()
    page.get_by_label("Or choose the files").set_input_files([record])
    page.get_by_role("heading", name="Genuine", exact=True).wait_for()
    assert page.get_by_text("You used the root file that this site gave you").is_visible()
    page.get_by_label("Or choose the files").set_input_files([root])
    page.get_by_text("You used the root file").wait_for(state="hidden")
    assert page.get_by_role("heading", name="Genuine", exact=True).is_visible()
    changed = tmp_path / "changed.json"
    changed.write_bytes(record.read_bytes().replace(b'"final"', b'"amended"'))
    assert changed.read_bytes() != record.read_bytes()
    page.get_by_label("Or choose the files").set_input_files([changed])
    page.get_by_role("heading", name="Not genuine").wait_for()
    assert page.get_by_text("It was changed, or it belongs to another receipt").is_visible()
    assert posted == [] and page.said == []


def behind_a_line(page: Any, world: World, code: str = "en") -> Any:
    """The link to the proof of the first line of her list, unfolded."""
    page.goto(f"{world.address('lists')}?lang={code}")
    lines = page.locator("details.nhsuk-details", has=page.locator("a[href*='/lines/']")).first
    lines.locator("summary").click()
    return lines.locator("a[href*='/lines/']").first


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_one_tap_on_a_line_checks_it_here(world: World, visit: Opener, keyboard: bool, code: str) -> None:
    """From her list to what is behind a line, checked in her browser: nothing is saved, picked, or sent."""
    page = visit(PHONE, code)
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method != "GET" else None)
    behind_a_line(page, world, code).click()
    with language.use(code):
        Hand(page, keyboard).press("button", words.VERSION["here_button"])
        page.get_by_role("heading", name=words.VERIFY["genuine"], exact=True).wait_for()
    assert posted == [] and page.said == []
    found = checks.axe_violations(page) + checks.overflow(page) + checks.too_small(page)
    assert found == [], "\n".join(found)


def test_a_record_that_was_changed_on_the_way_is_found_out_by_that_tap(world: World, visit: Opener) -> None:
    page = visit(DESK, "en")
    page.route("**/record.json", _changed)
    behind_a_line(page, world).click()
    button = page.get_by_role("button", name=words.VERSION["here_button"])
    button.click()
    page.get_by_role("heading", name=words.VERIFY["not_genuine"]).wait_for()
    page.unroute("**/record.json")
    page.route("**/record.json", lambda route: route.abort())
    button.click()
    page.get_by_role("heading", name=words.VERIFY["unreadable"]).wait_for()
    assert page.get_by_text(words.VERDICTS["not-fetched"]).is_visible()


def test_a_file_that_is_not_given_says_why(world: World, visit: Opener) -> None:
    """The sentence of the refusal stands where the verdict would; who is signed out goes to sign in."""
    page = visit(DESK, "en")
    gone = page.request.get(f"{world.address('person')}/lines/{'0' * 32}/record.json")
    page.route("**/record.json", lambda route: route.fulfill(response=gone))
    behind_a_line(page, world).click()
    button = page.get_by_role("button", name=words.VERSION["here_button"])
    button.click()
    page.get_by_role("heading", name=words.VERIFY["unreadable"]).wait_for()
    assert gone.status == 404 and page.get_by_text(words.ERRORS["unknown-line"]).is_visible()
    assert not page.get_by_text(words.VERDICTS["not-fetched"]).is_visible()
    page.unroute("**/record.json")
    away = {"location": world.address("sign_in")}
    page.route("**/record.json", lambda route: route.fulfill(status=303, headers=away))
    button.click()
    page.wait_for_url(world.address("sign_in"))


def _changed(route: Any) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.body()[:-1] + b',"x":1}')
