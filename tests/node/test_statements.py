"""Statements that the stores of tests share: each store binds and reads with its own secrets all the same."""

import sqlite3
from contextlib import closing

import sqlalchemy as sql

from medrec.node.keeping import hashes
from tests.node.stores import open_store

WANTED = bytes(range(32))


class _Hashes:
    """Seals by one byte that stands before."""

    def __init__(self, mark: bytes) -> None:
        self.mark = mark

    def seal(self, value: bytes) -> bytes:
        return self.mark + value

    def open(self, value: bytes) -> bytes:
        assert value[:1] == self.mark, "sealed by another store"
        return value[1:]


def test_two_stores_that_share_a_statement_each_seal_and_open_with_their_own_secret(tmp_path):
    table = sql.Table("sealed", sql.MetaData(), sql.Column("hash", hashes.Hash), sql.Column("number", sql.Integer))
    stores = [open_store(tmp_path / f"{number}.db") for number in range(2)]
    for kept, mark in zip(stores, (b"a", b"b"), strict=True):
        kept.engine.dialect.hashes = _Hashes(mark)
        with kept.engine.begin() as connection:
            table.create(connection)
    # Each statement a first time in the first store, then in the second, then in the first again.
    for turn, kept in enumerate([*stores, stores[0]]):
        with kept.engine.begin() as connection:
            connection.execute(sql.insert(table).values(hash=WANTED, number=turn))
            found = connection.execute(sql.select(table).where(table.c.hash == WANTED)).all()
            assert {row.hash for row in found} == {WANTED}
    assert [_raw(tmp_path / f"{number}.db") for number in range(2)] == [[b"a" + WANTED] * 2, [b"b" + WANTED]]
    caches = [kept.engine.get_execution_options()["compiled_cache"] for kept in stores]
    shared = [
        (one, caches[1][key])
        for (dialect, *rest), one in caches[0].items()
        if (key := (stores[1].engine.dialect, *rest)) in caches[1]
    ]
    assert shared and all(a is not b and a.string is b.string for a, b in shared), "nothing was shared"
    for kept in stores:
        kept.close()


def _raw(path):
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT hash FROM sealed ORDER BY number")]
