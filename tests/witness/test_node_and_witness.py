"""A node and its witnesses: cosignatures gathered, refusals understood, two histories found out on both sides."""

import json

import pytest
import sqlalchemy as sql

from medrec.core import merkle
from medrec.core.checkpoint import (
    Note,
    NoteError,
    cosigner_keys,
    parse_note,
    render_note,
    render_signature,
    verify_cosignatures,
)
from medrec.core.evidence import contradiction, read_evidence, signers
from medrec.core.witness import SIZE_TYPE, log_key, render_request
from medrec.engines.memory import MemoryEngine
from medrec.node.keeping import store
from medrec.node.ledger.checkpoints import Checkpoints, evidence
from medrec.node.witness.witness import Witness, follow_log, read_logs, set_up
from medrec.node.witness.witness_door import add_checkpoint
from medrec.node.witness.witness_keys import WitnessKeys
from medrec.node.witness.witnesses import WitnessPlace, parse_place

from ..node.cosigners import Cosigners, grow
from ..node.world import World
from .world import LocalWeb

URL = "https://library.example"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "nodes")
    yield made
    for name in ("north", "south", "helper"):
        getattr(made, name).store.close()


@pytest.fixture
def web():
    return LocalWeb()


def log_keys(world):
    origin = "medrec/" + world.network.hex()
    return [log_key(origin, bytes.fromhex(keys.public()["cosign_ed25519"])) for keys in world.keys.values()]


@pytest.fixture
def witness(world, web, tmp_path):
    folder = tmp_path / "witness"
    set_up(folder, WitnessKeys.from_seed("library.example/medrec", b"w" * 32))
    follow_log(folder, "medrec/" + world.network.hex(), log_keys(world))
    made = Witness(WitnessKeys.load(folder), folder, read_logs(folder), world.clock)
    web.join(URL, made)
    yield made
    made.close()


def asking(world, web, witness, name, engine=None, folder=None):
    """A member's node that asks the witness."""
    node = Cosigners(world, {name: engine} if engine else None)[name]
    places = [WitnessPlace(URL, witness.keys.public())]
    node.checkpoints = Checkpoints(node, places, web, folder)
    return node


def alarms(node):
    with node.store.read() as connection:
        return connection.execute(sql.select(store.alarm.c.code, store.alarm.c.sentence)).all()


def test_the_witness_signs_what_the_members_sign(world, web, witness):
    node = asking(world, web, witness, "north")
    for size in (1, 5, 6, 13):
        grow(world.engine, world, size - world.engine.tip().log_size)
        note = node.checkpoints.make()
        assert len(verify_cosignatures(note, witness.keys.public())) == 2
        assert set(node.checkpoints.cosigners(note)) == {"north", "south", "helper"}
        assert witness.head("medrec/" + world.network.hex()).size == size
    # One call a head: the node remembers where the witness stands.
    assert len(web.asked) == 4
    # Its lines are kept, and asked for once.
    assert node.checkpoints.make() == node.checkpoints.latest() and len(web.asked) == 4


def test_several_members_may_bring_heads_of_the_one_log(world, web, witness):
    north, south = (asking(world, web, witness, name) for name in ("north", "south"))
    for _ in range(3):
        for node in (north, south):
            grow(world.engine, world, 2)
            assert len(verify_cosignatures(node.checkpoints.make(), witness.keys.public())) == 2
            assert witness.evidence() == [] and alarms(node) == []


def test_a_witness_that_is_down_rests_and_holds_nothing_up(world, web, witness):
    node = asking(world, web, witness, "north")
    answers, web.answers = web.answers, {}
    grow(world.engine, world)
    note = node.checkpoints.make()
    assert set(node.checkpoints.cosigners(note)) == {"north", "south", "helper"}
    assert "did not answer" in node.checkpoints.witnesses.trouble["library.example/medrec"]
    node.checkpoints.make()
    assert len(web.asked) == 1  # it rests
    web.answers = answers
    world.clock.now += 31_000
    assert len(verify_cosignatures(node.checkpoints.make(), witness.keys.public())) == 2
    assert node.checkpoints.witnesses.trouble == {}


def test_answers_that_are_no_cosignature_count_for_nothing(world, web, witness):
    node = asking(world, web, witness, "north")
    other = WitnessKeys.from_seed("library.example/medrec", b"x" * 32)
    grow(world.engine, world)

    def forged(body):
        answer = witness.answer(body)
        text = parse_note(body.partition(b"\n\n")[2]).text

        return answer._replace(body=b"".join(map(render_signature, other.cosign(text, 5))))

    for wrong in (forged, lambda body: witness.answer(body)._replace(body=b"<html>"), lambda body: witness.answer(b"")):
        web.answers[f"{URL}/add-checkpoint"] = wrong
        assert verify_cosignatures(node.checkpoints.make(), witness.keys.public()) == []
        assert "library.example/medrec" in node.checkpoints.witnesses.trouble
        world.clock.now += 31_000
    assert alarms(node) == []


@pytest.mark.parametrize(("common", "north", "south"), [(4, 3, 3), (4, 1, 6), (4, 4, 9), (2, 3, 1), (2, 6, 9)])
def test_two_histories_are_found_out_by_witness_and_node(world, web, witness, tmp_path, common, north, south):
    ours, theirs = MemoryEngine(world.genesis, world.clock), MemoryEngine(world.genesis, world.clock)
    grow(ours, world, common)
    for committed in ours.blocks(0):
        theirs.submit(committed.block.transactions)
    assert ours.tip() == theirs.tip()
    grow(ours, world, north)
    grow(theirs, world, south)
    first = asking(world, web, witness, "north", ours, tmp_path / "evidence-north")
    second = asking(world, web, witness, "south", theirs, tmp_path / "evidence-south")
    first.checkpoints.witnesses.lines(first.checkpoints._sign(first.checkpoints.of_tip(ours.tip())))
    assert witness.head("medrec/" + world.network.hex()).size == common + north
    note = second.checkpoints._sign(second.checkpoints.of_tip(theirs.tip()))
    assert second.checkpoints.witnesses.lines(note) == []
    if south < north:
        # It has not as much as the witness has seen: that is no proof of anything yet.
        assert alarms(second) == []
        grow(theirs, world, north - south + 1)
        world.clock.now += 31_000
        note = second.checkpoints._sign(second.checkpoints.of_tip(theirs.tip()))
        assert second.checkpoints.witnesses.lines(note) == []
    ((code, sentence),) = alarms(second)
    assert code == "split-view" and "another history" in sentence
    (path,) = (tmp_path / "evidence-south").glob("*.json")
    found = read_evidence(path.read_bytes())
    assert contradiction(found)
    named = {key.public for note in (found.first, found.second) for key in signers(note, log_keys(world))}
    assert len(named) == 2  # north signed the one, south the other
    with second.store.read() as connection:
        ((ours_note, theirs_note),) = evidence(connection).values()
    assert {ours_note, theirs_note} == {found.first, found.second}
    # The witness has its own file, or, where the proof left the old root out, a suspicion with the same two heads.
    assert len(witness.evidence()) + len(witness.evidence("unproven")) == 1


def test_a_member_answers_add_checkpoint_for_everybody(world):
    network = Cosigners(world)
    node = network["south"]
    north = network["north"]
    grow(world.engine, world, 3)
    text = north.checkpoints.of_tip(world.engine.tip()).text()

    note = render_note(Note(text, (world.keys["north"].sign_as_log(text),)))
    answer = add_checkpoint(node, render_request(0, [], note))
    assert answer.status == 200
    held = verify_cosignatures(parse_note(text + b"\n" + answer.body), list(_org_keys(world, "south")))
    assert len(held) == 2
    # Now it has cosigned this size.
    grow(world.engine, world, 2)
    tip = world.engine.tip()
    text = north.checkpoints.of_tip(tip).text()
    note = render_note(Note(text, (world.keys["north"].sign_as_log(text),)))
    answer = add_checkpoint(node, render_request(0, [], note))
    assert (answer.status, answer.type, answer.body) == (409, SIZE_TYPE, b"3\n")

    with world.engine.view() as view:
        proof = merkle.consistency_proof(view.get, 3, 5)
    assert add_checkpoint(node, render_request(3, [], note)).status == 422
    assert add_checkpoint(node, render_request(3, proof, note)).status == 200
    assert add_checkpoint(node, b"?").status == 400
    assert add_checkpoint(node, render_request(5, [], note.replace(b"medrec/", b"madrec/"))).status == 404
    stranger = type(world.keys["north"]).from_seed("mallory", b"m" * 32)
    assert (
        add_checkpoint(node, render_request(5, [], render_note(Note(text, (stranger.sign_as_log(text),))))).status
        == 403
    )
    assert alarms(node) == []
    # The same size and root, but another state: consistent for a witness, not for a member with a ledger.
    lied = text.replace(b"protocol 1", b"protocol 2")
    note = render_note(Note(lied, (world.keys["north"].sign_as_log(lied),)))
    assert add_checkpoint(node, render_request(5, [], note)).status == 422
    ((code, sentence),) = alarms(node)
    assert code == "split-view" and "north" in sentence


def test_a_member_finds_a_fork_at_its_door(world, tmp_path):
    theirs = MemoryEngine(world.genesis, world.clock)
    grow(world.engine, world, 3)
    grow(theirs, world, 5)
    network = Cosigners(world, {"north": theirs})
    node, north = network["south"], network["north"]
    node.checkpoints = Checkpoints(node, evidence=tmp_path / "evidence")
    node.checkpoints._sign(node.checkpoints.of_tip(world.engine.tip()))
    grow(world.engine, world, 4)
    from medrec.core.checkpoint import Note

    text = north.checkpoints.of_tip(theirs.tip()).text()
    with theirs.view() as view:
        proof = merkle.consistency_proof(view.get, 3, 5)
    note = render_note(Note(text, (world.keys["north"].sign_as_log(text),)))
    assert add_checkpoint(node, render_request(3, proof, note)).status == 422
    ((code, sentence),) = alarms(node)
    assert code == "split-view" and sentence.startswith("north signed another history")
    (path,) = (tmp_path / "evidence").glob("*.json")
    assert contradiction(read_evidence(path.read_bytes()))
    assert json.loads(path.read_bytes())["medrec"] == "evidence/1"


def test_a_witness_is_written_as_address_and_keys(witness):
    classic, quantum = (key.vkey() for key in witness.keys.public())
    place = parse_place(f"{URL}/ {classic} {quantum}")
    assert place.url == URL and place.keys == witness.keys.public() and place.name == "library.example/medrec"
    other = WitnessKeys.from_seed("other.example", b"o" * 32).public()[0].vkey()
    for wrong in ("", URL, f"ftp://x {classic}", f"{URL} {classic} {other}", f"{URL} nonsense", classic):
        with pytest.raises(NoteError):
            parse_place(wrong)


def _org_keys(world, name):

    public = world.keys[name].public()
    return cosigner_keys(name, bytes.fromhex(public["cosign_ed25519"]), bytes.fromhex(public["cosign_mldsa44"]))
