"""Versions chain; what changed without notice is reported; the journal is whole and everything is anchored once."""

import json
import os

import pytest
import sqlalchemy as sql

from medrec.core import codec, manifests, merkle, state
from medrec.core.kinds.anchor import decode_entries
from medrec.core.types import decode_transaction
from medrec.engines.engine import EngineError
from medrec.node.keeping import journal, store
from medrec.node.records.ingest import FolderReader, ingest_folder
from medrec.node.records.publish import Incoming, Published
from medrec.node.records.publish_alarms import Altered

from .world import World, incoming, observation


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


def manifests_of(organisation) -> list:
    with organisation.store.read() as connection:
        digests = connection.execute(sql.select(store.line.c.manifest).order_by(store.line.c.seq)).scalars().all()
        return [manifests.decode(organisation.journal.manifest(connection, bytes(d))[1]) for d in digests]


def test_create_update_and_delete_make_versions_that_chain(world):
    north = world.north
    north.publish(observation("o1", "p1", 1))
    north.publish(observation("o1", "p1", 2), origin="b.json")
    north.publisher.publish([Incoming("Observation", "o1", None, "c.json")])
    first, second, third = manifests_of(north)
    assert [m.record.action for m in (first, second, third)] == ["create", "update", "delete"]
    assert [m.record.version for m in (first, second, third)] == [1, 2, 3]
    assert first.record.previous is None
    with north.store.read() as connection:
        digests = connection.execute(sql.select(store.line.c.manifest).order_by(store.line.c.seq)).scalars().all()
    assert second.record.previous == bytes(digests[0]).hex()
    assert third.record.previous == bytes(digests[1]).hex()
    assert third.record.sha256 is None


def test_the_same_content_is_no_new_version(world):
    assert world.north.publish(observation("o1", "p1", 1)) == Published(created=1)
    assert world.north.publish(observation("o1", "p1", 1)) == Published(unchanged=1)


def test_a_change_in_place_without_notice_is_an_alarm_and_never_signed(world):
    north = world.north
    north.publish(observation("o1", "p1", 1))
    result = north.publish(observation("o1", "p1", 2), announced=False)
    assert result.altered == (Altered("Observation", "o1", "a.json"),)
    assert len(manifests_of(north)) == 1
    with north.store.read() as connection:
        alarms = connection.execute(sql.select(store.alarm)).all()
        assert connection.execute(sql.select(store.record.c.altered)).scalar() is True
    assert [alarm.code for alarm in alarms] == ["record-altered"]
    # Told once, not at every reading.
    north.publish(observation("o1", "p1", 2), announced=False)
    with north.store.read() as connection:
        assert len(connection.execute(sql.select(store.alarm)).all()) == 1


def test_a_change_in_place_with_a_new_version_at_the_source_is_an_update(world):
    north = world.north
    north.publish(observation("o1", "p1", 1, meta={"versionId": "1"}))
    result = north.publish(observation("o1", "p1", 2, meta={"versionId": "2"}), announced=False)
    assert result == Published(updated=1)


def test_two_versions_in_one_delivery_are_two_versions(world):
    assert world.north.publish(observation("o1", "p1", 1), observation("o1", "p1", 2)) == Published(1, 1)


def test_a_record_comes_back_after_its_deletion(world):
    north = world.north
    north.publish(observation("o1", "p1", 1))
    north.publisher.publish([Incoming("Observation", "o1", None, "b.json")])
    assert north.publish(observation("o1", "p1", 1), origin="c.json") == Published(updated=1)
    assert [m.record.version for m in manifests_of(north)] == [1, 2, 3]


def test_every_line_is_anchored_once_with_its_range_and_links(world):
    north = world.north
    for number in range(5):
        north.publish(observation(f"o{number}", "p1", number))
        assert north.anchor() == 1
    previous, expected = state.NO_BATCH, 1
    for block in world.engine.blocks(0):
        transaction = decode_transaction(block.block.transactions[0])
        payload = transaction.body.payload
        assert (payload["first"], payload["previous"]) == (expected, previous)
        entries, _ = decode_entries(transaction.attachment)
        assert payload["root"] == merkle.root([merkle.leaf_hash(entry) for entry in entries])
        previous, expected = transaction.id, expected + payload["count"]
    assert north.anchorer.waiting_since() is None


@pytest.mark.parametrize("applied", [True, False])
def test_a_submission_whose_answer_is_lost_is_anchored_exactly_once(world, applied):
    north = world.north
    north.publish(observation("o1", "p1", 1))
    submit = world.engine.submit

    def lost(transactions):
        if applied:
            submit(transactions)
        raise EngineError("unknown", "the answer was lost")

    world.engine.submit = lost
    with pytest.raises(EngineError):
        north.anchor()
    world.engine.submit = submit
    assert north.anchor() == 1
    heads = [state.read(world.engine.view(), state.batch_key("north"), state.BatchHead)]
    assert [head.last for head in heads] == [1]
    assert world.engine.tip().log_size == 1


def test_a_batch_that_expired_unsent_is_signed_again(world):
    north = world.north
    north.publish(observation("o1", "p1", 1))
    submit = world.engine.submit
    world.engine.submit = lambda transactions: (_ for _ in ()).throw(EngineError("disk", "no"))
    with pytest.raises(EngineError):
        north.anchor()
    world.engine.submit = submit
    for _ in range(1002):
        submit([])
    # The first try finds the batch expired, the second anchors it under a later height.
    assert north.anchorer.step() == 0
    assert north.anchorer.step() == 1


def test_the_journal_is_one_chain_and_a_change_in_it_is_found(world):
    north = world.north
    north.publish(*(observation(f"o{number}", "p1", number) for number in range(20)))
    with north.store.read() as connection:
        assert journal.verify(connection) is None
    north.store.write(
        lambda c: c.execute(sql.update(store.line).where(store.line.c.seq == 7).values(time=1_900_000_000_000))
    )
    with north.store.read() as connection:
        assert "8" in journal.verify(connection) or "7" in journal.verify(connection)
    north.store.write(lambda c: c.execute(sql.delete(store.line).where(store.line.c.seq == 3)))
    with north.store.read() as connection:
        assert journal.verify(connection) == "Line 3 is missing from the journal."


def test_a_clock_that_jumps_back_does_not_turn_the_journal_around(world):
    north = world.north
    north.publish(observation("o1", "p1", 1))
    world.clock.now -= 3_600_000
    north.publish(observation("o2", "p1", 1))
    with north.store.read() as connection:
        times = connection.execute(sql.select(store.line.c.time).order_by(store.line.c.seq)).scalars().all()
        assert journal.verify(connection) is None
    assert times == sorted(times)


def bundle(*resources: dict) -> str:
    return json.dumps(
        {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": item} for item in resources]}
    )


def test_a_reading_cut_off_goes_on_and_ends_as_if_it_had_not_been(world, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abc":
        resources = [observation(f"{name}{number}", "p1", number) for number in range(700)]
        (folder / f"{name}.json").write_text(bundle(*resources))
    north = world.north
    submit, writes = north.store.submit, []

    def failing(closure):
        writes.append(1)
        if len(writes) == 3:
            raise KeyboardInterrupt
        return submit(closure)

    north.store.submit = failing
    with pytest.raises(KeyboardInterrupt):
        ingest_folder(north.publisher, north.store, folder)
    north.store.submit = submit
    done = ingest_folder(north.publisher, north.store, folder)
    with north.store.read() as connection:
        count = connection.execute(sql.select(sql.func.count()).select_from(store.record)).scalar()
        assert journal.verify(connection) is None
        lines = connection.execute(sql.select(sql.func.count()).select_from(store.line)).scalar()
    assert count == lines == 2100
    # What the first reading had signed was not read again.
    assert done.published.created == 1100
    assert ingest_folder(north.publisher, north.store, folder).published == Published()


def test_an_old_delivery_read_again_does_not_bring_old_versions_back(world, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    north = world.north

    def read() -> Published:
        return ingest_folder(north.publisher, north.store, folder).published

    (folder / "a.json").write_text(bundle(observation("o1", "p1", 1), observation("o2", "p1", 1)))
    assert read() == Published(created=2)
    (folder / "b.json").write_text(bundle(observation("o1", "p1", 2)))
    assert read() == Published(updated=1)
    (folder / "a.json").write_text(bundle(observation("o1", "p1", 1), observation("o2", "p1", 1)) + " ")
    assert read() == Published(unchanged=2)
    reader = FolderReader(north.store)
    assert json.loads(reader.read("Observation", "o1"))["valueInteger"] == 2
    (folder / "b.json").write_text(bundle(observation("o1", "p1", 9)))
    assert len(read().altered) == 1


def test_a_bad_file_is_listed_and_stops_nothing(world, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").write_text('{"resourceType": "Bundle", "entry": [{"resource": {"a": 1, "a": 2}}')
    (folder / "b.json").write_text(bundle(observation("o1", "p1", 1)))
    done = ingest_folder(world.north.publisher, world.north.store, folder)
    assert done.published == Published(created=1)
    assert [item.origin.split(":")[0].split(",")[0] for item in done.rejected] == ["a.json"]


def test_a_record_of_nobody_is_signed_and_tells_nobody(world):
    world.north.publish({"resourceType": "Organization", "id": "org1"})
    with world.north.store.read() as connection:
        assert connection.execute(sql.select(store.record.c.person)).scalar() is None
        assert connection.execute(sql.select(sql.func.count()).select_from(store.outbox)).scalar() == 0
    assert world.north.anchor() == 1


def test_manifests_lie_sealed_in_the_store(world, tmp_path):
    world.north.publish(observation("unmistakable-id", "p1", 1))
    with world.north.store.read() as connection:
        sealed = connection.execute(sql.select(store.manifest.c.sealed)).scalar()
    assert b"unmistakable-id" not in bytes(sealed)
    assert codec.decode(codec.encode(1)) == 1
    assert incoming(observation("x", "p", 1)).record is not None


def test_an_old_delivery_read_again_does_not_bring_a_deleted_record_back(world):
    north = world.north
    north.publish(observation("o1", "p1", 1))
    north.publisher.publish([Incoming("Observation", "o1", None, "b.json")])
    assert north.publish(observation("o1", "p1", 1), announced=False) == Published(unchanged=1)
    # A deleted record that comes back changed, in a delivery that was read before, is an alarm.
    assert len(north.publish(observation("o1", "p1", 2), announced=False).altered) == 1


def read(world, folder, **how):
    return ingest_folder(world.north.publisher, world.north.store, folder, **how)


def test_a_change_in_place_is_an_alarm_even_if_its_reading_was_cut_off(world, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    resources = [observation(f"o{number:04}", "p1", number) for number in range(1500)]
    (folder / "a.json").write_text(bundle(*resources))
    read(world, folder)
    for changed in (7, 1400, 1450):
        resources[changed]["valueInteger"] = 9999
    (folder / "a.json").write_text(bundle(*resources))
    submit, writes = world.north.store.submit, []

    def failing(closure):
        writes.append(1)
        if len(writes) == 2:
            raise KeyboardInterrupt
        return submit(closure)

    world.north.store.submit = failing
    with pytest.raises(KeyboardInterrupt):
        read(world, folder)
    world.north.store.submit = submit
    done = read(world, folder).published
    assert done.updated == 0
    with world.north.store.read() as connection:
        assert sorted(connection.execute(sql.select(store.alarm.c.subject)).scalars()) == [
            "Observation/o0007",
            "Observation/o1400",
            "Observation/o1450",
        ]


@pytest.mark.parametrize("how", ["renamed", "copied, the first one deleted"])
def test_a_file_that_moved_is_read_from_its_new_place(world, tmp_path, how):
    folder = tmp_path / "in"
    folder.mkdir()
    first = folder / "a.json"
    first.write_text(bundle(observation("o1", "p1", 1)))
    read(world, folder)
    if how == "renamed":
        first.rename(folder / "z.json")
    else:
        (folder / "z.json").write_text(first.read_text())
        read(world, folder)
        first.unlink()
    done = read(world, folder)
    assert done.published.altered == () and done.gone == ()
    assert FolderReader(world.north.store).read("Observation", "o1") is not None


def test_two_folders_of_one_name_are_two_sources(world, tmp_path):
    for place in ("x", "y"):
        (tmp_path / place / "rec").mkdir(parents=True)
        path = tmp_path / place / "rec" / "a.json"
        path.write_text(bundle(observation(place, "p1", 1)))
        os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))
        assert read(world, tmp_path / place / "rec").published == Published(created=1)
    for place in ("x", "y"):
        assert FolderReader(world.north.store).read("Observation", place) is not None


def test_a_thorough_reading_finds_a_change_that_kept_size_and_time(world, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "a.json"
    path.write_text(bundle(observation("o1", "p1", 3)))
    facts = path.stat()
    read(world, folder)
    path.write_text(path.read_text().replace("3", "9"))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert read(world, folder).published == Published()
    assert len(read(world, folder, thorough=True).published.altered) == 1


def test_a_file_that_vanished_with_records_is_an_alarm_once(world, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").write_text(bundle(observation("o1", "p1", 1)))
    (folder / "b.json").write_text(bundle(observation("o2", "p1", 1)))
    read(world, folder)
    (folder / "a.json").unlink()
    assert [name.rsplit("/", 1)[1] for name in read(world, folder).gone] == ["a.json"]
    assert len(read(world, folder).gone) == 1
    with world.north.store.read() as connection:
        assert list(connection.execute(sql.select(store.alarm.c.code)).scalars()) == ["file-gone"]


def test_a_record_restored_to_what_was_signed_is_altered_no_more(world):
    north = world.north
    north.publish(observation("o1", "p1", 1))
    north.publish(observation("o1", "p1", 2), announced=False)
    north.publish(observation("o1", "p1", 1), announced=False)
    with north.store.read() as connection:
        assert connection.execute(sql.select(store.record.c.altered)).scalar() is False
