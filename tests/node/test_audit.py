"""A journal that was cut or rewritten, hashes and all, is found out by the ledger."""

from types import SimpleNamespace

import pytest
import sqlalchemy as sql

from medrec.core.kinds.anchor import encode_entry
from medrec.node.keeping import journal, store
from medrec.node.ledger.audit import audit_journal

from .world import World, observation


@pytest.fixture
def north(tmp_path):
    world = World(tmp_path)
    for batch in range(3):
        world.north.publish(*(observation(f"o{batch}-{number}", "p1", number) for number in range(4)))
        world.north.anchor()
    world.north.publish(observation("waiting", "p1", 1))
    return SimpleNamespace(engine=world.engine, store=world.north.store, organisation="north")


def rewrite(north, seq: int) -> None:
    """Put another entry in a line and make every hash after it fit."""

    def closure(connection) -> None:
        entry = encode_entry(bytes(32), bytes(16))
        connection.execute(sql.update(store.line).where(store.line.c.seq == seq).values(entry=entry))
        previous = bytes(32)
        for row in connection.execute(sql.select(store.line).order_by(store.line.c.seq)).all():
            previous = journal.line_hash(previous, row.seq, row.time, bytes(row.entry))
            connection.execute(sql.update(store.line).where(store.line.c.seq == row.seq).values(hash=previous))

    north.store.write(closure)


def test_a_whole_journal_is_whole(north):
    assert audit_journal(north) is None


@pytest.mark.parametrize("seq", [1, 6, 12])
def test_an_anchored_line_rewritten_with_all_hashes_is_found(north, seq):
    rewrite(north, seq)
    with north.store.read() as connection:
        assert journal.verify(connection) is None
    assert "not those that were anchored" in audit_journal(north)


def test_a_journal_cut_at_its_end_is_found(north):
    north.store.write(lambda connection: connection.execute(sql.delete(store.line).where(store.line.c.seq > 10)))
    with north.store.read() as connection:
        assert journal.verify(connection) is None
    assert "missing" in audit_journal(north)


def test_a_batch_that_was_cut_with_its_lines_is_found(north):
    def closure(connection) -> None:
        connection.execute(sql.delete(store.line).where(store.line.c.seq > 8))
        connection.execute(sql.delete(store.batch).where(store.batch.c.number == 3))

    north.store.write(closure)
    assert "The ledger knows 12" in audit_journal(north)
