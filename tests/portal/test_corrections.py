"""The corrections that people ask for, as the staff of the source answers them."""

import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from medrec.core.manifests.correction import DUE_MS, CorrectionAnswerManifest, statement_message
from medrec.node.corrections.corrections_shown import Here
from medrec.node.keeping import store
from medrec.portal import words
from medrec.portal.mending import in_turn
from tests.node.network import Patient
from tests.node.test_corrections import WORDS, deliver, signed
from tests.portal.reading import read, text_of
from tests.portal.story import Story
from tests.portal.test_desk import told
from tests.portal.test_sign_in import csrf_of, staff_visitor


def content(word: str) -> str:
    subject = {"reference": "Patient/ada"}
    return json.dumps({"resourceType": "Condition", "id": "c", "subject": subject, "code": {"text": word}})


@pytest.fixture
def ada(empty: Story) -> Patient:
    """Ada says that her diabetes is none; north has taken it."""
    north: Any = empty.network["north"]
    north.put("Condition", "c", content("Diabetes"))
    person = empty.network.patient("ada", "north")
    guide: Any = empty.network["guide"]
    guide.corrections.ask(signed(empty.network, person))
    assert deliver(empty.network) == [True]
    return person


def form(story: Story, html: str, answer: str, said: str) -> dict[str, str]:
    (here,) = story.network["north"].corrections.here()
    return {"csrf": csrf_of(html), "correction": here.id.hex(), "answer": answer, "words": said}


@pytest.mark.parametrize("role", ["clinician", "privacy-officer"])
def test_the_staff_answers_with_words_and_the_person_is_told(empty: Story, ada: Patient, role: str) -> None:
    client = staff_visitor(empty, role)
    html = client.get("/corrections").text
    assert WORDS in html and 'value="corrected"' not in html, "there is no newer version to point to"
    assert client.post("/corrections", data=form(empty, html, "corrected", "Done.")).status_code == 400
    assert client.post("/corrections", data=form(empty, html, "refused", " ")).status_code == 400
    done = client.post("/corrections", data=form(empty, html, "refused", "The test says so."), follow_redirects=False)
    assert done.status_code == 303
    (answer,) = [one for one in told(empty, ada.account) if isinstance(one, CorrectionAnswerManifest)]
    assert (answer.kind, answer.words) == ("refused", "The test says so.")
    page = text_of(read(client, "/corrections"))
    assert words.DESK["corrections_none"] in page and words.CARE_LISTS["asked_refused"] in page


def test_a_newer_version_can_be_named_as_the_correction(empty: Story, ada: Patient) -> None:
    north: Any = empty.network["north"]
    north.put("Condition", "c", content("None"), origin="second")
    client = staff_visitor(empty, "clinician")
    html = client.get("/corrections").text
    client.post("/corrections", data=form(empty, html, "corrected", "You are right."))
    assert [one.status for one in north.corrections.here()] == ["corrected"]


def test_what_is_late_says_so_and_who_has_not_signed_in_answers_nothing(empty: Story, ada: Patient) -> None:
    empty.network.time += DUE_MS + 1
    shown = text_of(read(empty.client("north"), "/corrections"))
    assert "Late: it was owed until" in shown and words.DESK["sign_in"] in shown
    (here,) = empty.network["north"].corrections.here()
    answer = {"correction": here.id.hex(), "answer": "noted", "words": "x"}
    assert empty.client("north").post("/corrections", data=answer).status_code == 401
    assert staff_visitor(empty, "desk").get("/corrections").status_code == 403


def test_whoever_asks_much_stands_before_nobody_else(empty: Story) -> None:
    """Sixty requests of one person, then one of another: hers is the second, and a pager leads to all."""
    network, north = empty.network, empty.network["north"]
    guide: Any = network["guide"]
    for name in ("mallory", "ada"):
        record = {"resourceType": "Condition", "id": name, "subject": {"reference": f"Patient/{name}"}}
        north.put("Condition", name, json.dumps(record | {"code": {"text": "Diabetes"}}))
    people = {name: network.patient(name, "north") for name in ("mallory", "ada")}
    wrong = {row.id: bytes(row.manifest).hex() for row in north.rows(store.record)}
    for name, said in [*(("mallory", f"Spam {number}.") for number in range(60)), ("ada", "Not my blood group.")]:
        who = people[name]
        about = (who.account, "north", "Condition", name, wrong[name], said, "", who.key.key_id)
        stated = guide.corrections.draft(*about)
        proof = who.sign(statement_message(stated))[1].hex()
        guide.corrections.ask(msgspec.structs.replace(stated, signature=proof))
        network.time += 1000
    assert all(deliver(network))
    client = staff_visitor(empty, "clinician")
    first, second = (client.get(f"/corrections?page={number}").text for number in (1, 2))
    shown = text_of(first)
    assert "61 requests wait for an answer." in shown and "Showing 1 to 50 of 61" in shown
    assert shown.index("Spam 0.") < shown.index("Not my blood group.") < shown.index("Spam 1.")
    every = [f"Spam {number}." for number in range(60)]
    assert [said for said in every if (said in shown) == (said in text_of(second))] == []
    assert "See all 61 that wait for an answer" in text_of(client.get("/patient-list").text)


def test_an_organisation_that_asks_much_takes_nobody_else_s_turn() -> None:
    """What its clinicians ask about her is its turn, and not hers."""

    def here(account: str, due: int, organisation: str = "") -> Here:
        act = SimpleNamespace(author="clinician", organisation=organisation) if organisation else None
        return Here(bytes(16), account, SimpleNamespace(act=act), due, "open", None, True)  # type: ignore[arg-type]

    every = [*(here("ada", due, "south") for due in range(3)), here("ada", 4), here("bo", 5), here("bo", 6)]
    assert [one.due for one in in_turn(every)] == [0, 4, 5, 1, 6, 2]
