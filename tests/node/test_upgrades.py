"""A store that a former version made is opened by this one with every row it had."""

from pathlib import Path

import pytest
import sqlalchemy as sql

from medrec.node.account import resting
from medrec.node.keeping.store import Store, metadata
from medrec.node.keeping.upgrades import REKEYED, rekey

FORMER = (
    "CREATE TABLE delegation_rest (hash BLOB NOT NULL, account VARCHAR(80) NOT NULL, rests BOOLEAN NOT NULL, "
    "time BIGINT NOT NULL, PRIMARY KEY (hash))"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    engine = sql.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        connection.execute(sql.text(FORMER))
        connection.execute(sql.text("INSERT INTO delegation_rest VALUES (x'01', 'ada', 1, 7), (x'02', 'bo', 0, 8)"))
    engine.dispose()
    return tmp_path


def test_a_word_of_rest_is_kept_and_another_person_s_stands_beside_it(folder: Path) -> None:
    for _ in range(2):
        store = Store(folder / "a.db")
        with store.read() as connection:
            assert resting.use_of(connection, b"\x01", "ada", 5).rests
            assert not resting.use_of(connection, b"\x01", "mallory", 5).rests
        store.close()
    store = Store(folder / "a.db")
    # With the former key this word of somebody else would have met hers.
    row = {"hash": b"\x01", "account": "mallory", "rests": False, "time": 9}
    store.write(lambda connection: connection.execute(sql.insert(resting.delegation_rest).values(**row)))
    with store.read() as connection:
        assert resting.use_of(connection, b"\x01", "ada", 5).rests
    store.close()


def test_a_crash_in_between_leaves_what_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object, **__: object) -> None:
        raise SystemError("the node stops here")

    monkeypatch.setattr(sql.Table, "create", dies)
    with pytest.raises(SystemError):
        Store(folder / "a.db")
    monkeypatch.undo()
    store = Store(folder / "a.db")
    with store.read() as connection:
        assert connection.execute(sql.select(sql.func.count()).select_from(resting.delegation_rest)).scalar() == 2
    store.close()


def test_a_new_store_has_nothing_to_make_anew(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.db")
    assert rekey(store.engine, metadata) == [] and set(REKEYED) <= set(metadata.tables)
    store.close()
