"""The writer of a store: nobody else writes while it does, and one closure's failure is its own."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.node.keeping.hashes import Hashes
from medrec.node.keeping.prepared import Prepared
from medrec.node.keeping.rehashing import NUMBER, seal
from medrec.node.keeping.ring import MemoryRing
from medrec.node.keeping.store import Store, StoreError, setting
from medrec.node.keeping.vault import NUMBER_BYTES, Vault, VaultError

_INSERT = Prepared(sql.insert(setting), ("name", "value"))


def keep(name: str) -> Callable[[sql.Connection], str]:
    def closure(connection: sql.Connection) -> str:
        _INSERT.run(connection, [{"name": name, "value": b""}])
        return name

    return closure


def names(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(sql.select(setting.c.name)).scalars())


def test_no_other_process_writes_between_what_a_closure_reads_and_what_it_writes(tmp_path: Path) -> None:
    store = Store(tmp_path / "node.db")
    try:

        def other(connection: sql.Connection) -> None:
            with closing(sqlite3.connect(tmp_path / "node.db", timeout=0, isolation_level=None)) as elsewhere:
                elsewhere.execute("INSERT INTO setting VALUES ('other', x'')")

        with pytest.raises(sqlite3.OperationalError, match="locked"):
            store.write(other)
        assert store.write(keep("mine")) == "mine" and names(store) == {"mine"}
    finally:
        store.close()


def test_a_closure_that_reads_first_waits_for_another_process_that_writes(tmp_path: Path) -> None:
    store = Store(tmp_path / "node.db")
    elsewhere = sqlite3.connect(tmp_path / "node.db", isolation_level=None)
    try:
        elsewhere.execute("BEGIN IMMEDIATE")
        elsewhere.execute("INSERT INTO setting VALUES ('theirs', x'')")

        def closure(connection: sql.Connection) -> set[str]:
            found = set(connection.execute(sql.select(setting.c.name)).scalars())
            keep("mine")(connection)
            return found

        written = store.submit(closure)
        with pytest.raises(TimeoutError):
            written.result(0.05)
        elsewhere.execute("COMMIT")
        assert written.result(60) == {"theirs"} and names(store) == {"theirs", "mine"}
    finally:
        elsewhere.close()
        store.close()


def test_hashes_are_sealed_under_the_secret_of_the_transaction_that_writes_them(tmp_path: Path) -> None:
    vault = Vault(bytes(32), bytes, MemoryRing(lambda count: bytes([len(drawn)]) * count))
    drawn: list[int] = [1]
    store = Store(tmp_path / "node.db")
    try:
        seal(store, vault)
        drawn.append(2)
        other, hashes = vault.ring.make(), store.hashes
        assert hashes is not None and hashes.number != other
        # Another process brings the store under another secret.
        with closing(sqlite3.connect(tmp_path / "node.db")) as elsewhere, elsewhere:
            row = (other.to_bytes(NUMBER_BYTES, "big"), NUMBER)
            elsewhere.execute("UPDATE setting SET value = ? WHERE name = ?", row)
        assert store.write(lambda _: hashes.number) == other
    finally:
        store.close()


def test_where_the_secret_of_the_hashes_is_gone_nothing_is_written_and_the_writer_goes_on(tmp_path: Path) -> None:
    store = Store(tmp_path / "node.db")
    try:
        store.hashes = Hashes(Vault(bytes(32), bytes), lambda _: 7)
        with pytest.raises(VaultError):
            store.write(keep("lost"))
        store.hashes = None
        assert store.write(keep("kept")) == "kept" and names(store) == {"kept"}
    finally:
        store.close()


@pytest.mark.parametrize("plain", [False, True], ids=["by itself", "prepared"])
def test_what_a_closure_wrote_goes_with_its_failure_and_nobody_elses(tmp_path: Path, plain: bool) -> None:
    store = Store(tmp_path / "node.db")
    try:

        def fail(connection: sql.Connection) -> None:
            if plain:
                keep("lost")(connection)
            else:
                connection.execute(sql.insert(setting).values(name="lost", value=b""))
            raise LookupError("no")

        with pytest.raises(LookupError):
            store.write(fail)
        assert names(store) == set()
        # In one group: what comes first holds the writer until all wait.
        waits: list[Any] = []

        def first(connection: sql.Connection) -> None:
            waits.extend([store.submit(keep("one")), store.submit(fail), store.submit(keep("two"))])

        store.write(first)
        one, failed, two = waits
        assert (one.result(60), two.result(60)) == ("one", "two")
        assert isinstance(failed.exception(60), LookupError) and names(store) == {"one", "two"}
        # The same name a second time: the database itself refuses it, alone.
        again = [store.submit(keep("three")), store.submit(keep("one")), store.submit(keep("four"))]
        assert again[0].result(60) == "three" and again[2].result(60) == "four"
        assert isinstance(again[1].exception(60), StoreError) and names(store) == {"one", "two", "three", "four"}
    finally:
        store.close()
