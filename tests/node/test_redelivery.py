"""Lines that were lost on the way: handed over again, also after the link was undone; else the gap is explained."""

import json

import pytest

from medrec.core import codec
from medrec.node.agent import redelivery
from medrec.node.agent.moving import answer_move, move_message
from medrec.node.keeping import store
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Refusal
from medrec.node.right_person.link import LinkError

from .network import Network

DAY = 86_400_000


@pytest.fixture
def network(tmp_path):
    opened = Network(tmp_path)
    guide = opened["guide"]
    call = guide.peers.call

    def over_the_wire(organisation, path, body):
        try:
            if path == redelivery.REDELIVER_PATH:
                return opened[organisation].linker.redeliver("guide", body)
            return call(organisation, path, body)
        except LinkError as error:
            raise PeerError(error.code, error.sentence, answered=True) from None

    guide.peers.call = over_the_wire
    yield opened
    opened.close()


def put(network, *names):
    for name in names:
        content = {"resourceType": "Observation", "id": name, "subject": {"reference": "Patient/ada"}}
        network["north"].put("Observation", name, json.dumps(content))


def lose(network):
    """Everything that waits for the agent is lost; it meets the lines on the ledger alone."""
    north = network["north"]
    north.store.write(lambda connection: connection.execute(store.outbox.delete()))
    network.anchor()
    while network["guide"].agent.follow():
        pass
    network.time += redelivery.ASK_AGAIN_MS // 2


def lost_and_undone(network):
    """Ada was linked at north; what was said of her there before and during the link never came."""
    put(network, "before")
    ada = network.patient("ada", "north")
    put(network, "during")
    lose(network)
    assert network["north"].linker.unlink("ada")
    network.deliver()
    network.anchor()
    assert network["guide"].agent.missing()
    return ada


def missing(network):
    return sorted((notice.epoch, notice.counter) for notice in network["guide"].agent.missing())


def test_a_gap_of_an_undone_link_is_explained_and_asked_about_again_after_a_day(network):
    ada = lost_and_undone(network)
    guide = network["guide"]
    assert missing(network) == [(0, 0), (1, 0), (1, 1)]
    assert redelivery.ask_missing(guide) == 0
    assert missing(network) == [] and redelivery.ask_missing(guide) == 0
    (gap,) = redelivery.explained(guide, ada.account)
    assert (gap.organisation, gap.lines) == ("north", 3)
    # An answer is no fact for ever.
    network.time += redelivery.ASK_AGAIN_MS
    assert missing(network) == [(0, 0), (1, 0), (1, 1)] and redelivery.explained(guide, ada.account) == []
    redelivery.ask_missing(guide)
    assert missing(network) == []


def test_who_is_linked_again_gets_everything_once(network):
    ada = lost_and_undone(network)
    guide, north = network["guide"], network["north"]
    redelivery.ask_missing(guide)
    guide.agent.link(ada.account, "north", north.linker.invite("ada"), ada.sign)
    assert redelivery.explained(guide, ada.account) == []
    assert redelivery.ask_missing(guide) == 3
    assert network.deliver() >= 3
    network.anchor()
    while guide.agent.follow():
        pass
    assert missing(network) == []
    notices = guide.agent.notices(ada.account)
    said = [(notice.epoch, notice.counter) for notice in notices]
    assert len(said) == len(set(said)) and {(0, 0), (1, 0), (1, 1), (1, 2), (2, 0)} <= set(said)
    assert all(notice.manifest is not None and notice.height is not None for notice in notices)
    # Asked for a second time, it is known.
    asked = codec.encode({"account": ada.account, "epoch": 1, "counters": [0, 1]})
    assert codec.decode(guide.peers.call("north", redelivery.REDELIVER_PATH, asked)) == 2
    network.deliver()
    assert len(guide.agent.notices(ada.account)) == len(said)


def test_only_the_agent_that_serves_her_now_is_answered(network):
    ada = lost_and_undone(network)
    north = network["north"]
    for epoch in (0, 1):
        asked = codec.encode({"account": ada.account, "epoch": epoch, "counters": [0]})
        for caller in ("guide", "south"):
            with pytest.raises(LinkError) as error:
                north.linker.redeliver(caller, asked)
            assert error.value.code == "not-linked"
    # Somebody else who is linked there since cannot ask for hers, and the patient's next account is told nothing of it.
    bo = network.patient("bo", "north")
    asked = codec.encode({"account": bo.account, "epoch": 2, "counters": [0]})
    with pytest.raises(LinkError):
        north.linker.redeliver("guide", asked)
    with pytest.raises(LinkError):
        north.linker.redeliver("guide", codec.encode({"account": ada.account, "epoch": 1, "counters": [0]}))


def test_a_new_agent_is_handed_what_was_written_under_earlier_links_too(network):
    ada = lost_and_undone(network)
    guide, north = network["guide"], network["north"]
    guide.agent.link(ada.account, "north", north.linker.invite("ada"), ada.sign)
    north.store.write(lambda connection: connection.execute(store.outbox.delete()))
    time = network.time
    key, signature = ada.sign(move_message(network.id, ada.account, "guide", time))
    move = {"account": ada.account, "key": key, "signature": signature, "time": time}
    queued = codec.decode(answer_move(north, "guide", codec.encode(move)))["lines"]
    # Before and during the first link, its end, what was stated anew before the second, and the second.
    assert queued == 1 + 3 + 2 + 1 == network.deliver()
    with pytest.raises(Refusal):
        answer_move(north, "south", codec.encode(move))
