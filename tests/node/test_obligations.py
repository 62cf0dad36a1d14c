"""No line is written that the ledger would refuse: an obligation is made once, and by somebody who is on the ledger.

Each test goes one way in which a stranger could once make such a line, after which the node was shut to everybody.
"""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import state
from medrec.core.manifests.dispute import owed_for
from medrec.core.manifests.emergency import query_of
from medrec.core.state import Obligation
from medrec.node.keeping import obligations
from medrec.node.looks.disputing import Raised, dispute
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access
from medrec.node.release.emergency import EMERGENCY_PATH
from tests.node.network import HOUR, Network, Patient
from tests.node.test_corrections import content, signed
from tests.node.test_gate import get, written
from tests.node.test_remembered import network

__all__ = ["network"]

DAY = 24 * HOUR
TEXT = "Found unconscious at the bus station"


@pytest.fixture
def ada(network: Network) -> Patient:
    person = network.patient("ada", "north")
    network.consent(person, "north", "south")
    return person


def ask(network: Network, ada: Patient, path: str, purpose: str, text: str, **more: Any) -> str:
    """South asks under one id; the code of what it hears, "" when it is answered."""
    doctor = network["south"].doctor()
    request = doctor.request(b"q" * 16, purpose, text, **more)
    fresh = doctor.ask(network.id, "north", ada.account, network.time + 60_000, request)
    try:
        assert network["south"].peers.call("north", path, access.encode(fresh))
    except PeerError as error:
        return error.code
    return ""


def read(network: Network, ada: Patient) -> str:
    return ask(network, ada, access.RELEASE_PATH, "TREAT", "why", types=["Observation"], ids=[], after="")


def break_glass(network: Network, ada: Patient) -> str:
    return ask(network, ada, EMERGENCY_PATH, "BTG", TEXT, query=query_of("unconscious", "summary", 4))


def disputed(network: Network, ada: Patient, requester: str = "south") -> Raised:
    return dispute(network["guide"], ada.account, requester, "north", ada.sign, ada.key.key_id, words="never")  # type: ignore[arg-type]


def erase_and_link_again(network: Network, ada: Patient) -> None:
    north, agent = network["north"], network["guide"].agent
    assert agent is not None
    network.anchor()
    north.source.raw.clear()
    north.erasures.erase_person("ada", "patient-request")
    network.time += HOUR
    network.anchor()
    agent.link(ada.account, "north", north.linker.invite("ada"), ada.sign)


@pytest.mark.parametrize("days", [2, 40, 400])
def test_the_id_of_a_disclosure_is_used_for_good(network: Network, ada: Patient, days: int) -> None:
    assert read(network, ada) == ""
    network.anchor()
    # Whatever the gate forgets of requests that ran out, it forgets now.
    network["north"].store.write(lambda connection: connection.execute(sql.delete(access.asked)))
    network.time += days * DAY
    network.anchor()
    assert read(network, ada) == "request-replayed"
    assert len(written(network["north"], "disclosure/1")) == 1
    network.anchor()
    # The others are served as before.
    network.consent(ada, "north", "east")
    assert get(network, ada.account, by="east").records


def test_an_emergency_s_id_is_used_for_good_also_after_an_erasure(network: Network, ada: Patient) -> None:
    assert break_glass(network, ada) == ""
    erase_and_link_again(network, ada)
    assert break_glass(network, ada) == "request-replayed"
    network.anchor()
    assert network["north"].anchorer.waiting_since() is None


def test_a_dispute_brought_again_after_an_erasure_stops_and_asks_nothing_twice(network: Network, ada: Patient) -> None:
    raised = disputed(network, ada)
    north: Any = network["north"]
    (first,) = [one.statement for one in written(north, "dispute/1")]
    erase_and_link_again(network, ada)
    with pytest.raises(Refusal, match="run out"):
        north.disputes.take(first, "south")
    assert north.disputes.take(first, "guide") and north.disputes.stops(ada.account, "south")
    network.anchor()
    assert north.anchorer.waiting_since() is None
    with network.engine.view() as view:
        found = state.read(view, state.obligation_key("north", owed_for("north", "south", raised.id)), Obligation)
    assert found is not None and found.status == "open"


def test_a_dispute_of_an_organisation_that_never_joined_is_refused(network: Network, ada: Patient) -> None:
    raised = disputed(network, ada, "nosuchorg")
    assert "never joined" in raised.refused["north"] and not raised.waiting
    network.anchor()
    assert not written(network["north"], "dispute/1")


def test_a_correction_of_an_organisation_that_never_joined_is_refused(tmp_path: Path) -> None:
    network = Network(tmp_path)
    network["north"].put("Condition", "c", content("Diabetes"))
    ada, guide = network.patient("ada", "north"), network["guide"]
    with pytest.raises(Refusal) as refusal:
        guide.corrections.ask(signed(network, ada, {"source": "nosuchorg"}))
    assert refusal.value.reason is Code.UNKNOWN_ORGANISATION
    network.anchor()
    assert guide.anchorer.waiting_since() is None
    network.close()


def test_a_store_from_before_knows_what_its_waiting_lines_ask(network: Network, ada: Patient) -> None:
    assert break_glass(network, ada) == ""
    network["north"].store.write(lambda connection: connection.execute(sql.delete(obligations.made)))
    north = network.crash("north")
    assert len(north.rows(obligations.made)) == 1
    # What is anchored stands on the ledger, and is found there.
    network.anchor()
    north.store.write(lambda connection: connection.execute(sql.delete(obligations.made)))
    with north.store.read() as connection, network.engine.view() as view:
        (key,) = [key for key, _ in view.scan(b"obligation/north/", b"obligation/north0")]
        assert obligations.were_made(connection, network.engine, "north", [key[-16:], bytes(16)]) == {key[-16:]}
