"""The log of a store is brought into its file beside the writer: it stays short, and a crash loses nothing."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sql

from medrec.node.keeping import log
from medrec.node.keeping.log import Log
from medrec.node.keeping.store import Store, setting

PAGE = 4096
SEQUENCE = slice(12, 16)
"""Where the head of a log says how often it was begun anew (sqlite.org/fileformat2.html, 4.1)."""


def keep(store: Store, name: str) -> None:
    """Something that takes a page, durably."""
    row = {"name": name, "value": bytes(3000)}
    store.write(lambda connection: connection.execute(sql.insert(setting).values(**row)))


def test_a_long_log_is_begun_anew_though_the_writer_never_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "EVERY", 4)
    monkeypatch.setattr(log, "LONG_PAGES", 40)
    store, wal = Store(tmp_path / "node.db"), tmp_path / "node.db-wal"
    try:
        count, sequences = 0, set[bytes]()
        while len(sequences) < 4:
            assert count < 5_000
            keep(store, f"{count}")
            count += 1
            with wal.open("rb") as file:
                sequences.add(file.read(SEQUENCE.stop)[SEQUENCE])
        assert wal.stat().st_size < PAGE * log.LONG_PAGES_MAX
        with store.read() as connection:
            assert connection.execute(sql.select(sql.func.count()).select_from(setting)).scalar() == count
    finally:
        store.close()


WRITES = """
import sys
from pathlib import Path
from medrec.node.keeping import log
from medrec.node.keeping.store import Store
from tests.node.test_log import keep
log.EVERY, log.LONG_PAGES = 2, 20
store, number = Store(Path(sys.argv[1])), 0
while True:
    keep(store, str(number))
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("count", [1, 2, 30, 211])
def test_what_was_durable_is_there_after_a_crash_while_the_log_is_brought_over(tmp_path: Path, count: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(tmp_path / "node.db")],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
    )
    assert child.stdout is not None
    told = [child.stdout.readline().strip() for _ in range(count)]
    child.kill()
    told += child.stdout.read().split()[:-1]
    child.wait()
    assert told[:count] == [str(number) for number in range(count)]
    store = Store(tmp_path / "node.db")
    try:
        with store.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert set(told) <= set(connection.execute(sql.select(setting.c.name)).scalars())
        keep(store, "after")
    finally:
        store.close()


def test_to_write_the_file_anew_and_to_bring_the_log_over_do_not_meet(tmp_path: Path) -> None:
    store = Store(tmp_path / "node.db")
    try:
        keep(store, "one")
        assert store._log is not None and store._log.bring_over() > 0
        with store._log.alone:
            assert store._log.bring_over() == 0
            rewriting = threading.Thread(target=store.compact)
            rewriting.start()
            rewriting.join(0.05)
            assert rewriting.is_alive()
        rewriting.join(60)
        assert (tmp_path / "node.db-wal").stat().st_size == 0
    finally:
        store.close()


def test_where_the_disk_fails_the_log_stays_as_it_is(tmp_path: Path) -> None:
    assert Log(tmp_path / "none.db").bring_over() == 0
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "broken.db").write_bytes(b"no database" * 1000)
    assert Log(tmp_path / "broken.db").bring_over() == 0
    with closing(sqlite3.connect(tmp_path / "node.db", isolation_level=None)) as reading:
        reading.execute("PRAGMA journal_mode=WAL")
        reading.execute("CREATE TABLE one (value)")
        reading.execute("BEGIN")
        reading.execute("SELECT * FROM one").fetchall()
        with closing(sqlite3.connect(tmp_path / "node.db")) as writing, writing:
            writing.execute("INSERT INTO one VALUES (1)")
        # What somebody reads is left; nobody waits for the reader.
        assert Log(tmp_path / "node.db").bring_over() > 0
        assert reading.execute("SELECT * FROM one").fetchall() == []
