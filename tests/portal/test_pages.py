"""Every page answers, says what happened in words, hides nothing behind markup, and sends strict headers."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from medrec.core import codec
from medrec.node.keeping import store
from medrec.portal import app, assets, render, words
from medrec.portal.people import handle
from tests.node.network import Network
from tests.portal.reading import links, read, text_of, walk
from tests.portal.story import HOUR, Story, observation
from tests.portal.test_sign_in import csrf_of, visitor

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
SCRIPTED_POLICY = POLICY.replace(
    "style-src", "script-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; style-src"
)


@pytest.mark.parametrize("organisation", (*Network.HOSPITALS, Network.AGENT))
def test_every_link_leads_somewhere(told: Story, organisation: str) -> None:
    seen = walk(told.client(organisation))
    downloads = [path for path in seen if path.endswith(".json")]
    for path, answer in seen.items():
        if path not in downloads:
            assert answer.status_code == 200, path
    assert any(path.startswith("/portal-ltr.css") for path in seen)
    if organisation == "north":
        assert sum(path.startswith("/versions/") for path in seen) >= 6
    if organisation == "guide":
        assert sum("/lines/" in path for path in seen) >= 8


def test_headers_are_strict_on_every_answer(told: Story) -> None:
    for organisation in ("north", "guide"):
        client = told.client(organisation)
        answers = [*walk(client).values(), client.get("/nothing"), client.post("/records", data={"patient": "ada"})]
        for answer in answers:
            scripted = "html" in answer.headers["content-type"]
            assert answer.headers["content-security-policy"] == (SCRIPTED_POLICY if scripted else POLICY)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            if "html" in answer.headers["content-type"]:
                assert answer.headers["cache-control"] == "no-store"
                assert not re.search(
                    r"<script(?! type=.module. src=)|<style|\sstyle=|\son[a-z]+=|(src|action)=.https?:", answer.text
                )


def test_the_front_page_of_a_quiet_node_says_that_all_is_well(told: Story) -> None:
    html = read(told.client("north"), "/")
    assert words.FRONT["well"] in html
    assert words.CHECKS["waiting_none"] in html and words.CHECKS["outbox_none"] in html
    assert "<h1>North</h1>" in html


def test_the_front_page_says_what_is_wrong(empty: Story) -> None:
    network = empty.network
    person = network.patient("ada", "north")
    north: Any = network["north"]
    north.put("Observation", "bp-1", observation("bp-1", "ada", "1"))
    north.trouble["anchor"] = "The disk is full."
    alarm = {"time": network.time, "code": "x", "subject": "Observation/bp-1", "sentence": "Bp-1 was changed."}
    north.store.write(lambda connection: connection.execute(store.alarm.insert().values(**alarm)))
    network.wires.leave("guide")
    north.deliverer.step(network.time)
    network.time += 120_000
    html = read(empty.client("north"), "/")
    text = text_of(html)
    assert "4 things need a look" in text
    assert "2 lines wait to go on the ledger, the oldest since 2 minutes ago" in text
    assert words.CHECKS["waiting_long"] in text
    assert "2 messages wait for Guide, since 2 minutes ago. Last try:" in text
    assert "Putting lines on the ledger: The disk is full." in text
    assert "One alarm was raised." in text and "Bp-1 was changed." in text
    assert person.account not in html


def test_alarms_name_records_and_are_shown_in_a_demonstration_only(told: Story) -> None:
    north: Any = told.network["north"]
    row = {"time": 1, "code": "x", "subject": "s", "sentence": "Observation/secret was changed."}
    north.store.write(lambda connection: connection.execute(store.alarm.insert().values(id=77, **row)))
    try:
        assert "secret" in told.client("north").get("/").text
        shut = told.client("north", demonstration=False).get("/").text
        assert "secret" not in shut and "One alarm was raised." in shut
    finally:
        north.store.write(lambda connection: connection.execute(store.alarm.delete()))


def test_signed_records_are_counted_listed_and_found_by_patient(told: Story) -> None:
    client = told.client("north")
    html = read(client, "/records")
    assert "Measurements or test results" in html
    assert re.search(r"Record bp-2 · Version 2 · .*\d+ \w+ 20\d\d at", html)
    assert "Patient ada" in html and "Patient grace" in html
    # Whose records they are, one patient at a time, is for who has signed in and said why.
    client = visitor(told, "north", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    asked = {"purpose": "TREAT", "reason": "Visit this morning", "csrf": csrf_of(client.get("/records").text)}
    found = client.post("/records", data=asked | {"patient": "grace"})
    assert "Patient <bdi>grace</bdi>" in found.text and "Patient <bdi>ada</bdi>" not in found.text
    assert "patient" not in str(found.url)
    nobody = text_of(client.post("/records", data=asked | {"patient": "nobody"}).text)
    assert "No record of patient nobody was signed here." in nobody


def test_a_version_shows_its_proof_from_the_ledger(told: Story) -> None:
    north: Any = told.network["north"]
    row = next(row for row in north.rows(store.version) if row.id == "bp-2" and row.version == 2)
    html = read(told.client("north"), f"/versions/{row.manifest.hex()}")
    assert words.VERSION["state_yes"] in html
    assert row.manifest.hex() in html and row.sha256.hex() in html
    line = next(line for line in north.rows(store.line) if line.manifest == row.manifest)
    sealed, mark, _ = codec.decode(line.entry)
    assert sealed.hex() in html and mark.hex() in html
    batch = next(batch for batch in north.rows(store.batch) if batch.first <= line.seq <= batch.last)
    assert batch.id.hex() in html
    assert words.VERSION["history"] in html and "tools/verify_receipt.py" in html
    assert f"/proof/{row.manifest.hex()}.receipt.json" in html


def test_a_line_that_differs_from_the_ledger_is_said_to_differ(tmp_path: Path) -> None:
    story = Story(tmp_path)
    north: Any = story.network["north"]
    north.put("Observation", "bp-1", observation("bp-1", "ada", "1"))
    story.settle()
    digest = next(iter(north.rows(store.version))).manifest
    line = next(line for line in north.rows(store.line) if line.manifest == digest)
    sealed, mark, extras = codec.decode(line.entry)
    forged = codec.encode([sealed, bytes(16), extras])
    assert mark != bytes(16)
    north.store.write(lambda connection: connection.execute(store.line.update().values(entry=forged)))
    html = read(story.client("north"), f"/versions/{digest.hex()}")
    assert words.VERSION["state_bad"] in html and words.VERSION["state_yes"] not in html
    story.network.close()


def test_an_unanchored_and_an_erased_version_say_so(tmp_path: Path) -> None:
    story = Story(tmp_path)
    north: Any = story.network["north"]
    north.put("Observation", "bp-1", observation("bp-1", "ada", "1"))
    digest = next(iter(north.rows(store.version))).manifest
    client = story.client("north")
    html = read(client, f"/versions/{digest.hex()}")
    assert words.VERSION["state_no"] in html and words.VERSION["receipt_none"] in html
    keys = north.vault.wrap(north.vault.new_person_keys())
    north.store.write(lambda connection: connection.execute(store.person.update().values(keys=keys)))
    html = read(client, f"/versions/{digest.hex()}")
    assert words.VERSION["erased"] in html and "Observation" not in html
    story.network.close()


def test_what_was_given_out_and_refused_is_told(told: Story) -> None:
    text = text_of(read(told.client("north"), "/given"))
    assert "Dr Mallory at South asked for records and got nothing." in text
    assert "Answer: no. The person has not permitted it." in text
    assert "Dr Brown at South got 2 measurements or test results." in text
    assert "South has answered for it on the ledger." in text
    assert words.GIVEN["unmatched_none"] in text
    text = text_of(read(told.client("south"), "/given"))
    assert "South got 2 measurements or test results from North." in text


def test_halves_that_wait_are_listed(empty: Story) -> None:
    network = empty.network
    person = network.patient("ada", "north")
    network["north"].put("Observation", "bp-1", observation("bp-1", "ada", "1"))
    empty.settle()
    network.consent(person, "north", "south")
    empty.settle()
    empty.ask(person, "Dr Brown", "care")
    network["north"].anchor()
    text = text_of(read(empty.client("north"), "/given"))
    assert words.GIVEN["unmatched_more"] in text
    assert "South has to answer for it on the ledger and still has time." in text
    network.time += 2 * HOUR
    network.engine.submit([])
    text = text_of(read(empty.client("north"), "/given"))
    assert "South should have answered for it by now and has not." in text
    ledger = text_of(read(empty.client("north"), "/ledger"))
    assert "Overdue 1" in ledger


def test_the_ledger_is_told_in_words(told: Story) -> None:
    for organisation in ("north", "guide", "east"):
        text = text_of(read(told.client(organisation), "/ledger"))
        assert "3 of 4 organisations have signed it. That is enough" in text
        assert "signature safe against quantum computers" in text
        assert "An account was opened" in text
        assert re.search(r"North put \d+ lines on the ledger Accepted", text)
        assert "Guide patients’ agent" in text


def test_a_checkpoint_with_too_few_or_broken_signatures_is_not_called_enough(empty: Story) -> None:
    empty.checkpoint("north", "south")
    text = text_of(read(empty.client("north"), "/ledger"))
    assert "2 of 4 organisations have signed it" in text and "at least 3" in text
    north: Any = empty.network["north"]
    note = north.rows(store.checkpoint)[0].note
    broken = note.replace(b"protocol 1", b"protocol 2")
    north.store.write(lambda connection: connection.execute(store.checkpoint.update().values(note=broken)))
    assert words.LEDGER["bad_note"] in read(empty.client("north"), "/ledger")


def test_a_refused_transaction_is_told_with_its_reason(empty: Story) -> None:
    empty.network.engine.submit([b"rubbish"])
    text = text_of(read(empty.client("north"), "/ledger"))
    assert "Something that could not be read Refused: The bytes are not a transaction" in text


def test_empty_pages_have_words(empty: Story) -> None:
    north, guide = empty.client("north"), empty.client("guide")
    assert words.RECORDS["none"] in north.get("/records").text
    given = north.get("/given").text
    for name in ("disclosed", "refused", "received", "unmatched"):
        assert words.GIVEN[name + "_none"] in given
    assert words.LEDGER["blocks_none"] in north.get("/ledger").text
    assert words.LEDGER["checkpoint_none"] in north.get("/ledger").text
    assert words.PEOPLE["none"] in guide.get("/people").text
    assert words.FRONT["alarms_none"] in north.get("/").text
    person = empty.network.patient("ada")
    own = f"/people/{handle(person.account)}"
    for page, text in (
        ("", words.HOME["answer_none"]),
        ("/news", words.PERSON["new_none"]),
        ("/looks", words.LOOKED["none"]),
        ("/sharing", words.SHARING["none"]),
        ("/record", words.RECORD["nothing"]),
        ("/timeline", words.RECORD["nothing"]),
        ("/record/kinds/medicines", words.RECORD["kind_none"]),
        ("/more", words.MORE["known_none"]),
        ("/card", words.CARD["not_asked"]),
    ):
        assert str(render.say(text)) in read(guide, own + page), page


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/versions/zz",
        "/versions/" + "0" * 64,
        "/people",
        "/people/x",
        "/proof/x.receipt.json",
        "/%00",
        "/a/b/c",
    ],
)
def test_what_is_not_there_gets_a_page_with_code_and_sentence(told: Story, path: str) -> None:
    answer = told.client("north").get(path)
    assert answer.status_code == 404
    assert re.search(r"Code: <bdi>[a-z-]+</bdi>", answer.text) and "Traceback" not in answer.text


def test_a_page_that_breaks_says_so_and_logs_no_content(told: Story, caplog: pytest.LogCaptureFixture) -> None:
    node: Any = told.network["east"]
    before = node.deliverer

    class Broken:
        def status(self) -> None:
            raise RuntimeError("Mrs Jones has measles")

    node.deliverer = Broken()
    try:
        answer = told.client("east").get("/")
    finally:
        node.deliverer = before
    assert answer.status_code == 500 and "page-failed" in answer.text
    assert "measles" not in answer.text and "measles" not in caplog.text and "RuntimeError" in caplog.text


def test_a_form_that_holds_too_much_is_refused(told: Story) -> None:
    answer = told.client("north").post("/records", data={"patient": "x" * 20_000})
    assert answer.status_code == 413 and words.ERRORS["form-too-large"] in answer.text


def test_the_site_works_below_a_mount(told: Story) -> None:
    node: Any = told.network["guide"]
    outer = Starlette(routes=[Mount("/pages", app.pages(node, demonstration=True))])
    client = TestClient(outer)
    page = app.person_path(told.person.account)  # type: ignore[attr-defined]
    html = client.get("/pages" + page).text
    inner = [link for link in links(html) if not link.startswith(("#", "?", "https:"))]
    assert inner and all(link.startswith("/pages/") for link in inner)
    assert all(client.get(link).status_code == 200 for link in inner)
    assert client.get("/pages/").status_code == 200


def test_templates_carry_no_words_of_their_own() -> None:
    folder = Path(app.__file__).parent / "templates"
    templates = sorted(folder.glob("*.html"))
    assert len(templates) >= 8
    for template in templates:
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", template.read_text(), flags=re.S)
        text = re.sub(r"<[^>]*>", "", text)
        assert not re.search(r"[A-Za-z]{2,}", text), template.name


def test_our_own_style_knows_no_left_or_right_and_no_fixed_widths() -> None:
    for sheet in sorted((Path(app.__file__).parent / "front").glob("_*.scss")):
        style = re.sub(r"//.*|\([^()]*\)", "", sheet.read_text())
        found = re.search(
            r"(?<![-\w])(left|right|width|height|margin-(top|left|right)|padding-(top|left|right))\s*:", style
        )
        assert not found, f"{sheet.name}: {found}"
        sizes = re.findall(r"(?<!max-)inline-size:\s*([\d.]+)(rem|px)", style)
        assert all(float(size) * (16 if unit == "rem" else 1) <= 288 or float(size) > 40 for size, unit in sizes)


def test_the_built_sheets_fetch_nothing_and_wear_nobody_s_marks() -> None:
    left, right = (assets.data(name).decode() for name in ("portal-ltr.css", "portal-rtl.css"))
    for style in (left, right):
        assert not re.search(r"url\((?![\"']?data:)|@import|frutiger|005eb8", style, re.I)
        assert re.search(r"prefers-color-scheme:\s*dark", style) and "@media print" in style
    assert left != right and len(left) < 140_000


def test_the_downloads_of_a_proof_verify_with_the_command_it_names(told: Story, tmp_path: Path) -> None:
    north: Any = told.network["north"]
    client = told.client("north")
    row = next(row for row in north.rows(store.version) if row.id == "bp-2" and row.version == 2)
    html = client.get(f"/versions/{row.manifest.hex()}").text
    for link in (link for link in links(html) if link.endswith(".json")):
        (tmp_path / client.get(link).headers["content-disposition"].split('"')[1]).write_bytes(client.get(link).content)
    record = next(tmp_path.glob("*.record.json"))
    shown = re.search(r"<code>python3 (tools/verify_receipt.py [^<]+)</code>", html)
    assert shown is not None
    script, *arguments = shown.group(1).split()
    tool = Path(app.__file__).parents[3] / script
    said = subprocess.run([sys.executable, str(tool), *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    record.write_bytes(north.source.raw[("Observation", "bp-1")])
    assert subprocess.run([sys.executable, str(tool), *arguments], cwd=tmp_path, capture_output=True).returncode == 1
