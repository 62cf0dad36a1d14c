"""A list of seven hundred lines is a page that a slow phone can bear: each section begins, the rest is a tap away."""

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medrec.node.keeping import store
from medrec.portal.list_folds import ROWS, ROWS_LEAST, dealt
from medrec.portal.people import handle
from tests.node.test_lists import METFORMIN_500, Clinic, allergy, order
from tests.portal.test_line_proofs import ASKED
from tests.portal.test_list_seen import spelt
from tests.portal.test_lists import own, signed_in, token
from tests.portal.test_sign_in import csrf_of, visitor
from tests.portal.test_weight import PAGE_BYTES

LINES, ORDERS_OF_ONE = 700, 200


def condition(identifier: str, text: str) -> str:
    return json.dumps(
        {
            "resourceType": "Condition", "id": identifier, "subject": {"reference": "Patient/ada"},
            "code": {"text": text}, "clinicalStatus": {"coding": [{"code": "active"}]}, "recordedDate": "2024-01-01",
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """North holds 700 lines of Ada: many medicines of one kind, many orders of one medicine, problems, allergies."""
    made = Clinic(tmp_path_factory.mktemp("long"))
    for number in range(ORDERS_OF_ONE):
        made.north.put("MedicationRequest", f"m{number}", order(f"m{number}", METFORMIN_500, "metformin 500 mg"))
    for number in range(300):
        status = {"status": "stopped"} if number % 3 == 0 else {}
        text = f"Tincture of {spelt(number)} with a name of usual length"
        made.north.put("MedicationRequest", f"t{number}", order(f"t{number}", f"9{number:06}", text, **status))
    for number in range(100):
        made.north.put("Condition", f"p{number}", condition(f"p{number}", f"Complaint of the {spelt(number)} kind"))
        made.north.put("AllergyIntolerance", f"a{number}", allergy(f"a{number}", f"Substance {spelt(number)}"))
    made.south.put("Patient", "ada", '{"resourceType":"Patient","id":"ada","name":[{"given":["Ada"]}]}')
    made.network.consent(made.ada, "north", "south")
    made.refresh()
    yield made
    made.network.close()


def titles(html: str) -> set[str]:
    return set(re.findall(r"Tincture of \w+|Complaint of the \w+|Substance \w+", html))


def links(html: str) -> list[str]:
    return [found.replace("&amp;", "&") for found in re.findall(r'href="([^"]*\?part=[^"]*)"', html)]


def forms(html: str) -> list[dict[str, str]]:
    found = []
    for form in html.split("<form")[1:]:
        body = form.partition("</form>")[0]
        fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', body))
        if "part" in fields:
            found.append(fields)
    return found


def test_her_own_list_is_light_and_everything_is_a_tap_away(clinic: Clinic) -> None:
    client, html = clinic.story.client("guide"), own(clinic)
    assert len(html) < PAGE_BYTES
    waiting, seen, found = links(html), set(), titles(html)
    assert "Show the other" in html
    while waiting:
        link = waiting.pop()
        if link in seen:
            continue
        seen.add(link)
        answer = client.get(link)
        assert answer.status_code == 200 and len(answer.content) < PAGE_BYTES, link
        found |= titles(answer.text)
        waiting += links(answer.text)
    assert len(found) == 500, "every row of the list can be read"
    assert not any(re.search(r"metformin|Tincture|Complaint", link) for link in seen), "no address tells a medicine"


def test_the_doctor_s_list_is_light_and_further_parts_are_under_the_same_look(clinic: Clinic) -> None:
    client, why = signed_in(clinic)
    html = client.post("/patient-list", data=why).text
    assert len(html) < PAGE_BYTES and "I went through this list" in html
    looked = [line.kind for line in clinic.north.rows(store.line)].count("own-look/1")
    waiting, seen, found = forms(html), set(), titles(html)
    while waiting:
        form = waiting.pop()
        name = tuple(sorted(form.items()))
        if name in seen or not form["part"]:
            continue
        seen.add(name)
        answer = client.post("/patient-list", data={**form, **token(client)})
        assert answer.status_code == 200 and len(answer.content) < PAGE_BYTES, form
        found |= titles(answer.text)
        waiting += forms(answer.text)
    assert len(found) == 500
    assert [line.kind for line in clinic.north.rows(store.line)].count("own-look/1") == looked == 1
    alone = [form for form in seen if any(name == "entry" for name, _ in form)]
    assert alone, "a row with two hundred entries leads to all of them"


def test_the_screen_with_what_others_gave_is_light_and_asks_for_no_part_anew(clinic: Clinic) -> None:
    client = visitor(clinic.story, "south", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    answer = client.post("/clinic/patient", data=ASKED | {"csrf": csrf_of(client.get("/clinic").text)})
    assert answer.status_code == 200 and len(answer.content) < PAGE_BYTES
    asked = [line.kind for line in clinic.north.rows(store.line)].count("disclosure/1")
    found, waiting, seen = titles(answer.text), forms(answer.text), set()
    while waiting:
        form = waiting.pop()
        name = tuple(sorted(form.items()))
        if name in seen or not form["part"] or "entry" in form:
            continue
        seen.add(name)
        assert form["others"] == "1"
        page = client.post("/patient-list", data=form | token(client))
        assert page.status_code == 200 and len(page.content) < PAGE_BYTES, form
        found |= titles(page.text)
        waiting += forms(page.text)
    assert len(found) == 500
    assert [line.kind for line in clinic.north.rows(store.line)].count("disclosure/1") == asked


def test_a_part_that_is_not_there_is_refused(clinic: Clinic) -> None:
    client, page = clinic.story.client("guide"), f"/people/{handle(clinic.ada.account)}/list"
    assert client.get(page + "?part=nothing").status_code == 404
    for bad in ("start=x", "start=-1", "entry=-1", f"start={10**12}"):
        assert client.get(f"{page}?part=stopped&{bad}").status_code == 400, bad
    assert client.get(page + "?part=stopped&start=999999").status_code == 404
    assert client.get(page + "?part=history").status_code == 200, "of nothing there is nothing to show"
    # A part is no way round the look, nor into a list without signing in.
    assert clinic.story.client("north").post("/patient-list", data={"patient": "ada", "part": "new"}).status_code == 401


@given(st.lists(st.integers(0, 400), max_size=9))
def test_every_section_begins_and_none_is_left_out(lengths: list[int]) -> None:
    given_ = dealt(lengths)
    assert all(min(length, ROWS_LEAST) <= count <= length for length, count in zip(lengths, given_, strict=True))
    assert sum(given_) <= max(ROWS, ROWS_LEAST * len(lengths))
    if sum(lengths) <= ROWS:
        assert given_ == lengths
