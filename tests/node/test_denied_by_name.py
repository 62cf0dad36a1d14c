"""A no to one person and what is pushed to her house: the sentence, the trial and the push say the same."""

import json

import pytest

from medrec.core.consent.clauses import clauses
from medrec.core.consent.plain import Party, Plain, read, write
from medrec.node.consent.policies import try_at
from tests.node.network import Network, Patient
from tests.node.test_denials import pulled, pushed
from tests.node.test_gate import ada as ada
from tests.node.test_gate import network as network

NAMED = Party("south", "dr-south")
ALL = ["Condition/asthma", "Observation/bp"]


@pytest.mark.parametrize(
    ("to", "goes"),
    [([NAMED], True), ([NAMED, Party("south")], False), ([Party("south")], False), ([Party("east", "dr-south")], True)],
)
def test_a_no_to_somebody_is_said_tried_and_pushed_alike(
    network: Network, ada: Patient, to: list[Party], goes: bool
) -> None:
    network.consent(ada, "north", "south")
    assert pushed(network, ada) == ALL
    text = write(Plain("withhold", to=to), ada.account, network.time)
    tried = try_at(network["guide"], ada.account, "north", text)  # type: ignore[arg-type]
    (look,) = tried.looks
    assert (look.look.asker.organisation, look.look.asker.practitioner, look.look.asker.door) == ("south", "", "push")
    assert (list(look.still), list(look.stopped)) == ((ALL, []) if goes else ([], ALL))
    assert not [one for one in tried.parties if one.asker.door == "push"]
    network.fhir_consent(ada, "north", text.decode())
    before = len(network["south"].referrals.taken())
    pushed(network, ada)
    assert (len(network["south"].referrals.taken()) > before) is goes
    assert bool(pulled(network, ada)) is (to[0].organisation == "east"), "who is named sees nothing by any other door"
    assert ("sent-there" in {one.key for one in clauses(read(text))}) is goes


def test_who_referred_is_not_who_looked(network: Network, ada: Patient) -> None:
    """A no to somebody of the receiving house who is called there as the source calls whoever referred."""
    network.consent(ada, "north", "south")
    assert pushed(network, ada) == ALL
    text = write(Plain("withhold", to=[Party("south", "dr-north")]), ada.account, network.time)
    (look,) = try_at(network["guide"], ada.account, "north", text).looks  # type: ignore[arg-type]
    assert list(look.still) == ALL and not look.stopped
    assert json.loads(text)["provision"]["type"] == "deny"
