"""A form is done once, and its answer is never the page itself: a page may be loaded again, in any language."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.node.keeping import store
from medrec.portal import words
from medrec.portal.page import Area, PageError, Role, Shows, Visit
from medrec.portal.people import handle
from medrec.portal.sent import ASKED, COPY, Sent, copy
from medrec.portal.session import Session, Who
from medrec.portal.table import PAGES, Page
from tests.portal.story import Story
from tests.portal.test_clinic import clinician, lines
from tests.portal.test_clinic import told as told
from tests.portal.test_sign_in import csrf_of, visitor

LOOK = {"patient": "ada", "purpose": "TREAT", "reason": "First visit today"}
LOCK = {"break": "north", "code": "unconscious", "again": "ada", "words": "Found on the street, no answer"}


class Forms(HTMLParser):
    """The forms of a page: where each goes, and what it sends when nothing is filled in."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((said.get("action", ""), {}))
        elif self.found and tag == "select":
            self._select = said.get("name", "")
        elif self.found and tag == "option" and self._select:
            self.found[-1][1].setdefault(self._select, said.get("value", ""))
        elif self.found and "name" in said and said.get("type") not in ("checkbox", "radio"):
            self.found[-1][1][said["name"]] = said.get("value", "")


def forms(html: str) -> list[tuple[str, dict[str, str]]]:
    reader = Forms()
    reader.feed(html)
    return reader.found


def sent(client: TestClient, address: str, fields: dict[str, str]) -> Any:
    """The answer to a form itself."""
    return client.request("POST", address, data=fields)


def everything(story: Story) -> list[tuple[str, int]]:
    """How much stands in every table of both places."""
    return [
        (f"{place} {table.name}", len(story.network[place].rows(table)))  # type: ignore[attr-defined]
        for place in ("north", "south", "guide")
        for table in store.metadata.sorted_tables
    ]


@pytest.fixture
def clinic(told: Story) -> Iterator[tuple[Story, TestClient, dict[str, str]]]:
    client, csrf = clinician(told)
    yield told, client, {**LOOK, "csrf": csrf}


def test_a_lock_is_broken_once_however_often_the_page_is_loaded(clinic: Any) -> None:
    """X6, X7: loaded again, in another language, gone back to: the same screen, and nothing is done a second time."""
    story, client, look = clinic
    done = sent(client, "/clinic/patient", {**look, **LOCK})
    there = done.headers["location"]
    assert done.status_code == 303 and "ada" not in re.sub("[0-9a-f]{32}", "", there)
    first = client.get(there)
    assert first.status_code == 200 and "Lisinopril" in first.text
    before = everything(story)
    assert "Lisinopril" in client.get(there).text
    (spanish,) = re.findall(r'href="(\?[^"]*lang=es)"', first.text)
    other = client.get("/clinic/patient" + spanish.replace("&amp;", "&"))
    assert other.status_code == 200 and "Lisinopril" in other.text and 'lang="es"' in other.text
    assert everything(story) == before and len(lines(story, "south", "emergency-declared/1")) == 1


def test_what_a_form_asked_for_is_shown_to_who_asked_and_at_its_page_alone(clinic: Any) -> None:
    story, client, look = clinic
    there = sent(client, "/clinic/patient", look).headers["location"]
    stranger, _ = clinician(story)
    gone = stranger.get(there)
    assert gone.status_code == 303 and gone.headers["location"] == "/clinic?done=look_over"
    assert words.DONE["look_over"] in stranger.get("/clinic?done=look_over").text
    assert "Özil" not in client.get("/patient-list?" + there.partition("?")[2]).text
    assert client.get("/clinic/patient").headers["location"] == "/clinic?done=look_over"


def test_a_form_that_is_sent_again_while_its_page_hangs_is_done_once(clinic: Any) -> None:
    story, client, look = clinic
    story.network.consent(story.person, "north", "south")
    refer = {**look, "refer": "north", "words": "Please see her about her heart", COPY: "7001"}
    first, second = (sent(client, "/clinic/patient", refer) for _ in range(2))
    assert (first.status_code, first.headers["location"]) == (303, second.headers["location"])
    assert len(story.network["south"].referrals.sent()) == 1
    # Other words are another form, and so is another copy of it.
    sent(client, "/clinic/patient", {**refer, "words": "Please see her about her knee"})
    sent(client, "/clinic/patient", {**refer, COPY: "7002"})
    assert len(story.network["south"].referrals.sent()) == 3


def a_visit(**form: str) -> Visit:
    who = Session(Who.CLINICIAN, "Staff", staff="x", csrf="c")
    return Visit({}, 1, form, 1_000, False, lambda name: name, who, {})


def test_a_form_that_is_being_done_is_not_begun_again_and_one_that_failed_may_be_sent_again() -> None:
    site, visit = Sent(bytes), a_visit(words="x", copy=copy())
    with site.once(visit, "/a"), pytest.raises(PageError, match="being done"), site.once(visit, "/a"):
        raise AssertionError("begun twice")
    with pytest.raises(KeyError), site.once(visit, "/a"):
        raise KeyError
    with site.once(visit, "/a") as answer:
        assert answer.address == ""
        answer.address = "/b"
    with site.once(visit, "/a") as answer:
        assert answer.address == "/b"
    with site.once(visit, "/c") as answer:
        assert answer.address == ""
    assert copy() != copy()


def test_a_page_is_no_answer_to_a_form() -> None:
    site, visit = Sent(bytes), a_visit()
    with pytest.raises(TypeError):
        site.keep(visit, "/a", {"a": "page"})  # type: ignore[arg-type]
    to = site.keep(visit._replace(query={"page": "2", "lang": "es"}), "/a", Shows(lambda visit: {}))
    assert re.fullmatch(r"/a\?page=2&form=[0-9a-f]{32}", to)


def doors(story: Story, page: Page) -> list[TestClient]:
    """Everybody in a demonstration who may read this page."""
    node = "guide" if page.role is Role.AGENT else "south"
    found = []
    for who in page.who or (Who.CLINICIAN,):
        client = visitor(story, node, demonstration=True)
        asked = {"role": who.value} if page.area is not Area.PERSON else {"person": handle(story.person.account)}
        if client.post("/sign-in/demonstration", data=asked).status_code in (200, 303):
            found.append(client)
    return found


def test_no_page_is_the_answer_to_a_form_of_any_page(told: Story) -> None:
    """Over the table: every form that stands on a page, and one that nobody made, leads on or is refused."""
    seen: set[str] = set()
    for page in (one for one in PAGES if "POST" in one.methods):
        address = page.path.replace("{person}", handle(told.person.account))
        for client in doors(told, page):
            html = client.get(address).text if "GET" in page.methods and "{" not in address else ""
            csrf = csrf_of(client.get("/").text)
            mine = [(to or address, fields) for to, fields in forms(html) if (to or address) == address]
            for to, fields in [*mine, (address, {"csrf": csrf}), (address, {"csrf": csrf, "do": "x"})]:
                answer = sent(client, to, fields)
                assert answer.status_code == 303 or 400 <= answer.status_code < 500, (page.name, fields)
                # What is sent to nobody's page is refused in the language, and leads on in any.
                for there in re.findall(r'href="([^"?]*\?[^"]*lang=es)"', answer.text)[:1]:
                    assert client.get(there if there.startswith("/") else to + there).status_code < 405, page.name
                seen.add(page.name)
                if f"{ASKED}=" in answer.headers.get("location", ""):
                    before = everything(told)
                    assert client.get(answer.headers["location"]).status_code == 200, (page.name, fields)
                    assert everything(told) == before, page.name
    assert {"clinic", "clinic_patient", "records", "patient_lists", "desk", "linking", "guarding"} <= seen
