"""A look is disputed in one call: it stops what follows everywhere, and the one who looked has to answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import codec, state
from medrec.core.manifests.dispute import owed_for
from medrec.core.state import Obligation
from medrec.node.keeping import store
from medrec.node.looks import answering, disputing
from medrec.node.looks.disputes import ANSWERS_PATH, DISPUTED_PATH, DISPUTES_PATH, DUE_MS
from medrec.node.looks.disputing import Raised, close, dispute
from medrec.node.looks.halves import one_sided
from medrec.node.looks.owing import owed
from medrec.node.peers.peers import Fault, PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.receive import request_records
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import HOUR, Network, Patient
from tests.node.test_gate import ASTHMA, BLOOD_PRESSURE, codes, get, names, refused, written


def made(network: Network) -> None:
    network["north"].put("Observation", "bp", BLOOD_PRESSURE)
    network["north"].put("Condition", "asthma", ASTHMA)


def ada_made(network: Network) -> Patient:
    person = network.patient("ada", "north", "east")
    for source in ("north", "east"):
        network.consent(person, source, "south")
    return person


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made, ada_made) as forked:
        yield forked


def raise_it(network: Network, ada: Patient, **more: Any) -> Raised:
    """Ada does not know why south looked at north's records."""
    agent: Any = network["guide"]
    return dispute(agent, ada.account, "south", "north", ada.sign, ada.key.key_id, words="I was never there", **more)


def carry(network: Network, *paths: str) -> None:
    """Bring what waits for these paths, as the deliverer does."""
    for node in network.nodes.values():
        for row in [row for row in node.rows(store.outbox) if row.path in paths]:
            if codec.decode(node.peers.call(row.organisation, row.path, codec.encode([bytes(row.payload)]))) == [True]:
                gone = sql.delete(store.outbox).where(store.outbox.c.id == row.id)
                node.store.write(lambda connection, gone=gone: connection.execute(gone))


def obligation(network: Network, raised: Raised) -> Obligation | None:
    with network.engine.view() as view:
        key = state.obligation_key("north", owed_for("north", "south", raised.id))
        return state.read(view, key, Obligation)


def test_one_call_stops_releases_at_every_source(network: Network, ada: Patient) -> None:
    looked = get(network, ada.account)
    raised = raise_it(network, ada, obligation=looked.obligation.hex())
    assert raised.taken == ("east", "north") and not raised.waiting and not raised.refused
    assert refused(network, ada.account).code == "not-permitted"
    assert codes(network["north"]) == ["disputed"]
    for source in ("north", "east"):
        node: Any = network[source]
        assert node.disputes.stops(ada.account, "south") and not node.disputes.stops(ada.account, "east")
        (statement,) = [one.statement for one in written(node, "dispute/1")]
        assert (statement.requester, statement.obligation) == ("south", looked.obligation.hex())
    # Others are not touched, and a restart forgets nothing.
    network.consent(ada, "north", "east")
    assert names(get(network, ada.account, by="east"))
    assert network.crash("north").disputes.stops(ada.account, "south")


def test_the_one_who_looked_owes_an_answer_and_it_reaches_her(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    raised = raise_it(network, ada)
    network.anchor()
    due = obligation(network, raised)
    assert due is not None and (due.debtor, due.status) == ("south", "open") and due.due == network.time + DUE_MS
    assert [(one.creditor, one.known) for one in owed(south)] == [("north", False)]  # type: ignore[arg-type]
    carry(network, DISPUTED_PATH)
    (about,) = answering.about_us(south)  # type: ignore[arg-type]
    assert (about.source, about.account, about.words, about.status) == (
        "north",
        ada.account,
        "I was never there",
        "open",
    )
    assert [alarm.code for alarm in south.rows(store.alarm)] == ["look-disputed"]
    answering.answer(south, "north", about.id, "mistake", "A clerk opened the wrong record.")  # type: ignore[arg-type]
    carry(network, ANSWERS_PATH)
    network.anchor()
    settled = obligation(network, raised)
    assert settled is not None and settled.status == "settled"
    assert owed(south) == []  # type: ignore[arg-type]
    (answer,) = written(north, "dispute-answered/1")
    assert (answer.requester, answer.kind) == ("south", "mistake") and "clerk" in answer.words
    network.deliver()
    agent = network["guide"].agent
    assert agent is not None
    kinds = [notice.kind for notice in agent.notices(ada.account)]
    assert "dispute/1" in kinds and "dispute-answered/1" in kinds
    # It goes on stopping releases until she says that it is settled.
    assert north.disputes.taken()[0].status == "answered"
    assert refused(network, ada.account).code == "not-permitted"
    closed = close(
        network["guide"],  # type: ignore[arg-type]
        ada.account,
        raised.id,
        "south",
        "north",
        ada.sign,
        ada.key.key_id,
    )
    assert closed.taken == ("east", "north")
    assert names(get(network, ada.account))


def test_an_answer_that_does_not_come_is_overdue(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = raise_it(network, ada)
    network.anchor()
    network.time += DUE_MS + HOUR
    network.engine.submit([])
    late = obligation(network, raised)
    assert late is not None and late.status == "overdue"
    assert [one.status for one in owed(network["south"])] == ["overdue"]  # type: ignore[arg-type]
    # On a ledger that has no index of it yet, it is found all the same.
    monkeypatch.setattr(state, "owes_indexes", lambda debtor: b"~none/")
    assert [one.obligation for one in owed(network["south"])] == [owed_for("north", "south", raised.id)]  # type: ignore[arg-type]


def test_who_cannot_be_reached_hears_it_later(network: Network, ada: Patient) -> None:
    network.wires.fault = lambda caller, organisation, path: Fault(drop=organisation == "east")
    raised = raise_it(network, ada)
    assert (raised.taken, raised.waiting) == (("north",), ("east",))
    assert not network["east"].disputes.stops(ada.account, "south")
    network.wires.fault = lambda caller, organisation, path: Fault()
    carry(network, DISPUTES_PATH)
    assert network["east"].disputes.stops(ada.account, "south")


def test_what_is_closed_before_it_arrives_does_not_open(network: Network, ada: Patient) -> None:
    network.wires.fault = lambda caller, organisation, path: Fault(drop=organisation == "east")
    raised = raise_it(network, ada)
    network.wires.fault = lambda caller, organisation, path: Fault()
    # The opening still waits in the outbox when she takes it back.
    agent: Any = network["guide"]
    closed = close(agent, ada.account, raised.id, "south", "north", ada.sign, ada.key.key_id)
    assert (closed.taken, closed.refused) == (("east", "north"), {})
    carry(network, DISPUTES_PATH)
    for name in ("north", "east"):
        assert not network[name].disputes.stops(ada.account, "south")
        assert not network.crash(name).disputes.stops(ada.account, "south")
    assert [one.status for one in network["east"].disputes.taken()] == ["closed"]


def test_what_was_disputed_before_an_erasure_stops_nothing(network: Network, ada: Patient) -> None:
    north, carried = network["north"], []
    carry_ = network.wires.carry

    def listening(caller: str, organisation: str, path: str, body: bytes) -> bytes:
        carried.append((path, body))
        return carry_(caller, organisation, path, body)

    network.wires.carry = listening  # type: ignore[method-assign]
    raise_it(network, ada)
    north.source.raw.clear()
    north.erasures.erase_person("ada", "patient-request")
    assert not north.disputes.stops(ada.account, "south")
    network.time += HOUR
    agent = network["guide"].agent
    assert agent is not None
    agent.link(ada.account, "north", north.linker.invite("ada"), ada.sign)
    # Her word of then, brought again by any member, counts no more.
    old = next(body for path, body in carried if path == DISPUTES_PATH)
    with pytest.raises(PeerError) as caught:
        network["east"].peers.call("north", DISPUTES_PATH, old)
    assert caught.value.code == "request-expired" and not north.disputes.stops(ada.account, "south")
    raise_it(network, ada)
    assert north.disputes.stops(ada.account, "south")


def test_only_the_person_disputes(network: Network, ada: Patient) -> None:
    bob, agent = network.patient("bob", "east"), network["guide"]
    raised = dispute(agent, ada.account, "south", "north", bob.sign, bob.key.key_id)  # type: ignore[arg-type]
    assert raised.taken == () and set(raised.refused) == {"east", "north"}
    assert not network["north"].disputes.stops(ada.account, "south")
    assert written(network["north"], "dispute/1") == []
    # Nor does anybody else close hers.
    opened = raise_it(network, ada)
    closed = close(agent, bob.account, opened.id, "south", "north", bob.sign, bob.key.key_id)  # type: ignore[arg-type]
    # His own word under her number stands at his place, and ends nothing of hers.
    assert closed.taken == ("east",)
    assert all(network[place].disputes.stops(ada.account, "south") for place in ("north", "east"))


def test_a_dispute_that_comes_while_records_are_read_stops_them(network: Network, ada: Patient) -> None:
    north = network["north"]
    north.gate.step = lambda name: raise_it(network, ada) and None if name == "compare" else None
    assert refused(network, ada.account).code == "not-permitted"
    assert codes(north) == ["consent-changed"]


def test_answers_that_fit_nothing_are_not_taken(network: Network, ada: Patient) -> None:
    south, east = network["south"], network["east"]
    told: Any = south
    raised = raise_it(network, ada)
    network.anchor()
    carry(network, DISPUTED_PATH)
    with pytest.raises(Refusal) as caught:
        answering.answer(told, "north", bytes(16), "mistake", "words")
    assert caught.value.reason is Code.UNKNOWN_DISPUTE
    with pytest.raises(Refusal) as caught:
        answering.answer(told, "north", raised.id, "mistake", " ")
    assert caught.value.reason is Code.REASON_MISSING
    answering.answer(told, "north", raised.id, "explained", "She was referred to us.")
    (row,) = [row for row in south.rows(store.outbox) if row.path == ANSWERS_PATH]
    # Brought by somebody else, it is nobody's answer.
    assert codec.decode(east.peers.call("north", ANSWERS_PATH, codec.encode([bytes(row.payload)]))) == [False]
    assert written(network["north"], "dispute-answered/1") == []
    for body in (codec.encode([b"{}"]), codec.encode("x")):
        with pytest.raises(PeerError):
            east.peers.call("north", DISPUTES_PATH, body)
    assert codec.decode(east.peers.call("north", DISPUTED_PATH, codec.encode([b"{}"]))) == [False]


def test_halves_that_only_one_side_told_are_shown_to_all_three(network: Network, ada: Patient) -> None:
    agent: Any = network["guide"]
    looked = get(network, ada.account)
    network.deliver()
    (lone,) = one_sided(agent, ada.account)
    assert (lone.side, lone.told_by, lone.silent, lone.status) == ("source", "north", "south", "unanchored")
    network["north"].anchor()
    assert [one.status for one in one_sided(agent, ada.account)] == ["open"]
    assert [(one.obligation, one.known) for one in owed(network["south"])] == [(looked.obligation, True)]  # type: ignore[arg-type]
    network.anchor()
    assert one_sided(agent, ada.account) == [] and owed(network["south"]) == []  # type: ignore[arg-type]
    # South is linked to her as well and tells of its half; north withholds its own.
    code = network["south"].linker.invite("ada")
    agent.agent.link(ada.account, "south", code, ada.sign)
    get(network, ada.account)
    north = network["north"]
    outbox = [row.id for row in north.rows(store.outbox)]
    north.store.write(
        lambda connection: connection.execute(sql.delete(store.outbox).where(store.outbox.c.id.in_(outbox)))
    )
    network.deliver()
    (lone,) = one_sided(agent, ada.account)
    assert (lone.side, lone.told_by, lone.silent, lone.status) == ("recipient", "south", "north", "received")


def test_a_source_s_word_counts_as_far_as_the_ledger_shows_it(network: Network, ada: Patient) -> None:
    """East knows the dispute's id as north does: it tells of it first, with words and a date of its own."""
    south: Any = network["south"]
    raised = raise_it(network, ada)
    lie = {"account": ada.account, "due": network.time + 10**12, "id": raised.id, "look": "", "words": "No hurry"}
    made_up = {"account": "whoever", "due": -5, "id": b"z" * 16, "look": "", "words": "w" * 5000}
    for about in (lie, made_up):
        told = codec.encode([codec.encode(about)])
        assert codec.decode(network["east"].peers.call("south", DISPUTED_PATH, told)) == [False]
    # Before the source's own line is on the ledger nothing is owed to it either.
    carry(network, DISPUTED_PATH)
    assert answering.about_us(south) == [] and south.rows(store.alarm) == []
    network.anchor()
    carry(network, DISPUTED_PATH)
    assert codec.decode(network["east"].peers.call("south", DISPUTED_PATH, codec.encode([codec.encode(lie)]))) == [
        False
    ]
    (about,) = answering.about_us(south)
    assert (about.source, about.words, about.due) == ("north", "I was never there", network.time + DUE_MS)
    with pytest.raises(Refusal) as caught:
        answering.answer(south, "east", raised.id, "explained", "She was referred to us.")
    assert caught.value.reason is Code.UNKNOWN_DISPUTE
    answering.answer(south, "north", raised.id, "explained", "She was referred to us.")
    carry(network, ANSWERS_PATH)
    network.anchor()
    settled = obligation(network, raised)
    assert settled is not None and settled.status == "settled"
    assert [one.status for one in network["north"].disputes.taken()] == ["answered"]


def test_what_a_former_store_took_on_anybody_s_word_is_not_shown(network: Network, ada: Patient) -> None:
    south: Any = network["south"]
    raised = raise_it(network, ada)
    network.anchor()
    carry(network, DISPUTED_PATH)
    (row,) = south.rows(answering.dispute_about_us)
    squat = {**row._mapping, "source": "east"}
    south.store.write(lambda connection: connection.execute(sql.insert(answering.dispute_about_us).values(**squat)))
    assert [(one.source, one.id) for one in answering.about_us(south)] == [("north", raised.id)]


def settle(network: Network) -> None:
    """All is anchored, told, and followed; what an open dispute asks of the places of today is brought there."""
    agent: Any = network["guide"]
    network.anchor()
    network.deliver()
    while agent.agent.follow():
        pass
    disputing.bring_on(agent)
    carry(network, DISPUTES_PATH)


def link(network: Network, ada: Patient, place: str) -> None:
    agent: Any = network["guide"]
    agent.agent.link(ada.account, place, network[place].linker.invite("ada"), ada.sign)
    network.consent(ada, place, "south")


def test_a_place_that_comes_to_know_her_later_hears_of_it_as_well(network: Network) -> None:
    guide: Any = network["guide"]
    ada = network.patient("ada", "north")
    raised = raise_it(network, ada)
    settle(network)
    assert disputing.bring_on(guide) == 0
    link(network, ada, "east")
    settle(network)
    assert network["east"].disputes.stops(ada.account, "south")
    south: Any = network["south"]
    with pytest.raises(PeerError) as caught:
        request_records(south, "east", ada.account, practitioner=south.doctor(), reason="visit")
    assert caught.value.code == "not-permitted" and codes(network["east"]) == ["disputed"]
    # East is no source of the dispute: it is owed nothing, and nothing is brought twice, after a restart neither.
    settle(network)
    assert owing_to(network, "east") == [] and disputing.bring_on(network.crash("guide")) == 0  # type: ignore[arg-type]
    # Closed, it goes nowhere any more.
    close(network["guide"], ada.account, raised.id, "south", "north", ada.sign, ada.key.key_id)  # type: ignore[arg-type]
    settle(network)
    assert not network["east"].disputes.stops(ada.account, "south")
    guide = network["guide"]
    guide.agent.link(ada.account, "south", network["south"].linker.invite("ada"), ada.sign)
    settle(network)
    assert network["south"].disputes.taken() == []


def owing_to(network: Network, creditor: str) -> list[Any]:
    south: Any = network["south"]
    return [one for one in owed(south) if one.creditor == creditor]


def test_it_reaches_a_place_again_that_forgot_her_and_not_with_a_key_that_she_lost(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide, east = network["guide"], network["east"]
    raise_it(network, ada)
    settle(network)
    east.source.raw.clear()
    east.erasures.erase_person("ada", "patient-request")
    assert not east.disputes.stops(ada.account, "south")
    network.time += HOUR
    link(network, ada, "east")
    with monkeypatch.context() as lost:
        lost.setattr(guide.consents, "check_signature", refusing)
        settle(network)
    assert not east.disputes.stops(ada.account, "south")
    network.crash("guide")
    settle(network)
    assert east.disputes.stops(ada.account, "south")


def refusing(*_: object) -> None:
    raise Refusal(Code.BAD_SIGNATURE)
