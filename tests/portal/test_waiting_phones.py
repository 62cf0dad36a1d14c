"""New keys that wait of which nobody has said whose they are: how many, under which id, and who gives way."""

from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core.credential import NewEd25519
from medrec.node.account import returning, staff
from medrec.node.keeping.keys import PersonKey
from medrec.node.peers.proxied import limited
from medrec.portal.sign_in import to_text
from tests.portal.story import Story
from tests.portal.test_sign_in import Person, guide_key, staff_key, visitor
from tests.portal.test_sign_in import ada as ada


def test_the_oldest_key_that_nobody_claims_gives_way(
    empty: Story, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returning, "UNSAID_MAX", 2)
    guide: Any = empty.network["guide"]
    for name in (b"one", b"two", b"three"):
        empty.network.time += 1
        returning.begin(guide, NewEd25519(PersonKey.from_seed(name.ljust(32)).public), name, "phone")
    found = [returning.by_passkey(guide, name) is not None for name in (b"one", b"two", b"three")]
    assert found == [False, True, True]
    # Whose page is asked for gives way after the others.
    two, three = returning.by_passkey(guide, b"two"), returning.by_passkey(guide, b"three")
    assert two is not None and three is not None
    returning.saw(guide, two)
    returning.begin(guide, three.credential, b"four", "phone")
    found = [returning.by_passkey(guide, name) is not None for name in (b"two", b"three", b"four")]
    assert found == [True, False, True]


def test_whoever_fills_the_room_for_new_phones_pushes_out_nobody_but_himself(
    empty: Story, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returning, "UNSAID_MAX", 20)
    guide: Any = empty.network["guide"]
    key = NewEd25519(PersonKey.from_seed(b"a phone".ljust(32)).public)

    def begin(name: bytes, origin: str) -> returning.Case:
        empty.network.time += 1
        return returning.begin(guide, key, name, "phone", origin=limited(origin))

    begin(b"hers", "198.51.100.7")
    ward = [begin(b"ward %d" % number, "198.51.100.9") for number in range(5)]
    # One customer with many names of IPv6, who asks for each of his pages.
    for number in range(60):
        returning.saw(guide, begin(b"flood %d" % number, f"2001:db8:0:{number:x}::1"))
    late = begin(b"late", "203.0.113.5")
    for name in (b"hers", b"late", *(b"ward %d" % number for number in range(5))):
        assert returning.by_passkey(guide, name) is not None, name
    # Begun again it comes from where it came from.
    assert returning.origin(guide, late) == "203.0.113.5" and len(ward) == 5
    with guide.store.read() as connection:
        assert connection.execute(sql.select(sql.func.count()).select_from(returning.new_phone)).scalar() == 20


def test_a_key_stands_under_the_id_that_it_was_made_with_and_no_other(empty: Story) -> None:
    node: Any = empty.network["north"]
    _, code = staff.invite(node, "Nora", "desk")
    sent = {"code": code.hex(), "id": to_text(b"another"), "authenticatorData": to_text(staff_key().registration())}
    assert visitor(empty, "north").post("/sign-in/register", json=sent).json()["code"] == "key-unfit"
    data = to_text(guide_key("new").registration(b"hers"))
    for credential_id in (b"another", b""):
        body = {"name": "Nora", "label": "x", "id": to_text(credential_id), "authenticatorData": data}
        assert visitor(empty).post("/join", json=body).json()["code"] == "key-unfit"
    body = {"name": "Nora", "label": "x", "id": to_text(b"hers"), "authenticatorData": data}
    assert visitor(empty).post("/join", json=body).status_code == 200


def test_a_whole_ward_joins_from_one_address(empty: Story) -> None:
    for number in range(25):
        key = guide_key(f"patient {number}")
        body = {
            "name": "Nora",
            "label": "x",
            "id": to_text(key.public),
            "authenticatorData": to_text(key.registration()),
        }
        assert visitor(empty).post("/join", json=body).status_code == 200, number
