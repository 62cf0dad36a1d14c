"""Checkpoints: who signs which head, and who must not."""

import base64

import pytest
import sqlalchemy as sql

from medrec.core import codec
from medrec.core.checkpoint import (
    COSIGNATURE_MLDSA44,
    Checkpoint,
    Note,
    cosigner_keys,
    parse_checkpoint,
    parse_note,
    render_note,
    render_signature,
    verify_cosignatures,
)
from medrec.engines.memory import MemoryEngine
from medrec.engines.sqlite import SqliteEngine
from medrec.node.keeping import store
from medrec.node.ledger import checkpoints
from medrec.node.ledger.checkpoints import CheckpointError, evidence
from medrec.node.peers.peers import Fault

from .cosigners import Cosigners, grow
from .world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def network(world):
    return Cosigners(world)


def keys_of(world, *names):
    founders = {founder["id"]: founder["keys"] for founder in world.genesis["organisations"]}
    return [
        key
        for name in names
        for key in cosigner_keys(
            name,
            bytes.fromhex(founders[name]["cosign_ed25519"]),
            bytes.fromhex(founders[name]["cosign_mldsa44"]),
        )
    ]


def alarms(node):
    with node.store.read() as connection:
        return connection.execute(sql.select(store.alarm).order_by(store.alarm.c.id)).all()


def head_of(world, tip, **changes):
    fields = {
        "network": world.network,
        "size": tip.log_size,
        "root": tip.log_root,
        "height": tip.height,
        "time": tip.time,
        "state": tip.state_root,
        "protocol": tip.protocol,
    }
    return Checkpoint(**(fields | changes))


def request(world, name, checkpoint, seconds=1_800_000_000):
    text = checkpoint.text()
    return codec.encode({"note": render_note(Note(text, tuple(world.keys[name].cosign(text, seconds))))})


def test_everybody_signs_the_head_with_both_algorithms(world, network):
    tip = grow(world.engine, world, 3)
    note = network["north"].checkpoints.keep_up()
    assert parse_checkpoint(note.text) == head_of(world, tip)
    held = verify_cosignatures(note, keys_of(world, "north", "south", "helper"))
    assert [each.organisation for each in held] == ["north", "north", "helper", "helper", "south", "south"]
    assert sum(each.algorithm == COSIGNATURE_MLDSA44 for each in held) == 3
    assert network["north"].checkpoints.latest() == note
    assert network["north"].checkpoints.cosigners(note) == ["helper", "north", "south"]


def test_nothing_is_signed_before_the_first_transaction(network):
    assert network["north"].checkpoints.keep_up() is None
    with pytest.raises(CheckpointError) as refused:
        network["north"].checkpoints.make()
    assert refused.value.code == "empty-log"


def test_a_head_is_signed_once(world, network):
    grow(world.engine, world)
    first = network["north"].checkpoints.keep_up()
    world.clock.now += 60_000
    world.engine.submit([])  # a block without transactions: the log did not grow
    assert network["north"].checkpoints.keep_up() == first


def test_lines_that_lacked_are_asked_for_again_after_a_rest(world, network):
    calls = []
    network.wire.fault = lambda caller, name, path: calls.append(name) or Fault(drop=name == "south")
    grow(world.engine, world)
    keeper = network["north"].checkpoints
    assert keeper.cosigners(keeper.keep_up()) == ["helper", "north"]
    assert "south" in keeper.trouble
    keeper.keep_up()
    assert calls == ["helper", "south"]
    network.wire.fault = lambda caller, name, path: calls.append(name) or Fault()
    world.clock.now += checkpoints.REST_MS
    assert keeper.cosigners(keeper.keep_up()) == ["helper", "north", "south"]
    assert calls == ["helper", "south", "south"]
    assert keeper.trouble == {}


def test_covering_wants_a_quorum_and_names_who_did_not_sign(world, network):
    network.wire.fault = lambda caller, name, path: Fault(drop=True)
    grow(world.engine, world, 2)
    keeper = network["north"].checkpoints
    with pytest.raises(CheckpointError) as refused:
        keeper.covering(0)
    assert refused.value.code == "too-few-cosignatures"
    assert "1 of the 3" in refused.value.sentence and "south cannot be reached" in refused.value.sentence
    assert parse_checkpoint(keeper.covering(0, needed=1).text).size == 2
    network.wire.fault = lambda caller, name, path: Fault()
    assert len(keeper.cosigners(keeper.covering(1))) == 3
    with pytest.raises(CheckpointError) as refused:
        keeper.covering(2)
    assert refused.value.code == "not-in-log"


def test_covering_falls_back_on_an_older_note_with_a_quorum(world, network):
    grow(world.engine, world, 2)
    keeper = network["north"].checkpoints
    keeper.keep_up()
    network.wire.fault = lambda caller, name, path: Fault(drop=True)
    grow(world.engine, world)
    keeper.keep_up()
    assert parse_checkpoint(keeper.covering(1).text).size == 2
    with pytest.raises(CheckpointError):
        keeper.covering(2)


def test_old_notes_go_but_never_the_last_with_a_quorum(world, network, monkeypatch):
    monkeypatch.setattr(checkpoints, "KEPT", 3)
    grow(world.engine, world)
    keeper = network["north"].checkpoints
    keeper.keep_up()
    network.wire.fault = lambda caller, name, path: Fault(drop=True)
    for _ in range(6):
        grow(world.engine, world)
        keeper.keep_up()
    with network["north"].store.read() as connection:
        sizes = connection.execute(sql.select(store.checkpoint.c.size).order_by(store.checkpoint.c.size)).scalars()
        assert list(sizes) == [1, 5, 6, 7]


def test_a_peer_that_is_behind_is_asked_again_at_once(world, monkeypatch):
    monkeypatch.setattr(checkpoints, "WAIT_S", 0.0)
    slow = MemoryEngine(world.genesis, world.clock)
    network = Cosigners(world, {"south": slow})
    grow(world.engine, world)
    keeper = network["north"].checkpoints
    assert keeper.cosigners(keeper.keep_up()) == ["helper", "north"]
    assert "followed" in keeper.trouble["south"] and not alarms(network["north"])
    catch_up(slow, world.engine)
    assert keeper.cosigners(keeper.keep_up()) == ["helper", "north", "south"]


def catch_up(slow, engine):
    for block in engine.blocks(slow.tip().height):
        slow.submit(block.block.transactions)
    assert slow.tip() == engine.tip()


def test_different_ledgers_alarm_both_sides_and_leave_evidence_that_holds(world):
    fork = MemoryEngine(world.genesis, world.clock)
    network = Cosigners(world, {"south": fork})
    grow(world.engine, world)
    grow(fork, world)
    keeper = network["north"].checkpoints
    assert keeper.cosigners(keeper.keep_up()) == ["helper", "north"]
    for here, there in (("north", "south"), ("south", "north")):
        (alarm,) = alarms(network[here])
        assert (alarm.code, alarm.subject) == ("split-view", f"split-view/{there}/1")
        with network[here].store.read() as connection:
            ours, theirs = evidence(connection)[alarm.subject]
        assert verify_cosignatures(parse_note(ours), keys_of(world, here))
        assert verify_cosignatures(parse_note(theirs), keys_of(world, there))
        assert parse_checkpoint(parse_note(ours).text).root != parse_checkpoint(parse_note(theirs).text).root
    world.clock.now += checkpoints.REST_MS
    keeper.keep_up()
    assert len(alarms(network["north"])) == 1


@pytest.mark.parametrize("field", ["size", "root", "time", "state", "protocol"])
def test_a_peer_signs_no_head_that_differs_in_any_line(world, network, field):
    tip = grow(world.engine, world, 2)
    value = {"root": bytes(32), "state": bytes(32)}.get(field, 7)
    wrong = head_of(world, tip, **{field: value})
    answer = codec.decode(network["south"].checkpoints.cosign("north", request(world, "north", wrong)))
    assert answer["code"] == "split-view" and "lines" not in answer
    assert parse_checkpoint(parse_note(answer["note"]).text) == head_of(world, tip)
    assert [alarm.code for alarm in alarms(network["south"])] == ["split-view"]


def test_a_peer_signs_an_older_head_as_well(world, network):
    old = grow(world.engine, world)
    grow(world.engine, world, 4)
    answer = codec.decode(network["south"].checkpoints.cosign("north", request(world, "north", head_of(world, old))))
    assert "lines" in answer


def test_requests_that_are_none_are_refused(world, network):
    tip = grow(world.engine, world)
    head = head_of(world, tip)
    ed25519, mldsa44 = world.keys["north"].cosign(head.text(), 1)
    only_mldsa = codec.encode({"note": head.text() + b"\n" + render_signature(mldsa44)})
    broken = codec.encode({"note": head_of(world, tip, time=9).text() + b"\n" + render_signature(ed25519)})
    cases = {
        "not-signed": [request(world, "south", head), only_mldsa],
        "wrong-network": [request(world, "north", head_of(world, tip, network=bytes(32)))],
        "malformed": [b"", b"\xa0", codec.encode({"note": 1}), codec.encode([1]), broken]
        + [request(world, "north", head_of(world, tip, height=height)) for height in (0, 1 << 62)],
    }
    for code, bodies in cases.items():
        for body in bodies:
            assert codec.decode(network["helper"].checkpoints.cosign("north", body))["code"] == code
    answer = network["helper"].checkpoints.cosign("nobody", request(world, "north", head))
    assert codec.decode(answer)["code"] == "not-signed"
    assert not alarms(network["helper"])


def test_a_ledger_that_was_rewritten_or_cut_signs_nothing_more(world, network):
    grow(world.engine, world, 3)
    network["north"].checkpoints.keep_up()
    other = MemoryEngine(world.genesis, world.clock)
    south = network.node("south", other)  # started again on an empty ledger; its store remembers
    for _ in range(2):
        grow(other, world, 2)  # first shorter than what was signed, then longer
        body = request(world, "north", head_of(world, other.tip()))
        assert codec.decode(south.checkpoints.cosign("north", body))["code"] == "log-changed"
        assert south.checkpoints.keep_up() is None
    assert [alarm.code for alarm in alarms(south)] == ["log-changed"]
    keeper = network["north"].checkpoints
    grow(world.engine, world)
    assert keeper.cosigners(keeper.keep_up()) == ["helper", "north"]
    assert "south does not sign: This node's ledger no longer holds" in keeper.trouble["south"]


def test_what_was_signed_is_durable_before_the_signature_exists(world, network, monkeypatch):
    grow(world.engine, world, 2)
    seen = []

    class Watched:
        def __getattr__(self, name):
            return getattr(world.keys["south"], name)

        def cosign(self, text, seconds):
            with world.south.store.read() as connection:
                where = store.setting.c
                value = connection.execute(sql.select(where.value).where(where.name == "cosigned-head")).scalar()
            seen.append(codec.decode(bytes(value)))
            return world.keys["south"].cosign(text, seconds)

    network["south"].keys = Watched()
    network["north"].checkpoints.keep_up()
    assert seen == [[2, world.engine.tip().log_root]]


def test_answers_that_are_no_cosignatures_count_for_nothing(world, network):
    tip = grow(world.engine, world)
    text = head_of(world, tip).text()
    helper = [render_signature(line) for line in world.keys["helper"].cosign(text, 5)]
    south = [render_signature(line) for line in world.keys["south"].cosign(text, 5)]
    spoiled = south[0][:-6] + (b"AAA=\n" if south[0][-6:-1] != b"AAA=\n" else b"BBB=\n")
    agreeing = render_note(Note(text, tuple(world.keys["south"].cosign(text, 5))))
    elsewhere = head_of(world, tip, height=2).text()
    other_height = render_note(Note(elsewhere, tuple(world.keys["south"].cosign(elsewhere, 5))))
    forged = head_of(world, tip, time=4).text()
    unsigned = render_note(Note(forged, tuple(world.keys["helper"].cosign(forged, 5))))
    answers = [
        b"junk",
        codec.encode([]),
        codec.encode({}),
        codec.encode({"lines": b"".join(helper)}),
        codec.encode({"lines": south[1]}),
        codec.encode({"lines": spoiled}),
        codec.encode({"lines": "text"}),
        *(codec.encode({"code": "split-view", "note": note}) for note in (agreeing, other_height, unsigned, b"x")),
    ]
    keeper = network["north"].checkpoints
    for answer in answers:
        network.wire.join("south", lambda path, caller, body, answer=answer: answer)
        assert "south" not in keeper.cosigners(keeper.make(urgent=True))
        assert "no cosignature" in keeper.trouble["south"]
    assert not alarms(network["north"])
    # A second line of a key that held is not taken over unverified.
    twice = south[0] + south[1] + south[0].replace(south[0][-12:-6], b"AAAAAA")
    network.wire.join("south", lambda path, caller, body: codec.encode({"lines": twice}))
    note = keeper.make(urgent=True)
    assert sum(line.name == "medrec/south" for line in note.signatures) == 2
    verify_cosignatures(note, keys_of(world, "south"))


def test_the_embedded_ledger_is_signed_before_and_after_it_was_opened_again(world, tmp_path):
    path = tmp_path / "ledger.db"
    engine = SqliteEngine(path, world.genesis, world.clock)
    network = Cosigners(world, dict.fromkeys(world.keys, engine))
    grow(engine, world, 3)
    assert len(network["north"].checkpoints.cosigners(network["north"].checkpoints.keep_up())) == 3
    engine.close()
    engine = SqliteEngine(path, world.genesis, world.clock)
    again = Cosigners(world, dict.fromkeys(world.keys, engine))
    tip = grow(engine, world)
    note = again["south"].checkpoints.keep_up()
    assert parse_checkpoint(note.text) == head_of(world, tip)
    assert again["south"].checkpoints.cosigners(note) == ["helper", "north", "south"]
    engine.close()


def test_a_clock_that_was_put_back_does_not_date_a_signature_before_its_block(world, network):
    tip = grow(world.engine, world)
    world.clock.now -= 3_600_000
    note = network["north"].checkpoints.keep_up()
    held = verify_cosignatures(note, keys_of(world, "north", "south", "helper"))
    assert all(each.timestamp * 1000 >= tip.time for each in held)


def test_nodes_that_ask_each_other_at_once_do_not_wait_for_each_other(world, network):
    import threading

    grow(world.engine, world, 2)
    start = threading.Barrier(3)

    def run(name):
        start.wait()
        for _ in range(3):
            network[name].checkpoints.make(urgent=True)

    threads = [threading.Thread(target=run, args=(name,), daemon=True) for name in world.keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert all(len(node.checkpoints.cosigners(node.checkpoints.latest())) == 3 for node in network.nodes.values())


def test_the_note_is_text_that_c2sp_readers_take(world, network):
    grow(world.engine, world)
    data = render_note(network["north"].checkpoints.keep_up())
    origin, size, root = data.decode().split("\n")[:3]
    assert origin == f"medrec/{world.network.hex()}" and size == "1" and len(base64.b64decode(root)) == 32
