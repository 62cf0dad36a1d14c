"""Who read the list of who looked: each reading is one line, whoever reads and by whichever page, and she sees it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core import manifests
from medrec.core.manifests.access import LogReadManifest
from medrec.node.account import staff
from medrec.node.keeping import store
from medrec.node.keeping.store import StoreError
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal import acting, words
from medrec.portal.page import File
from medrec.portal.session import Who
from medrec.portal.sign_in import DEMONSTRATION_STAFF
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story
from tests.portal.test_sign_in import csrf_of, staff_visitor, visitor


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    story = Story(tmp_path)
    story.person = story.tell()  # type: ignore[attr-defined]
    story.checkpoint("north", "south", "guide")
    yield story
    story.network.close()


def readings(told: Story) -> list[LogReadManifest]:
    """The lines of north's journal about readings by its own staff, oldest first."""
    node: Any = told.network["north"]
    with node.store.read() as connection:
        rows = connection.execute(store.manifest.select().order_by(store.manifest.c.seq)).all()
        kept = [node.journal.manifest(connection, bytes(row.hash)) for row in rows if row.kind == "log-read/1"]
    return [manifests.decode(one[1]) for one in kept]  # type: ignore[misc]


NAME = DEMONSTRATION_STAFF[Who.PRIVACY_OFFICER]


def officer_of(told: Story) -> TestClient:
    """North's privacy officer signs in."""
    client = visitor(told, "north", demonstration=True)
    assert client.post("/sign-in/demonstration", data={"role": "privacy-officer"}).status_code == 303
    return client


def her_list(told: Story) -> str:
    told.settle()
    return text_of(read(told.client("guide"), person_page(told) + "/looks?show=readings"))


def a_look(told: Story, client: TestClient) -> str:
    (first, *_) = re.findall(r'href="(/versions/[0-9a-f]{64})"', told.client("north").get("/office?all=1").text)
    return str(first)


def proof_of(told: Story, client: TestClient) -> str:
    return a_look(told, client).replace("/versions/", "/proof/") + ".receipt.json"


@pytest.mark.parametrize(
    "path",
    ["/office?all=1", "/office/looks.csv", "/given", a_look, proof_of],
    ids=["queue", "csv", "given", "line", "proof"],
)
def test_what_an_officer_reads_of_her_log_is_one_line_that_she_sees(told: Story, path: Any) -> None:
    account = told.person.account  # type: ignore[attr-defined]
    assert NAME not in her_list(told)
    for signed_in in (1, 2):
        officer = officer_of(told)
        address = path if isinstance(path, str) else path(told, officer)
        for _ in range(3):
            assert officer.get(address).status_code == 200
        found = readings(told)
        assert [(one.by, one.reader, one.account) for one in found] == [("staff", NAME, account)] * signed_in
        assert found[-1].lines >= 1
    said = words.LOOKED["read_staff"].format(who=NAME, place="North")
    assert her_list(told).count(said) == 2


def test_who_is_not_shown_is_not_read(told: Story) -> None:
    officer = officer_of(told)
    for path in ("/", "/corrections", "/office?reason=emergency", "/office?all=1&page=99"):
        assert officer.get(path).status_code == 200
    assert readings(told) == []


def test_a_refused_form_that_shows_the_queue_again_is_a_reading(told: Story) -> None:
    officer = officer_of(told)
    token = csrf_of(officer.get("/corrections").text)
    answer = officer.post("/office", data={"csrf": token, "look": "00", "outcome": "fine"})
    assert answer.status_code == 400 and "Dr Mallory" in answer.text
    assert [one.reader for one in readings(told)] == [NAME]


def test_an_emergency_on_the_board_is_a_line_of_her_log(told: Story) -> None:
    person, south = told.person, told.network["south"]  # type: ignore[attr-defined]
    doctor = south.practitioners.enter("night", "Dr Night", PHYSICIAN)
    south.emergency_reviews.declare("north", person.account, doctor, "unconscious", "Found unconscious at the station")
    officer = officer_of(told)
    assert officer.get("/office?reason=night&page=99").status_code == 200
    assert [(one.account, one.lines) for one in readings(told)] == [(person.account, 1)]


def test_a_clinician_who_opens_a_line_of_her_log_reads_it_too(told: Story) -> None:
    node: Any = told.network["north"]
    clinician = staff_visitor(told, "clinician")
    (member,) = staff.members(node)
    node.finder.look("ada", staff.present(node, member.id, member.name), "TREAT", "her visit this morning")
    assert clinician.get(a_look(told, clinician)).status_code == 200
    assert [(one.by, one.reader) for one in readings(told)] == [("staff", "Nora Nurse")]


def test_whose_looks_cannot_be_written_down_are_not_shown(told: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail closed: no line, no page."""
    officer = officer_of(told)

    def full(*_: Any) -> None:
        raise StoreError("store-full", "The disk is full.")

    monkeypatch.setattr(told.network["north"].journal, "append", full)
    answer = officer.get("/office?all=1")
    assert answer.status_code == 503 and "Dr Mallory" not in answer.text


def test_somebody_erased_meanwhile_has_no_log_that_could_be_read(told: Story) -> None:
    node: Any = told.network["north"]
    officer = officer_of(told)
    address = a_look(told, officer)
    node.source.raw.clear()
    node.erasures.erase_account(told.person.account, "patient-request")  # type: ignore[attr-defined]
    assert officer.get(address).status_code in (200, 404)
    queue = officer.get("/office?all=1")
    assert queue.status_code == 200 and "Dr Mallory" not in queue.text
    assert readings(told) == []


def test_a_page_says_whose_looks_it_tells_of() -> None:
    assert acting.shown_of({}) == acting.shown_of(None) == {}
    assert acting.shown_of({acting.SHOWN_OF: [4, None, 4, 7]}) == {4: 2, 7: 1}
    assert acting.shown_of(File(b"", "text/csv", "x.csv", people=(3, None))) == {3: 1}


def test_the_person_herself_finds_her_own_reading_in_the_list(told: Story) -> None:
    client = visitor(told, "guide", demonstration=True)
    page = person_page(told)
    client.post("/sign-in/demonstration", data={"person": page.rpartition("/")[2]})
    assert client.get(page + "/looks").status_code == 200
    told.settle()
    text = text_of(client.get(page + "/looks?show=readings").text)
    assert words.LOOKED["read_herself"] in text and words.LOOKED["readings"] in text
