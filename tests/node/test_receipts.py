"""Receipts as a node hands them out, verified by the package and by the standalone tool."""

import base64
import hashlib
import json
import threading
import time
from types import SimpleNamespace

import pytest
import sqlalchemy as sql

from medrec.core import receipt as core_receipt
from medrec.core.records.canonical import canonical
from medrec.node.keeping import store
from medrec.node.ledger import govern, receipts
from medrec.node.ledger.receipts import ReceiptUnavailableError, receipt_for, root_file
from medrec.node.peers.peers import Fault
from medrec.node.records.publish import Incoming

from .cosigners import Cosigners, run_tool
from .world import World, observation


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def network(world):
    return Cosigners(world)


def raw(resource):
    return json.dumps(resource, indent=1).encode()


def refused(node, wanted):
    with pytest.raises(ReceiptUnavailableError) as error:
        receipt_for(node, wanted)
    return error.value.code


def test_a_receipt_is_genuine_to_the_package_and_to_the_tool(world, network, tmp_path):
    world.person(north="p1")
    resources = [observation(f"o{n}", "p1", n) for n in range(20)]
    world.north.publish(*resources)
    world.north.anchor()
    node = network["north"]
    for n in (0, 7, 19):
        data = receipt_for(node, ("Observation", f"o{n}"))
        verdict = core_receipt.verify(root_file(node), data, raw(resources[n]))
        assert verdict.ok, verdict
        assert verdict.facts["organisation"] == "north"
        assert sorted(verdict.facts["cosigners"]) == ["helper", "north", "south"]
        assert verdict.facts["existed_by"] >= verdict.facts["time"]
        assert len(data) <= 4096
    answer = run_tool(tmp_path, node, data, raw(resources[19]))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Observation/o19, version 1 (create)" in answer.stdout
    assert run_tool(tmp_path, node, data, raw(resources[18])).returncode == 1


def test_with_ml_dsa_the_tool_checks_both_kinds(world, network, tmp_path):
    world.north.publish(observation("o1", "p1", 1))
    world.north.anchor()
    plain = receipt_for(network["north"], ("Observation", "o1"))
    full = receipt_for(network["north"], ("Observation", "o1"), with_mldsa=True)
    assert len(full) > len(plain) + 3 * 3000
    record = raw(observation("o1", "p1", 1))
    answer = run_tool(tmp_path, network["north"], full, record, "--all", "--json")
    assert answer.returncode == 0, answer.stdout
    assert core_receipt.verify(root_file(network["north"]), full, record).ok


def test_every_version_has_its_receipt_and_a_deletion_needs_no_content(world, network, tmp_path):
    first, second = observation("o1", "p1", 1), observation("o1", "p1", 2)
    world.north.publish(first)
    world.north.anchor()
    world.north.publish(second, origin="b.json")
    world.north.anchor()
    world.north.publisher.publish([Incoming("Observation", "o1", None, "c.json")])
    world.north.anchor()
    node = network["north"]
    contents = {1: raw(first), 2: raw(second), 3: None}
    for number, content in contents.items():
        data = receipt_for(node, ("Observation", "o1", number))
        assert core_receipt.verify(root_file(node), data, content).ok
        assert run_tool(tmp_path, node, data, content).returncode == 0
    assert json.loads(receipt_for(node, ("Observation", "o1")))["manifest"] == json.loads(data)["manifest"]
    # By the hash of its manifest, as a notice or a disclosure names it.
    manifest = json.loads(data)["manifest"].encode()
    assert receipt_for(node, hashlib.sha256(manifest).digest()) == data


def test_what_has_no_receipt_says_why(world, network):
    account, _, _ = world.person(north="p1")
    node = network["north"]
    world.north.anchor()
    world.north.publish(observation("o1", "p1", 1))
    assert refused(node, ("Observation", "o1")) == "not-anchored-yet"
    world.north.anchor()
    assert receipt_for(node, ("Observation", "o1"))
    assert refused(node, ("Observation", "o2")) == "unknown-record"
    assert refused(node, ("Observation", "o1", 2)) == "unknown-record"
    assert refused(node, bytes(32)) == "unknown-record"
    with node.store.read() as connection:
        digest = connection.execute(sql.select(store.record.c.manifest)).scalar()
        person = node.journal.person_of_account(connection, account)
    fresh = node.vault.wrap(node.vault.new_person_keys())
    node.store.write(
        lambda connection: connection.execute(
            sql.update(store.person).where(store.person.c.id == person.id).values({"keys": fresh})
        )
    )
    assert refused(node, ("Observation", "o1")) == "erased"  # the key is gone
    node.store.write(lambda connection: connection.execute(sql.delete(store.manifest)))
    assert refused(node, ("Observation", "o1")) == "erased"  # and so are the sealed bytes
    assert refused(node, bytes(digest)) == "erased"


def test_a_batch_that_was_signed_but_not_yet_ordered_gives_no_receipt(world, network):
    world.north.publish(observation("o1", "p1", 1))
    with world.north.store.read() as connection:
        last = connection.execute(sql.select(store.batch)).one_or_none()
    assert last is None
    world.north.store.write(lambda connection: world.north.anchorer._prepare(connection, None))
    assert refused(network["north"], ("Observation", "o1")) == "not-anchored-yet"


def test_two_that_anchor_at_once_anchor_each_line_once(world, network):
    """The node's own loop, and an operator's verb in another thread."""
    failures = []

    def anchor(barrier):
        barrier.wait()
        try:
            world.north.anchor()
        except Exception as error:
            failures.append(error)

    for number in range(20):
        world.north.publish(observation(f"o{number}", "p1", number))
        barrier = threading.Barrier(2)
        both = [threading.Thread(target=anchor, args=(barrier,)) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
    assert not failures and world.north.anchorer.waiting_since() is None
    node = network["north"]
    for number in range(20):
        data = receipt_for(node, ("Observation", f"o{number}"))
        assert core_receipt.verify(root_file(node), data, raw(observation(f"o{number}", "p1", number))).ok


def test_a_batch_that_two_saw_refused_is_signed_again_by_one_and_keeps_its_receipt(world, network):
    """A vote took the batch's number: both know that nothing of it was applied, one is slow to act on it."""
    anchorer = world.north.anchorer
    world.north.publish(observation("o1", "p1", 1))
    world.north.store.write(lambda connection: anchorer._prepare(connection, None))
    with world.north.store.read() as connection:
        stale = connection.execute(sql.select(store.batch)).one()
    govern.affirm(network["north"])
    assert anchorer.step() == 0 and anchorer.step() == 1
    with world.north.store.read() as connection:
        placed = connection.execute(sql.select(store.batch)).one()
    assert placed.id != stale.id and placed.height is not None
    for late in (stale, SimpleNamespace(**{**placed._mapping, "height": None})):
        world.north.store.write(lambda connection, late=late: anchorer._sign_again(connection, late))
        anchorer._place(stale, {"height": 1, "time": 1, "leaf": 0})
        with world.north.store.read() as connection:
            assert connection.execute(sql.select(store.batch)).one() == placed
    node = network["north"]
    data = receipt_for(node, ("Observation", "o1"))
    assert core_receipt.verify(root_file(node), data, raw(observation("o1", "p1", 1))).ok


def test_no_receipt_without_a_quorum(world, network):
    network.wire.fault = lambda caller, name, path: Fault(drop=True)
    world.north.publish(observation("o1", "p1", 1))
    world.north.anchor()
    assert refused(network["north"], ("Observation", "o1")) == "too-few-cosignatures"


def test_parts_that_do_not_fit_together_are_never_handed_out(world, network):
    world.north.publish(*(observation(f"o{n}", "p1", n) for n in range(3)))
    world.north.anchor()
    node = network["north"]
    good = receipt_for(node, ("Observation", "o1"))

    def change(**values):
        node.store.write(lambda connection: connection.execute(sql.update(store.batch).values(**values)))

    for wrong in ({"height": 7}, {"time": 5}):
        change(**wrong)
        assert refused(node, ("Observation", "o1")) == "broken"
        batch = json.loads(good)["batch"]
        change(height=batch["height"], time=batch["time"])
    node.store.write(
        lambda connection: connection.execute(
            sql.update(store.line).where(store.line.c.seq == 2).values(entry=b"another")
        )
    )
    assert refused(node, ("Observation", "o1")) == "broken"


def test_a_change_of_any_part_is_found(world, network):
    """The package's own vectors hold every kind of forgery; this shows that a node's receipts are held as well."""
    world.north.publish(*(observation(f"o{n}", "p1", n) for n in range(5)))
    world.north.anchor()
    node = network["north"]
    data = receipt_for(node, ("Observation", "o3"))
    value, record = json.loads(data), raw(observation("o3", "p1", 3))
    flipped = bytearray(base64.b64decode(value["salt"]))
    flipped[0] ^= 1
    forged = [
        {**value, "salt": base64.b64encode(bytes(flipped)).decode()},
        {**value, "manifest": value["manifest"].replace('"version":1', '"version":2')},
        {**value, "batch": {**value["batch"], "index": 2}},
        {**value, "batch": {**value["batch"], "time": value["batch"]["time"] - 1}},
        {**value, "proof": value["proof"].replace("height ", "height 1")},
    ]
    for each in forged:
        assert not core_receipt.verify(root_file(node), json.dumps(each).encode(), record).ok
    assert core_receipt.verify(root_file(node), data, record).ok


def test_a_receipt_of_a_large_batch_in_a_long_log_fits_four_kilobytes(world, network, capsys):
    """The paths of a batch of 8,192 entries and of a long log are the longest there are in daily use."""
    world.person(north="p1")
    node = network["north"]
    for n in range(3):
        world.north.publish(observation(f"early{n}", "p1", n))
        world.north.anchor()
    world.north.publish(*(observation(f"o{n}-" + "x" * 36, "p1", n) for n in range(4100)))
    world.north.anchor()
    started = time.perf_counter()
    wanted = ("Observation", f"o{4000}-" + "x" * 36)
    data = receipt_for(node, wanted)
    first = time.perf_counter() - started
    started = time.perf_counter()
    receipt_for(node, wanted)
    again = time.perf_counter() - started
    assert len(json.loads(data)["batch"]["path"]) >= 12
    # Twenty more steps stand for a log of millions of transactions.
    assert len(data) + 20 * 46 <= 4096
    assert core_receipt.verify(root_file(node), data, canonical(raw(observation(wanted[1], "p1", 4000))).data).ok
    with capsys.disabled():
        print(f"\nreceipt: {len(data)} bytes, first {first * 1000:.1f} ms, again {again * 1000:.2f} ms")


def test_a_large_network_gives_the_quorum_only(world, network, monkeypatch):
    world.north.publish(observation("o1", "p1", 1))
    world.north.anchor()
    monkeypatch.setattr(receipts, "BYTES_AIM", 10)
    keeper = network["north"].checkpoints
    full = receipt_for(network["north"], ("Observation", "o1"))
    assert json.loads(full)["proof"].count("— ") == keeper.members.root.quorum == 3
    monkeypatch.setattr(receipts, "quorum_of", lambda members: 2)
    small = receipt_for(network["north"], ("Observation", "o1"))
    assert json.loads(small)["proof"].count("— ") == 2
    assert core_receipt.verify(root_file(network["north"]), small, raw(observation("o1", "p1", 1)), quorum=2).ok
