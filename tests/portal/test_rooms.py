"""What visits leave in memory and in tables: nobody fills a room for others, and strangers leave next to nothing."""

import ast
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from hypothesis import given
from hypothesis import strategies as st

from medrec.node.keeping.store import metadata
from medrec.portal import session, signing
from medrec.portal.own import acts
from medrec.portal.room import Room
from medrec.portal.session import Session, Sessions, Who
from medrec.portal.sign_in import to_text
from tests.portal.rescue import Holder, authenticator
from tests.portal.test_share import at_phone, page
from tests.portal.test_share import help_ as help_
from tests.portal.test_share import told as told
from tests.portal.test_sign_in import csrf_of, visitor

SOURCE = Path(signing.__file__).parent
KEPT = {
    "app.py Site self.routes": "one for each route, put there as the pages are made",
    "asking.py Asking self._answers": "one for each place that is asked, and the question lies in a room",
    "desk_vouch.py Waiting self._open": "one for each linked patient, and a key of the staff signed it",
    "own/acts.py Acts self._lent": "one for each invented person of a demonstration",
    "own/entries.py _Remembered self._entries": "what is read anew when it is gone",
    "sent.py Sent self._running": "forms that are being done at this moment",
    "sign_in.py Challenges self._used": "challenges that a known key signed, for two minutes",
}
"""What lasts as long as the process and is no Room, and what bounds it."""
OF_ONE_VISIT = ("refused.py", "room.py", "words/texts.py")


def containers(source: Path) -> set[str]:
    """Every attribute, and every name of a module, that begins as an empty container."""
    found = set()
    for file in sorted(source.rglob("*.py")):
        name, tree = file.relative_to(source).as_posix(), ast.parse(file.read_text(encoding="utf-8"))
        places = [("", node) for node in tree.body]
        places += [
            (f"{one.name} ", node) for one in ast.walk(tree) if isinstance(one, ast.ClassDef) for node in ast.walk(one)
        ]
        for of, node in places:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _begins_empty(node.value):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if not of or isinstance(target, ast.Attribute):
                    found.add(f"{name} {of}{ast.unparse(target)}")
    return found


def _begins_empty(value: ast.expr) -> bool:
    if isinstance(value, ast.Dict | ast.List | ast.Set):
        return not getattr(value, "keys", getattr(value, "elts", ()))
    made = value.func if isinstance(value, ast.Call) and not value.args else None
    return isinstance(made, ast.Name) and made.id in {"dict", "set", "list", "OrderedDict", "defaultdict", "deque"}


def test_whatever_visits_leave_in_memory_lies_in_a_room_or_is_bounded_otherwise(tmp_path: Path) -> None:
    found = {one for one in containers(SOURCE) if not one.startswith(OF_ONE_VISIT)}
    assert found == set(KEPT)
    (tmp_path / "new.py").write_text("class A:\n    def __init__(self):\n        self._open: dict[str, int] = {}\n")
    assert containers(tmp_path) == {"new.py A self._open"}


Step = tuple[str, int]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3))), st.integers(1, 4), st.integers(4, 8))
def test_whoever_has_less_than_her_share_loses_nothing(steps: list[Step], each: int, everybody: int) -> None:
    """The law of rooms, where four owners put things at random: there are never too many, and a thing whose owner never
    had more than a fourth of the room is there."""
    room: Room[int] = Room(each, everybody)
    most, mine = dict.fromkeys("abcd", 0), {owner: [] for owner in "abcd"}
    for number, (owner, _) in enumerate(steps):
        room.put(str(number), number, owner, 10, 0)
        mine[owner].append(number)
        held = {one: list(room.of(one, 0).values()) for one in "abcd"}
        assert sum(map(len, held.values())) <= everybody and all(len(one) <= each for one in held.values())
        assert number in held[owner]
        for one, things in held.items():
            most[one] = len(mine[one])
            if most[one] <= min(each, everybody // 4):
                assert things == mine[one]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(1, 9)), max_size=40))
def test_a_thing_is_here_until_it_is_over_taken_or_gives_way(steps: list[tuple[str, int, int]]) -> None:
    room: Room[int] = Room(3, 4)
    for now, (what, name, life) in enumerate(steps):
        if what == "a":
            room.put(str(name), now, "owner", now + life, now)
            assert room.get(str(name), now) == now
            assert room.get(str(name), now + life) is None
        else:
            before = room.get(str(name), now)
            assert room.take(str(name), now) == before and room.get(str(name), now) is None


def test_one_site_with_many_names_pushes_out_itself() -> None:
    room: Room[int] = Room(20, 50)
    room.put("hers", 1, "198.51.100.7", 10, 0)
    for number in range(500):
        room.put(f"his {number}", number, f"2001:db8:0:{number:x}::/64", 10, 0, "2001:db8::/48")
    assert room.get("hers", 0) == 1 and room.get("his 499", 0) == 499
    # What is over makes room first.
    room.put("late", 2, "203.0.113.5", 30, 20)
    assert room.get("his 499", 0) is None and room.get("late", 20) == 2


def rows(node: Any) -> dict[str, int]:
    with node.store.read() as connection:
        count = sql.func.count()
        return {
            one.name: connection.execute(sql.select(count).select_from(one)).scalar() for one in metadata.sorted_tables
        }


def test_strangers_leave_nothing_but_a_key_that_waits(told: Any) -> None:
    """Every address of the site that takes a POST, sent what a stranger can make: of all tables one grows, which has
    its own rule of who gives way (returning.py), and whoever is signed in goes on."""
    ada = at_phone(told)
    node, before, stranger = told.guide, rows(told.guide), visitor(told.story)
    posts = {route.path for route in stranger.app.routes if "POST" in (getattr(route, "methods", None) or ())}
    assert {"/join", "/coming-back/begin", "/sign-in/challenge", "/signing/act"} <= posts
    for number in range(3):
        key = authenticator(f"thief {number}")
        made = {"id": to_text(b"%016d" % number), "authenticatorData": to_text(key.registration(b"%016d" % number))}
        body = {"name": "X", "label": "", "code": "00" * 16, "nonce": "AA", "ticket": "AA", "recipient": "X", **made}
        for path in sorted(posts):
            address = path.replace("{person}", page(told.ada).split("/")[-1]).replace("{link}", "x" * 43)
            stranger.post(address, json=body)
            stranger.post(address, data={"csrf": "", "do": "ask"})
    after = rows(node)
    assert {name for name, count in after.items() if count != before[name]} == {"new_phone"}
    assert after["new_phone"] - before["new_phone"] == 3
    assert ada.does(page(told.ada) + "/keys", do="freeze").status_code == 303


def test_however_many_begin_to_join_a_person_signs(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "TICKETS_MAX", 2)
    told_ada, stranger = at_phone(told), visitor(told.story)
    key = authenticator("thief")
    body = {"name": "X", "label": "", "id": to_text(b"t" * 16)}
    body["authenticatorData"] = to_text(key.registration(b"t" * 16))
    sent = told_ada.send(page(told.ada) + "/keys", do="freeze")
    tickets = [stranger.post("/join", json=body).json()["to"].split("#")[1] for _ in range(40)]
    assert told_ada.confirm(sent).status_code == 303
    # Each of them can be signed still, once.
    holder = Holder(told.story, key, b"t" * 16)
    assert holder.signs(tickets[0]).status_code == 303
    assert stranger.post("/signing/act", json={"ticket": tickets[0]}).json()["code"] == "challenge-over"
    changed = tickets[1][:-8] + ("A" * 8 if tickets[1][-8:] != "A" * 8 else "B" * 8)
    for wrong in (changed, tickets[1] + "AAAA", tickets[1][4:], ""):
        assert stranger.post("/signing/act", json={"ticket": wrong}).json()["code"] == "challenge-over"
    told.network.time += signing.LIFE_MS
    assert stranger.post("/signing/act", json={"ticket": tickets[1]}).json()["code"] == "challenge-over"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms that a test can fill: less than what one key may have is left for all the others."""
    for module, all_, each in (
        (acts, "ACTS_MAX", "ACTS_OF_A_KEY_MAX"),
        (signing, "TICKETS_MAX", "TICKETS_OF_A_KEY_MAX"),
    ):
        monkeypatch.setattr(module, all_, 8)
        monkeypatch.setattr(module, each, 6)


def test_one_who_is_signed_in_fills_no_room_for_others(told: Any, small: None) -> None:
    ada, thief = at_phone(told), at_phone(told, told.bo)
    sent = ada.send(page(told.ada) + "/keys", do="freeze")
    ticket = ada.get(sent.headers["location"]).headers["location"].split("#")[1]
    mine, begun = page(told.bo) + "/settings", []
    csrf = csrf_of(thief.get(mine).text)
    for number in range(20):
        answer = thief.client.post(mine, data={"csrf": csrf, "pace": "quiet", "email": f"a{number}@example.org"})
        assert answer.status_code == 303
        begun.append(answer.headers["location"])
        assert thief.get(begun[-1]).status_code == 303
    # Her own oldest act gave way, and nobody else's.
    assert thief.get(begun[0]).status_code == 404 and thief.get(begun[-1]).status_code == 303
    assert ada.client.post("/signing/act", json={"ticket": ticket}).status_code == 200
    assert ada.confirm(sent).status_code == 303


def test_one_act_has_one_ticket(told: Any, small: None) -> None:
    ada = at_phone(told)
    sent = ada.send(page(told.ada) + "/keys", do="freeze")
    opened = {ada.get(sent.headers["location"]).headers["location"] for _ in range(40)}
    assert len(opened) == 1
    assert ada.signs(opened.pop().split("#")[1]).status_code == 303
    assert ada.get(sent.headers["location"]).status_code in (303, 404)


def test_new_keys_of_one_site_end_no_session_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SESSIONS_MAX", 30)
    numbers = iter(range(10**6))
    open_ = Sessions(lambda count: next(numbers).to_bytes(count, "big"))
    hers = open_.open(Session(Who.PATIENT, "Ada", account="ada"), 0)
    phone = open_.open(Session(Who.RETURNING, "phone", case=b"hers"), 0, "198.51.100.7")
    for number in range(200):
        open_.open(Session(Who.RETURNING, "x", case=b"%d" % number), 0, "2001:db8::/48")
    assert open_.find(hers, 1) is not None and open_.find(phone, 1) is not None
    assert open_.find(hers, session.IDLE_MS + 1) is not None
    assert open_.find(hers, 3 * session.IDLE_MS) is None
