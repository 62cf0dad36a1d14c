"""Pages with much on them stay within the budget of a slow phone: a record of five thousand entries, hundreds of looks
for an officer to read, an agent of two thousand people, full blocks."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sql
from msgspec.structs import replace

from medrec.core import codec
from medrec.node.account.staff import present
from medrec.node.keeping import store
from medrec.node.looks.looks import look
from medrec.node.notify import asking
from medrec.node.peers.peers import PeerError
from medrec.portal import words
from medrec.portal.own.entries import entries
from medrec.portal.own.record import series_handles
from medrec.portal.page import Area
from medrec.portal.people import handle
from medrec.portal.table import PAGES
from tests.portal.reading import links, read
from tests.portal.story import HOUR, Story, observation
from tests.portal.test_sign_in import csrf_of, visitor
from tests.portal.test_weight import PAGE_BYTES

RECORDS, PEOPLE, LOOKS, ASKED, PERMISSIONS, OF_PATIENT, REFUSED, LOOKED = 5_000, 2_000, 300, 120, 120, 600, 130, 10_000
KINDS = {"results": 3_000, "visits": 1_000, "problems": 400, "medicines": 600}


class Whose(NamedTuple):
    """What a record's manifest says of whose it is."""

    account: str


class Came(NamedTuple):
    """A record as it came from a place: somebody's, so that her agent was told of it."""

    type: str
    id: str
    entry: bytes
    content: bytes
    manifest: Whose = Whose("hers")


def record(number: int) -> Came:
    """One of five thousand: half of all measurements are one series, the others are a thousand things."""
    day = f"{2010 + number % 15}-{1 + number % 12:02}-{1 + number % 28:02}"
    letters = "".join(chr(97 + int(digit)) for digit in str(number // 2 % 1000))
    coded = {"text": "Pulse" if number % 2 and number < KINDS["results"] else f"A thing with a long name {letters}"}
    coded["coding"] = [{"system": "https://example.org/much", "code": coded["text"], "display": coded["text"]}]  # type: ignore[assignment]
    tree: dict[str, Any] = {"id": f"much-{number}", "subject": {"reference": "Patient/ada"}}
    if number < KINDS["results"]:
        tree |= {"resourceType": "Observation", "status": "final", "code": coded, "effectiveDateTime": day}
        tree |= {"valueQuantity": {"value": 60 + number % 41, "unit": "/min"}}
    elif number < KINDS["results"] + KINDS["visits"]:
        tree |= {"resourceType": "Encounter", "status": "finished", "type": [coded], "period": {"start": day}}
    elif number < RECORDS - KINDS["medicines"]:
        state = {"coding": [{"code": "active" if number % 3 else "resolved"}]}
        tree |= {"resourceType": "Condition", "code": coded, "onsetDateTime": day, "clinicalStatus": state}
    else:
        state_of = "active" if number % 3 else "stopped"
        tree |= {"resourceType": "MedicationRequest", "status": state_of, "intent": "order", "authoredOn": day}
        tree["medicationCodeableConcept"] = coded
    entry = codec.encode([1, number.to_bytes(16, "big")])
    return Came(tree["resourceType"], tree["id"], entry, json.dumps(tree).encode())


@pytest.fixture(scope="module")
def much(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A network where much has happened to one person."""
    story = Story(tmp_path_factory.mktemp("much"))
    network = story.network
    ada = story.person = network.patient("ada", "north", "south")  # type: ignore[attr-defined]
    guide: Any = network["guide"]
    north: Any = network["north"]
    guide.copies._note(ada.account, "north", "", [record(number) for number in range(RECORDS)])
    for number in range(PEOPLE):
        guide.agent.enroll(f"medrec1{number:020}", f"Person number {number}", number.to_bytes(32, "big"))
    for number in range(OF_PATIENT):
        north.put("Observation", f"o-{number}", observation(f"o-{number}", "ada", str(number)))
    for number in range(LOOKS):
        who = present(north, f"nurse-{number % 7}", f"Nurse Number {number % 7}")
        north.finder.look("ada", who, "TREAT", f"Looked in to see how she does, time {number}")
    for number in range(ASKED):
        code = asking.make(north, practitioner=f"Dr Number {number}", note="We meet on Monday.", kinds=["medicines"])
        asking.take(guide, ada.account, "north", code)
    for number in range(PERMISSIONS):
        network.consent(ada, "north", "south", types=("Condition",), until=network.time + (number + 1) * 24 * HOUR)
    story.settle()
    for number in range(REFUSED):
        with suppress(PeerError):
            story.ask(ada, f"Dr Number {number % 9}", f"Wants to see how she does, time {number}")
    story.settle()
    many_looks(guide, ada.account)
    yield story
    network.close()


def many_looks(guide: Any, account: str) -> None:
    """Ten thousand looks of other people at her record, each like one that there was."""
    guide.looks.catch_up()
    with guide.store.read() as connection:
        asked = sql.select(look).where(look.c.account == account, look.c.own.is_(False))
        model = connection.execute(asked.order_by(look.c.time.desc())).first()
    rows = [
        {**model._mapping, "pair": number.to_bytes(16, "big"), "time": model.time - number, "answer": ""}
        for number in range(1, LOOKED + 1)
    ]
    guide.store.write(lambda connection: connection.execute(sql.insert(look), rows))


def own(much: Story, page: str) -> str:
    """The address of a page of hers."""
    return f"/people/{handle(much.person.account)}{page}"  # type: ignore[attr-defined]


def addresses(much: Story) -> dict[str, list[str]]:
    """Where each of her pages stands, by name: of those with a number some that other pages lead to."""
    client, person = much.client("guide"), handle(much.person.account)  # type: ignore[attr-defined]
    pages = [page for page in PAGES if page.area is Area.PERSON and "GET" in page.methods and page.template]
    found = {page.name: [page.path.format(person=person)] for page in pages if page.path.count("{") == 1}
    get = cache(client.get)
    for _ in range(2):
        led = [link for paths in found.values() for path in paths for link in links(get(path).text)]
        for page in pages:
            if page.path.count("{") > 1:
                form = re.compile(re.sub(r"\\\{[a-z]+\\\}", "[^/?#]+", re.escape(page.path)))
                fit = sorted({link for link in led if form.fullmatch(link)})
                # The five thousand records have no lines of their own; what is on the ledger of her has.
                found[page.name] = list(islice((link for link in fit if get(link).status_code == 200), 4))
    return found


@pytest.fixture(scope="module")
def hers(much: Story) -> dict[str, list[str]]:
    """The addresses of her pages."""
    return addresses(much)


NOT_LED_TO = {"sign", "ward"}
"""What a form alone leads to, and whom somebody else has chosen: little stands there by its nature."""


@pytest.mark.parametrize("code", ["en", "ar"])
@pytest.mark.parametrize(
    "page", [one.name for one in PAGES if one.area is Area.PERSON and "GET" in one.methods and one.template]
)
def test_a_page_of_somebody_with_a_long_life_is_light(
    much: Story, hers: dict[str, list[str]], page: str, code: str
) -> None:
    """Also in a language whose letters take two bytes each."""
    client = much.client("guide")
    assert hers[page] or page in NOT_LED_TO, f"nothing leads to {page}"
    for path in hers[page]:
        answer = client.get(f"{path}?lang={code}")
        assert answer.status_code == 200 and f'lang="{code}"' in answer.text
        assert len(answer.content) < PAGE_BYTES, f"{path}: {len(answer.content):,}"


def test_fifteen_hundred_values_of_one_thing_are_light(much: Story) -> None:
    guide: Any = much.network["guide"]
    account = much.person.account  # type: ignore[attr-defined]
    found = [entry.series for entry in entries(guide, account, ("results",)) if entry.title == "Pulse"]
    assert len(found) == 1_500
    page = own(much, f"/record/series/{series_handles(guide, account)(found[0])}")
    html = read(much.client("guide"), page)
    assert "each point stands for" in html and html.count("<tr>") > 100
    assert len(html.encode()) < PAGE_BYTES, f"{len(html.encode()):,}"
    assert html != read(much.client("guide"), page + "?page=38")


@pytest.mark.parametrize("page", ["/people", "/office", "/office?all=1", "/given", "/records", "/ledger", "/"])
def test_a_page_of_a_place_with_much_to_do_is_light(much: Story, page: str) -> None:
    organisation = "guide" if page == "/people" else "north"
    html = read(much.client(organisation), page)
    assert len(html.encode()) < PAGE_BYTES, f"{page}: {len(html.encode()):,}"


def test_full_blocks_are_light(much: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of five hundred transactions says the first in words, and how many more there are."""
    engine: Any = much.network["north"].engine
    real = engine.blocks

    def full(*asked: Any) -> Any:
        return [
            replace(
                one, block=replace(one.block, transactions=one.block.transactions * 500), outcomes=one.outcomes * 500
            )
            for one in real(*asked)
            if one.block.transactions
        ]

    monkeypatch.setattr(engine, "blocks", full)
    html = read(much.client("north"), "/ledger")
    assert "more" in html and len(html.encode()) < PAGE_BYTES, f"{len(html.encode()):,}"


def test_all_records_of_one_patient_can_be_read_page_by_page(much: Story) -> None:
    """Each page is the same look: leafing on writes no other."""
    client = visitor(much, "north", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    token = csrf_of(client.get("/records").text)
    asked = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning", "csrf": token}
    html = client.post("/records", data=asked).text
    looked = len(much.network["north"].rows(store.line))
    seen = set(re.findall(r"Record <bdi>(o-\d+)</bdi>", html))
    while found := re.search(r'action="(\?page=\d+)">(?:(?!</form>).)*Older', html, re.DOTALL):
        assert len(html.encode()) < PAGE_BYTES, f"{len(html.encode()):,}"
        html = client.post("/records" + found[1], data=asked | {"act": "page"}).text
        seen |= set(re.findall(r"Record <bdi>(o-\d+)</bdi>", html))
    assert len(seen) == OF_PATIENT and len(much.network["north"].rows(store.line)) == looked


def test_a_later_page_does_not_say_that_there_is_nothing(much: Story) -> None:
    """What is in force, or waits, stands first: a last page without any does not say that there is none."""
    guide: Any = much.network["guide"]
    account = much.person.account  # type: ignore[attr-defined]
    for one in asking.waiting(guide, account)[:100]:
        asking.keep_answer(guide, account, one.id, "no")
    much.network.time += 24 * HOUR * 100
    for page, nothing in (("/requests", words.ASKED["none"]), ("/sharing", words.SHARING["none"])):
        last = read(much.client("guide"), own(much, page) + "?page=6")
        assert words.ASKED["over"] in last or words.SHARING["over"] in last
        assert nothing not in last
