"""A link whose answer is lost: the agent learns the key of the older lines from the link's own line."""

import pytest

from medrec.node.keeping import store
from medrec.node.ledger.rebuild import rebuild
from medrec.node.peers.peers import PeerError
from medrec.node.right_person import linking
from medrec.node.right_person.link import LinkError

from .network import Network, notices_of

OBSERVATION = '{"resourceType":"Observation","id":"NAME","subject":{"reference":"Patient/ada"}}'


@pytest.fixture
def network(tmp_path):
    opened = Network(tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize("lost", [False, True])
def test_older_lines_arrive_though_the_answer_to_the_link_was_lost(network, lost):
    north = network["north"]
    for number in range(3):
        north.put("Observation", f"o{number}", OBSERVATION.replace("NAME", f"o{number}"))
    person = network.patient("ada")
    agent = network["guide"].agent
    call = agent._call

    def answer_is_lost(*arguments):
        call(*arguments)
        raise PeerError("unreachable", "The answer was lost.")

    code = north.linker.invite("ada")
    if lost:
        agent._call = answer_is_lost
        with pytest.raises(PeerError):
            agent.link(person.account, "north", code, person.sign)
    else:
        agent.link(person.account, "north", code, person.sign)
    waiting = notices_of(north)
    if lost:
        # The older ones come first and cannot be opened yet; the link's own line brings their key.
        assert agent.take_notices("north", waiting[:3]) == [False, False, False]
    assert agent.take_notices("north", waiting) == [True] * 4
    assert sorted(notice.kind for notice in agent.notices(person.account)) == ["link/1"] + ["record/1"] * 3
    ends = {row.epoch: row.end for row in network["guide"].rows(store.relationship)}
    assert ends == {0: 3, 1: None}


def test_only_the_links_own_organisation_can_hand_a_key_over(network):
    """What stands in another kind of line is no key."""
    north = network["north"]
    network.patient("ada", "north")
    network.deliver()
    before = network["guide"].rows(store.relationship)
    north.put("Observation", "o", OBSERVATION.replace("NAME", "o"))
    network.deliver()
    assert network["guide"].rows(store.relationship) == before


def test_a_call_that_came_twice_leaves_a_link_and_no_silence(network):
    """The first is accepted, the second refused, and only the refusal is heard."""
    north = network["north"]
    person = network.patient("ada")
    agent = network["guide"].agent
    call = agent._call

    def twice(*arguments):
        call(*arguments)
        with pytest.raises(LinkError) as error:
            call(*arguments)
        raise PeerError(error.value.code, error.value.sentence, answered=True)

    agent._call = twice
    with pytest.raises(PeerError, match="code was used"):
        agent.link(person.account, "north", north.linker.invite("ada"), person.sign)
    assert network["guide"].rows(store.relationship) == []
    assert agent.take_notices("north", notices_of(north)) == [True]
    assert {row.epoch for row in network["guide"].rows(store.relationship)} == {0, 1}
    # Nobody else's notices are opened that way.
    assert agent.take_notices("south", notices_of(north)) == [False]


def test_a_call_that_never_arrived_leaves_no_gap(network):
    """Who finds her record from the ledger alone counts the links until one has no line."""
    north = network["north"]
    person = network.patient("ada")
    agent = network["guide"].agent
    call = agent._call

    def lost(*_):
        raise PeerError("unreachable", "The call was lost.")

    agent._call = lost
    with pytest.raises(PeerError):
        agent.link(person.account, "north", north.linker.invite("ada"), person.sign)
    agent._call = call
    agent.link(person.account, "north", north.linker.invite("ada"), person.sign)
    network.anchor()
    assert [(line.organisation, line.epoch) for line in rebuild(network.engine, person.view_secret)] == [("north", 1)]


@pytest.mark.parametrize("answered", [True, False])
def test_a_link_undone_before_the_agent_heard_of_it_is_not_made_again_under_the_same_keys(network, answered):
    """Else two lines would bear one tag, and one of them could never be found."""
    north = network["north"]
    person = network.patient("ada")
    agent = network["guide"].agent
    call = agent._call

    def answer_is_lost(*arguments):
        call(*arguments)
        raise PeerError("unreachable", "The answer was lost.")

    def over_the_wire(*arguments):
        try:
            return call(*arguments)
        except LinkError as error:
            raise PeerError(error.code, error.sentence, answered=True) from None

    if answered:
        agent.link(person.account, "north", north.linker.invite("ada"), person.sign)
    else:
        agent._call = answer_is_lost
        with pytest.raises(PeerError):
            agent.link(person.account, "north", north.linker.invite("ada"), person.sign)
    assert north.linker.unlink("ada")
    network.time += 1
    agent._call = over_the_wire
    agent.link(person.account, "north", north.linker.invite("ada"), person.sign)
    network.anchor()
    lines = [(line.epoch, line.counter) for line in rebuild(network.engine, person.view_secret)]
    assert lines == [(1, 0), (1, 1), (2, 0)]
    agent.take_notices("north", notices_of(north))
    kept = {(notice.epoch, notice.counter) for notice in agent.notices(person.account)}
    assert kept == set(lines)
    assert network["guide"].rows(store.alarm) == []


@pytest.mark.parametrize("epoch", [0, -1, 1_000_001])
def test_an_epoch_out_of_range_is_refused(network, epoch):
    north, person = network["north"], network.patient("ada")
    agent = network["guide"].agent
    asked = linking.request(
        agent._network,
        person.view_secret,
        person.account,
        "north",
        epoch,
        north.linker.invite("ada"),
        person.sign,
        None,
    )
    with pytest.raises(LinkError, match="not readable"):
        north.linker.accept("guide", asked)
