"""Linking by a code: read off the screen or typed, said yes to by the person, compared by the clerk, and undone."""

import html
import re
from typing import Any

import pytest

from medrec.core.matching import Demographics
from medrec.node.consent.own_consents import secret_of
from medrec.node.keeping import store
from medrec.node.notify import asking
from medrec.node.right_person import given_codes
from medrec.node.right_person.desk import give_code
from medrec.node.right_person.link import LinkError, read_payload, read_words
from medrec.portal import words
from medrec.portal.people import handle
from tests.node.network import Patient
from tests.node.test_right_person import ADA, BOB, demographics
from tests.portal.reading import read, text_of
from tests.portal.story import Story, observation
from tests.portal.test_desk import PAPERS
from tests.portal.test_sign_in import Person, visitor
from tests.portal.test_sign_in import sign as sign_in

YEAR, MONTH, DAY = ADA[2].split("-")
ME = {"family": ADA[0], "given": ADA[1], "year": YEAR, "month": MONTH, "day": DAY}


@pytest.fixture
def story(empty: Story) -> Story:
    north: Any = empty.network["north"]
    north.put("Patient", "p1", demographics("p1", *ADA))
    north.put("Patient", "p2", demographics("p2", *BOB))
    north.put("Observation", "bp-1", observation("bp-1", "p1", "120/80"))
    return empty


@pytest.fixture
def ada(story: Story) -> Patient:
    """Ada, whom no place knows yet; her key is lent, as in the demonstration."""
    from medrec.portal.own.acts import acts_of

    person = story.network.patient("ada")
    guide: Any = story.network["guide"]
    acts_of(guide).lend(person.account, person.sign(bytes(32))[0], person.sign)
    return person


def code_of(story: Story, **changes: str) -> str:
    """What the picture of the desk's page says for Ada's papers."""
    answer = story.client("north").post("/desk", data={**PAPERS, "agent": "guide", **changes})
    assert answer.status_code == 200 and "<svg" in answer.text
    found = re.search(r"MEDREC-LINK:1:[A-Z0-9:]+", answer.text)
    assert found is not None
    return found.group()


def linking(ada: Patient) -> str:
    return f"/people/{handle(ada.account)}/linking"


def said_yes(story: Story, ada: Patient, code: str, **changes: str) -> Any:
    client = story.client("guide")
    asked = client.post(linking(ada), data={"code": code})
    assert asked.status_code == 200, asked.text
    signing = client.post(linking(ada), data={"code": code, "do": "link", **ME, "read": "1", **changes})
    assert signing.status_code == 200, text_of(signing.text)
    action = re.search(r'action="([^"]+/signed)"', signing.text)
    assert action is not None
    return client.post(html.unescape(action.group(1)), data={})


def confirmed(story: Story) -> None:
    """The clerk says that both have the same number."""
    (given,) = given_codes.lately(story.network["north"])  # type: ignore[arg-type]
    story.client("north").post("/desk", data={"do": "same", "code": given.digest.hex()})


def test_what_the_camera_reads_leads_to_the_agent_and_no_server_hears_the_code(story: Story, ada: Patient) -> None:
    north: Any = story.network["north"]
    made = give_code(north, "p1", Demographics(*ADA), "guide")
    assert made.address == "https://guide.example/pages/scan#" + made.payload
    known = ["guide", "north", "south"]
    assert read_payload(story.network.id, made.payload) == read_words(story.network.id, known, made.words)
    assert len(made.words.split()) == 6
    for wrong in ("", "bafud", made.words.replace(made.words[0], "z" if made.words[0] != "z" else "b", 1)):
        with pytest.raises(LinkError):
            read_words(story.network.id, known, wrong)
    with pytest.raises(LinkError):
        read_words(story.network.id, ["south"], made.words)
    for agent in ("", "nobody", "south"):
        assert give_code(north, "p1", Demographics(*ADA), agent).address.startswith("MEDREC-LINK:1:NORTH:")


def test_a_code_is_read_said_yes_to_and_compared_and_records_arrive(story: Story, ada: Patient) -> None:
    desk, client = story.client("north"), story.client("guide")
    code = code_of(story)
    assert words.DESK["code_waiting"] in text_of(read(desk, "/desk")) and "data-refresh" in read(desk, "/desk")
    asked = client.post(linking(ada), data={"code": code})
    shown = text_of(asked.text)
    assert "North wants to know you here" in shown and words.LINKING["tells"].format(place="it")[:20] in shown
    assert all(row.account is None for row in story.network["north"].rows(store.person)), "reading it links nobody"
    done = said_yes(story, ada, code)
    assert done.status_code == 200 and words.DONE["linked"] in text_of(done.text)
    digits = re.search(r'class="figure"><bdi dir="ltr">(\d{3} \d{3})<', done.text)
    assert digits is not None
    page = desk.get("/desk").text
    assert digits.group(1) in page and words.DESK["code_linked"] in page and "data-refresh" not in page
    (given,) = given_codes.lately(story.network["north"])  # type: ignore[arg-type]
    answer = desk.post("/desk", data={"do": "same", "code": given.digest.hex()})
    assert words.DESK["code_confirmed"] in text_of(answer.text)
    assert desk.post("/desk", data={"do": "same", "code": given.digest.hex()}).status_code == 400
    story.settle()
    guide: Any = story.network["guide"]
    assert {row.organisation for row in guide.agent.notices(ada.account)} == {"north"}
    (kept,) = story.network["north"].consents.of(ada.account)
    assert secret_of(guide, ada.account, bytes.fromhex(kept.consent.nullifier)) is not None, "she can take it back"
    guide.copies.refresh(ada.account)
    assert "North" in text_of(read(client, linking(ada)))
    assert "120/80" in read(client, f"/people/{handle(ada.account)}/record/kinds/results")


def test_typed_words_do_the_same(story: Story, ada: Patient) -> None:
    answer = story.client("north").post("/desk", data=PAPERS)
    typed = re.search(r"<strong>((?:[a-z]{5} ?){6})</strong>", answer.text)
    assert typed is not None
    assert said_yes(story, ada, " ".join(typed.group(1).upper().split())).status_code == 200
    assert all(row.account is None for row in story.network["north"].rows(store.person)), "the clerk compares first"
    confirmed(story)
    accounts = {row.patient: row.account for row in story.network["north"].rows(store.person)}
    assert accounts["p1"] == ada.account


def test_somebody_else_behind_the_phone_is_told_and_the_desk_sees_it(story: Story, ada: Patient) -> None:
    code = code_of(story)
    answer = said_yes(story, ada, code, year="1970", family="Moriarty")
    assert answer.status_code == 409 and words.ERRORS["link-another-person"] in text_of(answer.text)
    page = text_of(read(story.client("north"), "/desk"))
    assert words.DESK["code_contradicted"] in page
    late = said_yes(story, ada, code)
    assert late.status_code == 409 and words.ERRORS["link-code-unknown"] in text_of(late.text)
    assert all(row.account is None for row in story.network["north"].rows(store.person))


def test_digits_that_differ_undo_the_link(story: Story, ada: Patient) -> None:
    said_yes(story, ada, code_of(story))
    (given,) = given_codes.lately(story.network["north"])  # type: ignore[arg-type]
    answer = story.client("north").post("/desk", data={"do": "differs", "code": given.digest.hex()})
    assert words.DESK["code_undone"] in text_of(answer.text)
    assert all(row.account is None for row in story.network["north"].rows(store.person))
    story.settle()
    assert words.LINKING["none"] in text_of(read(story.client("guide"), linking(ada)))


def test_the_person_undoes_a_link_herself(story: Story, ada: Patient) -> None:
    said_yes(story, ada, code_of(story))
    confirmed(story)
    story.settle()
    client = story.client("guide")
    signing = client.post(linking(ada), data={"do": "undo", "place": "north"})
    action = re.search(r'action="([^"]+/signed)"', signing.text)
    assert action is not None and "not linked any more" in text_of(signing.text)
    assert words.DONE["unlinked"] in text_of(client.post(action.group(1), data={}).text)
    assert all(row.account is None for row in story.network["north"].rows(store.person))
    assert client.post(linking(ada), data={"do": "undo", "place": "south"}).status_code == 404


@pytest.mark.parametrize("code", ["x", "MEDREC-LINK:1:NORTH:00:00000000", "MEDREC-ASK:1:north:zz", "MEDREC-ASK:1"])
def test_what_is_no_code_says_so(story: Story, ada: Patient, code: str) -> None:
    answer = story.client("guide").post(linking(ada), data={"code": code})
    assert words.LINKING["not_a_code"] in text_of(answer.text)


def test_who_she_is_has_to_be_said(story: Story, ada: Patient) -> None:
    code = code_of(story)
    answer = story.client("guide").post(linking(ada), data={"code": code, "do": "link", **ME, "month": "13"})
    assert answer.status_code == 400 and words.ERRORS["link-says-nothing"] in text_of(answer.text)


def test_a_request_comes_in_by_the_same_page(story: Story, ada: Patient) -> None:
    north: Any = story.network["north"]
    address = asking.address(north, "guide", asking.make(north, practitioner="Dr Gray"))
    answer = story.client("guide").post(linking(ada), data={"code": address})
    assert "Dr Gray" in text_of(answer.text) and words.ASKED["yes"] in answer.text
    wrong = address[:-4] + "0000"
    assert story.client("guide").post(linking(ada), data={"code": wrong}).status_code == 404


def test_whoever_has_not_signed_in_is_asked_to_and_nobody_posts_for_her(story: Story) -> None:
    person = Person(story, "nora")
    client = visitor(story)
    page = client.get("/scan")
    assert page.status_code == 200 and words.SCAN["sign_in"] in text_of(page.text) and 'id="scanned"' not in page.text
    assert client.get(person.page + "/linking").status_code == 303
    sign_in(story, client, person.phone, person.id)
    page = client.get("/scan")
    assert f'action="{person.page}/linking"' in page.text
    assert client.post(person.page + "/linking", data={"code": "x"}).status_code == 403, "without the session's token"
