"""After an erasure, a whole backup from before answers no guess, with everything opened that can still be opened; and
a store from before hashes were sealed is brought under that, whole or not at all."""

import hashlib
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.manifests.access import Disclosed, DisclosureManifest
from medrec.core.records.canonical import canonical
from medrec.node import operate
from medrec.node.keeping import hashes, rehashing, store
from medrec.node.keeping.journal import verify
from medrec.node.keeping.ring import FileRing
from medrec.node.keeping.store import Store
from medrec.node.keeping.vault import Vault
from medrec.node.ledger import receipts
from medrec.node.ledger.audit import audit_journal
from medrec.node.ledger.receipts import ReceiptUnavailableError
from medrec.node.release import parts
from tests.node.network import Network, Patient, TestNode
from tests.node.test_erasure import (
    ada,
    dump,
    gone_at_source,
    matches,
    network,
    observation,
    seen,
    statement,
)
from tests.node.test_erasure_reach import Thief

__all__ = ["ada", "network"]
HEX = re.compile(rb"[0-9a-f]{64}")
RIGHT = canonical(observation("o1", 731_904).encode()).sha256


def known_to(thief: Thief) -> set[bytes]:
    """Every hash that the thief can read, in the backup or in the store, in a column or in something that he opens."""
    found: set[bytes] = set()
    for text in thief.texts():
        if len(text) == 32:
            found.add(text)
        found |= {bytes.fromhex(one.decode()) for one in HEX.findall(text)}
    return found


@pytest.mark.parametrize("kept", [False, True])
def test_a_backup_of_before_answers_no_guess(
    network: Network, ada: Patient, tmp_path: Path, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kept`: an erasure that leaves the hashes under the secret that they had fails this."""
    north = network["north"]
    signed = statement(north)
    assert seen(network, ada) == ["o1", "o2"]
    thief = Thief(network.folder, "north", tmp_path / "taken")
    before = known_to(thief)
    assert {RIGHT, hashlib.sha256(signed(RIGHT)).digest()} <= before
    gone_at_source(north, "o1")
    if kept:
        monkeypatch.setattr(rehashing, "seal_anew", lambda *_: None)
    north.erasures.erase_record("Observation", "o1", "patient-request")
    after = known_to(thief)
    assert len(after) > 10
    if kept:
        assert {RIGHT, hashlib.sha256(signed(RIGHT)).digest()} <= after
        return
    assert matches(after, signed) == 0
    # What is not erased is still found by its hash, here and by whoever has it all.
    other = canonical(observation("o2", 5).encode()).sha256
    assert other in after and seen(network, ada) == ["o2"]
    with network["north"].store.read() as connection:
        found = connection.execute(sql.select(store.record.c.id).where(store.record.c.sha256 == other)).scalar()
    assert found == "o2" and network.crash("north").erasures.finish() == 0


def test_what_is_about_nobody_is_not_in_any_backup_either(network: Network, tmp_path: Path) -> None:
    """A record that names no patient is erased like any other."""
    north = network["north"]
    north.put("Location", "ward", '{"resourceType":"Location","id":"ward","name":"Xyzzy"}')
    right = canonical(north.source.raw["Location", "ward"]).sha256.hex()
    thief = Thief(network.folder, "north", tmp_path / "taken")
    assert thief.finds(right) == ["manifest", "record", "version"]
    del north.source.raw["Location", "ward"]
    north.erasures.erase_record("Location", "ward", "entered-in-error")
    assert thief.finds(right) == []


def test_an_erasure_that_fails_leaves_the_hashes_as_they_were(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = network["north"]
    gone_at_source(north, "o1")
    assert north.store.hashes is not None
    before = north.store.hashes.number
    whole = rehashing.seal_anew

    def dies(*given: Any) -> Any:
        whole(*given)
        raise RuntimeError

    monkeypatch.setattr(rehashing, "seal_anew", dies)
    with pytest.raises(RuntimeError):
        north.erasures.erase_record("Observation", "o1", "patient-request")
    monkeypatch.undo()
    assert north.store.hashes.number == before
    north.put("Observation", "o3", observation("o3", 7))
    again = network.crash("north")
    assert seen(network, ada) == ["o2", "o3"] and audit_journal(again) is None  # type: ignore[arg-type]


def test_a_reading_that_began_before_an_erasure_goes_on(network: Network, ada: Patient) -> None:
    """The key before is let go when nobody reads under it any more: until then both are looked for."""
    north = network["north"]
    right, column = canonical(observation("o2", 5).encode()).sha256, store.version.c
    wanted = sql.select(column.sha256, column.manifest).where(column.sha256 == right)
    with north.store.read() as connection:
        (before,) = connection.execute(wanted).all()
        north.store.write(lambda writing: rehashing.seal_anew(north.store, writing, north.vault))
        assert connection.execute(wanted).all() == [before] and before.sha256 == right
        assert north.journal.manifest(connection, before.manifest) is not None
    with north.store.read() as connection:
        assert connection.execute(wanted).all() == [before]


def test_a_copy_from_before_an_erasure_gets_back_the_hashes_of_what_still_opens(
    network: Network, ada: Patient, tmp_path: Path
) -> None:
    """The newest store was lost. Whoever was not erased since is as she was; of the others nothing comes back."""
    north = network["north"]
    network.patient("bob", "north")
    north.put("Observation", "b1", observation("b1", 1, "bob"))
    before = [tuple(row) for row in north.rows(store.version) if row.id == "b1"]
    network.anchor()
    with sqlite3.connect(network.folder / "north.db") as live, sqlite3.connect(tmp_path / "copy.db") as copy:
        live.backup(copy)
    gone_at_source(north, "o1")
    north.erasures.erase_record("Observation", "o1", "patient-request")
    north.store.close()
    for file in network.folder.glob("north.db*"):
        file.unlink()
    shutil.copy(tmp_path / "copy.db", network.folder / "north.db")
    again = network.crash("north")
    assert [tuple(row) for row in again.rows(store.version)] == before != []
    with again.store.read() as connection:
        rows = connection.execute(sql.select(store.manifest)).all()
        opened = {row.person: again.journal.manifest(connection, row.hash) for row in rows}
        assert verify(connection) is None
    assert len([one for one in opened.values() if one]) == 1
    right = canonical(observation("o1", 731_904).encode()).sha256
    assert Thief(network.folder, "north", tmp_path / "taken").finds(right.hex()) == []


# --- statements from before there were marks -----------------------------------------------------------------------


def _plain(allowed: Any, known: Any) -> Disclosed:
    return Disclosed(
        allowed.row.type, allowed.row.id, sha256=allowed.row.sha256.hex(), manifest=allowed.row.manifest.hex()
    )


def test_a_disclosure_with_plain_hashes_keeps_none_of_an_erased_record(
    network: Network, ada: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = network["north"]
    signed = statement(north)
    monkeypatch.setattr(parts, "disclosed", _plain)
    assert seen(network, ada) == ["o1", "o2"]
    monkeypatch.undo()
    (before,) = _disclosures(north)
    assert [one.sha256 is not None and one.content is None for one in before.records] == [True, True]
    network.anchor()
    with north.store.read() as connection:
        where = store.manifest.c.kind == "disclosure/1"
        (digest,) = connection.execute(sql.select(store.manifest.c.hash).where(where)).scalars()
    thief = Thief(network.folder, "north", tmp_path / "taken")
    gone_at_source(north, "o1")
    done = north.erasures.erase_record("Observation", "o1", "patient-request")
    assert done.lines == 3
    assert matches(known_to(thief), signed) == 0
    # Who looked, when and why is still there; of the other record all that it said.
    (after,) = _disclosures(north)
    assert after.request == before.request and after.records[1] == before.records[1]
    assert after.records[0].sha256 is None and after.records[0].proven
    # The line stands on the ledger as it did. Nothing proves its text, so it is neither sent nor given a receipt.
    network.anchor()
    assert audit_journal(north) is None  # type: ignore[arg-type]
    with north.store.read() as connection:
        (named,) = connection.execute(sql.select(store.manifest.c.hash).where(where)).scalars()
    for one in (digest, named):
        with pytest.raises(ReceiptUnavailableError):
            receipts.receipt_for(north, bytes(one))  # type: ignore[arg-type]
    network.deliver()
    with north.store.read() as connection:
        person = north.journal.person_of_account(connection, ada.account)
    assert person is not None
    north.linker.redeliver("guide", _asked(ada, person.epoch))
    waiting = len(north.rows(store.outbox))
    network.deliver()
    agent = network["guide"].agent
    assert waiting and agent is not None and agent.missing() == []


def _asked(person: Patient, epoch: int) -> bytes:
    return codec.encode({"account": person.account, "epoch": epoch, "counters": list(range(20))})


def _disclosures(node: TestNode) -> list[DisclosureManifest]:
    with node.store.read() as connection:
        rows = connection.execute(sql.select(store.manifest).where(store.manifest.c.kind == "disclosure/1")).all()
        opened = [node.journal.manifest(connection, row.hash) for row in rows]
    return [one for one in (manifests.decode(found[1]) for found in opened if found) if type(one) is DisclosureManifest]


# --- a store from before -------------------------------------------------------------------------------------------


def _never(kept: Store, vault: Vault, now: int = 0) -> None:
    """A store as it was kept before: nothing is sealed but what lies under the keys of people."""
    kept.hashes = hashes.Hashes(vault, lambda _: None)
    setting = store.setting
    kept.write(lambda writing: writing.execute(sql.delete(setting).where(setting.c.name == rehashing.REWRITTEN)))


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Network]:
    def made() -> Network:
        monkeypatch.setattr(rehashing, "seal", _never)
        opened = Network(tmp_path)
        opened["north"].put("Observation", "o1", observation("o1", 731_904))
        opened["north"].put("Location", "ward", '{"resourceType":"Location","id":"ward","name":"Xyzzy"}')
        assert RIGHT in dump(tmp_path, "north")
        monkeypatch.undo()
        return opened

    return made


def test_a_store_of_before_is_brought_under_keys(old: Callable[[], Network], tmp_path: Path) -> None:
    world = old()
    ada = world.patient("ada", "north")
    world.consent(ada, "north", "south")
    before = [tuple(row) for row in world["north"].rows(store.version)]
    again = world.crash("north")
    assert RIGHT not in dump(tmp_path, "north"), "nor in a page that is free"
    assert [tuple(row) for row in again.rows(store.version)] == before
    assert audit_journal(again) is None and seen(world, ada) == ["o1"]  # type: ignore[arg-type]
    with again.store.read() as connection:
        nobody = sql.select(store.manifest.c.hash).where(store.manifest.c.person.is_(None))
        found = [again.journal.manifest(connection, one) for one in connection.execute(nobody).scalars()]
    assert found and all(found)
    # It says which backups have to be destroyed, on the node's page and by `medrec status`.
    [alarm] = again.rows(store.alarm)
    assert (alarm.code, alarm.time) == (rehashing.UNSEALED, world.time)
    assert "from before 2025-06-15 15:06 UTC" in alarm.sentence and "destroy them" in alarm.sentence
    assert operate._notes(again)[0] == alarm.sentence  # type: ignore[arg-type]
    # Once; and from then on it stays so.
    assert again.store.hashes is not None
    number = again.store.hashes.number
    third = world.crash("north")
    assert len(third.rows(store.alarm)) == 1 and world["south"].rows(store.alarm) == []
    assert third.store.hashes is not None and number == third.store.hashes.number is not None
    thief = Thief(tmp_path, "north", tmp_path / "taken")
    del third.source.raw["Observation", "o1"]
    third.erasures.erase_record("Observation", "o1", "patient-request")
    assert thief.finds(RIGHT.hex()) == []
    world.close()


def test_a_store_of_before_is_changed_whole_or_not_at_all(
    old: Callable[[], Network], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = old()
    before = {table.name: [tuple(row) for row in world["north"].rows(table)] for table in store.metadata.sorted_tables}
    whole, left = rehashing._change, [4]

    def dies(*given: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise OSError
        whole(*given)

    monkeypatch.setattr(rehashing, "_change", dies)
    with pytest.raises(OSError):
        world.crash("north")
    monkeypatch.undo()
    with sqlite3.connect(tmp_path / "north.db") as lying:
        rows = lying.execute("select sha256 from version").fetchall()
    assert (RIGHT,) in rows
    again = world.crash("north")
    after = {table.name: [tuple(row) for row in again.rows(table)] for table in (store.version, store.record)}
    assert all(before[name] == rows for name, rows in after.items())
    world.close()


def test_another_vaults_store_is_left_as_it_is(old: Callable[[], Network], tmp_path: Path) -> None:
    """The wrong master key was brought back: it says so elsewhere, and must not seal anything here before."""
    world = old()
    world.patient("ada", "north")
    world.close()
    other = Vault(
        bytes(32), lambda count: b"\1" * count, FileRing(tmp_path / "other.ring", lambda count: b"\2" * count)
    )
    kept = Store(tmp_path / "north.db")
    rehashing.seal(kept, other)
    kept.close()
    with sqlite3.connect(tmp_path / "north.db") as lying:
        assert (RIGHT,) in lying.execute("select sha256 from version").fetchall()
