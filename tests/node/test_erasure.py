"""Erasing: nothing can be matched any more, not even in backups; the ledger verifies; what stays is readable."""

import functools
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

import medrec.wiring
from medrec.core import codec, manifests
from medrec.core.kinds.anchor import decode_entries
from medrec.core.manifests.erasure import ErasureManifest
from medrec.core.manifests.record import RecordManifest
from medrec.core.records.canonical import canonical
from medrec.core.types import decode_transaction
from medrec.node.keeping import erasure, store, tables_of_people
from medrec.node.keeping.journal import verify
from medrec.node.keeping.ring import BLOCK, FileRing
from medrec.node.keeping.store import Store
from medrec.node.keeping.vault import Vault, VaultError
from medrec.node.ledger.audit import audit_journal
from medrec.node.records.publish import Incoming
from medrec.node.refusals import Code, Refusal
from medrec.node.release.receive import request_records
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient, TestNode

GUESSES = 1_000_000


def observation(identifier: str, value: int, patient: str = "ada") -> str:
    subject = {"reference": f"Patient/{patient}"}
    found = {"id": identifier, "resourceType": "Observation", "subject": subject, "valueInteger": value}
    return json.dumps(found, separators=(",", ":"), sort_keys=True)


def world_made(network: Network) -> None:
    network["north"].put("Observation", "o1", observation("o1", 731_904))
    network["north"].put("Observation", "o2", observation("o2", 5))


def ada_made(network: Network) -> Patient:
    person = network.patient("ada", "north")
    network.consent(person, "north", "south")
    network.anchor()
    return person


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, world_made, ada_made) as forked:
        yield forked


def gone_at_source(node: TestNode, identifier: str) -> None:
    """The record is deleted where it lives, and the node is told."""
    del node.source.raw["Observation", identifier]
    node.publisher.publish([Incoming("Observation", identifier, None, "second")])


def seen(network: Network, person: Patient) -> list[str]:
    doctor = network["south"].doctor()
    found = request_records(network["south"], "north", person.account, practitioner=doctor, reason="visit")  # type: ignore[arg-type]
    return [record.id for record in found.records]


def dump(folder: Path, organisation: str) -> bytes:
    """Everything that lies in the files of a node's store."""
    return b"".join(file.read_bytes() for file in sorted(folder.glob(f"{organisation}.db*")))


def values(node: TestNode, network: Network) -> set[bytes]:
    """Every value of 32 bytes, as bytes or as hex, in the node's tables and on the ledger."""
    found: set[bytes] = set()

    def take(value: Any) -> None:
        if isinstance(value, bytes | memoryview) and len(value) == 32:
            found.add(bytes(value))
        elif isinstance(value, str) and len(value) == 64:
            found.add(bytes.fromhex(value))
        elif isinstance(value, dict | list | tuple):
            for item in value.values() if isinstance(value, dict) else value:
                take(item)

    for table in store.metadata.sorted_tables:
        for row in node.rows(table):
            take(tuple(row))
    for committed in network.engine.blocks(1):
        for raw in committed.block.transactions:
            transaction = decode_transaction(raw)
            take(transaction.body.payload)
            if transaction.attachment:
                for entry in decode_entries(transaction.attachment)[0]:
                    take(codec.decode(entry))
    return found


def statement(node: TestNode, kind: str = "record/1") -> Callable[[bytes], bytes]:
    """Record's hash -> the manifest that would have signed it, all else being known to whoever guesses."""
    with node.store.read() as connection:
        column = store.manifest.c
        (digest,) = connection.execute(
            sql.select(store.version.c.manifest).where(store.version.c.id == "o1", store.version.c.version == 1)
        ).scalars()
        opened = node.journal.manifest(connection, bytes(digest))
    assert opened is not None and column is not None
    known = manifests.decode(opened[1])
    assert isinstance(known, RecordManifest) and known.record.sha256 is not None
    before, after = opened[1].split(known.record.sha256.encode())
    return lambda record: before + record.hex().encode() + after


@functools.cache
def _guessed() -> bytes:
    before, after = canonical(observation("o1", 731_904).encode()).data.split(b"731904")
    return b"".join(hashlib.sha256(before + b"%d" % value + after).digest() for value in range(GUESSES))


def guesses() -> Iterator[bytes]:
    """The hashes of so many records, the right one among them."""
    return (_guessed()[at : at + 32] for at in range(0, 32 * GUESSES, 32))


def matches(known: set[bytes], signed: Callable[[bytes], bytes]) -> int:
    """How many guesses are found, by the record's hash or by that of the manifest."""
    found = 0
    for guess in guesses():
        found += guess in known or hashlib.sha256(signed(guess)).digest() in known
    return found


def test_of_a_million_guesses_none_matches_once_a_record_is_erased(network: Network, ada: Patient) -> None:
    north = network["north"]
    signed = statement(north)
    assert matches(values(north, network), signed) == 1, "before, whoever has the store finds the right one"
    gone_at_source(north, "o1")
    done = north.erasures.erase_record("Observation", "o1", "patient-request", "She asked for it.")
    network.anchor()
    assert done.lines == 2
    known = values(north, network)
    assert matches(known, signed) == 0
    right = canonical(observation("o1", 731_904).encode()).sha256
    lying = dump(network.folder, "north")
    for trace in (right, right.hex().encode(), hashlib.sha256(signed(right)).digest(), signed(right)):
        assert trace not in lying
    # Nor does any value that is left serve as the salt.
    commitments = set(known)
    for salt in known:
        commitment = hashlib.sha256(b"medrec/entry/1" + salt + hashlib.sha256(signed(right)).digest()).digest()
        assert commitment not in commitments


def test_the_rest_of_the_person_stays_whole(network: Network, ada: Patient) -> None:
    north = network["north"]
    assert seen(network, ada) == ["o1", "o2"]
    gone_at_source(north, "o1")
    north.erasures.erase_record("Observation", "o1", "entered-in-error")
    network.anchor()
    assert seen(network, ada) == ["o2"]
    assert audit_journal(north) is None  # type: ignore[arg-type]
    with north.store.read() as connection:
        assert verify(connection) is None
        rows = connection.execute(sql.select(store.manifest).where(store.manifest.c.sealed != b"")).all()
        assert all(north.journal.manifest(connection, bytes(row.hash)) for row in rows) and len(rows) >= 4
    again = network.crash("north")
    assert seen(network, ada) == ["o2"] and again.rows(erasure.erasing) == []


def test_backups_from_before_open_nothing_any_more(network: Network, ada: Patient, tmp_path: Path) -> None:
    north = network["north"]
    signed = statement(north)
    right = canonical(observation("o1", 731_904).encode()).sha256
    digest = hashlib.sha256(signed(right)).digest()
    assert north.store.hashes is not None
    named = north.store.hashes.seal(digest)
    backup = tmp_path / "backup"
    backup.mkdir()
    with sqlite3.connect(network.folder / "north.db") as live, sqlite3.connect(backup / "north.db") as copy:
        live.backup(copy)
    shutil.copy(network.folder / "north.key", backup / "north.key")

    def opened_from_backup() -> bool:
        """With the backup, the master key and the ring as it is now."""
        vault = Vault((backup / "north.key").read_bytes(), lambda count: bytes(count),
                      FileRing(network.folder / "north.ring", lambda count: bytes(count)))  # fmt: skip
        with sqlite3.connect(backup / "north.db") as copy:
            (sealed,) = copy.execute("select sealed from manifest where hash = ?", (named,)).fetchone()
            (wrapped,) = copy.execute("select keys from person where patient = 'ada'").fetchone()
        try:
            keys = vault.unwrap(wrapped)
        except VaultError:
            return False
        return vault.open(keys.lines, sealed, digest)[32:] == signed(right)

    assert opened_from_backup()
    gone_at_source(north, "o1")
    north.erasures.erase_record("Observation", "o1", "patient-request")
    assert not opened_from_backup()


def test_a_person_is_forgotten_whole(network: Network, ada: Patient) -> None:
    north = network["north"]
    bob = network.patient("bob", "north")
    north.put("Observation", "b1", observation("b1", 1, "bob"))
    network.consent(bob, "north", "south")
    assert seen(network, ada) == ["o1", "o2"]
    with pytest.raises(Refusal) as caught:
        north.erasures.erase_person("ada", "patient-request")
    assert caught.value.reason is Code.STILL_AT_SOURCE
    for identifier in ("o1", "o2"):
        gone_at_source(north, identifier)
    network.deliver()
    signed = statement(north)
    done = north.erasures.erase_person("ada", "patient-request", "All of it.")
    assert done.lines >= 7
    network.anchor()
    assert matches(values(north, network), signed) == 0
    assert _only_in_the_outbox(north, ada)
    assert audit_journal(north) is None  # type: ignore[arg-type]
    assert seen(network, bob) == ["b1"]
    with pytest.raises(Exception, match="permission"):
        seen(network, ada)
    network.deliver()
    agent = network["guide"].agent
    assert agent is not None
    (told,) = [notice for notice in agent.notices(ada.account) if notice.kind == "erasure/1"]
    assert isinstance(told.manifest, ErasureManifest)
    assert (told.manifest.scope, told.manifest.lines, told.manifest.words) == ("person", done.lines, "All of it.")
    with pytest.raises(Refusal) as caught:
        north.erasures.erase_person("ada", "patient-request")
    assert caught.value.reason is Code.UNKNOWN_PERSON


def _only_in_the_outbox(node: TestNode, person: Patient) -> bool:
    """The notice that tells her of it has her address on it until her agent has taken it."""
    waiting = [row for row in node.rows(store.outbox) if person.account.encode() in row.payload]
    others = [
        table.name
        for table in store.metadata.sorted_tables
        for row in node.rows(table)
        if table.name != "outbox" and person.account in [value for value in row if isinstance(value, str)]
    ]
    return len(waiting) <= 1 and others == []


def test_the_statement_is_kept_and_counts_what_went(network: Network, ada: Patient) -> None:
    north = network["north"]
    gone_at_source(north, "o1")
    done = north.erasures.erase_record("Observation", "o1", "retention-over")
    with north.store.read() as connection:
        opened = north.journal.manifest(connection, done.statement)
        entries = {hashlib.sha256(bytes(row.entry)).hexdigest() for row in connection.execute(sql.select(store.line))}
    assert opened is not None
    said = manifests.decode(opened[1])
    assert isinstance(said, ErasureManifest) and said.record is not None and said.record.id == "o1"
    assert said.lines == len(said.entries) == 2 and set(said.entries) <= entries


def test_what_is_not_here_or_still_at_the_source_is_refused(network: Network, ada: Patient) -> None:
    north = network["north"]
    for name, code in (("o1", Code.STILL_AT_SOURCE), ("nothing", Code.UNKNOWN_RECORD)):
        with pytest.raises(Refusal) as caught:
            north.erasures.erase_record("Observation", name, "unlawful")
        assert caught.value.reason is code
    assert seen(network, ada) == ["o1", "o2"]


def test_a_crash_before_the_secret_is_destroyed_is_made_good(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = network["north"]
    gone_at_source(north, "o1")
    monkeypatch.setattr(erasure.Erasures, "finish", lambda self: 0)
    north.erasures.erase_record("Observation", "o1", "patient-request")
    left = [row.secret for row in north.rows(erasure.erasing)]
    # Hers, and that of the store's hashes.
    assert len(left) == 2 and all(north.vault.ring.secret(one) is not None for one in left)
    monkeypatch.undo()
    again = network.crash("north")
    assert again.rows(erasure.erasing) == [] and not any(again.vault.ring.secret(one) for one in left)
    assert seen(network, ada) == ["o2"]


def test_a_crash_before_the_write_changes_nothing(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = network["north"]
    gone_at_source(north, "o1")

    def dies(*parts: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(erasure.Erasures, "_append", dies)
    with pytest.raises(RuntimeError):
        north.erasures.erase_record("Observation", "o1", "patient-request")
    monkeypatch.undo()
    again = network.crash("north")
    with again.store.read() as connection:
        assert connection.execute(sql.select(store.version).where(store.version.c.id == "o1")).all() != []
    assert seen(network, ada) == ["o2"]
    assert again.erasures.erase_record("Observation", "o1", "patient-request").lines == 2


def test_lines_that_are_asked_for_again_leave_out_what_is_gone(network: Network, ada: Patient) -> None:
    north = network["north"]
    gone_at_source(north, "o1")
    network.deliver()
    north.erasures.erase_record("Observation", "o1", "patient-request")
    with north.store.read() as connection:
        person = north.journal.person_of_account(connection, ada.account)
    assert person is not None
    asked = {"account": ada.account, "epoch": person.epoch, "counters": list(range(20))}
    north.linker.redeliver("guide", codec.encode(asked))
    asked = {"account": ada.account, "epoch": 0, "counters": list(range(20))}
    north.linker.redeliver("guide", codec.encode(asked))
    before = len(network["guide"].rows(store.notice))
    network.deliver()
    assert len(network["guide"].rows(store.notice)) >= before


# --- the ring and the tables ----------------------------------------------------------------------------------------


def test_the_ring_keeps_makes_and_forgets(tmp_path: Path) -> None:
    drawn = iter(range(1, 10_000))

    def chance(count: int) -> bytes:
        return hashlib.shake_128(str(next(drawn)).encode()).digest(count)

    ring = FileRing(tmp_path / "ring", chance)
    numbers = [ring.make() for _ in range(BLOCK + 2)]
    assert len(set(numbers)) == BLOCK + 2
    secrets_made = [ring.secret(number) for number in numbers]
    assert None not in secrets_made and len(set(secrets_made)) == len(secrets_made)
    ring.destroy(numbers[1])
    assert ring.secret(numbers[1]) is None and ring.secret(numbers[0]) == secrets_made[0]
    other = FileRing(tmp_path / "ring", chance)
    assert other.secret(numbers[-1]) == secrets_made[-1] and other.make() not in numbers
    assert ring.make() not in {*numbers, other.make()}
    assert ring.secret(-1) is None and ring.secret(10**6) is None
    assert (tmp_path / "ring").stat().st_mode & 0o777 == 0o600
    assert secrets_made[1] is not None and secrets_made[1] not in (tmp_path / "ring").read_bytes()


def test_keys_open_with_their_secret_alone(tmp_path: Path) -> None:
    vault = Vault.at(tmp_path / "v.key", lambda count: hashlib.shake_128(str(count).encode()).digest(count))
    keys = vault.new_person_keys()
    wrapped = vault.wrap(keys)
    assert vault.unwrap(wrapped) == keys
    vault.ring.destroy(keys.secret)
    with pytest.raises(VaultError):
        vault.unwrap(wrapped)
    with pytest.raises(VaultError):
        vault.unwrap(b"")


def test_every_table_that_names_people_is_known_to_the_erasure() -> None:
    assert medrec.wiring.build_node is not None, "with everything that a node is made of, all its tables are there"
    named = {table.name for table in store.metadata.sorted_tables if "account" in table.c}
    assert named <= {*tables_of_people.GONE_WITH_PERSON, *tables_of_people.STAYS}
    assert {table.name for table in tables_of_people.of_person()} == set(tables_of_people.GONE_WITH_PERSON)


def test_a_store_is_rewritten(tmp_path: Path) -> None:
    kept = Store(tmp_path / "x.db")
    row = {"name": "x", "value": b"a secret that must go" * 50}
    kept.write(lambda connection: connection.execute(sql.insert(store.setting).values(**row)))
    kept.write(lambda connection: connection.execute(sql.delete(store.setting)))
    kept.compact()
    assert b"a secret that must go" not in dump(tmp_path, "x")
    kept.close()


def test_whoever_is_entered_next_comes_to_nothing_of_the_erased(network: Network, ada: Patient) -> None:
    north, agent = network["north"], network["guide"].agent
    gone_at_source(north, "o1")
    north.erasures.erase_record("Observation", "o1", "patient-request")
    gone_at_source(north, "o2")
    (row,) = (person.id for person in north.rows(store.person))
    north.erasures.erase_person("ada", "patient-request")
    # SQLite gives the number of the row again; a record from before the link is told once there is one.
    north.put("Observation", "b1", observation("b1", 1, "bob"))
    bob = network.patient("bob", "north")
    assert [person.id for person in north.rows(store.person)] == [row]
    network.anchor()
    network.deliver()
    agent.follow()
    heard = [notice.manifest.record.id for notice in agent.notices(bob.account) if notice.kind == "record/1"]
    assert heard == ["b1"] and [notice for notice in agent.missing(0) if notice.account == bob.account] == []
