"""What an organisation owes by the ledger and knows nothing of can be answered, and the person hears of it."""

from typing import Any

import pytest

from medrec.core import manifests, state
from medrec.core.manifests.access import DisclosureManifest
from medrec.core.state import Dues
from medrec.node.keeping import store
from medrec.node.looks import owing
from medrec.node.looks.disputes import ANSWERS_PATH
from medrec.node.peers.peers import Fault, PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.access import asking
from medrec.node.release.receive import ASK_LIFE_MS, UNANSWERED_KEPT_MS, close_failed
from tests.node.network import HOUR, Network, Patient
from tests.node.test_disputes import carry, network
from tests.node.test_doors import refer, status
from tests.node.test_gate import get, written

__all__ = ["network"]


@pytest.fixture
def ada(network: Network) -> Patient:
    person = network.patient("ada", "north")
    network.consent(person, "north", "south")
    return person


def dues(network: Network) -> Dues:
    with network.engine.view() as view:
        return state.read(view, state.dues_key("south"), Dues) or Dues()


def test_what_a_source_wrote_down_and_never_sent_is_denied_in_one_call(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    told: Any = south
    refer(network, ada, ids=("bp",))
    network.anchor()
    (one,) = owing.owed(told)
    assert (one.creditor, one.known, one.status) == ("north", False, "open")
    for wrong in (("east", one.obligation), ("north", bytes(16))):
        with pytest.raises(Refusal) as caught:
            owing.deny(told, *wrong, "nothing")
        assert caught.value.reason is Code.NOT_OWED
    owing.deny(told, one.creditor, one.obligation, "not-asked")
    # Once: the memory of it is that of a request that is done.
    assert [item.known for item in owing.owed(told)] == [True]
    with pytest.raises(Refusal):
        owing.deny(told, one.creditor, one.obligation, "nothing")
    network.anchor()
    assert owing.owed(told) == [] and dues(network).settled == 1 and dues(network).overdue == 0
    for _ in range(2):
        carry(network, ANSWERS_PATH)
    assert [row.code for row in north.rows(store.alarm)] == ["owed-denied"]
    (line,) = written(north, "owed-denied/1")
    (disclosed,) = written(north, "disclosure/1")
    assert (line.account, line.requester, line.kind) == (ada.account, "south", "not-asked")
    assert isinstance(disclosed, DisclosureManifest) and line.obligation == disclosed.obligation
    (said,) = written(south, "owed-denied/1")
    assert said.account is None and ada.account.encode() not in manifests.encode(said)
    network.anchor()
    network.deliver()
    agent: Any = network["guide"].agent
    assert "owed-denied/1" in [notice.kind for notice in agent.notices(ada.account)]
    # Should it come after all, it is not kept: this half stands.
    assert north.referrals.step(network.time) == 0
    assert status(network) == ["stopped"] and south.referrals.taken() == []
    assert written(south, "disclosure-received/1") == []


def test_a_word_of_somebody_who_owes_nothing_is_not_heard(network: Network, ada: Patient) -> None:
    refer(network, ada, ids=("bp",))
    network.anchor()
    south: Any = network["south"]
    (one,) = owing.owed(south)
    owing.deny(south, "north", one.obligation, "nothing")
    (row,) = [row for row in south.rows(store.outbox) if row.path == ANSWERS_PATH]
    denied: Any = manifests.decode(bytes(row.payload))
    north: Any = network["north"]
    assert not owing.hear(north, "east", denied)
    others = manifests.decode(bytes(row.payload).replace(one.obligation.hex().encode(), b"0" * 32))
    assert not owing.hear(north, "south", others)  # type: ignore[arg-type]
    assert written(network["north"], "owed-denied/1") == [] and network["north"].rows(store.alarm) == []


def test_a_request_is_remembered_while_the_ledger_or_its_source_is_away(network: Network, ada: Patient) -> None:
    """The answer is lost, and the source writes its disclosure on the ledger thirty days later only."""
    south: Any = network["south"]
    network.anchor()
    network.wires.fault = lambda caller, organisation, path: Fault(drop_answer=path == "/medrec/release")
    with pytest.raises(PeerError):
        get(network, ada.account)
    network.wires.fault = lambda caller, organisation, path: Fault()
    for _ in range(30):
        network.time += 24 * HOUR
        close_failed(south)
        network["east"].anchor()
        network.engine.submit([])
    network["north"].anchor()
    assert [one.known for one in owing.owed(south)] == [True]
    assert close_failed(south) == 1
    assert [one.outcome for one in written(network["south"], "disclosure-received/1")] == ["nothing"]
    network.anchor()
    assert owing.owed(south) == []


def test_nothing_is_forgotten_by_the_clock_alone(network: Network, ada: Patient) -> None:
    south: Any = network["south"]
    network.take_back(ada, "north", network.consent(ada, "north", "south", effect="deny"))
    network.consent(ada, "north", "south", effect="deny")
    with pytest.raises(PeerError):
        get(network, ada.account)
    network.time += UNANSWERED_KEPT_MS + ASK_LIFE_MS + HOUR
    close_failed(south)
    assert len(south.rows(asking)) == 1
    network.engine.submit([])
    close_failed(south)
    assert south.rows(asking) == []
