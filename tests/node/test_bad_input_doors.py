"""The table of bad input: at each of the three doors it ends in a code, a line that has it, and nothing released."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.node.keeping import store
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access
from medrec.node.release.access import RELEASE_PATH
from medrec.node.release.labels import Labels
from medrec.node.release.referrals import REFERRAL_PATH, referral_taken
from medrec.node.release.views import VIEW_PATH, view_at
from tests.fhir.asking import consent
from tests.node.network import HOUR, Network, Patient
from tests.node.test_app import Letter
from tests.node.test_bad_input import NOBODY_KNOWS, UNREADABLE
from tests.node.test_bad_input import ada as ada
from tests.node.test_bad_input import network as network
from tests.node.test_denials import pulled, pushed, viewed
from tests.node.test_gate import codes, direct, get, refused, release, written
from tests.node.test_refused_calls import lines
from tests.node.wire import Wire

PRCP = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}]}
DOORS = {"pull": RELEASE_PATH, "view": VIEW_PATH, "push": REFERRAL_PATH}


# --- what a consent, or the place itself, brings ------------------------------------------------------------------


def _contrary(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    network.consent(ada, "north", "south", effect="deny")


def _with(text: str) -> Callable[[Network, Patient], None]:
    """A consent beside one that opens everything."""

    def prepare(network: Network, ada: Patient) -> None:
        network.consent(ada, "north", "south")
        network.fhir_consent(ada, "north", text)

    return prepare


def _denied(**parts: Any) -> Callable[[Network, Patient], None]:
    return _with(consent("deny", **parts))


def _somebody(reference: dict[str, Any]) -> Callable[[Network, Patient], None]:
    return _denied(actor=[{"role": PRCP, "reference": reference}])


def _rules(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    network["north"].labels = Labels([b'{"rules": 1}'])


TABLE: dict[str, tuple[Callable[[Network, Patient], None], str]] = {
    "consents that contradict each other at one instant": (_contrary, "denied"),
    **{name: (_with(text), "consent-broken") for name, text in UNREADABLE.items()},
    **{f"{name} that nobody knows": (_denied(**parts), "codes-unknown") for name, parts in NOBODY_KNOWS.items()},
    "a group that nobody can look up": (_somebody({"reference": "Group/nobody"}), "actor-unresolved"),
    "a team on another server": (_somebody({"reference": "https://x.example/CareTeam/t"}), "actor-unresolved"),
    "a number that nobody bears": (_somebody({"identifier": {"system": "urn:x", "value": "1"}}), "actor-unresolved"),
    "rules of labels that do not parse": (_rules, "rules-unreadable"),
}


@pytest.mark.parametrize(("prepare", "code"), TABLE.values(), ids=list(TABLE))
def test_each_door_refuses_with_a_code_and_a_line(
    network: Network, ada: Patient, prepare: Callable[[Network, Patient], None], code: str
) -> None:
    prepare(network, ada)
    assert pulled(network, ada) == viewed(network, ada) == pushed(network, ada) == []
    assert codes(network["north"]) == [code] * 3
    assert [line.request.door for line in written(network["north"], "refusal/1")] == list(DOORS)
    assert written(network["north"], "disclosure/1") == [] == network["south"].rows(referral_taken)


def test_each_door_is_open_without_any_of_it(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    assert pulled(network, ada) and viewed(network, ada) and pushed(network, ada)


# --- what ends on the way -----------------------------------------------------------------------------------------


@pytest.fixture
def ends(network: Network, ada: Patient) -> Network:
    """A permission that ends in a minute."""
    network.consent(ada, "north", "south", until=network.time + 60_000)
    return network


def _over(network: Network) -> None:
    network["north"].anchor()
    network.time += 60_000


def test_a_permission_that_ends_between_two_pages(ends: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PAGE_RECORDS", 1)
    first = get(ends, ada.account)
    _over(ends)
    assert refused(ends, ada.account, after=first.more).code == "not-permitted"
    assert codes(ends["north"]) == ["no-consent"] and len(written(ends["north"], "disclosure/1")) == 1


def test_a_permission_that_ends_between_the_address_and_the_page(ends: Network, ada: Patient) -> None:
    south = ends["south"]
    address = view_at(south, "north", ada.account, practitioner=south.doctor(), reason="visit")  # type: ignore[arg-type]
    _over(ends)
    with pytest.raises(Refusal) as caught:
        ends["north"].views.open(address.rpartition("/")[2])
    assert caught.value.code == "not-permitted"
    assert codes(ends["north"]) == ["no-consent"] and written(ends["north"], "disclosure/1") == []


def test_a_permission_that_ends_before_the_referral_is_delivered(ends: Network, ada: Patient) -> None:
    north = ends["north"]
    north.referrals.refer(ada.account, "south", practitioner=north.doctor("Dr North"), reason="please see")
    _over(ends)
    north.referrals.step(ends.time)
    assert codes(north) == ["no-consent"] and [taken.records for taken in ends["south"].referrals.taken()] == []


# --- what the signature of a request brings -----------------------------------------------------------------------


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = Wire(tmp_path)
    made.serve("south")
    yield made
    made.close()


def _suspended(wire: Wire) -> Callable[[str], Letter]:
    assert wire.nodes["south"].directory.find("north") is not None
    wire.suspend("north")
    return lambda path: Letter(wire, path)


def _an_hour_ago(wire: Wire) -> Callable[[str], Letter]:
    """The key was replaced an hour ago; whoever has the old one signs with it."""
    assert wire.nodes["south"].directory.find("north") is not None
    old = wire.keys["north"]
    wire.rotate("north", bytes([9]) * 32)
    wire.clock.now += HOUR
    wire.keys["north"] = old
    return lambda path: Letter(wire, path)


def _replayed(wire: Wire) -> Callable[[str], Letter]:
    def sent(path: str) -> Letter:
        letter = Letter(wire, path)
        assert letter.send().status_code == 400
        return letter

    return sent


def _off(minutes: int) -> Callable[[Wire], Callable[[str], Letter]]:
    return lambda wire: lambda path: Letter(wire, path, at=wire.clock.now + minutes * 60_000)


SIGNED: dict[str, tuple[Callable[[Wire], Callable[[str], Letter]], tuple[int, str]]] = {
    "a suspended organisation": (_suspended, (403, "organisation-suspended")),
    "a key that was replaced an hour ago": (_an_hour_ago, (401, "key-retired")),
    "one that was sent before": (_replayed, (401, "signature-replayed")),
    "a clock ten minutes ahead": (_off(10), (401, "signature-stale")),
    "a clock ten minutes behind": (_off(-10), (401, "signature-stale")),
}


@pytest.mark.parametrize(("prepare", "told"), SIGNED.values(), ids=list(SIGNED))
def test_each_door_refuses_the_signature_and_has_a_line(
    wire: Wire, prepare: Callable[[Wire], Callable[[str], Letter]], told: tuple[int, str]
) -> None:
    signed = prepare(wire)
    assert [signed(path).told() for path in DOORS.values()] == [told] * len(DOORS)
    assert [(line.caller, line.code, line.path) for line in lines(wire)] == [
        ("north", told[1], path) for path in DOORS.values()
    ]
    south = wire.nodes["south"]
    with south.store.read() as connection:
        kinds = set(connection.execute(sql.select(store.line.c.kind)).scalars())
        assert kinds == {"call-refused/1"}
        assert not connection.execute(sql.select(referral_taken)).all()


def test_a_request_that_was_answered_is_refused_at_each_door(network: Network, ada: Patient) -> None:
    """The same request under a new signature of the organisation."""
    network.consent(ada, "north", "south")
    north, doctor = network["north"], network["south"].doctor()
    for door in ("pull", "view"):
        request = doctor.request(secrets.token_bytes(16), "TREAT", "visit", door=door)
        ask = doctor.ask(network.id, "north", ada.account, network.time + 60_000, request)
        release(network, ask)
        assert direct(network, ask) is Code.REQUEST_REPLAYED
    (parcel,) = pushed_twice(network, ada)
    assert codes(north) == ["request-replayed"] * 2
    assert len(written(north, "disclosure/1")) == 3 and parcel


def pushed_twice(network: Network, ada: Patient) -> list[bytes]:
    """What is pushed is kept once, however often it comes."""
    north, south, sent = network["north"], network["south"], list[bytes]()
    north.referrals.refer(ada.account, "south", practitioner=north.doctor("Dr North"), reason="please see")
    call = north.peers.call
    north.peers.call = lambda to, path, body: (sent.append(body), call(to, path, body))[1]  # type: ignore[method-assign]
    north.referrals.step(network.time)
    call("south", REFERRAL_PATH, sent[0])
    assert len(south.referrals.taken()) == 1
    assert len(written(south, "disclosure-received/1")) == 1
    return sent
