"""A referral that was stopped stays stopped, and one whose records may have left is never called unsent."""

import pytest

from medrec.node.looks.halves import unmatched
from medrec.node.looks.looks import Looks
from medrec.node.peers.peers import Fault
from medrec.node.refusals import Code, Refusal
from tests.node.network import Network, Patient
from tests.node.test_doors import refer, status
from tests.node.test_gate import written
from tests.node.test_remembered import network

__all__ = ["network"]


@pytest.fixture
def ada(network: Network) -> Patient:
    return network.patient("ada", "north")


def wire(network: Network, **fault: bool) -> None:
    """What goes wrong on the way to south from now on."""
    network.wires.fault = lambda caller, organisation, path: Fault(**fault) if organisation == "south" else Fault()


def try_again(network: Network) -> int:
    """The next attempt, at its time; how many were delivered."""
    network.anchor()
    (sent,) = network["north"].referrals.sent()
    network.time = max(network.time, sent.due)
    network.anchor()
    return network["north"].referrals.step(network.time)


def halves(network: Network) -> list[str]:
    return [half.outcome for half in written(network["south"], "disclosure-received/1")]


def her_log(network: Network, ada: Patient) -> list[str]:
    network.anchor()
    network.deliver()
    looks = Looks(network["guide"])  # type: ignore[arg-type]
    looks.catch_up()
    return ["stopped" if look.refused else "referred" for look in looks.page(ada.account)]


@pytest.mark.parametrize("lost", ["drop", "drop_answer"])
def test_what_was_stopped_is_not_sent_when_she_permits_anew(network: Network, ada: Patient, lost: str) -> None:
    north, south = network["north"], network["south"]
    secret = network.consent(ada, "north", "south")
    refer(network, ada, ids=("bp",))
    network.take_back(ada, "north", secret)
    wire(network, **{lost: True})
    assert north.referrals.step(network.time) == 0 and status(network) == ["waiting"]
    wire(network)
    network.consent(ada, "north", "south")
    network.crash("north")
    assert try_again(network) == 0 and status(network) == ["stopped"]
    assert south.referrals.taken() == [] and halves(network) == ["nothing"]
    assert her_log(network, ada) == ["stopped"]
    assert unmatched(network["north"]) == []  # type: ignore[arg-type]


def test_one_that_was_stopped_writes_one_line_however_often_it_is_tried(network: Network, ada: Patient) -> None:
    secret = network.consent(ada, "north", "south")
    refer(network, ada, ids=("bp",))
    network.take_back(ada, "north", secret)
    wire(network, drop=True)
    for _ in range(5):
        assert try_again(network) == 0
    assert len(written(network["north"], "refusal/1")) == 1 and status(network) == ["waiting"]


def test_what_arrived_unanswered_is_not_called_unsent_when_it_is_taken_back(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    secret = network.consent(ada, "north", "south")
    refer(network, ada, ids=("bp",))
    wire(network, drop_answer=True)
    assert north.referrals.step(network.time) == 0 and len(south.referrals.taken()) == 1
    wire(network)
    network.take_back(ada, "north", secret)
    network.crash("north")
    assert try_again(network) == 1 and status(network) == ["delivered"]
    assert written(network["north"], "refusal/1") == [] and halves(network) == ["received"]
    assert her_log(network, ada) == ["referred"]


def test_what_was_lost_on_its_way_and_then_taken_back_is_told_by_the_provider(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    secret = network.consent(ada, "north", "south")
    refer(network, ada, ids=("bp",))
    wire(network, drop=True)
    assert north.referrals.step(network.time) == 0
    network.take_back(ada, "north", secret)
    wire(network)
    assert try_again(network) == 0 and status(network) == ["stopped"]
    assert south.referrals.taken() == [] and halves(network) == ["nothing"]
    # Its records were put on the wire once: the line stands, beside the provider's word that nothing came.
    assert written(network["north"], "refusal/1") == [] and her_log(network, ada) == ["referred"]


def test_records_that_come_after_the_word_that_nothing_comes_are_not_kept(network: Network, ada: Patient) -> None:
    """The first parcel was slow, and what told of its end overtook it."""
    north, south = network["north"], network["south"]
    secret = network.consent(ada, "north", "south")
    refer(network, ada, ids=("bp",))
    parcels: list[bytes] = []
    call = north.peers.call

    def slow(organisation: str, path: str, body: bytes) -> bytes:
        parcels.append(body)
        return call(organisation, path, body)

    wire(network, drop=True)
    north.peers.call = slow  # type: ignore[method-assign]
    north.referrals.step(network.time)
    network.take_back(ada, "north", secret)
    wire(network)
    assert try_again(network) == 0 and halves(network) == ["nothing"]
    assert south.referrals.take("north", parcels[0]) == "nothing"
    assert south.referrals.taken() == [] and halves(network) == ["nothing"]


@pytest.mark.parametrize("anew", [False, True])
def test_the_provider_hears_of_one_that_was_stopped_at_its_last_look(
    network: Network, ada: Patient, anew: bool
) -> None:
    """The line stands, and then the record was altered in place: what is owed for the line is answered all the same."""
    north = network["north"]
    network.consent(ada, "north", "south")

    def alter(step: str) -> None:
        if step == "read":
            north.source.raw["Observation", "bp"] = b'{"resourceType":"Observation","id":"bp","status":"amended"}'

    north.gate.step = alter
    with pytest.raises(Refusal) as no:
        refer(network, ada, ids=("bp",))
    assert no.value.reason in (Code.RECORD_ALTERED, Code.RECORD_CHANGED) and len(written(north, "disclosure/1")) == 1
    if anew:
        network.crash("north")
    assert try_again(network) == 0 and status(network) == ["stopped"]
    assert halves(network) == ["nothing"] and her_log(network, ada) == ["stopped"]
    network.anchor()
    assert unmatched(network["north"]) == []  # type: ignore[arg-type]
