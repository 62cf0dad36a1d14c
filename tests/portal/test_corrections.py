"""The corrections that people ask for, as the staff of the source answers them."""

import json
from typing import Any

import pytest

from medrec.core.manifests.correction import DUE_MS, CorrectionAnswerManifest
from medrec.portal import words
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
