"""The clinician's room: a patient is found with a reason, the opening is told, others are asked, nothing is kept."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core import manifests
from medrec.node.keeping import store
from medrec.node.refusals import Code
from medrec.node.release.emergency import REVIEWS_PATH
from medrec.portal import words
from medrec.portal.people import handle
from tests.portal.reading import read, text_of
from tests.portal.story import HOUR, Story
from tests.portal.test_sign_in import csrf_of, visitor

ADA = (
    '{"resourceType":"Patient","id":"ada","name":[{"family":"Özil-Brown","given":["Ada","Maria"]}],'
    '"birthDate":"1959-03-27","gender":"female","identifier":[{"value":"MRN-4711"}]}'
)
PILL = (
    '{"resourceType":"MedicationRequest","id":"rx","status":"active","intent":"order",'
    '"subject":{"reference":"Patient/ada"},"authoredOn":"2025-01-10",'
    '"medicationCodeableConcept":{"text":"Lisinopril 10 MG Oral Tablet"}}'
)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    story = Story(tmp_path)
    network: Any = story.network
    story.person = network.patient("ada", "north", "south")  # type: ignore[attr-defined]
    network["south"].put("Patient", "ada", ADA)
    network["north"].put("MedicationRequest", "rx", PILL)
    story.settle()
    yield story
    story.network.close()


def clinician(story: Story) -> tuple[TestClient, str]:
    """A clinician of south who has signed in, and her form's token."""
    client = visitor(story, "south", demonstration=True)
    assert client.post("/sign-in/demonstration", data={"role": "clinician"}).status_code in (200, 303)
    return client, csrf_of(client.get("/clinic").text)


def lines(story: Story, organisation: str, kind: str) -> list[Any]:
    node: Any = story.network[organisation]
    with node.store.read() as connection:
        return [
            manifests.decode(node.journal.manifest(connection, bytes(row.hash))[1])
            for row in node.rows(store.manifest)
            if row.kind == kind
        ]


@pytest.mark.parametrize("text", ["ozil", "ada brown", "MRN-4711", "ada", "Maria Öz"])
def test_a_patient_is_found_by_what_people_know(told: Story, text: str) -> None:
    finder = told.network["south"].finder  # type: ignore[attr-defined]
    assert [one.patient for one in finder.find(text)] == ["ada"]
    assert [one.patient for one in finder.find(text, "1959-03-27")] == ["ada"]
    assert finder.find(text, "1959-03-28") == []


@pytest.mark.parametrize("text", ["", " ", "a"])
def test_a_search_for_nothing_lists_nobody(told: Story, text: str) -> None:
    client, csrf = clinician(told)
    answer = client.post("/clinic", data={"csrf": csrf, "text": text})
    assert "Özil" not in answer.text
    assert Code.SEARCH_TOO_SHORT.sentence in text_of(answer.text)


@pytest.mark.parametrize(
    "fields", [{"reason": ""}, {"reason": "care"}, {"reason": "First visit", "purpose": "CURIOUS"}]
)
def test_nothing_is_opened_without_a_purpose_and_a_reason(told: Story, fields: dict[str, str]) -> None:
    client, csrf = clinician(told)
    answer = client.post("/clinic/patient", data={"csrf": csrf, "patient": "ada", "purpose": "TREAT", **fields})
    assert answer.status_code == 400 and "Özil" not in answer.text
    assert lines(told, "south", "own-look/1") == []


def test_an_opening_stands_in_the_journal_and_is_told_to_the_person(told: Story) -> None:
    client, csrf = clinician(told)
    fields = {"csrf": csrf, "patient": "ada", "purpose": "TREAT", "reason": "First visit today"}
    answer = client.post("/clinic/patient", data=fields)
    assert answer.status_code == 200 and "Özil-Brown" in answer.text
    (look,) = lines(told, "south", "own-look/1")
    assert look.request.reason == "First visit today" and look.request.requester == "south"
    told.settle()
    guide: Any = told.network["guide"]
    guide.looks.catch_up()
    (seen,) = guide.looks.page(look.account)
    assert (seen.source, seen.requester) == ("south", "south")
    queue = told.network["south"].watch.queue()  # type: ignore[attr-defined]
    assert [item.statement for item in queue] == [look]


def test_others_are_asked_only_when_chosen_and_what_they_send_is_merged_and_not_kept(told: Story) -> None:
    client, csrf = clinician(told)
    fields = {"csrf": csrf, "patient": "ada", "purpose": "TREAT", "reason": "First visit today"}
    assert "Lisinopril" not in client.post("/clinic/patient", data=fields).text
    assert lines(told, "north", "disclosure/1") == lines(told, "north", "refusal/1") == []
    refused = client.post("/clinic/patient", data={**fields, "from-north": "1"})
    assert "Lisinopril" not in refused.text and len(lines(told, "north", "refusal/1")) == 1
    network: Any = told.network
    network.consent(told.person, "north", "south", until=network.time + 24 * HOUR)
    told.settle()
    given = client.post("/clinic/patient", data={**fields, "from-north": "1"})
    assert "Lisinopril" in given.text
    (disclosure,) = lines(told, "north", "disclosure/1")
    assert disclosure.request.reason == "First visit today"
    assert "Lisinopril" not in client.post("/clinic/patient", data=fields).text


def test_whoever_has_not_signed_in_opens_nobody(told: Story) -> None:
    fields = {"patient": "ada", "purpose": "TREAT", "reason": "First visit today"}
    for demonstration in (True, False):
        answer = told.client("south", demonstration=demonstration).post(
            "/clinic/patient", data=fields, follow_redirects=False
        )
        assert answer.status_code in (303, 401, 403)
        assert "Özil" not in answer.text
    assert lines(told, "south", "own-look/1") == []


def test_a_lock_is_broken_with_a_warning_and_reviewed_by_somebody_else(told: Story) -> None:
    client, csrf = clinician(told)
    fields = {"csrf": csrf, "patient": "ada", "purpose": "TREAT", "reason": "First visit today"}
    refused = client.post("/clinic/patient", data={**fields, "from-north": "1"}).text
    assert words.CLINIC["warning"] in text_of(refused)
    lock = {**fields, "break": "north", "code": "unconscious", "scope": "summary", "again": "ada"}
    slip = client.post("/clinic/patient", data={**lock, "words": "Found on the street, no answer", "again": "eda"})
    assert words.ERRORS["patient-not-same"] in text_of(slip.text)
    assert lines(told, "south", "emergency-declared/1") == []
    assert "Found on the street, no answer</textarea>" in slip.text, "what was typed is lost"
    short = client.post("/clinic/patient", data={**lock, "words": "help"})
    assert words.WHY_NOT["emergency-reason"] in text_of(short.text)
    assert lines(told, "south", "emergency-declared/1") == []
    opened = client.post("/clinic/patient", data={**lock, "words": "Found on the street, no answer"})
    assert opened.status_code == 200 and "Lisinopril" in opened.text
    (declared,) = lines(told, "south", "emergency-declared/1")
    (stands,) = lines(told, "north", "emergency/1")
    assert stands.request.reason == "Found on the street, no answer"
    office = told.client("south")
    html = office.get("/office").text
    assert words.OFFICE["emergency_open"] in html and "Found on the street, no answer" in html
    told.settle()
    # She reads it in her list beside what was read. One side alone tells of a declaration; nothing is amiss in that.
    guide, own = told.client("guide"), "/people/" + handle(told.person.account)  # type: ignore[attr-defined]
    seen = read(guide, f"{own}/looks?show=emergency")
    (one,) = re.findall(r'href="([^"]+)">[^<]+ says it is an emergency. They may look at North until', seen)
    assert words.LOOKED["one_side"] not in guide.get(one).text
    north: Any = told.network["north"]
    assert north.watch.queue()[0].ranked.reasons[0] == "emergency"
    review = {"emergency": declared.obligation, "outcome": "justified", "words": "It was an emergency."}
    assert office.post("/office", data={**review, "outcome": "shrug"}, follow_redirects=False).status_code == 400
    assert office.post("/office", data=review, follow_redirects=False).status_code == 303
    south: Any = told.network["south"]
    (waiting,) = [row for row in south.rows(store.outbox) if row.path == REVIEWS_PATH]
    assert north.emergencies.take_review("south", bytes(waiting.payload)) is True
    assert [one.outcome for one in lines(told, "north", "emergency-reviewed/1")] == ["justified"]
    # Until then she reads that it is owed, and then what it came to.
    assert "Somebody else at South has to check it. They have time until" in text_of(seen)
    told.settle()
    seen = text_of(read(guide, f"{own}/looks?show=emergency"))
    assert "South had somebody else check it, who says that it was right: It was an emergency." in seen
    assert words.OFFICE["emergency_reviewed"] in told.client("north").get("/office").text


def test_a_stop_against_what_another_place_gave_asks_that_place_to_correct_it(told: Story) -> None:
    """On the screen across institutions: the row is another's, nothing of it is kept, and the word on it is sent."""
    network: Any = told.network
    south: Any = network["south"]
    network.consent(told.person, "north", "south", types=("MedicationRequest",))  # type: ignore[attr-defined]
    network.consent(told.person, "south", "north")  # type: ignore[attr-defined]
    client, csrf = clinician(told)
    asked = {"csrf": csrf, "patient": "ada", "purpose": "TREAT", "reason": "First visit", "from-north": "1"}
    html = client.post("/clinic/patient", data=asked).text
    stands = unescape(html.split('name="stands" value="')[1].split('"')[0])
    told.network.time += 60_000
    form = {"csrf": csrf, "patient": "ada", "row": "x", "act": "stopped", "words": "cough", "stands": stands}
    assert client.post("/patient-list", data=form | {"stands": "{"}).status_code == 400
    assert client.post("/patient-list", data=form).status_code == 200
    (sent,) = south.corrections.sent()
    assert (sent.statement.source, sent.statement.record, sent.status) == ("north", "rx", "open")
    page = text_of(client.get("/corrections").text)
    assert words.DESK["sent"] in page and "stopped this" in page


def test_a_patient_is_sent_to_another_place_and_the_page_says_how_that_stands(told: Story) -> None:
    client, csrf = clinician(told)
    fields = {"csrf": csrf, "patient": "ada", "purpose": "TREAT", "reason": "First visit today", "refer": "north"}
    assert words.REFERRALS["none"] in client.get("/clinic").text
    no = client.post("/clinic/patient", data={**fields, "words": "Please see her about her heart"}).text
    assert words.WHY_NOT["not-permitted"] in text_of(no)
    assert "Please see her about her heart</textarea>" in no, "what was typed is lost"
    assert words.REFERRALS["stopped"] in text_of(client.get("/clinic").text)
    network: Any = told.network
    network.consent(told.person, "south", "north")  # type: ignore[attr-defined]
    yes = client.post("/clinic/patient", data={**fields, "words": "Please see her about her heart"}).text
    assert "is on its way" in text_of(yes)
    assert network["south"].referrals.step(network.time) == 1
    told.settle()
    html = text_of(client.get("/clinic").text)
    assert "Patient ada to North" in html and words.REFERRALS["delivered"] in html
    assert words.REFERRALS["answer_settled"] in html


def test_whoever_was_sent_here_is_opened_from_the_list_with_the_sender_s_reason(told: Story) -> None:
    client, csrf = clinician(told)
    network: Any = told.network
    network.consent(told.person, "south", "north")  # type: ignore[attr-defined]
    fields = {"csrf": csrf, "patient": "ada", "purpose": "TREAT", "reason": "First visit today", "refer": "north"}
    client.post("/clinic/patient", data={**fields, "words": "Heart"})
    assert network["south"].referrals.step(network.time) == 1
    told.settle()
    there = visitor(told, "north", demonstration=True)
    network["north"].put("Patient", "ada", '{"resourceType":"Patient","id":"ada","name":[{"family":"Brown"}]}')
    assert words.CLINIC["open"] not in there.get("/clinic").text, "nobody has signed in"
    there.post("/sign-in/demonstration", data={"role": "clinician"})
    html = there.get("/clinic").text
    (form,) = re.findall(r'<form method="post" action="/clinic/patient">(.*?)</form>', html, re.DOTALL)
    sent = dict(re.findall(r'name="([a-z]+)" value="([^"]*)"', form))
    before = len(lines(told, "north", "own-look/1"))
    answer = there.post("/clinic/patient", data=sent)
    assert answer.status_code == 200, text_of(answer.text)
    looks = lines(told, "north", "own-look/1")
    assert len(looks) == before + 1
    assert looks[-1].request.reason.startswith("Sent here by ") and looks[-1].request.reason.endswith(": Heart")
