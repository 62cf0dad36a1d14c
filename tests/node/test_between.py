"""What happens between the parts of one release: between two pages, a ticket and its page, a declaration and the look,
the decision and the sending. Whoever may not ask any more, or whose key was replaced, gets nothing from then on.
"""

from collections.abc import Callable
from typing import Any

import pytest

from medrec.core.manifests.practitioner import LIFE_MS_MAX
from medrec.node.peers.peers import Fault, PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access
from medrec.node.release.practitioners import OTHER, Practitioner
from medrec.node.release.receive import request_records
from medrec.node.release.views import view_at
from tests.node.network import Network, Patient
from tests.node.test_doors import refer, status
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


def dismiss(network: Network) -> None:
    network["north"].practitioners.dismiss("dr-north")


def another_role(network: Network) -> None:
    network["north"].practitioners.enter("dr-north", "Dr North", OTHER)


def somebody_else_under_her_id(network: Network) -> None:
    dismiss(network)
    network["north"].doctor("Dr North")


GONE = pytest.mark.parametrize("end", [dismiss, another_role, somebody_else_under_her_id])


def wait_and_refer(network: Network, person: Patient) -> None:
    """A referral that is written down while south is away, and brought when it is back."""
    network.wires.fault = lambda caller, organisation, path: Fault(drop=organisation == "south")
    refer(network, person, ids=("bp",))
    network.wires.fault = lambda caller, organisation, path: Fault()


@GONE
def test_between_a_referral_and_its_delivery(network: Network, ada: Patient, end: Callable[[Network], None]) -> None:
    north, south = network["north"], network["south"]
    wait_and_refer(network, ada)
    end(network)
    assert north.referrals.step(network.time) == 0 and status(network) == ["stopped"]
    assert south.referrals.taken() == [] and codes(north) == ["referrer-gone"]
    # South owes a word about it, was told that nothing comes, and says so.
    assert [half.outcome for half in written(south, "disclosure-received/1")] == ["nothing"]


@GONE
@pytest.mark.parametrize("step", ["recheck", "read", "compare"])
def test_between_the_decision_about_a_referral_and_its_parcel(
    network: Network, ada: Patient, end: Callable[[Network], None], step: str
) -> None:
    north = network["north"]
    north.gate.step = lambda name: end(network) if name == step else None
    with pytest.raises(Refusal) as caught:
        refer(network, ada, ids=("bp",))
    assert caught.value.reason is Code.REFERRER_GONE and codes(north) == ["referrer-gone"]


def test_a_referral_outlives_the_shift_of_who_wrote_it(network: Network, ada: Patient) -> None:
    wait_and_refer(network, ada)
    network.anchor()
    network.rotate("north")
    network.time += LIFE_MS_MAX + 1
    assert network["north"].referrals.step(network.time) == 1, network["north"].referrals.sent()


def test_with_the_new_key_it_goes_on_where_it_was(network: Network, ada: Patient) -> None:
    first = ask(network, ada, network["south"].doctor())
    rotate(network)
    rest = ask(network, ada, network["south"].doctor(), after=first.more)
    assert len(rest.records) == 1 and not rest.more
    assert rest.records[0].type != first.records[0].type
