"""A place is away, she asks it for something, changes her key, and it comes back: what she asked is heard all the same,
and nothing of what whoever has the former key says from then on."""

from typing import Any

import pytest

from medrec.core import codec, state
from medrec.core.commitment import nullifier
from medrec.core.manifests.delegation import delegation_end_message, encode_delegation
from medrec.core.state import Dues
from medrec.node.account.accounts import submit_as_account
from medrec.node.keeping import store
from medrec.node.keeping.keys import PersonKey
from medrec.node.looks.disputes import DISPUTES_PATH
from medrec.node.looks.disputing import close, dispute
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from tests.node.network import HOUR, Network, Patient
from tests.node.test_corrections import SECRET, deliver, for_her, lets, signed, told
from tests.node.test_corrections import ada as ada
from tests.node.test_corrections import network as network
from tests.node.test_gate import get


def change_key(network: Network, person: Patient) -> PersonKey:
    """Her key is replaced, as with a new phone; the former one."""
    fresh, former = PersonKey.generate(person.account), person.key
    added = {"credential": {"kind": "ed25519", "key": fresh.public}}
    submit_as_account(network.engine, network.id, person.account, former, "account/credential-add", added)
    gone = {"key": former.key_id}
    submit_as_account(network.engine, network.id, person.account, fresh, "account/credential-remove", gone)
    person.key = fresh
    return former


def test_a_correction_is_taken_and_answered(network: Network, ada: Patient) -> None:
    guide: Any = network["guide"]
    north: Any = network["north"]
    identifier = guide.corrections.ask(signed(network, ada))
    network.anchor()
    change_key(network, ada)
    network.time += HOUR
    assert deliver(network) == [True]
    north.corrections.answer(identifier, "noted", "We look at it.")
    assert (told(network, ada).status, told(network, ada).answer) == ("noted", "We look at it.")
    with network.engine.view() as view:
        assert (state.read(view, state.dues_key("north"), Dues) or Dues()).overdue == 0


def test_what_came_on_the_ledger_after_the_key_went_is_not_hers(network: Network, ada: Patient) -> None:
    guide: Any = network["guide"]
    guide.corrections.ask(signed(network, ada))
    change_key(network, ada)
    network.anchor()
    assert deliver(network) == [False] and network["north"].corrections.here() == []


def bring(network: Network) -> str:
    """The code of the refusal of what waits about disputes, "" where all was taken."""
    guide = network["guide"]
    (row,) = [row for row in guide.rows(store.outbox) if row.path == DISPUTES_PATH]
    try:
        guide.peers.call(row.organisation, row.path, codec.encode([bytes(row.payload)]))
    except PeerError as error:
        return error.code
    return ""


def test_a_dispute_stops_what_it_is_about(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    network.wires.leave("north")
    about: Any = (network["guide"], ada.account, "south", "north")
    assert dispute(*about, ada.sign, ada.key.key_id, words="I was never there").waiting == ("north",)
    network.time += HOUR
    change_key(network, ada)
    network.wires.join("north", north.answer)
    assert bring(network) == "" and north.disputes.stops(ada.account, "south")
    with pytest.raises(PeerError):
        get(network, ada.account)


def test_a_dispute_that_is_dated_after_the_key_went_is_not_hers_nor_what_closes_one(
    network: Network, ada: Patient
) -> None:
    north = network["north"]
    about: Any = (network["guide"], ada.account, "south", "north")
    raised = dispute(*about, ada.sign, ada.key.key_id, words="I was never there")
    network.wires.leave("north")
    former = ada.key
    guide: Any = network["guide"]
    close(guide, ada.account, raised.id, "south", "north", ada.sign, former.key_id)
    network.time += HOUR
    change_key(network, ada)
    network.wires.join("north", north.answer)
    assert bring(network) == "unknown-credential" and north.disputes.stops(ada.account, "south")


def helps(network: Network, person: Patient) -> Patient:
    """Bo, who may correct her records."""
    bo = network.patient("bo")
    network["guide"].delegates.take(encode_delegation(lets(network, person, bo)))
    return bo


@pytest.mark.parametrize("hers_too", [False, True])
def test_what_a_helper_asked_before_his_key_changed_is_taken_and_answered(
    network: Network, ada: Patient, hers_too: bool
) -> None:
    guide: Any = network["guide"]
    north: Any = network["north"]
    bo = helps(network, ada)
    if hers_too:
        # North knows him by what she signed with the key that she will change, too.
        north.delegates.take(encode_delegation(lets(network, ada, bo)))
    identifier = guide.corrections.ask(for_her(network, ada, bo))
    network.anchor()
    change_key(network, bo)
    if hers_too:
        change_key(network, ada)
    network.time += HOUR
    assert deliver(network) == [True]
    north.corrections.answer(identifier, "noted", "We look at it.")
    assert told(network, ada).status == "noted"
    with network.engine.view() as view:
        assert (state.read(view, state.dues_key("north"), Dues) or Dues()).overdue == 0


def test_what_a_helper_s_former_key_signs_later_is_refused_everywhere(network: Network, ada: Patient) -> None:
    guide: Any = network["guide"]
    bo = helps(network, ada)
    late = for_her(network, ada, bo)
    guide.corrections.ask(for_her(network, ada, bo))
    former = change_key(network, bo)
    # Not yet on the ledger when the key went.
    network.anchor()
    assert deliver(network) == [False] and network["north"].corrections.here() == []
    with pytest.raises(Refusal) as no:
        guide.corrections.ask(late)
    assert no.value.reason is Code.UNKNOWN_CREDENTIAL and former.key_id.hex() == late.key


def test_a_helper_whose_right_is_over_asked_for_nothing_with_a_former_key(network: Network, ada: Patient) -> None:
    guide: Any = network["guide"]
    bo = helps(network, ada)
    guide.corrections.ask(for_her(network, ada, bo))
    network.anchor()
    change_key(network, bo)
    key, signature = ada.sign(delegation_end_message(nullifier(SECRET)))
    guide.delegates.end(ada.account, SECRET, key, signature)
    network.anchor()
    assert deliver(network) == [False] and network["north"].corrections.here() == []
