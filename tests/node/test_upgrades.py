"""A store that a former version made is opened by this one with every row it had."""

from pathlib import Path

import pytest
import sqlalchemy as sql

from medrec.node.account import ending, resting
from medrec.node.keeping.store import Store, metadata
from medrec.node.keeping.upgrades import REKEYED, former_keys, tables_there
from medrec.node.lists.acts_kept import is_ended, list_act
from medrec.node.looks import answering, disputes

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
            assert resting.use_of(connection, b"\x01", "ada", 5, (), {}).rests
            assert not resting.use_of(connection, b"\x01", "mallory", 5, (), {}).rests
        store.close()
    store = Store(folder / "a.db")
    # With the former key this word of somebody else would have met hers.
    row = {"hash": b"\x01", "account": "mallory", "rests": False, "time": 9}
    store.write(lambda connection: connection.execute(sql.insert(resting.delegation_rest).values(**row)))
    with store.read() as connection:
        assert resting.use_of(connection, b"\x01", "ada", 5, (), {}).rests
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
    with store.read() as connection:
        assert former_keys(connection, metadata, tables_there(connection)) == []
    assert {ending.delegation_ended.name, *REKEYED} <= set(metadata.tables)
    store.close()


FORMER_ACTS = (
    "CREATE TABLE list_act (id BLOB NOT NULL, account VARCHAR(80) NOT NULL, manifest BLOB NOT NULL, "
    "time BIGINT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (id))",
    "CREATE INDEX ix_list_act_account ON list_act (account)",
    "CREATE TABLE list_act_ended (id BLOB NOT NULL, account VARCHAR(80) NOT NULL, PRIMARY KEY (id))",
    "CREATE INDEX ix_list_act_ended_account ON list_act_ended (account)",
    "INSERT INTO list_act VALUES (x'01', 'ada', x'aa', 7, x'bb')",
    "INSERT INTO list_act_ended VALUES (x'02', 'ada')",
)


def test_words_on_a_list_are_kept_and_what_was_taken_back_stays_so(tmp_path: Path) -> None:
    """Whose they are stood in no column: an end holds for whichever clinician's act it names, never for a person's."""
    engine = sql.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        for statement in FORMER_ACTS:
            connection.execute(sql.text(statement))
    engine.dispose()
    for _ in range(2):
        store = Store(tmp_path / "a.db")
        with store.read() as connection:
            kept = connection.execute(sql.select(list_act).where(list_act.c.id == b"\x01")).one()
            assert (kept.account, kept.time, bytes(kept.sealed)) == ("ada", 7, b"\xbb")
            assert is_ended(connection, b"\x02", "north") and not is_ended(connection, b"\x02", "")
            assert not is_ended(connection, b"\x01", "north")
        store.close()


def test_disputes_of_looks_are_kept_by_source_and_what_is_due_says_the_ledger(tmp_path: Path) -> None:
    engine = sql.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE dispute_about_us (id BLOB NOT NULL, source VARCHAR(32) NOT NULL, due BIGINT NOT NULL, "
            "status VARCHAR(10) NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (id))",
            "INSERT INTO dispute_about_us VALUES (x'01', 'north', 7, 'answered', x'aa')",
        ):
            connection.execute(sql.text(statement))
    engine.dispose()
    store = Store(tmp_path / "a.db")
    about = answering.dispute_about_us
    row = {"source": "east", "id": b"\x01", "status": "open", "sealed": b"\xbb"}
    store.write(lambda connection: connection.execute(sql.insert(about).values(**row)))
    with store.read() as connection:
        found = connection.execute(sql.select(about).order_by(about.c.source)).all()
    assert [tuple(one) for one in found] == [
        ("east", b"\x01", "open", b"\xbb"),
        ("north", b"\x01", "answered", b"\xaa"),
    ]
    store.close()


def test_disputes_taken_go_on_stopping_and_another_person_s_number_stands_beside(tmp_path: Path) -> None:
    engine = sql.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE dispute_taken (id BLOB NOT NULL, account VARCHAR(80) NOT NULL, "
            "requester VARCHAR(32) NOT NULL, status VARCHAR(10) NOT NULL, "
            "seq BIGINT NOT NULL, due BIGINT, PRIMARY KEY (id))",
            "CREATE INDEX ix_dispute_taken_account ON dispute_taken (account)",
            "INSERT INTO dispute_taken VALUES (x'01', 'ada', 'south', 'open', 7, 9)",
        ):
            connection.execute(sql.text(statement))
    engine.dispose()
    store = Store(tmp_path / "a.db")
    taken = disputes.dispute_taken
    row = {"id": b"\x01", "account": "mallory", "requester": "south", "status": "open", "seq": 8, "due": None}
    store.write(lambda connection: connection.execute(sql.insert(taken).values(**row)))
    with store.read() as connection:
        found = connection.execute(sql.select(taken).order_by(taken.c.seq)).all()
    assert [(one.account, one.status, one.seq, one.due) for one in found] == [
        ("ada", "open", 7, 9),
        ("mallory", "open", 8, None),
    ]
    store.close()
