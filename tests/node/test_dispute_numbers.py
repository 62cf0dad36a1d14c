"""The number of a dispute is its account's: nobody keeps another's word out by using it first."""

from typing import Any

import msgspec

from medrec.core.manifests.dispute import statement_message
from medrec.node.agent.told import told
from medrec.node.looks import disputing
from medrec.node.looks.disputing import dispute
from tests.node.network import Network, Patient
from tests.node.test_disputes import ada, network, settle
from tests.node.test_gate import written

__all__ = ["ada", "network"]


def unheard(agent: Any, person: Patient) -> dict[str, list[str]]:
    """The places that have not told of a dispute of hers: her page names them."""
    return disputing.unheard(agent, person.account, told(agent, person.account, "dispute/1"))


def test_a_number_that_somebody_else_used_first_keeps_no_dispute_out(network: Network, ada: Patient) -> None:
    """South learns the number from north; an account of its own disputes under it at east, where she comes later."""
    mallory, east, agent = network.patient("mallory", "east"), network["east"], network["guide"]
    grace = network.patient("grace", "north")
    raised = dispute(agent, grace.account, "south", "north", grace.sign, grace.key.key_id)  # type: ignore[arg-type]
    stated = written(network["north"], "dispute/1")[-1].statement
    squat = msgspec.structs.replace(
        stated, account=mallory.account, source="east", key=mallory.key.key_id.hex(), signature=""
    )
    squat = msgspec.structs.replace(squat, signature=mallory.sign(statement_message(squat))[1].hex())
    assert east.disputes.take(squat, "guide")
    agent.agent.link(grace.account, "east", east.linker.invite("grace"), grace.sign)  # type: ignore[union-attr]
    settle(network)
    assert unheard(agent, grace) == {raised.id.hex(): ["east"]}
    settle(network)
    assert unheard(agent, grace) == {raised.id.hex(): []}
    assert east.disputes.stops(grace.account, "south") and east.disputes.stops(mallory.account, "south")
    # What the one says of its own ends nothing of the other.
    over = msgspec.structs.replace(squat, action="close", signature="")
    over = msgspec.structs.replace(over, signature=mallory.sign(statement_message(over))[1].hex())
    assert east.disputes.take(over, "guide")
    assert east.disputes.stops(grace.account, "south") and not east.disputes.stops(mallory.account, "south")
    assert network.crash("east").disputes.stops(grace.account, "south")
    assert raised.id.hex() == stated.id
