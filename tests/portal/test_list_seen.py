"""The screens of a clinician carry what they hold: what she went through, and what stood behind a notice, is that."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.node.keeping import store
from tests.node.test_lists import Clinic, allergy, order
from tests.portal.test_sign_in import csrf_of, visitor


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    made.south.put("Patient", "ada", '{"resourceType":"Patient","id":"ada","name":[{"text":"Ada"}]}')
    made.south.put("AllergyIntolerance", "x", allergy("x", "lisinopril"))
    made.refresh()
    made.network.consent(made.ada, "north", "south")
    yield made
    made.network.close()


def hidden(form: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">', form))


def spelt(number: int) -> str:
    """A number as a word: figures in a name are taken for strengths."""
    return "".join("bcdfghklmn"[int(figure)] + "aeiou"[int(figure) % 5] for figure in f"{number:03}")


def forms_of(page: str, act: str) -> list[dict[str, str]]:
    """The hidden fields of the forms on a page that say this."""
    forms = [hidden(part.split("</form>")[0]) for part in page.split("<form")[1:]]
    return [fields for fields in forms if fields.get("act") == act]


def test_what_was_seen_on_the_screen_with_others_records_is_seen(clinic: Clinic) -> None:
    south, account = clinic.south, clinic.ada.account
    client: Any = visitor(clinic.story, "south", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    look = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning", "from-north": "1"}
    look |= {"csrf": csrf_of(client.get("/clinic").text)}
    page = client.post("/clinic/patient", data=look).text
    clinic.network.time += 60_000
    (reviewed,), notices = forms_of(page, "reviewed"), forms_of(page, "dismissed")
    assert client.post("/patient-list", data=reviewed).status_code == 200 and len(notices) == 2
    for nothing in ("\u200b", "\u2800", "\u3164", ".", "-"):
        assert client.post("/patient-list", data=notices[0] | {"words": nothing}).status_code == 400
    for fields in notices:
        answer = client.post("/patient-list", data=fields | {"words": "It was a cough."})
        assert answer.status_code == 200
    shown = south.lists.of(account)
    assert shown.reviewed is not None and shown.new == {} and shown.notices == []
    assert [kept.act.words for _, kept in shown.put_away] == ["It was a cough."]
    # The next time the same screen has nothing new, and the notices are put away there, too.
    clinic.story.settle()
    page = client.post("/clinic/patient", data=look).text
    assert len(forms_of(page, "reviewed")) == 1 and "1 new" not in page
    assert forms_of(page, "dismissed") == []


@pytest.mark.parametrize("broken", [{"seen": "%%%"}, {"about": "x"}, {"about": "0" * 63}])
def test_what_no_page_wrote_is_refused(clinic: Clinic, broken: dict[str, str]) -> None:
    client: Any = visitor(clinic.story, "south", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    look = {"patient": "ada", "purpose": "TREAT", "reason": "Visit", "csrf": csrf_of(client.get("/clinic").text)}
    client.post("/patient-list", data=look)
    fields = {"patient": "ada", "act": "dismissed", "notice": "0" * 64, "words": "no", "csrf": look["csrf"]}
    assert client.post("/patient-list", data=fields | broken).status_code == 400
    assert clinic.south.acts.of(clinic.ada.account) == []


def test_a_further_part_of_a_screen_with_others_records_has_them_too_and_asks_nobody(clinic: Clinic) -> None:
    client: Any = visitor(clinic.story, "south", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    look = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning", "from-north": "1"}
    look |= {"csrf": csrf_of(client.get("/clinic").text)}
    assert 'name="others"' not in client.post("/clinic/patient", data=look).text, "it is short: nothing is folded"
    asked = [line.kind for line in clinic.north.rows(store.line)].count("disclosure/1")
    part = {"patient": "ada", "part": "similar", "csrf": look["csrf"]}
    with_others = client.post("/patient-list", data=part | {"others": "1"}).text
    without = client.post("/patient-list", data=part | {"part": "only-here"}).text
    assert "North" in with_others and "lisinopril" in with_others
    assert "North" not in without and "lisinopril" in without
    assert [line.kind for line in clinic.north.rows(store.line)].count("disclosure/1") == asked
    # What another clinician was given is nobody else's.
    other: Any = visitor(clinic.story, "south", demonstration=True)
    assert other.post("/patient-list", data=part | {"others": "1"}).status_code in (401, 403)


def test_what_is_new_and_was_not_on_the_page_is_not_gone_through(clinic: Clinic) -> None:
    """Fifty new medicines: those behind a tap are new after the review, too; what was there before is not."""
    client: Any = visitor(clinic.story, "south", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    look = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning"}

    def page(**more: str) -> str:
        return str(client.post("/patient-list", data=look | {"csrf": csrf_of(client.get("/clinic").text)} | more).text)

    (reviewed,) = forms_of(page(), "reviewed")
    clinic.network.time += 60_000
    page(**reviewed)
    for number in range(50):
        clinic.south.put(
            "MedicationRequest", f"t{number}", order(f"t{number}", f"9{number:06}", f"Tincture of {spelt(number)}")
        )
    clinic.refresh()
    assert len(clinic.south.lists.of(clinic.ada.account).new) == 50
    (reviewed,) = forms_of(page(), "reviewed")
    clinic.network.time += 60_000
    page(**reviewed)
    left = len(clinic.south.lists.of(clinic.ada.account).new)
    assert 20 <= left < 50, "those that stood on the page were gone through, the others were not"
    # Their own page has the rest; gone through there as well, nothing is new.
    rest = page(part="new")
    (reviewed,) = forms_of(rest, "reviewed")
    clinic.network.time += 60_000
    page(**reviewed)
    assert clinic.south.lists.of(clinic.ada.account).new == {}


def gone_through(clinic: Clinic) -> list[str]:
    """The medicines that reviews at south name, each by itself."""
    acts = [kept.act for kept in clinic.south.acts.of(clinic.ada.account)]
    assert all(len(act.subjects) < 2 for act in acts)
    return sorted(subject.name for act in acts for subject in act.subjects)


def test_a_page_that_stood_open_names_nothing_that_it_did_not_show(clinic: Clinic) -> None:
    """An order that came, and a dose that changed, since the page was made: neither is signed as gone through."""
    client: Any = visitor(clinic.story, "south", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    look = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning"}
    look |= {"csrf": csrf_of(client.get("/clinic").text)}
    clinic.south.put("MedicationRequest", "z", order("z", "197361", "amlodipine 5 mg"))
    (reviewed,) = forms_of(client.post("/patient-list", data=look).text, "reviewed")
    clinic.network.time += 60_000
    clinic.south.put("MedicationRequest", "w", order("w", "855332", "warfarin sodium 5 mg tablet"))
    clinic.south.put("MedicationRequest", "z", order("z", "197361", "amlodipine 5 mg", "2 tabs daily"))
    clinic.network.time += 60_000
    assert client.post("/patient-list", data=reviewed).status_code == 200
    assert gone_through(clinic) == ["lisinopril", "metformin"]
    shown = clinic.south.lists.of(clinic.ada.account)
    assert {row.name for row in shown.read.rows if row.key in shown.new} == {"amlodipine", "warfarin"}
    # Pressed once more, her own word of a moment ago stands in nobody's way.
    clinic.network.time += 60_000
    assert client.post("/patient-list", data=reviewed).status_code == 200
    assert set(gone_through(clinic)) == {"lisinopril", "metformin"}


def test_who_does_not_say_what_the_page_held_goes_through_nothing(clinic: Clinic) -> None:
    client: Any = visitor(clinic.story, "south", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    look = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning"}
    look |= {"csrf": csrf_of(client.get("/clinic").text)}
    (reviewed,) = forms_of(client.post("/patient-list", data=look).text, "reviewed")
    del reviewed["seen"]
    clinic.network.time += 60_000
    assert client.post("/patient-list", data=reviewed).status_code == 200
    (kept,) = clinic.south.acts.of(clinic.ada.account)
    assert kept.act.kind == "reviewed" and kept.act.subjects == []
    shown = clinic.south.lists.of(clinic.ada.account)
    assert {row.key for row in shown.read.rows} == set(shown.new)
