"""The chain of members as nodes make it: joins, leaving, rotations, nodes that are away, and who tries to forge one."""

import json
from typing import Any

import pytest

from medrec.core import codec
from medrec.core import receipt as core_receipt
from medrec.core.checkpoint import Note, parse_note, render_note, render_signature
from medrec.core.root import read_root
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.ledger import govern
from medrec.node.ledger.checkpoints import CheckpointError
from medrec.node.ledger.members import Members
from medrec.node.ledger.receipts import ReceiptUnavailableError, receipt_for, root_file
from medrec.node.ledger.renewal import renew
from medrec.node.peers.peers import Fault
from medrec.node.peers.signing import MEMBERS_PATH

from .cosigners import grow, run_tool
from .members_world import Net
from .world import observation


@pytest.fixture
def net(tmp_path):
    made = Net(tmp_path, ("north", "south", "east", "west"))
    yield made
    made.close()


def record_of(net, name, identifier="o1"):
    return json.dumps(observation(identifier, "p1", 1)).encode()


def tool(net, tmp_path, name, receipt, root_of=None):
    done = run_tool(tmp_path, net[root_of or name], receipt, record_of(net, name))
    return done.returncode, done.stdout


def test_a_founder_alone_has_no_changes_and_asks_nobody(net):
    asked = []
    net.wire.fault = lambda caller, name, path: asked.append(path) or net.up(name)
    grow(net.engine, net, 2)
    net["north"].checkpoints.keep_up()
    assert json.loads(root_file(net["north"]))["changes"] == [] and MEMBERS_PATH not in asked


def test_the_receipt_of_a_member_that_joined_is_genuine_under_the_new_root(net, tmp_path):
    old_root = root_file(net["north"])
    net.publish("north")
    before = receipt_for(net["north"], ("Observation", "o1"))
    net.admit("fifth")
    net.publish("fifth")
    made = receipt_for(net["fifth"], ("Observation", "o1"))
    for name in net.nodes:
        code, said = tool(net, tmp_path, "fifth", made, name)
        assert code == 0, said
        # What was made before holds under the new root file as well.
        assert core_receipt.verify(root_file(net[name]), before, record_of(net, "north")).ok
    found = core_receipt.verify(root_file(net["north"]), made, record_of(net, "fifth"))
    assert (found.facts["of"], found.facts["needed"]) == (5, 4)
    # All find the same change, at the same size.
    roots = [read_root(root_file(net[name])) for name in net.nodes]
    assert all(root.sets == roots[0].sets for root in roots) and len(roots[0].sets) == 2
    # With the root file of before: not "not genuine", but where to get the newer one. All verifiers say so.
    old = core_receipt.verify(old_root, made, record_of(net, "fifth"))
    assert (old.word, old.code) == ("unreadable", "newer-root") and "newer root file" in old.sentence
    net["north"].checkpoints.members.root_file = lambda: old_root
    code, said = tool(net, tmp_path, "fifth", made, "north")
    assert code == 2 and "newest root file" in said
    assert core_receipt.verify(old_root, before, record_of(net, "north")).ok


def test_a_receipt_from_behind_a_change_sends_to_the_newer_root_file(net):
    old = root_file(net["north"])
    net.admit("fifth")
    net.publish("north")
    made = receipt_for(net["north"], ("Observation", "o1"))
    assert core_receipt.verify(root_file(net["north"]), made, record_of(net, "north")).ok
    found = core_receipt.verify(old, made, record_of(net, "north"))
    assert (found.word, found.code) == ("unreadable", "newer-root") and "newer root file" in found.sentence


def test_one_founder_left_and_another_is_down(net, tmp_path):
    net.admit("fifth")
    govern.leave(net["west"])
    net.down |= {"west", "south"}
    net.publish("fifth")
    made = receipt_for(net["fifth"], ("Observation", "o1"))
    code, said = tool(net, tmp_path, "fifth", made)
    assert code == 0 and "3 of the 4 members" in said, said
    net["north"].checkpoints.keep_up()
    root = read_root(root_file(net["north"]))
    assert [sorted(members) for _, members in root.sets][-1] == ["east", "fifth", "north", "south"]
    renewed = renew(net["north"], [(made, None)])
    assert core_receipt.verify(root_file(net["north"]), made, record_of(net, "fifth"), renewal=renewed[0]).ok


def test_who_leaves_signs_and_hands_its_line_to_the_others_before_it_goes(net):
    # Two of four are away: without the line of the one that leaves there are too few.
    net.down |= {"south"}
    govern.leave(net["west"])
    net.down |= {"west"}
    net["north"].checkpoints.keep_up()
    (change,) = json.loads(root_file(net["north"]))["changes"]
    assert change["gone"] == ["west"] and {line["by"] for line in change["lines"]} == {"north", "east", "west"}
    # The one that was away finds the change by itself, and is given the lines.
    net.down -= {"south"}
    net.rest()
    net["south"].checkpoints.keep_up()
    assert read_root(root_file(net["south"])).sets == read_root(root_file(net["north"])).sets


def test_a_change_that_lacks_its_quorum_waits_and_no_receipt_claims_more(net):
    net.publish("north")
    early = receipt_for(net["north"], ("Observation", "o1"))
    grow(net.engine, net)
    net.down |= {"south", "east"}
    net.admit("fifth", keep_up=False)
    net.rest()
    net["north"].checkpoints.keep_up()
    members = net["north"].checkpoints.members
    assert json.loads(root_file(net["north"]))["changes"] == []
    assert "2 of the 3 members" in members.sentence() and "south cannot be reached" in members.sentence()
    # What the members of before signed is still given.
    again = receipt_for(net["north"], ("Observation", "o1"))
    assert core_receipt.verify(root_file(net["north"]), again, record_of(net, "north")).ok
    net.publish("fifth")
    with pytest.raises(ReceiptUnavailableError) as refused:
        receipt_for(net["fifth"], ("Observation", "o1"))
    assert refused.value.code in ("change-waits", "too-few-cosignatures") and "change of members at" in str(
        refused.value
    )
    net.down.clear()
    net.rest()
    net["north"].checkpoints.keep_up()
    assert members.sentence() == "" and len(json.loads(root_file(net["north"]))["changes"]) == 1
    for receipt in (early, again):
        assert core_receipt.verify(root_file(net["north"]), receipt, record_of(net, "north")).ok
    net.keep_up()
    assert core_receipt.verify(
        root_file(net["south"]), receipt_for(net["fifth"], ("Observation", "o1")), record_of(net, "fifth")
    ).ok


def test_a_head_behind_a_waiting_change_counts_only_by_both_quorums(net):
    """Three of four founders sign a head behind a join; the newcomer and one more would be needed for the five."""
    net.down |= {"fifth"}
    net.admit("fifth", keep_up=False)
    held = net["north"].checkpoints
    net.wire.fault = lambda caller, name, path: Fault(drop=path == MEMBERS_PATH or name in ("south", "fifth"))
    held.members.look()
    with pytest.raises(CheckpointError) as refused:
        held.covering(held.members.waiting[0].size - 1)
    assert "3 of the 4 organisations needed" in refused.value.sentence


def test_who_is_suspended_leaves_the_chain_and_comes_back_with_a_vote(net, tmp_path):
    net.publish("west")
    before = receipt_for(net["west"], ("Observation", "o1"))
    net.down |= {"west"}  # it has no say in it, and its line is not needed
    net.decide({"change": "suspend", "id": "west"})
    net.keep_up()
    (change,) = json.loads(root_file(net["north"]))["changes"]
    assert (change["gone"], change["set"]) == (["west"], [])
    assert {line["by"] for line in change["lines"]} == {"north", "south", "east"}
    assert set(read_root(root_file(net["north"])).members) == {"north", "south", "east"}
    # What it said before stays genuine under the new root file; three of three vouch for what comes.
    assert tool(net, tmp_path, "west", before, "north")[0] == 0
    net.publish("north")
    made = receipt_for(net["north"], ("Observation", "o1"))
    assert core_receipt.verify(root_file(net["south"]), made, record_of(net, "north")).ok
    # A head that the suspended one signs behind the change counts for nothing.
    held = net["north"].checkpoints
    note = parse_note(render_note(held.keep_up()))
    lines = net.keys["west"].cosign(note.text, net.clock.now // 1000)
    assert held.members.signers(Note(note.text, tuple(lines))) == []
    net.down.clear()
    net.decide({"change": "reinstate", "id": "west"})
    net.keep_up()
    (_, back) = json.loads(root_file(net["west"]))["changes"]
    assert (back["gone"], [one["id"] for one in back["set"]]) == ([], ["west"])
    # Those before it signed it; the one that comes back was not among them.
    assert {line["by"] for line in back["lines"]} == {"north", "south", "east"}
    net.publish("west", "o2")
    again = receipt_for(net["west"], ("Observation", "o2"))
    for name in net.nodes:
        assert core_receipt.verify(root_file(net[name]), again, record_of(net, "west", "o2")).ok
    assert core_receipt.verify(root_file(net["west"]), before, record_of(net, "west")).ok


def test_a_rotation_is_signed_with_the_key_that_goes(net, tmp_path):
    net.publish("east")
    before = receipt_for(net["east"], ("Observation", "o1"))
    net.down |= {"south"}  # three are needed, and three are there: the one that rotates among them
    fresh = OrganisationKeys.from_seed("east", b"E" * 32)
    govern.rotate(net["east"], fresh)
    net.reopen("east", fresh)
    net.rest()
    for name in ("north", "west", "east"):
        net[name].checkpoints.keep_up()
    (change,) = json.loads(root_file(net["north"]))["changes"]
    assert {line["by"] for line in change["lines"]} == {"north", "east", "west"}
    net.publish("east", "o2")
    made = receipt_for(net["east"], ("Observation", "o2"))
    content = json.dumps(observation("o2", "p1", 1)).encode()
    assert core_receipt.verify(root_file(net["north"]), made, content).ok
    assert core_receipt.verify(root_file(net["north"]), before, record_of(net, "east")).ok


def test_a_node_that_was_away_for_two_changes_catches_up(net):
    net.down |= {"south"}
    net.behind("south")
    net.admit("fifth")
    net.admit("sixth")
    net.down -= {"south"}
    net.follow("south")
    net.rest()
    net["south"].checkpoints.keep_up()
    roots = [read_root(root_file(net[name])) for name in ("south", "north", "sixth")]
    assert len(roots[0].sets) == 3 and all(root.sets == roots[0].sets for root in roots)


def test_what_a_node_knows_outlives_it(net):
    net.admit("fifth")
    net.down |= set(net.nodes)
    again = Members(net["north"])
    assert again.root == net["north"].checkpoints.members.root and len(again.root.sets) == 2
    asked = []
    net.wire.fault = lambda caller, name, path: asked.append(name) or net.up("")
    again.keep_up()
    assert asked == [] and again.root_file() == root_file(net["north"])


def test_a_node_that_lacks_the_first_blocks_takes_the_chain_from_a_member(net):
    net.admit("fifth")
    net.admit("sixth")
    late = net.late("late-sixth", "sixth")
    members = late.checkpoints.members
    members.look()
    assert "lacks the first blocks" in members.sentence()
    members.keep_up()
    assert members.sentence() == "" and members.root == net["north"].checkpoints.members.root
    net.admit("seventh")
    members.keep_up(urgent=True)
    assert len(members.root.sets) == 4


def test_a_chain_that_too_few_signed_is_not_taken(net):
    """A lying member hands a newcomer by snapshot a chain of its own, and another a line that is not a member's."""
    net.admit("fifth")
    late = net.late("late-fifth", "fifth")
    forged: dict[str, Any] = json.loads(root_file(net["north"]))
    forged["changes"][0]["lines"] = forged["changes"][0]["lines"][:2]
    short = codec.encode_json(forged)
    forged = json.loads(root_file(net["north"]))
    forged["changes"] = []
    for lie in (short, codec.encode_json(forged), b"{}", b""):
        for name in ("north", "south", "east", "west"):
            net.wire.join(name, lambda path, caller, body, lie=lie: codec.encode({"root": lie}))
        late.checkpoints.members.keep_up(urgent=True)
        assert len(late.checkpoints.members.root.sets) == 1 and late.checkpoints.members.sentence()


def test_lines_of_strangers_and_of_those_who_come_prove_nothing(net):
    net.down |= {"south", "east", "west"}
    net.admit("fifth", keep_up=False)
    members = net["north"].checkpoints.members
    members.look()
    (change,) = members.waiting
    stranger = OrganisationKeys.from_seed("south", b"X" * 32)
    for keys in (stranger, net.keys["fifth"], OrganisationKeys.from_seed("mallory", b"m" * 32)):
        lines = b"".join(map(render_signature, keys.cosign_members(change.text, 5)))
        members.answer(codec.encode({"waiting": [[change.size, change.digest, lines]]}))
    # Nor a true line under another text.
    other = change.text.replace(b"\n%d\n" % change.size, b"\n%d\n" % (change.size + 1))
    lines = b"".join(map(render_signature, net.keys["south"].cosign_members(other, 5)))
    answer = codec.decode(members.answer(codec.encode({"waiting": [[change.size, change.digest, lines]]})))
    (told,) = answer["waiting"]
    assert {line.name for line in parse_note(change.text + b"\n" + told[2]).signatures} == {"medrec/north"}
    assert json.loads(root_file(net["north"]))["changes"] == []
    # A change that this ledger does not hold is signed by nobody.
    answer = codec.decode(members.answer(codec.encode({"waiting": [[change.size + 1, change.digest, b""]]})))
    assert answer == {"waiting": []}
    true = b"".join(map(render_signature, net.keys["south"].cosign_members(change.text, 5)))
    for name in ("south", "east"):
        true = b"".join(map(render_signature, net.keys[name].cosign_members(change.text, 5)))
        members.answer(codec.encode({"waiting": [[change.size, change.digest, true]]}))
    assert len(json.loads(root_file(net["north"]))["changes"]) == 1


@pytest.mark.parametrize("body", [b"", b"\x80", codec.encode({}), codec.encode({"waiting": [[1, 2, 3]]}), b"\xff"])
def test_questions_that_are_none(net, body):
    with pytest.raises(ValueError):
        net["north"].checkpoints.members.answer(body)


def test_a_ledger_that_lost_what_was_signed_signs_no_change(net):
    net.admit("fifth", keep_up=False)
    north = net["north"]
    north.checkpoints.still_holds = lambda: False
    north.checkpoints.members.look()
    (change,) = north.checkpoints.members.waiting
    told = codec.decode(
        north.checkpoints.members.answer(codec.encode({"waiting": [[change.size, change.digest, b""]]}))
    )
    assert told["waiting"] == [[change.size, change.digest, b""]]


def test_keys_for_changes_sign_nothing_else(net):
    with pytest.raises(ValueError):
        net.keys["north"].cosign_members(b"medrec/x/renewal\n1\nAAAA\n", 5)
    assert Note
