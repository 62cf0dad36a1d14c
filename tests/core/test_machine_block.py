"""What holds for every transaction and every block: order of the claims, replays, expiry, upgrades, roots."""

import hashlib
import itertools
import json

import msgspec
import pytest
from hypothesis import given, settings
from ledger_cases import CASES, Case, describe, of_family
from ledger_streams import STREAMS, follow, step
from ledger_vectors import FAMILIES, FOLDER, text
from ledger_world import CREATED, DAY, GENESIS, World, address, entry, founder, hash_of, id_of, keys, public, signer

from medrec.core import codec, merkle, state, statemap
from medrec.core.crypto import key_id
from medrec.core.genesis import GenesisError, genesis_writes, network_id
from medrec.core.machine import BlockError, ProtocolError, apply_block, signature_mark, tip_of
from medrec.core.outcome import DETAIL_LENGTH_MAX, SENTENCES, Code
from medrec.core.types import Block, Misbehaviour, Tip, decode_transaction, encode_transaction, log_leaf, transaction_id


@pytest.mark.parametrize("case", of_family("block"))
def test_case(case: Case) -> None:
    world = World()
    data = case.build(world)
    result = world.try_out(data)
    assert result.outcomes[0].code == case.code, result.outcomes


def test_every_code_ends_some_case_and_has_a_sentence() -> None:
    assert {case.code for case in CASES} == set(Code) == set(SENTENCES)
    assert len({case.name for case in CASES}) == len(CASES)


def test_numbers_follow_precedence() -> None:
    assert [code.value for code in Code] == sorted({code.value for code in Code})


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES if case.code])
def test_a_refused_transaction_leaves_nothing_behind(case: Case) -> None:
    world = World()
    data = case.build(world)
    refused, empty = world.try_out(data), world.try_out()
    assert refused.writes == empty.writes
    assert refused.tip == empty.tip
    assert refused.leaf_indices == (None,)


FAULTS = [
    (Code.UNKNOWN_KIND, {"kind": "organisation/dance"}),
    (Code.WRONG_NETWORK, {"network": bytes(32)}),
    (Code.EXPIRED, {"expires": 1}),
    (Code.EXPIRES_TOO_LATE, {"expires": 5000}),
    (Code.WRONG_AUTHOR, {"author": "ada"}),
    (Code.UNKNOWN_AUTHOR, {"author": "west"}),
    (Code.AUTHOR_SUSPENDED, {"author": "east"}),
    (Code.RETIRED_KEY, {"key": key_id(public("north"))}),
    (Code.UNKNOWN_KEY, {"key": bytes(16)}),
    (Code.STALE_NONCE, {"nonce": 0}),
    (Code.BAD_SIGNATURE, {"signature": bytes(64)}),
    (Code.BAD_PAYLOAD, {"payload": {}}),
]


# One field cannot be wrong in two ways at once.
PAIRS = [pair for pair in itertools.combinations(FAULTS, 2) if not pair[0][1].keys() & pair[1][1].keys()]


@pytest.mark.parametrize(("upper", "lower"), PAIRS)
def test_of_two_faults_the_upper_one_is_the_answer(upper: tuple[Code, dict], lower: tuple[Code, dict]) -> None:
    world = World()
    world.decide("suspend", id="east")
    world.accept(world.sign("north", "organisation/rotate", {"keys": keys("north 2")}))
    fields = {
        "author": "north",
        "key": key_id(public("north 2")),
        "kind": "organisation/describe",
        "payload": {"name": "N", "endpoint": ""},
        "nonce": 100,
    }
    fields |= upper[1] | lower[1]
    if fields["author"] == "ada":
        fields["author"] = address("ada")
    signature = fields.pop("signature", None)
    body = world.body(**fields)
    if signature is None:
        signature = signer("north 2").sign(transaction_id(body)).signature
    assert world.try_out(encode_transaction(body, ["ed25519", signature])).outcomes[0].code == upper[0]


def test_a_replay_answers_with_the_place_of_the_first_and_changes_nothing() -> None:
    world = World()
    data = describe(world)
    assert world.accept(data).leaf_indices == (0,)
    world.anchor("south", entry())
    again, empty = world.try_out(data), world.try_out()
    assert again.leaf_indices == (0,)
    assert (again.outcomes[0].code, again.outcomes[0].detail) == (Code.OK, "replay")
    assert again.writes == empty.writes


def test_a_replay_in_the_same_block() -> None:
    world = World()
    data = describe(world)
    result = world.block(data, data)
    assert result.leaf_indices == (0, 0)
    assert world.tip.log_size == 1


def test_a_refused_transaction_may_come_again_and_be_accepted() -> None:
    world = World()
    first, second = world.batch("north", [entry(0)]), None
    world.heads["north"], world.counts["north"] = id_of(first), 1
    second = world.batch("north", [entry(1)], changes={"nonce": 2})
    assert world.block(second).outcomes[0].code == Code.BATCH_GAP
    assert [outcome.code for outcome in world.block(first, second).outcomes] == [Code.OK, Code.OK]


def test_what_was_seen_is_forgotten_when_it_has_expired_and_not_before() -> None:
    world = World()
    data = describe(world, expires=3)
    world.accept(data)
    key = state.seen_key(3, id_of(data))
    for _ in range(2):
        world.block()
    assert world.tip.height == 3 and world.view.get(key) is not None
    world.block()
    assert world.view.get(key) is None
    assert world.try_out(data).outcomes[0].code == Code.EXPIRED


def test_one_author_s_transactions_stay_in_order_within_a_block() -> None:
    world = World()
    later, sooner = describe(world, nonce=2), describe(world, nonce=1)
    assert [outcome.code for outcome in world.block(later, sooner).outcomes] == [Code.OK, Code.STALE_NONCE]


def test_a_block_must_follow() -> None:
    world = World()
    world.block()
    for block in (Block(1, CREATED, ()), Block(3, world.tip.time, ()), Block(2, world.tip.time - 1, ())):
        with pytest.raises(BlockError):
            apply_block(world.view, block)
    with pytest.raises(BlockError):
        tip_of(type(world.view)({}))
    assert apply_block(world.view, Block(2, world.tip.time, ())).tip.height == 2


def test_from_its_height_on_an_unknown_protocol_stops_the_software_and_nothing_is_lost() -> None:
    world = World()
    world.decide("upgrade", version=2, height=6)
    while world.tip.height < 5:
        world.accept(describe(world)) if world.tip.height == 3 else world.block()
    before = dict(world.view.values)
    with pytest.raises(ProtocolError, match="follows protocol 2"):
        world.block()
    assert world.view.values == before


def test_a_signature_that_the_process_has_checked_is_not_checked_again() -> None:
    world = World()
    data = encode_transaction(decode_transaction(describe(world)).body_bytes, ["ed25519", bytes(64)])
    mark = signature_mark(id_of(data), public("north"), bytes(64))
    block = world.next_block(data)
    assert apply_block(world.view, block).outcomes[0].code == Code.BAD_SIGNATURE
    assert apply_block(world.view, block, {mark}).outcomes[0].code == Code.OK


def test_the_detail_of_an_outcome_stays_short() -> None:
    world = World()
    payload = {"name": "N", "endpoint": "", "x" * 10_000: 1}
    outcome = world.try_out(world.sign("north", "organisation/describe", payload)).outcomes[0]
    assert outcome.code == Code.BAD_PAYLOAD and len(outcome.detail) == DETAIL_LENGTH_MAX


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"protocol": 2}, "protocol 2"),
        ({"organisations": []}, "not readable"),
        ({"organisations": [founder("north", "king")]}, "role"),
        ({"organisations": [founder("tower", "witness")]}, "vote"),
        ({"organisations": [founder("north", "lab"), founder("north", "lab")]}, "one id"),
        ({"organisations": [founder("north", "lab"), founder("north", "lab") | {"id": "x"}]}, "a key stands twice"),
        ({"created": -1}, "not readable"),
        ({"note": "x"}, "not readable"),
    ],
)
def test_a_genesis_that_is_none(change: dict, words: str) -> None:
    with pytest.raises(GenesisError, match=words):
        genesis_writes(GENESIS | change)


def test_the_network_id_and_the_app_hash_by_hand() -> None:
    assert network_id(GENESIS) == hashlib.sha256(b"medrec/genesis/1" + codec.encode_json(GENESIS)).digest()
    tip = Tip(1, 2, 3, hash_of("log"), hash_of("state"), 1)
    made = b"medrec/app/1" + hash_of("log") + bytes(7) + b"\x03" + hash_of("state") + bytes(7) + b"\x01"
    assert tip.app_hash == hashlib.sha256(made).digest()


# --- the vectors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_the_committed_vectors_are_those_of_the_cases(family: str) -> None:
    committed = (FOLDER / f"{family}.json").read_text(encoding="utf-8")
    assert committed == text(family), "run `python tests/core/ledger_vectors.py` and look at what changed"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_committed_vectors_hold(family: str) -> None:
    document = json.loads((FOLDER / f"{family}.json").read_bytes())
    for case in document["cases"]:
        world = World(document["genesis"])
        for block in case["before"]:
            world.accused = msgspec.convert(block.get("misbehaviour", ()), tuple[Misbehaviour, ...])
            world.block(*map(bytes.fromhex, block["transactions"]), time=block["time"])
        world.accused = msgspec.convert(case["block"].get("misbehaviour", ()), tuple[Misbehaviour, ...])
        assert world.tip.height + 1 == case["block"]["height"], case["name"]
        result = world.try_out(bytes.fromhex(case["transaction"]), time=case["block"]["time"])
        assert result.tip.app_hash.hex() == case["app_hash"], case["name"]
        if "post" not in case:
            assert result.outcomes[0].code == case["refused"]["code"], case["name"]
            continue
        assert (result.outcomes[0].code, result.leaf_indices[0]) == (0, case["post"]["leaf"]), case["name"]
        changes = {
            key.hex(): value and value.hex()
            for key, value in result.writes.items()
            if not key.startswith(state.UNMAPPED)
        }
        assert changes == case["post"]["changes"], case["name"]


# --- laws -------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(STREAMS)
def test_the_roots_are_those_of_trees_built_from_scratch(stream: list[list[tuple[int, int]]]) -> None:
    world = World()
    leaves: list[bytes] = []
    for numbers in stream:
        transactions = [step(world, *pair) for pair in numbers]
        result = world.block(*transactions)
        follow(world)
        for data, outcome, index in zip(transactions, result.outcomes, result.leaf_indices, strict=True):
            if outcome.code == 0 and index == len(leaves):
                body = decode_transaction(data).body_bytes
                leaves.append(merkle.leaf_hash(log_leaf(world.tip.height, world.tip.time, body)))
    assert world.tip.log_size == len(leaves)
    assert world.tip.log_root == merkle.root(leaves)
    assert world.tip.state_root == statemap.update({}.get, world.mapped())[1]
    check_dues(world)


def check_dues(world: World) -> None:
    """The public counts are those of the obligations, and the index by time holds the open ones."""
    counts: dict[str, dict[str, int]] = {}
    opened = 0
    for key in list(world.view.values):
        if key.startswith(b"obligation/"):
            obligation = state.read(world.view, key, state.Obligation)
            debtor = counts.setdefault(obligation.debtor, {"open": 0, "settled": 0, "overdue": 0, "late": 0})
            debtor[obligation.status] += 1
            opened += obligation.status == "open"
    for name, count in counts.items():
        dues = state.read(world.view, state.dues_key(name), state.Dues)
        assert {field: getattr(dues, field) for field in count} == count
    assert opened == sum(key.startswith(b"~due/") for key in world.view.values)


def test_time_may_stand_still_and_a_day_may_pass() -> None:
    world = World()
    world.block(time=world.tip.time)
    world.block(time=world.tip.time + DAY)
    assert world.tip.time == CREATED + DAY
