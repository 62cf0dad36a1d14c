"""The front desk: nobody is linked against her papers; a human decides what is likely or held, and it is told."""

import re
import secrets
from pathlib import Path
from typing import Any

import pytest

from medrec.core import manifests
from medrec.core.manifests.desk import request_name
from medrec.core.matching import Demographics
from medrec.node.keeping import store
from medrec.node.right_person import given_codes, holding
from medrec.node.right_person.link import read_payload
from medrec.portal import words
from tests.node.test_right_person import ADA, BOB, demographics, find
from tests.portal.reading import read, text_of
from tests.portal.story import Story
from tests.portal.test_sign_in import csrf_of, staff_visitor

PAPERS = {"do": "link", "patient": "p1", "family": ADA[0], "given": ADA[1], "birth": ADA[2]}


@pytest.fixture
def story(empty: Story) -> Story:
    north: Any = empty.network["north"]
    north.put("Patient", "p1", demographics("p1", *ADA))
    north.put("Patient", "p2", demographics("p2", *BOB))
    return empty


def told(story: Story, account: str) -> list[Any]:
    story.settle()
    agent = story.network["guide"].agent
    assert agent is not None
    return [notice.manifest for notice in reversed(agent.notices(account)) if notice.manifest is not None]


def journalled(story: Story, kind: str) -> list[Any]:
    node: Any = story.network["north"]
    with node.store.read() as connection:
        rows = [row for row in node.rows(store.manifest) if row.kind == kind]
        return [manifests.decode(node.journal.manifest(connection, bytes(row.hash))[1]) for row in rows]


def code_in(html: str) -> str:
    found = re.search("MEDREC-LINK:1:[A-Z0-9:-]+", html)
    assert found is not None
    return found.group()


def linked(story: Story, **changes: Any) -> Any:
    """Ada, linked at the desk with her papers and on the code that the page shows."""
    person = story.network.patient("ada")
    answer = story.client("north").post("/desk", data={**PAPERS, **changes})
    organisation, code = read_payload(story.network.id, code_in(answer.text))
    agent = story.network["guide"].agent
    assert agent is not None and organisation == "north"
    agent.link(person.account, "north", code, person.sign, {"family": ADA[0], "given": ADA[1], "birth": ADA[2]})
    (waits,) = [one for one in given_codes.lately(story.network["north"]) if one.check]  # type: ignore[arg-type]
    story.client("north").post("/desk", data={"do": "same", "code": waits.digest.hex()})
    story.network.deliver()
    return person


def test_the_desk_gives_a_code_for_papers_that_fit_and_the_person_links_herself(story: Story) -> None:
    answer = story.client("north").post("/desk", data=PAPERS)
    assert answer.status_code == 200 and "<svg" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert story.network["north"].rows(store.line)[-1].kind != "link/1", "a code links nobody"
    person = linked(story)
    accounts = {row.patient: row.account for row in story.network["north"].rows(store.person)}
    assert accounts == {"p1": person.account, "p2": None}
    again = story.client("north").post("/desk", data=PAPERS)
    assert words.DESK["already-linked"] in text_of(again.text) and "MEDREC-LINK" not in again.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"birth": "1970-05-05"}, "date of birth"),
        ({"family": "Moriarty", "given": "Eve"}, "family name and first names"),
        ({"patient": "p2"}, "date of birth"),
        ({"patient": "p9"}, words.DESK["unknown-patient"]),
        ({"birth": " "}, words.DESK["papers-missing"]),
    ],
)
def test_papers_that_contradict_get_no_code_and_the_desk_hears_why(
    story: Story, changes: dict[str, str], said: str
) -> None:
    answer = story.client("north").post("/desk", data={**PAPERS, **changes})
    assert said in text_of(answer.text)
    assert "MEDREC-LINK" not in answer.text
    assert story.network["north"].rows(store.invitation) == []


def test_what_is_not_as_written_is_asked_and_whoever_has_looked_goes_on(story: Story) -> None:
    client, papers = story.client("north"), {**PAPERS, "birth": "1961-12-11"}
    asked = client.post("/desk", data=papers)
    said = text_of(asked.text)
    assert "date of birth" in said and words.DESK["looked"] in said and "MEDREC-LINK" not in asked.text
    assert 'name="looked" value="birth"' in asked.text and story.network["north"].rows(store.invitation) == []
    # She has looked at the date of birth, and not at the name that she changed since.
    other = client.post("/desk", data={**papers, "given": "Adam", "looked": "birth"})
    assert 'name="looked" value="birth,given"' in other.text and "MEDREC-LINK" not in other.text
    assert "MEDREC-LINK" in client.post("/desk", data={**papers, "looked": "birth"}).text


def test_a_patient_of_whom_nothing_is_known_gets_no_code(story: Story) -> None:
    story.network["north"].put("Patient", "p3", '{"resourceType":"Patient","id":"p3"}')
    answer = story.client("north").post("/desk", data={**PAPERS, "patient": "p3"})
    assert words.DESK["nothing-to-compare"] in text_of(answer.text) and "MEDREC-LINK" not in answer.text


def test_a_likely_match_is_shown_with_its_fields_and_confirmed_by_a_human(story: Story) -> None:
    client, person = story.client("north"), story.network.patient("ada")
    identifier = secrets.token_bytes(16)
    find(story.network, person, identifier, Demographics(*ADA))
    text = text_of(read(client, "/desk"))
    assert "Ada Lovelace" in text and words.DESK["likely"] in text and "date of birth: the same" in text
    fields = {"request": identifier.hex(), "patient": "p1"}
    assert client.post("/desk", data={**fields, "do": "match"}, follow_redirects=False).status_code == 303
    (decided,) = journalled(story, "match-decided/1")
    assert (decided.decision, decided.request, decided.account) == ("confirmed", request_name(identifier), None)
    answer = find(story.network, person, identifier, Demographics(*ADA))
    agent = story.network["guide"].agent
    assert agent is not None
    agent.link(
        person.account, "north", answer["code"], person.sign, {"family": ADA[0], "given": "Ada", "birth": ADA[2]}
    )
    assert [one for one in told(story, person.account) if one.manifest == "match-decided/1"] == [decided]
    assert words.DESK["asked_none"] in text_of(read(client, "/desk"))
    late = client.post("/desk", data={**fields, "do": "nobody"})
    assert late.status_code == 400 and words.ERRORS["desk-over"] in text_of(late.text)
    assert len(journalled(story, "match-decided/1")) == 1


def test_many_who_ask_hide_nobody_who_asks_after_them(story: Story) -> None:
    client, network = story.client("north"), story.network
    for number in range(7):
        person = network.patient(f"f{number}")
        for ask in range(3):
            find(network, person, bytes([number, ask]) + bytes(14), Demographics("Moriarty", "Eve", "1980-01-01"))
    network.time += 1
    find(network, network.patient("honest"), b"9" * 16, Demographics(*BOB))
    first = client.get("/desk").text
    assert "Moriarty" in first and BOB[0] not in text_of(first) and 'name="start" value="20"' in first
    second = client.post("/desk", data={"do": "more", "start": "20"}).text
    assert BOB[0] in text_of(second) and b"9".hex() * 16 in second and 'name="start"' not in second
    assert text_of(client.post("/desk", data={"do": "more", "start": "x"}).text).count("Moriarty") == 40, (
        "each in its heading, and once more for who hears the page"
    )


def test_not_the_same_is_written_down_and_names_nobody(story: Story) -> None:
    client, person = story.client("north"), story.network.patient("ada")
    identifier = secrets.token_bytes(16)
    find(story.network, person, identifier, Demographics(*ADA))
    client.post("/desk", data={"do": "nobody", "request": identifier.hex()})
    (decided,) = journalled(story, "match-decided/1")
    assert decided.decision == "refused" and person.account not in manifests.encode(decided).decode()
    assert find(story.network, person, identifier, Demographics(*ADA)) == {"status": "refused"}


def test_what_is_held_back_and_let_go_is_told_to_the_person(story: Story) -> None:
    person, client = linked(story), story.client("north")
    story.network["north"].put("Patient", "p1", demographics("p1", "King", "Augusta", ADA[2]), origin="second")
    page = text_of(read(client, "/desk"))
    assert words.DESK["held_whole"] in page and "family name and first names" in page
    (held,) = holding.waiting(story.network["north"])  # type: ignore[arg-type]
    fields = {"type": "Patient", "record": "p1", "do": "hers", "version": held.version}
    assert client.post("/desk", data={**fields, "words": " "}).status_code == 400
    # Of another version than she has before her, or of none, nothing is decided.
    for version in ("ab" * 32, ""):
        assert client.post("/desk", data={**fields, "words": "Married.", "version": version}).status_code == 400
    assert len(holding.waiting(story.network["north"])) == 1  # type: ignore[arg-type]
    client.post("/desk", data={**fields, "words": "Married; I saw the papers."})
    assert holding.waiting(story.network["north"]) == []  # type: ignore[arg-type]
    mine = [one for one in told(story, person.account) if one.manifest in ("record-held/1", "hold-decided/1")]
    assert [one.manifest for one in mine] == ["record-held/1", "hold-decided/1"]
    assert mine[0].fields == ["family", "given"] and "Augusta" not in manifests.encode(mine[0]).decode()
    assert (mine[1].decision, mine[1].by, mine[1].words) == ("hers", "Demonstration", "Married; I saw the papers.")


def test_a_newer_version_that_fits_ends_it_and_says_so(story: Story) -> None:
    person = linked(story)
    north: Any = story.network["north"]
    north.put("Patient", "p1", demographics("p1", *BOB), origin="second")
    north.put("Patient", "p1", demographics("p1", *ADA, active=True), origin="third")
    last = told(story, person.account)[-1]
    assert (last.manifest, last.decision, last.by) == ("hold-decided/1", "fits", None)


def test_somebody_else_s_record_undoes_the_link_and_the_person_hears_by_whom(story: Story) -> None:
    person, client = linked(story), story.client("north")
    story.network["north"].put("Patient", "p1", demographics("p1", *BOB), origin="second")
    (held,) = holding.waiting(story.network["north"])  # type: ignore[arg-type]
    fields = {"type": "Patient", "record": "p1", "do": "another", "version": held.version}
    client.post("/desk", data={**fields, "words": "Two patients were swapped."})
    assert all(row.account is None for row in story.network["north"].rows(store.person) if row.patient == "p1")
    last = told(story, person.account)[-2:]
    assert [one.manifest for one in last] == ["hold-decided/1", "link/1"]
    assert (last[0].decision, last[1].action) == ("another", "unlink")


def test_only_the_desk_reads_and_decides(story: Story) -> None:
    shut = story.client("north", demonstration=False)
    assert shut.get("/desk", follow_redirects=False).headers["location"] == "/sign-in"
    clinician = staff_visitor(story, "clinician")
    assert clinician.get("/desk").status_code == 403
    assert clinician.post("/desk", data=PAPERS).status_code == 403


def test_a_clerk_s_form_needs_her_own_token(story: Story) -> None:
    desk = staff_visitor(story, "desk")
    page = desk.get("/desk")
    assert page.status_code == 200
    assert desk.post("/desk", data=PAPERS).status_code == 403
    assert "MEDREC-LINK" in desk.post("/desk", data={**PAPERS, "csrf": csrf_of(page.text)}).text


@pytest.mark.parametrize("form", [{"do": "match", "request": "zz"}, {"do": "shrug"}, {"x": "y"}])
def test_a_form_that_says_nothing_does_nothing(story: Story, form: dict[str, str], tmp_path: Path) -> None:
    answer = story.client("north").post("/desk", data=form)
    assert answer.status_code == 400 and journalled(story, "match-decided/1") == []


def test_a_second_record_of_somebody_who_is_linked_is_shown_beside_the_first(story: Story) -> None:
    person, client, north = linked(story), story.client("north"), story.network["north"]
    one = {"link": [{"type": "seealso", "other": {"reference": "Patient/p1"}}]}
    assert words.DESK["one"] not in text_of(read(client, "/desk"))
    north.put("Patient", "p3", demographics("p3", *ADA, **one))
    shown = text_of(read(client, "/desk"))
    assert words.DESK["one"] in shown and "p1, which is linked, and p3, which is not" in shown
    assert "date of birth: the same" in shown
    # Her code for it was presented: whoever compares reads that she is linked already, and under which number.
    answer = client.post("/desk", data={**PAPERS, "patient": "p3"})
    code = read_payload(story.network.id, code_in(answer.text))[1]
    agent = story.network["guide"].agent
    assert agent is not None
    agent.link(person.account, "north", code, person.sign, {"family": ADA[0], "given": ADA[1], "birth": ADA[2]})
    assert "linked here already, under p1" in text_of(read(client, "/desk"))
    (waits,) = [one for one in given_codes.lately(north) if one.state == given_codes.LINKED]  # type: ignore[arg-type]
    client.post("/desk", data={"do": "same", "code": waits.digest.hex()})
    shown = text_of(read(client, "/desk"))
    assert words.DESK["one"] not in shown and "linked here already, under" not in shown
    charts = [said.chart for said in told(story, person.account) if getattr(said, "manifest", "") == "link/1"]
    assert "further" in charts


def test_the_desk_says_that_two_records_are_two_people(story: Story) -> None:
    linked(story)
    client, north = story.client("north"), story.network["north"]
    north.put("Patient", "p2", demographics("p2", *BOB, link=[{"type": "refer", "other": {"reference": "Patient/p1"}}]))
    assert words.DESK["one"] in text_of(read(client, "/desk"))
    form = {"do": "apart", "linked": "p1", "other": "p2"}
    assert client.post("/desk", data=form, follow_redirects=False).status_code == 303
    assert words.DESK["one"] not in text_of(read(client, "/desk"))
    assert journalled(story, "match-decided/1")[-1].decision == "refused"
    assert client.post("/desk", data=form).status_code == 400, "it does not wait any more"
