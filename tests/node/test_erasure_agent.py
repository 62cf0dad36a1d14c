"""Erasing at an agent: what it keeps of a person goes, in backups too; and a node that keeps records and serves the
same people keeps nothing as their agent that it erased as their hospital."""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sql

from medrec.node.agent import leaving
from medrec.node.agent.copies import record_copy
from medrec.node.agent.told import told
from medrec.node.keeping import client_keys, store, tables_of_people
from medrec.node.keeping.journal import verify
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import MARK, VaultError, kept_under
from medrec.node.refusals import Code, Refusal
from tests.node.network import Network, Patient, TestNode, notices_of
from tests.node.test_erasure import ada, gone_at_source, network, observation
from tests.node.test_erasure_reach import Thief

__all__ = ["ada", "network"]


def told_of(node: TestNode, account: str) -> list[str]:
    """The records that an agent can still open a statement of."""
    lines = told(node, account, "record/1")  # type: ignore[arg-type]
    return sorted({line.manifest.record.id for line in lines})


def digest_of(node: TestNode, identifier: str) -> str:
    return hashlib.sha256(node.source.raw["Observation", identifier]).hexdigest()


def naming(node: TestNode, account: str) -> list[str]:
    """The tables with a row that names an account."""
    return [table.name for table in metadata.sorted_tables if any(account in map(str, row) for row in node.rows(table))]


@pytest.fixture
def bob(network: Network) -> Patient:
    network["north"].put("Observation", "b1", observation("b1", 17, "bob"))
    return network.patient("bob", "north")


def test_who_is_erased_at_her_agent_leaves_nothing_there(
    network: Network, ada: Patient, bob: Patient, tmp_path: Path
) -> None:
    north, guide = network["north"], network["guide"]
    network.deliver()
    network.anchor()
    assert guide.agent is not None and guide.agent.follow() > 0
    right, other = digest_of(north, "o1"), digest_of(north, "b1")
    view = ada.view_secret.hex()
    assert told_of(guide, ada.account) == ["o1", "o2"] and told_of(guide, bob.account) == ["b1"]
    thief = Thief(network.folder, "guide", tmp_path / "taken")
    assert thief.finds(right) == ["notice"] and thief.finds(view) == ["client"]
    done = guide.erasures.erase_account(ada.account, "patient-request")
    # In the store, and in the backup of before with every key that can still be had.
    assert thief.finds(right) == [] and thief.finds(view) == []
    assert thief.finds(other) == ["notice"]
    assert naming(guide, ada.account) == [] and told_of(guide, bob.account) == ["b1"]
    with pytest.raises(LookupError):
        guide.agent.view_secret(ada.account)
    assert done.lines == 0 and [row.kind for row in guide.rows(store.manifest)] == ["erasure/1"]
    with guide.store.read() as connection:
        assert verify(connection) is None
    # Nothing of her comes back with what north still tells, nor from the ledger.
    north.put("Observation", "o3", observation("o3", 3))
    assert guide.agent.take_notices("north", notices_of(north)) == [False]
    network.anchor()
    guide.agent.follow()
    assert naming(guide, ada.account) == []
    with pytest.raises(Refusal) as refused:
        guide.erasures.erase_account(ada.account, "patient-request")
    assert refused.value.reason is Code.UNKNOWN_PERSON


def test_she_is_served_anew_under_another_key(network: Network, ada: Patient) -> None:
    guide = network["guide"]
    network.deliver()
    guide.erasures.erase_account(ada.account, "patient-request")
    assert guide.agent is not None
    guide.agent.enroll(ada.account, "Ada", ada.view_secret)
    assert guide.agent.view_secret(ada.account) == ada.view_secret
    assert told_of(guide, ada.account) == []


def test_what_a_hospital_erases_it_forgets_as_her_agent(network: Network, tmp_path: Path) -> None:
    both = network["guide"]
    both.put("Observation", "g1", observation("g1", 731_904, "eve"))
    both.put("Observation", "g2", observation("g2", 6, "eve"))
    network["north"].put("Observation", "n1", observation("n1", 8, "eve"))
    eve = network.patient("eve", "guide", "north")
    network.anchor()
    network.deliver()
    assert both.agent is not None
    both.agent.follow()
    first, second, elsewhere = digest_of(both, "g1"), digest_of(both, "g2"), digest_of(network["north"], "n1")
    thief = Thief(network.folder, "guide", tmp_path / "taken")
    assert "notice" in thief.finds(first)
    gone_at_source(both, "g1")
    network.deliver()
    both.erasures.erase_record("Observation", "g1", "patient-request")
    network.anchor()
    network.deliver()
    assert told_of(both, eve.account) == ["g2", "n1"]
    assert thief.finds(first) == []
    # The line was told: it is not missing now.
    both.agent.follow()
    network.time += 60_000
    assert both.agent.missing() == []
    later = Thief(network.folder, "guide", tmp_path / "later")
    assert "notice" in later.finds(second)
    gone_at_source(both, "g2")
    both.erasures.erase_person("eve", "patient-request")
    network.anchor()
    network.deliver()
    # She is served as before, and what others told her is hers.
    assert told_of(both, eve.account) == ["n1"] and both.agent.view_secret(eve.account) == eve.view_secret
    assert later.finds(second) == [] and later.finds(first) == []
    assert later.finds(elsewhere) == ["notice"]
    both.erasures.erase_account(eve.account, "patient-request")
    assert later.finds(elsewhere) == [] and naming(both, eve.account) in ([], ["former"])


def test_a_store_of_before_is_brought_under_keys_of_its_people(
    network: Network, ada: Patient, bob: Patient, tmp_path: Path
) -> None:
    guide, north = network["guide"], network["north"]
    network.deliver()
    right = digest_of(north, "o1")

    def as_before(connection: sql.Connection) -> None:
        """All under the master key, and nobody has a secret."""
        for name, (column, context) in client_keys.SEALED.items():
            table = metadata.tables[name]
            for row in connection.execute(sql.select(table).where(table.c[column].is_not(None))).all():
                opened = guide.vault.open_kept(bytes(row._mapping[column]), context(row))
                same = sql.and_(*(one == row._mapping[one.name] for one in table.primary_key.columns))
                sealed = guide.vault.seal(None, opened, context(row))
                connection.execute(sql.update(table).where(same).values({column: sealed}))
        connection.execute(client_keys.client_secret.delete())

    guide.store.write(as_before)
    assert kept_under(bytes(guide.rows(store.client)[0].sealed)) is None
    guide = network.crash("guide")
    for name, (column, _) in client_keys.SEALED.items():
        for row in guide.rows(metadata.tables[name]):
            assert row._mapping[column] is None or kept_under(bytes(row._mapping[column])) is not None
    assert told_of(guide, ada.account) == ["o1", "o2"]
    thief = Thief(network.folder, "guide", tmp_path / "taken")
    guide.erasures.erase_account(ada.account, "patient-request")
    assert thief.finds(right) == [] and told_of(guide, bob.account) == ["b1"]


def restored(network: Network, folder: Path) -> Callable[[], TestNode]:
    """A backup of the agent's store; what puts it back and opens the node on it. The ring is no part of it."""
    mark = {"name": MARK, "value": network["guide"].vault.mark()}
    network["guide"].store.write(lambda connection: connection.execute(store.setting.insert().values(**mark)))
    with sqlite3.connect(network.folder / "guide.db") as live, sqlite3.connect(folder / "backup.db") as copy:
        live.backup(copy)

    def put_back() -> TestNode:
        network["guide"].store.close()
        for part in network.folder.glob("guide.db*"):
            part.unlink()
        shutil.copy(folder / "backup.db", network.folder / "guide.db")
        return network.open("guide")

    return put_back


def test_who_was_erased_is_left_out_of_a_restored_store_and_all_others_are_served(
    network: Network, ada: Patient, bob: Patient, tmp_path: Path
) -> None:
    north, guide = network["north"], network["guide"]
    network.deliver()
    network.anchor()
    assert guide.agent is not None
    guide.agent.follow()
    put_back = restored(network, tmp_path)
    guide.erasures.erase_account(ada.account, "patient-request")
    guide = put_back()
    assert guide.agent is not None
    assert guide.agent.clients() == [(bob.account, "Bob")] and naming(guide, ada.account) == []
    (said,) = guide.rows(store.alarm)
    assert said.code == "client-erased" and said.sentence.startswith("The store is a copy from before an erasure: 1 of")
    north.put("Observation", "b9", observation("b9", 4, "bob"))
    assert True in guide.agent.take_notices("north", notices_of(north))
    network.anchor()
    assert guide.agent.follow() > 0
    assert told_of(guide, bob.account) == ["b1", "b9"]
    assert all(line.height is not None for line in guide.agent.notices(bob.account))
    with pytest.raises(LookupError):
        guide.agent.view_secret(ada.account)
    # Once; and she may come back.
    guide = network.crash("guide")
    assert guide.agent is not None and len(guide.rows(store.alarm)) == 1
    guide.agent.enroll(ada.account, "Ada", ada.view_secret)
    assert network.crash("guide").agent.view_secret(ada.account) == ada.view_secret  # type: ignore[union-attr]


def test_whose_record_was_erased_at_a_node_of_two_roles_does_not_stop_the_others_of_a_restored_store(
    network: Network, tmp_path: Path
) -> None:
    both, north = network["guide"], network["north"]
    both.put("Observation", "g1", observation("g1", 731_904, "eve"))
    north.put("Observation", "b1", observation("b1", 17, "bob"))
    eve, bob = network.patient("eve", "guide"), network.patient("bob", "north", "guide")
    network.anchor()
    network.deliver()
    put_back = restored(network, tmp_path)
    gone_at_source(both, "g1")
    network.deliver()
    both.erasures.erase_record("Observation", "g1", "patient-request")
    both = put_back()
    assert both.agent is not None and both.agent.clients() == [(bob.account, "Bob")]
    assert [one.code for one in both.rows(store.alarm)] == ["client-erased"]
    north.put("Observation", "b2", observation("b2", 17, "bob"))
    network.anchor()
    assert both.agent.take_notices("north", notices_of(north)) == [True]
    both.agent.follow()
    assert told_of(both, bob.account) == ["b1", "b2"]
    both.agent.enroll(eve.account, "Eve", eve.view_secret)
    assert both.agent.view_secret(eve.account) == eve.view_secret


def test_a_ring_that_lacks_a_secret_or_is_of_another_store_erases_nobody(
    network: Network, ada: Patient, bob: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = network["guide"]
    ring = guide.vault.ring
    last = guide.rows(client_keys.client_secret)[-1].secret
    assert not ring.is_destroyed(last) and not ring.is_destroyed(1 << 40) and not ring.is_destroyed(-1)
    assert ring.secret(1 << 40) is None
    hers = next(row.secret for row in guide.rows(client_keys.client_secret) if row.account == ada.account)

    def found() -> list[str]:
        with guide.store.read() as connection:
            return client_keys.destroyed(connection, guide.vault)

    assert found() == []
    ring.destroy(hers)
    assert ring.is_destroyed(hers) and found() == [ada.account]
    # The others' secrets are another store's: nothing says that hers was this one's.
    monkeypatch.setattr(ring, "secret", lambda number: bytes([7]) * 32)
    assert found() == []


def test_who_was_sealed_anew_while_the_store_was_opened_stays(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process erases a record: what was read before it has a secret that is destroyed when it is looked for."""
    guide, looked, found = network["guide"], [[ada.account]], client_keys.destroyed
    monkeypatch.setattr(client_keys, "destroyed", lambda *of: looked.pop() if looked else found(*of))
    leaving.at_opening(guide.store, guide.vault, network.time)
    assert looked == [] and guide.rows(store.alarm) == []
    assert guide.agent is not None and guide.agent.view_secret(ada.account) == ada.view_secret


def test_a_file_that_was_not_rewritten_is_rewritten_at_the_next_opening(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = network["guide"]
    guide.store.write(lambda connection: connection.execute(client_keys.client_secret.delete()))
    rewritten: list[str] = []

    def full(kept: store.Store) -> None:
        raise store.StoreError("disk", "The disk is full.")

    monkeypatch.setattr(store.Store, "compact", full)
    with pytest.raises(store.StoreError):
        network.crash("guide")
    monkeypatch.setattr(store.Store, "compact", lambda kept: rewritten.append("once"))
    network.open("guide")
    network.crash("guide")
    assert rewritten == ["once"]


def test_what_was_opened_before_an_erasure_is_not_kept_after_it(network: Network, ada: Patient) -> None:
    """A notice is opened before the write that keeps it; an erasure may come between."""
    guide = network["guide"]
    tag = bytes(16)

    def row() -> dict[str, object]:
        with guide.store.read() as connection:
            sealed = client_keys.seal_for(connection, guide.vault, ada.account, b"what was told", tag)
        return {"account": ada.account, "tag": tag, "sealed": sealed}

    before = row()
    assert guide.store.write(lambda connection: client_keys.standing(connection, guide.vault, [before])) == [before]
    guide.store.write(lambda connection: client_keys.renew(connection, guide.vault, ada.account))
    (anew,) = guide.store.write(lambda connection: client_keys.standing(connection, guide.vault, [before]))
    assert guide.vault.open_kept(anew["sealed"], tag) == b"what was told"
    assert kept_under(anew["sealed"]) != kept_under(before["sealed"])  # type: ignore[arg-type]
    late = row()
    guide.erasures.erase_account(ada.account, "patient-request")
    assert guide.store.write(lambda connection: client_keys.standing(connection, guide.vault, [late])) == []
    with pytest.raises(VaultError):
        guide.vault.open_kept(late["sealed"], tag)  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        row()


def test_the_tables_of_an_agent_are_known() -> None:
    assert {table.name for table in tables_of_people.of_client()} == set(tables_of_people.OF_CLIENT)
    assert record_copy in tables_of_people.of_client()
