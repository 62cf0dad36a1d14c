"""His identifiers in every field that a page reads, in its form and in its query: nothing of his comes out.

No list of fields is kept: what a page asks its form for is answered, whatever it is called, so that a field which is
added tomorrow is asked about as well. Those that were asked for are then sent by themselves, as a browser sends them.
"""

import inspect
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from medrec import portal
from medrec.portal.app import Site, pages
from medrec.portal.page import File, Reader, Role
from medrec.portal.people import handle
from medrec.portal.sent import COPY
from medrec.portal.session import PEOPLE, STAFF, Session, Who
from medrec.portal.table import FILES, PAGES, Page
from tests.access.staff import clean, may_see
from tests.access.test_matrix import identifiers, roles, things_in
from tests.access.world import World

TEMPLATES = sorted((Path(portal.__file__).parent / "templates").rglob("*.html"))
DEEDS = sorted(
    {
        found
        for one in TEMPLATES
        for found in re.findall(r'name="do" value="([a-z-]+)"|act\("([a-z-]+)"', one.read_text())
    }
)
"""What the buttons of all pages say that is to be done."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("fields"))
    yield made
    made.network.close()


class Naming(Mapping[str, str]):
    """A form or query whose every field names him, whatever it is called; `asked` gathers what it was asked for."""

    def __init__(self, his: str, asked: set[str], **fixed: str) -> None:
        self._his = his
        self._asked = asked
        self._fixed = fixed

    def __getitem__(self, name: str) -> str:
        if self._his not in name:
            self._asked.add(name)
        return self._fixed.get(name, self._his)

    def __contains__(self, name: object) -> bool:
        # Each is sent as a form that was never sent before.
        return name != COPY

    def __iter__(self) -> Iterator[str]:
        # Fields that are called by what they are about, one for each place or right.
        return iter(["csrf", *self._fixed, f"place-{self._his}", f"from-{self._his}", f"right_{self._his}"])

    def __len__(self) -> int:
        return 4 + len(self._fixed)


def deeds(page: Page) -> list[str]:
    """What may be done on a page, as far as its code names it; "" for nothing in particular."""
    source = inspect.getsource(inspect.getmodule(page.show) or portal)
    every = {name for pair in DEEDS for name in pair if name}
    return ["", *sorted(every & set(re.findall(r'"([a-z-]+)"', source)))]


def readers(world: World, page: Page) -> dict[str, Session | None]:
    """Who is shown a page: people, and the staff of the place, who may see what the table of theirs says."""
    if page.reader is Reader.EVERYBODY:
        return roles(world)
    return {name: one for name, one in roles(world).items() if one is not None and one.who in (page.who or STAFF)}


def address(world: World, page: Page, his: str) -> str:
    """Her own page, with something of his in every other place of its address."""
    own = page.path.replace("{person}", handle(world.eve.account))
    return re.sub(r"{\w+(:\w+)?}", lambda found: his, own)


def told(answer: Any, his: str, may: tuple[bytes, ...] = ()) -> bool:
    """Whether an answer is clean but for what was sent, which comes back in a form that is filled in again."""
    shown, where = answer.content, answer.headers.get("location", "")
    for sent in {his, quote(his, ""), quote(his)}:
        shown, where = shown.replace(sent.encode(), b""), where.replace(sent, "")
    return clean(shown, may) and clean(where.encode(), may)


def ask_in_every_field(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch, organisation: str = "guide"
) -> set[str]:
    """Fails where something of his comes out; the fields that the page asked for."""
    node: Any = world.network[organisation]
    client = TestClient(pages(node), raise_server_exceptions=False)
    asked: set[str] = set()
    visit = Site._visit
    every = [*identifiers(world), *things_in(world, page.path)]
    there = page.role is Role.ANY or (page.role is Role.AGENT) == (node.agent is not None)
    if not there:
        # A node that has no such page says so to everybody, before it reads what was sent: once for each reader.
        every = every[:1]
    for (name, session), his in itertools.product(readers(world, page).items(), every):
        where = address(world, page, his)
        monkeypatch.setattr(Site, "session_of", lambda self, request, session=session: session)
        for method in page.methods:
            for do in deeds(page) if method == "POST" and there else [""]:
                fields = Naming(his, asked, do=do) if do else Naming(his, asked)

                def filled(self: Site, request: Any, form: Any, fields: Any = fields, **more: Any) -> Any:
                    made = visit(self, request, form, **more)
                    return made._replace(query=fields, form=fields if form else form)

                monkeypatch.setattr(Site, "_visit", filled)
                data = {"csrf": "c"} if method == "POST" else None
                answer = client.request(method, where, data=data, follow_redirects=False)
                assert told(answer, his, may_see(organisation, session, page.name)), (name, method, where, do)
                assert there or answer.status_code == 404, (name, method, where)
        monkeypatch.setattr(Site, "_visit", visit)
    # What stands around the page that says so reads the token and what was done.
    assert there or asked <= {"csrf", "done"}, (page.name, asked)
    return asked


def ask_one_by_one(world: World, page: Page, asked: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these fields alone, sent over HTTP, by Eve: what one field brings about another may keep back."""
    client = TestClient(pages(world.network["guide"]), raise_server_exceptions=False)  # type: ignore[arg-type]
    session = Session(PEOPLE[0], "Eve", account=world.eve.account, csrf="c")
    monkeypatch.setattr(Site, "session_of", lambda self, request: session)
    his_own = [handle(world.his.account), world.his.account, "rec-of-z"]
    for method, name, his in itertools.product(page.methods, sorted(asked - {"csrf", "do"}), his_own):
        where = address(world, page, his)
        sent = {"data": {name: his, "csrf": "c"}} if method == "POST" else {"params": {name: his}}
        answer = client.request(method, where, follow_redirects=False, **sent)  # type: ignore[arg-type]
        assert told(answer, his), (method, where, name)


@pytest.mark.parametrize("page", [*PAGES, *FILES], ids=lambda page: page.name)
def test_no_field_of_a_page_tells_of_another_person(world: World, page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ask_in_every_field(world, page, monkeypatch)
    if page.reader is Reader.EVERYBODY or any(who in PEOPLE for who in page.who):
        ask_one_by_one(world, page, asked, monkeypatch)


@pytest.mark.parametrize(
    "page", [one for one in (*PAGES, *FILES) if set(one.who or STAFF) & set(STAFF)], ids=lambda page: page.name
)
def test_no_field_tells_the_staff_of_the_place_that_has_his_records_more_than_they_may_see(
    world: World, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_in_every_field(world, page, monkeypatch, "north")


@pytest.mark.parametrize("who", STAFF)
@pytest.mark.parametrize(("organisation", "role"), [("north", Role.RECORDS), ("guide", Role.AGENT)])
def test_a_field_that_shows_him_to_the_staff_is_found(
    world: World, organisation: str, role: Role, who: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(node: Any, visit: Any) -> File:
        return File(b"QUIVERING" if "rec-of-z" in visit.query.get("any", "") else b"", "text/plain", "peek.txt")

    planted = Page("/peek", "peek", show, "", role, who=(who,))
    monkeypatch.setattr("medrec.portal.app.FILES", (*FILES, planted))
    with pytest.raises(AssertionError, match="peek"):
        ask_in_every_field(world, planted, monkeypatch, organisation)


def test_the_fields_of_a_form_are_found_and_so_is_what_may_be_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = {page.name: page for page in PAGES}
    asked = ask_in_every_field(world, by_name["writing"], monkeypatch)
    assert {"text", "type", "id"} <= asked, asked
    assert {"freeze", "remove"} <= set(deeds(by_name["keys"])) and "undo" in deeds(by_name["linking"])


@pytest.mark.parametrize("field", ["record", "brand-new"])
def test_a_field_that_names_his_record_and_shows_it_is_found(
    world: World, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a page as somebody might write it tomorrow."""

    def peek(node: Any, visit: Any) -> Any:
        wanted = visit.form.get(field, "") or visit.query.get(field, "")
        return File(b"QUIVERING" if "rec-of-z" in wanted else b"", "text/plain", "peek.txt")

    planted = next(page for page in PAGES if page.name == "mistakes")._replace(show=peek)
    monkeypatch.setattr("medrec.portal.app.PAGES", tuple(planted if one.name == "mistakes" else one for one in PAGES))
    with pytest.raises(AssertionError, match="corrections"):
        ask_in_every_field(world, planted, monkeypatch)
