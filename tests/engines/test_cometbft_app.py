"""The application that CometBFT drives, call by call, without a network."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from abci_driver import Driver, at
from hypothesis import given, settings
from ledger_streams import STREAMS, follow, step
from ledger_world import CREATED, GENESIS, SECOND, World, entry, hash_of, id_of, public
from suite import MANY, NAMES, Clock, describe

from medrec.core import machine, merkle, state
from medrec.core.crypto import consensus_address
from medrec.core.outcome import Code
from medrec.core.webauthn import NewPasskey
from medrec.engines.abci import messages as abci
from medrec.engines.abci.server import FatalError
from medrec.engines.cometbft_marks import MARKS_MAX, Marks, Pool
from medrec.engines.cometbft_query import QueryError, verified
from medrec.engines.engine import EngineError
from medrec.engines.memory import MemoryEngine


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Driver]:
    driver = Driver(tmp_path)
    yield driver
    driver.close()


@settings(max_examples=20, deadline=None)
@given(STREAMS)
def test_random_streams_give_the_roots_of_the_reference_engine(stream: list[list[tuple[int, int]]]) -> None:
    clock, world = Clock(), World(GENESIS)
    memory = MemoryEngine(GENESIS, clock)
    with tempfile.TemporaryDirectory() as folder:
        node = Driver(Path(folder), GENESIS)
        for numbers in stream:
            clock.now += SECOND
            transactions = [step(world, *pair) for pair in numbers]
            world.block(*transactions, time=clock.now)
            follow(world)
            memory.submit(transactions)
            answer = node.block(*transactions)
            assert node.storage.tip() == memory.tip()
            assert answer.app_hash == memory.tip().app_hash
            assert [row.code for row in answer.tx_results] == [o.code for o in memory.blocks(0)[-1].outcomes]
        assert node.storage.blocks(0) == memory.blocks(0)
        node.close()


# --- the beginning ----------------------------------------------------------------------------------------


def beginning(node: Driver, **changes: object) -> abci.RequestInitChain:
    keys = [abci.ValidatorUpdate(abci.PublicKey(key), 1) for key in node.founders.keys.values()]
    fields = {"chain_id": node.founders.chain_id, "validators": keys} | changes
    return abci.RequestInitChain(**fields)  # type: ignore[arg-type]


def test_the_network_begins_with_our_genesis_or_not_at_all(node: Driver) -> None:
    assert node.ask(beginning(node)).app_hash == node.storage.tip().app_hash
    for other in ({"chain_id": "medrec-other"}, {"validators": []}):
        with pytest.raises(FatalError, match="genesis"):
            node.ask(beginning(node, **other))


def test_a_genesis_that_differs_by_a_byte_is_another_chain(tmp_path: Path) -> None:
    one, other = Driver(tmp_path / "a"), Driver(tmp_path / "b", MANY | {"name": "Test networl"})
    assert one.founders.chain_id != other.founders.chain_id
    one.close(), other.close()


def test_info_names_the_last_kept_block(node: Driver) -> None:
    assert node.ask(abci.RequestInfo()).last_block_height == 0
    world = World(MANY)
    node.block(describe(world, NAMES[0], 1))
    node.finalize([describe(world, NAMES[1], 1)])
    said = node.ask(abci.RequestInfo())
    assert (said.last_block_height, said.last_block_app_hash) == (1, node.storage.tip().app_hash)


def test_a_crash_between_finalize_and_commit_is_healed_by_replay(node: Driver) -> None:
    data = describe(World(MANY), NAMES[0], 1)
    first = node.finalize([data])
    node.ask(abci.RequestInfo())  # the node starts again
    with pytest.raises(FatalError, match="start it again"):
        node.ask(abci.RequestCommit())
    assert node.finalize([data]) == first
    node.ask(abci.RequestCommit())
    assert node.storage.tip().height == 1


# --- the pool, and signatures -----------------------------------------------------------------------------


def test_the_pool_takes_what_could_be_accepted_and_nothing_else(node: Driver) -> None:
    world = World(MANY)
    good = describe(world, NAMES[0], 1)
    assert node.check(good) == Code.OK
    assert node.check(b"noise") == Code.MALFORMED
    assert node.check(good[:-1] + bytes((good[-1] ^ 1,))) != Code.OK
    assert node.check(world.sign("stranger", "organisation/describe", {"name": "x", "endpoint": ""})) == (
        Code.UNKNOWN_AUTHOR
    )
    node.block(good)
    assert node.check(good) != Code.OK  # it stands in a block


def test_a_signature_is_checked_once(node: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[bytes] = []
    real = machine.verify_account_signature
    monkeypatch.setattr(machine, "verify_account_signature", lambda *a: checks.append(a[1]) or real(*a))  # type: ignore[func-returns-value]
    opened = World(MANY)
    group = [describe(World(MANY), name, 1) for name in NAMES[:4]] + [opened.opening("ada")]
    assert [node.check(data) for data in group] == [Code.OK] * 5
    assert node.propose(group) == group and node.accepts(group)
    node.block(*group)
    assert len(checks) == 5 and node.marks.hits == 15


def test_the_mark_of_a_proof_names_everything_that_its_check_looks_at() -> None:
    passkey = NewPasskey(alg=-7, backup=False, key=b"k" * 65, origins=["https://a.example"], rp=bytes(32))
    others = [
        msgspec.structs.replace(passkey, **{name: value})
        for name, value in (("alg", -8), ("key", b"l" * 65), ("origins", ["https://b.example"]), ("rp", b"r" * 32))
    ]
    proof = ["webauthn", b"a", b"c", b"s"]
    marks = [machine.proof_mark(bytes(32), one, proof) for one in (passkey, *others)]
    marks += [machine.proof_mark(bytes(32), passkey, other) for other in (["webauthn", b"a", b"c", b"t"], ["x", b"a"])]
    marks += [machine.proof_mark(b"\x01" * 32, passkey, proof)]
    assert len(set(marks)) == len(marks)


def test_a_mark_never_covers_another_signature(node: Driver) -> None:
    world = World(MANY)
    good = describe(world, NAMES[0], 1)
    assert node.check(good) == Code.OK
    forged = bytearray(good)
    forged[good.index(b"ed25519") + 20] ^= 1
    assert node.check(bytes(forged)) == Code.BAD_SIGNATURE and not node.accepts([bytes(forged)])
    assert [row.code for row in node.finalize([bytes(forged)]).tx_results] == [Code.BAD_SIGNATURE]


def test_marks_and_pool_are_bounded() -> None:
    marks = Marks()
    for number in range(MARKS_MAX + 10):
        assert number not in marks
        marks.remember()
    assert len(marks) == MARKS_MAX and 0 not in marks and MARKS_MAX in marks


def test_recheck_reads_one_number_and_verifies_nothing(node: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(MANY)
    stale, fresh = describe(world, NAMES[0], 1), describe(world, NAMES[1], 1)
    short = world.sign(NAMES[2], "organisation/describe", {"name": "x", "endpoint": ""}, expires=1)
    winner = world.sign(NAMES[0], "organisation/describe", {"name": "y", "endpoint": ""}, nonce=5)
    assert [node.check(data) for data in (stale, fresh, short)] == [Code.OK] * 3
    node.block(winner)
    monkeypatch.setattr(machine, "check", None)  # neither the rules
    monkeypatch.setattr(machine, "verify_account_signature", None)  # nor a signature
    monkeypatch.setattr(node.app, "_decode", None)  # nor the bytes are looked at
    assert node.check(fresh, again=True) == Code.OK
    assert node.check(stale, again=True) == Code.STALE_NONCE
    assert node.check(short, again=True) == Code.EXPIRED
    assert [outcome.code for _, outcome in node.dropped] == [Code.STALE_NONCE, Code.EXPIRED]


def test_what_a_full_pool_forgot_is_dropped_with_a_reason() -> None:
    outcome = Pool().recheck(World(MANY).view, 1, b"x")
    assert outcome is not None and outcome.code == Code.STALE_NONCE


# --- proposals --------------------------------------------------------------------------------------------


def test_a_proposal_holds_only_what_could_be_accepted_as_much_as_fits(node: Driver) -> None:
    world = World(MANY)
    group = [describe(world, name, 1) for name in NAMES]
    assert node.propose([b"noise", *group[:2], b"", group[2]]) == group[:3]
    room = sum(len(data) + 3 for data in group[:3])
    assert node.propose(group, room) == group[:3]
    assert node.accepts(node.propose(group))
    for bad in ([b"noise"], [*group, b""], [group[0][:-1]]):
        assert not node.accepts(bad)


def test_an_honest_proposal_is_accepted_after_every_kind_of_block(node: Driver) -> None:
    """Requirement 3 of ABCI: what a correct proposer makes, every correct node accepts."""
    world = World(MANY)
    for number in range(12):
        pool = [step(world, (number * 7 + k) % 10, number * 3 + k) for k in range(6)]
        pool += [describe(world, NAMES[number % 8], number), b"noise"]
        chosen = node.propose(pool)
        assert node.accepts(chosen)
        node.block(*chosen)
        world.block(*chosen, time=world.tip.time + SECOND)
        follow(world)


def test_only_one_candidate_is_ever_held(node: Driver) -> None:
    world = World(MANY)
    group = [describe(world, name, 1) for name in NAMES]
    for data in group:
        assert node.accepts([data])
        node.finalize([data])
    node.ask(abci.RequestCommit())
    assert node.storage.blocks(0)[0].block.transactions == (group[-1],)


def test_a_protocol_that_the_software_does_not_know_stops_the_node_in_words(node: Driver) -> None:
    world = World(MANY)
    proposal = world.proposal(NAMES[0], "upgrade", version=2, height=3)
    node.block(proposal, *[world.vote(name, id_of(proposal)) for name in NAMES[1:6]])
    node.block()
    view = node.storage.state()
    assert machine.outdated(view, 2) == "" and "upgrade it" in machine.outdated(view, 3)
    with pytest.raises(FatalError, match="upgrade it"):
        node.block()
    assert node.storage.tip().height == 2


def test_a_disk_that_fails_stops_the_node_and_becomes_no_outcome(node: Driver) -> None:
    def fault(name: str) -> None:
        if name == "block":
            raise EngineError("disk-full", "The disk is full: make room.")

    data = describe(World(MANY), NAMES[0], 1)
    node.fault = fault  # type: ignore[method-assign]
    with pytest.raises(FatalError, match="make room"):
        node.block(data)
    node.fault = lambda name: None  # type: ignore[method-assign]
    assert node.storage.tip().height == 0
    assert node.block(data).tx_results[0].code == Code.OK


# --- validators -------------------------------------------------------------------------------------------


def changes(answer: abci.ResponseFinalizeBlock) -> dict[bytes, int]:
    return {update.pub_key.ed25519: update.power for update in answer.validator_updates}


def vote_through(node: Driver, world: World, change: str, **fields: object) -> dict[bytes, int]:
    proposal = world.proposal(NAMES[0], change, **fields)
    assert changes(node.block(proposal)) == {}
    return changes(node.block(*[world.vote(name, id_of(proposal)) for name in NAMES[1:6]]))


def test_votes_change_the_validators(node: Driver) -> None:
    world = World(MANY)
    new, newer = hash_of("new key"), hash_of("newer key")
    assert vote_through(node, world, "validator", id=NAMES[6], key=new, power=1) == {new: 1}
    assert vote_through(node, world, "validator", id=NAMES[6], key=newer, power=1) == {new: 0, newer: 1}
    old, own = public(NAMES[1] + " consensus"), hash_of("own key")
    assert vote_through(node, world, "validator", id=NAMES[1], key=own, power=1) == {old: 0, own: 1}
    assert vote_through(node, world, "validator", id=NAMES[1], key=own, power=0) == {own: 0}
    stolen = node.block(world.proposal(NAMES[0], "validator", id=NAMES[0], key=own, power=1))
    assert stolen.tx_results[0].code == Code.KEY_IN_USE
    assert vote_through(node, world, "suspend", id=NAMES[2]) == {public(NAMES[2] + " consensus"): 0}
    assert vote_through(node, world, "reinstate", id=NAMES[2]) == {public(NAMES[2] + " consensus"): 1}


def test_a_founders_key_is_nobody_elses(node: Driver) -> None:
    world = World(MANY)
    founding = public(NAMES[1] + " consensus")
    stolen = world.proposal(NAMES[0], "validator", id=NAMES[5], key=founding, power=1)
    answer = node.ask(abci.RequestCheckTx(stolen, 0))
    assert answer.code == Code.KEY_IN_USE
    assert node.ask(abci.RequestPrepareProposal(1 << 20, [stolen], height=1, time=at(CREATED + SECOND))).txs == []
    proposed = abci.RequestProcessProposal([stolen], height=1, time=at(CREATED + SECOND))
    assert node.ask(proposed).status == 2
    assert (
        node.ask(abci.RequestCheckTx(world.proposal(NAMES[0], "validator", id=NAMES[1], key=founding, power=1), 0)).code
        == 0
    )


def test_a_founders_key_that_somebody_else_was_voted_validates_for_its_founder_alone(node: Driver) -> None:
    """Software before this one let such a vote through: two members then counted as one validator."""
    world = World(MANY)
    shared = public(NAMES[0] + " consensus")
    assert vote_through(node, world, "validator", id=NAMES[5], key=shared, power=1) == {}
    assert vote_through(node, world, "suspend", id=NAMES[0]) == {shared: 0}


def test_the_last_validator_stays(tmp_path: Path) -> None:
    node = Driver(tmp_path, GENESIS | {"organisations": GENESIS["organisations"][:1]})
    world = World(node_genesis := GENESIS | {"organisations": GENESIS["organisations"][:1]})
    proposal = world.proposal("north", "validator", id="north", key=hash_of("k"), power=0)
    assert changes(node.block(proposal)) == {} and node_genesis
    assert node.storage.tip().log_size == 1
    node.close()


# --- reading with proofs ----------------------------------------------------------------------------------


def test_every_answer_proves_itself_and_no_other_value(node: Driver) -> None:
    world = World(MANY)
    node.block(*[describe(world, name, 1) for name in NAMES], world.batch(NAMES[0], [entry(1)]))
    tip = node.storage.tip()
    key = state.organisation_key(NAMES[3])
    answer = node.ask(abci.RequestQuery(key, "/state", 0, True))
    assert verified(answer) == (node.storage.state().get(key), tip)
    absent = node.ask(abci.RequestQuery(b"nullifier/" + bytes(32), "/state", 0, True))
    assert verified(absent) == (None, tip)
    leaf = node.ask(abci.RequestQuery((4).to_bytes(8, "big"), "/log", 0, True))
    assert verified(leaf) == (node.storage.state().get(merkle.node_key(0, 4)), tip)
    assert verified(node.ask(abci.RequestQuery(b"", "/tip", 0, True)))[1] == tip
    for lie in (
        abci.ResponseQuery(0, "", answer.key, answer.value + b"x", answer.proof_ops),
        abci.ResponseQuery(0, "absent", answer.key, b"", answer.proof_ops),
        abci.ResponseQuery(0, "", absent.key, b"\x01", absent.proof_ops),
        abci.ResponseQuery(0, "", (5).to_bytes(8, "big"), leaf.value, leaf.proof_ops),
        abci.ResponseQuery(0, "", answer.key, answer.value),
    ):
        with pytest.raises(QueryError):
            verified(lie)


def test_a_question_that_makes_no_sense_has_an_answer_in_words(node: Driver) -> None:
    for path, data, height in (("/x", b"", 0), ("/log", b"1", 0), ("/log", bytes(8), 0), ("/tip", b"", 99)):
        answer = node.ask(abci.RequestQuery(data, path, height, True))
        assert answer.code and answer.log


def test_every_other_call_has_an_answer(node: Driver) -> None:
    assert node.ask(abci.RequestExtendVote()) == abci.ResponseExtendVote()
    assert node.ask(abci.RequestVerifyVoteExtension(b"")).status == 1
    assert node.ask(abci.RequestVerifyVoteExtension(b"x")).status == 2
    assert node.ask(abci.RequestInsertTx(b"x")).code == 1 and node.ask(abci.RequestReapTxs()).txs == []
    assert node.ask(abci.RequestListSnapshots()).snapshots == []
    assert node.ask(abci.RequestLoadSnapshotChunk(5, 1, 0)).chunk == b""
    assert node.ask(abci.RequestApplySnapshotChunk(0, b"")).result == 2
    assert at(1).ms == 1


def test_a_mark_that_was_refused_is_not_remembered_by_a_later_check_that_asks_for_none() -> None:
    marks = Marks()
    assert b"refused" not in marks
    marks.forget_asked()
    marks.remember()
    assert b"refused" not in marks
    marks.remember()
    assert b"refused" in marks


# --- misbehaviour -----------------------------------------------------------------------------------------


def evidence(key: bytes, height: int = 1, kind: int = 1) -> abci.Misbehavior:
    return abci.Misbehavior(kind, abci.Validator(consensus_address(key), 1), height, at(CREATED))


def test_evidence_leads_to_its_organisation_and_stands_on_the_ledger_and_in_the_block(node: Driver) -> None:
    world, voted = World(MANY), hash_of("voted key")
    vote_through(node, world, "validator", id=NAMES[6], key=voted, power=1)
    vote_through(node, world, "validator", id=NAMES[6], key=hash_of("next key"), power=1)
    found = [
        evidence(voted),
        evidence(public(NAMES[1] + " consensus"), 2),
        evidence(b"nobody's"),
        evidence(voted, 1, 9),
    ]
    node.finalize([], found)
    node.ask(abci.RequestCommit())
    view = node.storage.state()
    assert [state.read_integer(view, state.faults_key(name)) for name in (NAMES[6], NAMES[1], NAMES[0])] == [1, 1, 0]
    kept = state.read(view, state.misbehaviour_key(NAMES[1], 2, "double-vote"), state.Misdeed)
    assert kept is not None and kept.time == CREATED
    block = node.storage.blocks(node.storage.tip().height - 1)[0].block
    assert [(one.organisation, one.height) for one in block.misbehaviour] == [(NAMES[6], 1), (NAMES[1], 2)]
