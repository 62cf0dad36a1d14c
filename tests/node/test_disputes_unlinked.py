"""A look from before a link was undone is disputed like any other: its source obliges who looked, and she hears it."""

from typing import Any

import pytest

from medrec.core.manifests.dispute import DisputeAnsweredManifest
from medrec.node.agent.told import told
from medrec.node.keeping import store
from medrec.node.looks import answering
from medrec.node.looks.disputes import ANSWERS_PATH, DISPUTED_PATH
from medrec.node.looks.disputing import Raised, close, dispute
from medrec.node.looks.owing import owed
from medrec.node.refusals import SENTENCES, Code
from tests.node.network import Network, Patient
from tests.node.test_disputes import carry, settle
from tests.node.test_gate import get, written
from tests.node.test_remembered import network as network


@pytest.fixture
def ada(network: Network) -> Patient:
    """South looked at her record; then her link to north was undone."""
    person = network.patient("ada", "north", "east")
    network.consent(person, "north", "south")
    get(network, person.account)
    settle(network)
    network["north"].linker.unlink("ada")
    settle(network)
    return person


def raise_it(network: Network, person: Patient, requester: str = "south", **more: Any) -> Raised:
    return dispute(network["guide"], person.account, requester, "north", person.sign, person.key.key_id, **more)  # type: ignore[arg-type]


def look(network: Network) -> str:
    (given,) = written(network["north"], "disclosure/1")
    return str(given.obligation)


@pytest.mark.parametrize("named", [True, False])
def test_its_source_obliges_who_looked_and_hands_the_answer_on(network: Network, ada: Patient, named: bool) -> None:
    raised = raise_it(network, ada, obligation=look(network) if named else None)
    assert sorted(raised.taken) == ["east", "north"] and raised.refused == {}
    settle(network)
    assert [one.creditor for one in owed(network["south"])] == ["north"]  # type: ignore[arg-type]
    carry(network, DISPUTED_PATH)
    answering.answer(network["south"], "north", raised.id, "explained", "She came in at night.")  # type: ignore[arg-type]
    carry(network, ANSWERS_PATH)
    settle(network)
    lines = told(network["guide"], ada.account, "dispute-answered/1")  # type: ignore[arg-type]
    answers = [line.manifest for line in lines]
    assert [one.words for one in answers if isinstance(one, DisputeAnsweredManifest)] == ["She came in at night."]
    assert not [row for row in network["north"].rows(store.outbox) if row.path == "/medrec/notices"]
    closed = close(network["guide"], ada.account, raised.id, "south", "north", ada.sign, ada.key.key_id)  # type: ignore[arg-type]
    assert "north" in closed.taken


def test_what_was_disputed_before_is_answered_after(network: Network) -> None:
    bob = network.patient("ada", "north")
    network.consent(bob, "north", "south")
    get(network, bob.account)
    raised = raise_it(network, bob)
    settle(network)
    carry(network, DISPUTED_PATH)
    network["north"].linker.unlink("ada")
    settle(network)
    answering.answer(network["south"], "north", raised.id, "explained", "Yes.")  # type: ignore[arg-type]
    carry(network, ANSWERS_PATH)
    settle(network)
    assert [line.manifest.words for line in told(network["guide"], bob.account, "dispute-answered/1")] == ["Yes."]  # type: ignore[arg-type, union-attr]


def test_what_was_no_look_of_that_time_is_heard_of_nobody(network: Network, ada: Patient) -> None:
    """Neither somebody who never asked, nor a look that is not here, nor by a place that did not serve her."""
    assert raise_it(network, ada, "east").refused["north"] == SENTENCES[Code.NOT_LINKED]
    assert raise_it(network, ada, obligation="00" * 16).refused["north"] == SENTENCES[Code.NOT_LINKED]
    stranger = network.patient("bob", "east")
    assert raise_it(network, stranger).refused["north"] == SENTENCES[Code.NOT_LINKED]
    assert not written(network["north"], "dispute/1")
