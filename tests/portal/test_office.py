"""The privacy officer's desk: looks with their reasons, what is found about them, the export, and who may read it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import manifests
from medrec.node.keeping import store
from medrec.node.looks import owing
from medrec.node.looks.disputes import ANSWERS_PATH, DISPUTED_PATH, DUE_MS
from medrec.node.looks.disputing import dispute
from medrec.node.refusals import Code, Refusal
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.receive import request_records
from medrec.portal import words
from tests.node.test_disputes import carry
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import HOUR, Story
from tests.portal.test_sign_in import csrf_of, staff_visitor, visitor


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    """A story of its own for each test, since these write."""
    story = Story(tmp_path)
    story.person = story.tell()  # type: ignore[attr-defined]
    yield story
    story.network.close()


def north(told: Story) -> Any:
    return told.network["north"]


def lines_of(told: Story, kind: str) -> list[Any]:
    node = north(told)
    with node.store.read() as connection:
        return [
            manifests.decode(node.journal.manifest(connection, bytes(row.hash))[1])
            for row in node.rows(store.manifest)
            if row.kind == kind
        ]


def test_every_look_and_refusal_is_in_the_queue_and_says_why(told: Story) -> None:
    queue = north(told).watch.queue()
    wanted = len(lines_of(told, "disclosure/1")) + len(lines_of(told, "refusal/1"))
    assert len(queue) == wanted >= 3
    curious = next(item for item in queue if item.statement.request.practitioner == "Dr Mallory")
    assert "thin-reason" in curious.ranked.reasons and "first" in curious.ranked.reasons
    machine = next(item for item in queue if item.statement.request.machine)
    assert "thin-reason" not in machine.ranked.reasons and "night" not in machine.ranked.reasons
    text = text_of(read(told.client("north"), "/office"))
    assert "Dr Mallory" in text and words.WATCH["thin-reason"] in text
    assert words.COMPLETE["anchored"] in text


@pytest.mark.parametrize("page", ["/office?all=1", "/given"])
def test_an_officer_reads_day_hour_purpose_and_reason_in_one_line(told: Story, page: str) -> None:
    html = read(told.client("north"), page)
    lines = [text_of(line) for line in re.findall(r'<span class="about">(.*?)</span>', html, re.DOTALL)]
    reasons = [line for line in lines if "Reason given: " in line]
    assert reasons
    for line in reasons:
        assert re.match(r"\d+ \w+ 20\d\d at \d\d:\d\d · For: .+ · Reason given: .+", line), line
    assert words.TIMES["now"] not in text_of(html), "she has to write down when it was"


def test_a_look_of_the_same_family_name_stands_out(told: Story) -> None:
    node = north(told)
    node.put("Patient", "ada", '{"resourceType":"Patient","id":"ada","name":[{"family":"Brown","given":["Ada"]}]}')
    node.watch._people.clear()
    queue = node.watch.queue()
    brown = [item for item in queue if item.statement.request.practitioner == "Dr Brown"]
    assert brown and all("family-name" in item.ranked.reasons for item in brown)
    others = [item for item in queue if item.statement.request.practitioner == "Dr Mallory"]
    assert others and not any("family-name" in item.ranked.reasons for item in others)


def test_what_an_officer_finds_is_in_the_journal_and_a_wrong_look_is_told_to_the_person(told: Story) -> None:
    client, node = told.client("north"), north(told)
    look = next(item for item in node.watch.queue() if item.statement.request.practitioner == "Dr Mallory")
    fields = {"look": look.ranked.seen.id.hex(), "outcome": "wrong", "words": "No business with this patient."}
    assert client.post("/office", data=fields, follow_redirects=False).status_code == 303
    (review,) = lines_of(told, "look-review/1")
    assert (review.look, review.outcome, review.words) == (fields["look"], "wrong", fields["words"])
    assert next(item for item in node.watch.queue() if item.ranked.seen.id == look.ranked.seen.id).outcome == "wrong"
    assert "Dr Mallory" not in text_of(read(client, "/office"))
    assert words.OFFICE["was_wrong"] in text_of(read(client, "/office?all=1"))
    told.settle()
    agent = told.network["guide"].agent
    assert agent is not None
    kinds = [notice.kind for notice in agent.notices(review.account)]
    assert kinds.count("look-review/1") == 1


def test_a_look_that_was_in_order_is_no_news_to_the_person(told: Story) -> None:
    node = north(told)
    look = next(item for item in node.watch.queue() if item.statement.request.practitioner == "Dr Brown")
    node.watch.review(look.ranked.seen.id, "fine", "Pat Officer", "")
    told.settle()
    agent = told.network["guide"].agent
    assert agent is not None
    account = look.statement.account
    assert "look-review/1" not in [notice.kind for notice in agent.notices(account)]


@pytest.mark.parametrize(
    ("look", "outcome", "officer"), [("00" * 32, "fine", "Pat"), (None, "shrug", "Pat"), (None, "fine", "  ")]
)
def test_a_review_of_nothing_or_by_nobody_is_refused(told: Story, look: str | None, outcome: Any, officer: str) -> None:
    node = north(told)
    digest = bytes.fromhex(look) if look else node.watch.queue()[0].ranked.seen.id
    with pytest.raises(Refusal) as refused:
        node.watch.review(digest, outcome, officer, "")
    assert refused.value.code in (Code.UNKNOWN_LOOK.value, Code.MALFORMED.value)
    assert lines_of(told, "look-review/1") == []


def test_a_look_of_the_queue_opens_with_its_proof_and_no_record_does(told: Story) -> None:
    """The officer reads the looks of others without a look of her own; what was looked at stays closed to her."""
    told.checkpoint("north", "south", "guide")
    officer = staff_visitor(told, "privacy-officer")
    looks = re.findall(r'href="(/versions/[0-9a-f]{64})"', officer.get("/office").text)
    assert looks
    for look in looks:
        (receipt,) = re.findall(r'href="(/proof/[^"]+)"', officer.get(look).text)
        answer = officer.get(receipt)
        assert answer.status_code == 200 and answer.json()["manifest"], receipt
        assert officer.get(receipt.replace(".receipt.", ".record.")).status_code == 403
    with north(told).store.read() as connection:
        (record, *_) = [bytes(row.manifest).hex() for row in connection.execute(store.version.select())]
    for closed in (f"/versions/{record}", f"/proof/{record}.receipt.json", f"/proof/{record}.record.json"):
        answer = officer.get(closed)
        assert answer.status_code == 403 and words.ERRORS["look-first"] in answer.text
    clinician = visitor(told, "north", demonstration=True)
    clinician.post("/sign-in/demonstration", data={"role": "clinician"})
    assert clinician.get(looks[0].replace("/versions/", "/proof/") + ".receipt.json").status_code == 403


@pytest.mark.parametrize(
    ("role", "reads"), [("privacy-officer", True), ("operator", True), ("clinician", False), ("desk", False)]
)
def test_the_words_of_an_alarm_are_for_the_officer_and_the_operator(told: Story, role: str, reads: bool) -> None:
    alarm = {"time": told.network.time, "code": "x", "subject": "s", "sentence": "Rose alone linked patient 77."}
    north(told).store.write(lambda connection: connection.execute(store.alarm.insert().values(**alarm)))
    client = staff_visitor(told, role)
    text = client.get("/").text
    assert "One alarm was raised." in text and (alarm["sentence"] in text) is reads
    office = client.get("/office")
    assert (office.status_code == 200) is (role == "privacy-officer") is (alarm["sentence"] in office.text)
    assert alarm["sentence"] not in visitor(told, "north").get("/").text
    # In a demonstration whoever has not signed in reads everything; who has, what her role reads.
    shown = visitor(told, "north", demonstration=True)
    assert alarm["sentence"] in shown.get("/").text and alarm["sentence"] in shown.get("/office").text
    shown.post("/sign-in/demonstration", data={"role": "clinician"})
    assert alarm["sentence"] not in shown.get("/").text


def test_the_export_holds_every_look_and_no_formula(told: Story) -> None:
    told.ask(told.person, "=HYPERLINK(1)", "first visit here")  # type: ignore[attr-defined]
    answer = told.client("north").get("/office/looks.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = answer.text.splitlines()
    assert len(rows) == 1 + len(north(told).watch.queue())
    assert "'=HYPERLINK(1)" in answer.text and ",=HYPERLINK" not in answer.text


def test_only_the_privacy_officer_reads_it(told: Story) -> None:
    shut = told.client("north", demonstration=False)
    for path in ("/office", "/office/looks.csv"):
        assert shut.get(path, follow_redirects=False).headers["location"] == "/sign-in"


def ask_why(told: Story, asks: str) -> bytes:
    """She disputes a look of north's at south, and north hears of it; the dispute's id."""
    person, guide = told.person, told.network["guide"]  # type: ignore[attr-defined]
    raised = dispute(guide, person.account, "north", "south", person.sign, person.key.key_id, words=asks)  # type: ignore[arg-type]
    told.settle()
    carry(told.network, DISPUTED_PATH)
    return raised.id


def test_a_question_about_a_look_of_this_place_is_answered_on_the_page(told: Story) -> None:
    assert words.QUESTIONS["none"] in told.client("north").get("/office").text
    question = ask_why(told, "Why?")
    client = visitor(told, "north", demonstration=True)
    html = client.get("/office").text
    assert "Why?" in html and words.QUESTIONS["ours_open"] in html and words.QUESTIONS["sign_in"] in html
    assert client.post("/sign-in/demonstration", data={"role": "privacy-officer"}).status_code in (200, 303)
    html = client.get("/office").text
    assert words.QUESTIONS["not-us"] in html and words.QUESTIONS["sign_in"] not in html
    form = {"csrf": csrf_of(html), "question": question.hex(), "answer": "explained", "words": "She was sent to us."}
    form["source"] = "south"
    for wrong in ({"answer": "shrug"}, {"source": "east"}, {"question": "00" * 16}, {"question": "x"}, {"words": " "}):
        assert client.post("/office", data=form | wrong, follow_redirects=False).status_code == 400
    assert lines_of(told, "dispute-answer/1") == []
    assert client.post("/office", data=form, follow_redirects=False).status_code == 303
    (answer,) = lines_of(told, "dispute-answer/1")
    assert (answer.kind, answer.words, answer.source) == ("explained", "She was sent to us.", "south")
    assert words.QUESTIONS["ours_answered"] in client.get("/office").text
    ask_why(told, "Why again?")
    told.network.time += DUE_MS + HOUR
    assert words.QUESTIONS["late"] in client.get("/office").text


def test_what_this_place_owes_and_knows_nothing_of_is_answered_on_the_page(told: Story) -> None:
    person, network = told.person, told.network  # type: ignore[attr-defined]
    doctor = north(told).practitioners.enter("sender", "Dr Sender", PHYSICIAN)
    north(told).referrals.refer(person.account, "south", practitioner=doctor, reason="Please see her")
    told.settle()
    south: Any = network["south"]
    (one,) = owing.owed(south)
    client = visitor(told, "south", demonstration=True)
    html = client.get("/office").text
    asks = words.QUESTIONS["strange"].format(place="North")
    assert asks in text_of(html) and words.QUESTIONS["not-asked"] not in html
    form = {"csrf": "", "source": "north", "owed": one.obligation.hex(), "denial": "not-asked"}
    assert client.post("/office", data=form, follow_redirects=False).status_code in (303, 401, 403)
    assert [item.known for item in owing.owed(south)] == [False]
    assert client.post("/sign-in/demonstration", data={"role": "privacy-officer"}).status_code in (200, 303)
    form["csrf"] = csrf_of(client.get("/office").text)
    for wrong in ({"denial": "shrug"}, {"owed": "x"}, {"owed": "00" * 16}, {"source": "east"}):
        assert client.post("/office", data=form | wrong, follow_redirects=False).status_code == 400
    assert client.post("/office", data=form, follow_redirects=False).status_code == 303
    assert asks not in text_of(client.get("/office").text)
    told.settle()
    assert owing.owed(south) == []
    carry(network, ANSWERS_PATH)
    told.settle()
    said = words.LOOKS["answer_not-asked"].format(organisation="South")
    assert said in text_of(read(told.client("guide"), person_page(told) + "/looks"))


def test_an_emergency_that_came_on_the_ledger_late_is_so_on_three_pages(told: Story) -> None:
    person, network = told.person, told.network  # type: ignore[attr-defined]
    south: Any = network["south"]
    doctor = south.practitioners.enter("night", "Dr Night", PHYSICIAN)
    text = "Found unconscious at the bus station"
    south.emergency_reviews.declare("north", person.account, doctor, "unconscious", text)
    request_records(south, "north", person.account, practitioner=doctor, reason=text, purpose="BTG")
    badge = words.OFFICE["anchored_late"]
    assert badge not in told.client("north").get("/office").text
    network.time += 6 * HOUR
    told.settle()
    assert south.emergency_reviews.note_late() == 1
    for organisation in ("north", "south"):
        assert badge in text_of(told.client(organisation).get("/office").text)
    late = words.LOOKS["late_line"].split("{")[0].strip()
    assert late in text_of(read(told.client("guide"), person_page(told) + "/looks"))


def test_what_was_written_stands_on_the_page_that_says_what_failed(told: Story) -> None:
    client = visitor(told, "north", demonstration=True)
    assert client.post("/sign-in/demonstration", data={"role": "privacy-officer"}).status_code in (200, 303)
    form = {"question": "00" * 16, "answer": "explained", "words": "She came <b>twice</b>."}
    for csrf in (csrf_of(client.get("/office").text), "stale"):
        answer = client.post("/office", data={**form, "csrf": csrf}, follow_redirects=False)
        assert answer.status_code in (400, 403) and "She came &lt;b&gt;twice&lt;/b&gt;." in answer.text
    foreign = client.post("/office", data=form, headers={"origin": "https://elsewhere.example"}, follow_redirects=False)
    assert foreign.status_code == 403 and "twice" not in foreign.text, "another site puts its words on our page"
    secret = client.post("/sign-in", data={"words": "nine secret words"}, follow_redirects=False)
    assert "nine secret" not in secret.text
