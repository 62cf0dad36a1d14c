"""What happens between the parts of one release: between two pages, a ticket and its page, a declaration and the look,
the decision and the sending. Whoever may not ask any more, or whose key was replaced, gets nothing from then on.
"""

from collections.abc import Callable
from typing import Any

import pytest

from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access
from medrec.node.release.practitioners import Practitioner
from medrec.node.release.receive import request_records
from medrec.node.release.views import view_at
from tests.node.network import Network, Patient
from tests.node.test_emergency import TEXT, declare
from tests.node.test_gate import codes, written
from tests.node.test_gate import network as network


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PAGE_RECORDS", 1)


@pytest.fixture
def ada(network: Network) -> Patient:
    person = network.patient("ada", "north")
    network.consent(person, "north", "south")
    return person


def ask(network: Network, person: Patient, doctor: Practitioner, **wanted: Any) -> Any:
    parts: dict[str, Any] = {"practitioner": doctor, "reason": "visit of today", **wanted}
    return request_records(network["south"], "north", person.account, **parts)  # type: ignore[arg-type]


def suspend(network: Network) -> None:
    network.vote({"change": "suspend", "id": "south"})


def rotate(network: Network) -> None:
    network.rotate("south")


BETWEEN = [(suspend, "requester-suspended"), (rotate, "credential-key-retired")]
ENDS = pytest.mark.parametrize(("end", "code"), BETWEEN, ids=["suspended", "rotated"])


@ENDS
def test_between_two_pages(network: Network, ada: Patient, end: Callable[[Network], None], code: str) -> None:
    doctor = network["south"].doctor()
    first = ask(network, ada, doctor)
    assert len(first.records) == 1 and first.more
    end(network)
    with pytest.raises(PeerError) as caught:
        ask(network, ada, doctor, after=first.more)
    assert caught.value.code == code
    assert codes(network["north"]) == [code] and len(written(network["north"], "disclosure/1")) == 1


@ENDS
def test_between_a_ticket_and_its_page(
    network: Network, ada: Patient, end: Callable[[Network], None], code: str
) -> None:
    north, doctor = network["north"], network["south"].doctor()
    address = view_at(network["south"], "north", ada.account, practitioner=doctor, reason="visit of today")  # type: ignore[arg-type]
    end(network)
    with pytest.raises(Refusal) as caught:
        north.views.open(address.rpartition("/")[2])
    assert caught.value.code == code
    assert codes(north) == [code] and written(north, "disclosure/1") == []
    # The ticket is used up: it opens nothing either when the organisation is let in again.
    with pytest.raises(Refusal) as caught:
        north.views.open(address.rpartition("/")[2])
    assert caught.value.reason is Code.TICKET_UNKNOWN


@ENDS
def test_between_an_emergency_and_the_look(
    network: Network, ada: Patient, end: Callable[[Network], None], code: str
) -> None:
    doctor = network["south"].doctor()
    declare(network, ada.account, doctor)
    assert ask(network, ada, doctor, purpose="BTG", reason=TEXT)
    end(network)
    with pytest.raises(PeerError) as caught:
        ask(network, ada, doctor, purpose="BTG", reason=TEXT)
    assert caught.value.code == code and codes(network["north"]) == [code]


@ENDS
@pytest.mark.parametrize("step", ["recheck", "read", "compare"])
def test_between_the_decision_and_the_sending(
    network: Network, ada: Patient, end: Callable[[Network], None], code: str, step: str
) -> None:
    """A source may take minutes to read a record; what was stolen with the former key must not come out of it."""
    north, doctor = network["north"], network["south"].doctor()
    north.gate.step = lambda name: end(network) if name == step else None
    with pytest.raises(PeerError) as caught:
        ask(network, ada, doctor)
    assert caught.value.code == code
    (disclosure,), (refusal,) = written(north, "disclosure/1"), written(north, "refusal/1")
    assert (refusal.code, refusal.obligation) == (code, disclosure.obligation)


def test_with_the_new_key_it_goes_on_where_it_was(network: Network, ada: Patient) -> None:
    first = ask(network, ada, network["south"].doctor())
    rotate(network)
    rest = ask(network, ada, network["south"].doctor(), after=first.more)
    assert len(rest.records) == 1 and not rest.more
    assert rest.records[0].type != first.records[0].type
