"""How far an erasure reaches: with a backup from before, the master key, and every key that can still be had, nothing
that was erased is read again.

The thief of these tests has all of it: the store's backup and the store as it is, the master key, the ring as it is.
He opens every person's keys in both stores, derives every key that the ring still allows, and reads every sealed
value under each, without asking whether its seal holds.
"""

import functools
import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from medrec.core import codec, manifests
from medrec.core.matching import Demographics
from medrec.node.agent import entries
from medrec.node.agent.redelivery import undone
from medrec.node.keeping import resealing, store, vault
from medrec.node.keeping.account_keys import account_secret
from medrec.node.keeping.journal import NOTICES_PATH, WAITING, Person
from medrec.node.keeping.ring import HEAD_BYTES, FileRing
from medrec.node.keeping.vault import KEPT, NONCE_BYTES, TAG_BYTES, Vault, VaultError, derive, kept_under
from medrec.node.looks import answering
from medrec.node.looks.disputes import ANSWERS_PATH, DISPUTED_PATH
from medrec.node.looks.disputing import dispute
from medrec.node.records.deliver import Deliverer
from medrec.node.records.publish import Incoming
from medrec.node.refusals import Code, Refusal
from medrec.node.release import referrals
from medrec.node.right_person import holding
from medrec.node.right_person.matching import as_stated, find_message
from tests.node.helping import Help
from tests.node.network import Network, Patient, TestNode, notices_of
from tests.node.test_entries import enter, sign, withdrawn
from tests.node.test_erasure import gone_at_source, network, observation

__all__ = ["network"]
WORD = "731904"
HOLDING = ["manifest", "record", "version"]
"""Where the hash of a record that is here can be read, by whoever has all keys."""
HEX = re.compile(r"[0-9a-f]{64}")


@pytest.fixture
def ada(network: Network) -> Patient:
    person = network.patient("ada", "north")
    network.consent(person, "north", "south")
    network.anchor()
    return person


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path / "help")
    yield made
    made.close()


class Thief:
    """Took a backup of a node's store now, and comes back later for the rest."""

    def __init__(self, folder: Path, organisation: str, taken: Path) -> None:
        self._live, self._key = folder / f"{organisation}.db", folder / f"{organisation}.key"
        self._ring = folder / f"{organisation}.ring"
        self._backup = taken / "backup.db"
        taken.mkdir(exist_ok=True)
        with sqlite3.connect(self._live) as live, sqlite3.connect(self._backup) as copy:
            live.backup(copy)

    def finds(self, word: str) -> list[str]:
        """The tables in which a word can be read, in the backup or in the store."""
        words = [word.encode(), *([bytes.fromhex(word)] if HEX.fullmatch(word) else [])]
        return sorted({table for table, text in self._texts() if any(one in text for one in words)})

    def texts(self) -> Iterator[bytes]:
        """Everything that can be read, in the backup or in the store."""
        return (text for _, text in self._texts())

    def _texts(self) -> Iterator[tuple[str, bytes]]:
        master, ring = self._key.read_bytes(), FileRing(self._ring, bytes)
        vault = Vault(master, bytes, ring)
        stores = [sqlite3.connect(self._backup), sqlite3.connect(self._live)]
        keys = [master]
        for number in range((self._ring.stat().st_size - HEAD_BYTES) // 32):
            try:
                keys.append(vault.account_key(number))
            except VaultError:
                continue
        for opened in stores:
            for table in ("person", "former"):
                for (wrapped,) in opened.execute(f"select keys from {table}"):
                    try:
                        found = vault.unwrap(bytes(wrapped))
                    except VaultError:
                        continue
                    keys += [found.lines, found.data, found.relationship, found.seal]
        hashes = hash_keys(self._ring, vault)
        for opened in stores:
            for (table,) in opened.execute("select name from sqlite_master where type = 'table'").fetchall():
                for row in opened.execute(f'select * from "{table}"'):
                    for text in _read(list(dict.fromkeys(keys)), hashes, row):
                        yield table, text


def hash_keys(ring: Path, vault: Vault) -> list[tuple[bytes, bytes]]:
    """Every key of a store's hashes that the ring still allows."""
    found = []
    for number in range((ring.stat().st_size - HEAD_BYTES) // 32):
        with suppress(VaultError):
            found.append(vault.hash_keys(number))
    return found


def _read(keys: list[bytes], hashes: list[tuple[bytes, bytes]], row: tuple[Any, ...]) -> Iterator[bytes]:
    """What stands in a row, and what each key makes of it. A thief asks for no seal to hold: the stream of the cipher
    alone gives the words, whatever they are bound to."""
    texts = [value if isinstance(value, bytes) else str(value).encode() for value in row if value is not None]
    for text in [one for one in texts if len(one) == 48]:
        texts += [opened for siv, _ in hashes if (opened := _opened(siv, text)) is not None]
    kept = [value for value in row if isinstance(value, bytes)]
    # What names the secret that it lies under does so before the seal.
    bare = [one if kept_under(one) is None else one[len(KEPT) + vault.NUMBER_BYTES :] for one in kept]
    sealed = [value for value in bare if len(value) >= NONCE_BYTES + TAG_BYTES]
    yield from texts
    for text in sealed:
        for key in [*keys, *(common for _, common in hashes)]:
            yield _stream(key, text)


# What lies in the backup lies in the store as well, mostly, and is looked through for each word: each is opened once.


@functools.lru_cache(1 << 16)
def _opened(siv: bytes, text: bytes) -> bytes | None:
    with suppress(InvalidTag):
        return AESSIV(siv).decrypt(text, None)
    return None


@functools.lru_cache(1 << 16)
def _stream(key: bytes, text: bytes) -> bytes:
    # The cipher's own stream begins at block 1 (RFC 8439, 2.8).
    cipher = Cipher(ChaCha20(key, (1).to_bytes(4, "little") + text[:NONCE_BYTES]), mode=None)
    return cipher.decryptor().update(text[NONCE_BYTES:-TAG_BYTES])


def test_an_erased_record_of_an_undone_link_is_not_in_any_backup(
    network: Network, ada: Patient, tmp_path: Path
) -> None:
    """Stated under one link, and again when it was undone: both statements go, in backups too."""
    north = network["north"]
    right = hashlib.sha256(north.source.raw["Observation", "o1"]).hexdigest()
    assert north.linker.unlink("ada")
    thief = Thief(network.folder, "north", tmp_path / "taken")
    assert thief.finds(right) == HOLDING
    gone_at_source(north, "o1")
    north.erasures.erase_record("Observation", "o1", "patient-request")
    assert thief.finds(right) == []
    # What stays of her is still there.
    other = hashlib.sha256(north.source.raw["Observation", "o2"]).hexdigest()
    assert Thief(network.folder, "north", tmp_path / "after").finds(other) == HOLDING


@pytest.mark.parametrize("written_down", [True, False])
def test_a_person_is_forgotten_with_the_lines_of_her_undone_links(
    network: Network, ada: Patient, tmp_path: Path, written_down: bool
) -> None:
    north = network["north"]
    north.put("Observation", "b1", observation("b1", 1, "bob"))
    bob = network.patient("bob", "north")
    right = hashlib.sha256(north.source.raw["Observation", "o1"]).hexdigest()
    assert north.linker.unlink("ada")
    if not written_down:
        # Links that were undone before it was written down whose they were.
        north.store.write(lambda connection: connection.execute(undone.delete()))
    waiting = [row.path for row in north.rows(store.outbox)].count(NOTICES_PATH)
    assert waiting > 2
    thief = Thief(network.folder, "north", tmp_path / "taken")
    assert thief.finds(right) == HOLDING and "manifest" in thief.finds(ada.account)
    for identifier in ("o1", "o2"):
        gone_at_source(north, identifier)
    done = north.erasures.erase_person("ada", "patient-request")
    # Her address, which names nobody, stands on rows of the backup, and on the line that tells her that the link ended.
    assert done.lines >= 6 and thief.finds(right) == [] and "manifest" not in thief.finds(ada.account)
    left = [row for row in north.rows(store.outbox) if row.path == NOTICES_PATH]
    told = sum(ada.account.encode() in row.payload for row in left)
    # Bob's are all there; of hers, those about records are gone.
    assert len(left) == waiting - 2 and 0 < told < len(left)
    assert north.rows(undone) == []
    # Of nobody else.
    assert [row.patient for row in north.rows(store.person)] == ["bob"]
    with north.store.read() as connection:
        assert north.journal.person_of_account(connection, bob.account) is not None
    assert network.crash("north").rows(store.person)


def test_a_referral_is_forgotten_by_who_took_it(network: Network, ada: Patient, tmp_path: Path) -> None:
    """South never knew her but by what came: it is sealed under a key of hers, and goes with her from every backup."""
    north, south = network["north"], network["south"]
    north.referrals.refer(ada.account, "south", practitioner=north.doctor("Dr North"), reason="please see her soon")
    assert north.referrals.step(network.time) == 1 and len(south.referrals.taken()) == 1
    thief = Thief(network.folder, "south", tmp_path / "taken")
    assert "referral_taken" in thief.finds(WORD)
    with pytest.raises(Refusal) as refused:
        south.erasures.erase_account("nobody", "patient-request")
    assert refused.value.reason is Code.UNKNOWN_PERSON
    south.erasures.erase_account(ada.account, "patient-request", "She asked for it.")
    assert south.referrals.taken() == [] and south.rows(account_secret) == []
    assert thief.finds(WORD) == []
    # The sender's copy of the request goes with its patient.
    sender = Thief(network.folder, "north", tmp_path / "sender")
    assert "referral_sent" in sender.finds("please see her soon")
    for identifier in ("o1", "o2"):
        gone_at_source(north, identifier)
    north.erasures.erase_account(ada.account, "patient-request")
    assert north.rows(referrals.referral_sent) == [] and sender.finds("please see her soon") == []


def test_an_entry_of_her_own_is_not_in_any_backup_either(help_: Help, tmp_path: Path) -> None:
    """The key that entries lie under changes with the erasure of one; the others stay readable."""
    enter(help_, entries.wish("I want to see the lake", 1_750_000_000_000))
    secret = enter(help_, entries.symptom("Xyzzy pain", 1_750_000_000_000))
    thief = Thief(help_.network.folder, "guide", tmp_path / "taken")
    assert "own_entry" in thief.finds("Xyzzy")
    help_.guide.entries.take(sign(withdrawn(help_, secret)[0], help_.ada), None)
    assert "own_entry" in thief.finds("Xyzzy"), "taken back is not erased"
    help_.guide.erasures.erase_record(secret.type, secret.id, "patient-request")
    assert thief.finds("Xyzzy") == []
    left = help_.guide.entries.lines(help_.ada.account)
    assert len(left) == 1 and b"lake" in left[0].content


@pytest.mark.parametrize("from_before", [False, True])
def test_a_notice_that_waits_is_not_in_any_backup(
    network: Network, ada: Patient, tmp_path: Path, from_before: bool
) -> None:
    """The relationship's key stays as it is when a record is erased; what waited does not open with it. Notices once
    waited sealed as a whole; now a row says only which line it tells of."""
    north = network["north"]
    north.put("Observation", "o3", observation("o3", 4))
    right = hashlib.sha256(north.source.raw["Observation", "o3"]).hexdigest()
    with north.store.read() as connection:
        before = north.journal.person_of_account(connection, ada.account)
    assert before is not None and len(notices_of(north)) > 2
    if from_before:
        as_before(north, before)
    backup = [bytes(row.payload) for row in north.rows(store.outbox) if row.path == NOTICES_PATH]

    def opened(lines: bytes) -> list[bytes]:
        """What can be read of the notices in the backup, with the key of then for the inner seal."""
        found = []
        for payload in backup:
            account, _, *sealed = codec.decode(payload)
            assert account == ada.account and from_before is (len(sealed) == 1)
            with suppress(VaultError):
                inner = codec.decode(north.vault.open(lines, sealed[0], WAITING))[3] if from_before else b""
                key = derive(before.keys.relationship, "notice")
                found.append(codec.decode(north.vault.open(key, inner, b"north"))[0])
        return found

    assert any(right.encode() in manifest for manifest in opened(before.keys.lines)) is from_before
    thief = Thief(network.folder, "north", tmp_path / "taken")
    gone_at_source(north, "o3")
    north.erasures.erase_record("Observation", "o3", "patient-request")
    with north.store.read() as connection:
        after = north.journal.person_of_account(connection, ada.account)
    assert after is not None and after.keys.relationship == before.keys.relationship
    assert opened(after.keys.lines) == [] and thief.finds(right) == []
    network.anchor()
    # What waits of the rest still goes out, and with it that one was erased; nothing of the record does.
    assert network.deliver() >= 3
    agent = network["guide"].agent
    assert agent is not None
    told = [manifests.encode(notice.manifest) for notice in agent.notices(ada.account)]
    assert any(b"erasure/1" in one for one in told) and not any(right.encode() in one for one in told)


def as_before(node: TestNode, person: Person) -> None:
    """The notices that wait are sealed as they once were, whole."""

    def write(connection: sql.Connection) -> None:
        rows = connection.execute(sql.select(store.outbox).where(store.outbox.c.path == NOTICES_PATH)).all()
        for row in rows:
            sent = node.journal.sent(connection, bytes(row.payload))
            assert sent is not None
            payload = codec.encode([person.account, person.id, node.vault.seal(person.keys.lines, sent, WAITING)])
            connection.execute(sql.update(store.outbox).where(store.outbox.c.id == row.id).values(payload=payload))

    node.store.write(write)


@pytest.mark.parametrize("forgotten", [False, True])
def test_of_a_line_that_was_erased_nobody_is_told(network: Network, ada: Patient, forgotten: bool) -> None:
    """However it was erased: its notice has nothing to say, is not tried again and again, and is in nobody's way."""
    north = network["north"]
    assert forgotten is False or north.linker.unlink("ada")
    gone = (store.manifest.c.kind == "record/1") & store.manifest.c.person.is_not(None)
    waiting = len(notices_of(north))
    north.store.write(
        lambda connection: connection.execute(sql.update(store.manifest).where(gone).values(sealed=resealing.GONE))
    )
    left = len(notices_of(north))
    assert 0 < left < waiting == len([row for row in north.rows(store.outbox) if row.path == NOTICES_PATH])
    if forgotten:
        for identifier in ("o1", "o2"):
            gone_at_source(north, identifier)
        north.erasures.erase_person("ada", "patient-request")
    Deliverer(north).step(network.time)  # type: ignore[arg-type]
    assert [row for row in north.rows(store.outbox) if row.path == NOTICES_PATH] == []
    agent = network["guide"].agent
    assert agent is not None
    assert {one.kind for one in agent.notices(ada.account)}.isdisjoint({"record/1"})


def test_what_a_person_said_of_herself_is_not_in_any_backup(network: Network, tmp_path: Path) -> None:
    """She asked to be found by her name and birthday, was linked by it, and disputed a look of this organisation."""
    north = network["north"]
    patient = {"resourceType": "Patient", "id": "ada", "name": [{"family": "Lovelace", "given": ["Ada"]}],
               "birthDate": "1815-12-10"}  # fmt: skip
    north.put("Patient", "ada", json.dumps(patient))
    ada, stated = Patient(network, "ada"), Demographics("Lovelace", "Ada", "1815-12-10")
    agent = network["guide"].agent
    assert agent is not None
    agent.enroll(ada.account, "Ada", ada.view_secret)
    key, signature = ada.sign(find_message(network.id, "north", ada.account, b"\7" * 16, stated))
    asked = {"account": ada.account, "id": b"\7" * 16, "demographics": as_stated(stated), "key": key,
             "signature": signature}  # fmt: skip
    assert codec.decode(north.matching.asked("guide", codec.encode(asked))) == {"status": "waiting"}
    assert [one.stated for one in north.matching.queue()] == [stated]
    agent.link(ada.account, "north", north.linker.invite("ada"), ada.sign)
    network["south"].put("Patient", "ada", json.dumps(patient))
    agent.link(ada.account, "south", network["south"].linker.invite("ada"), ada.sign)
    asks = "Who is Xyzzy to look?"
    dispute(network["guide"], ada.account, "north", "south", ada.sign, ada.key.key_id, words=asks)  # type: ignore[arg-type]
    network.anchor()
    (told,) = [row for row in network["south"].rows(store.outbox) if row.path == DISPUTED_PATH]
    told_here: Any = north
    assert answering.told(told_here, "south", told.payload) and answering.about_us(told_here)[0].words == asks
    thief = Thief(network.folder, "north", tmp_path / "taken")
    assert {"match_request", "identity"} <= set(thief.finds("Lovelace"))
    # What stays of her is still read when one record goes.
    for identifier in ("o1", "o2"):
        gone_at_source(north, identifier)
    north.erasures.erase_record("Observation", "o1", "patient-request")
    with north.store.read() as connection:
        who = north.journal.person_of_account(connection, ada.account)
        assert who is not None and holding.known(connection, north.vault, who.id) == stated
    del north.source.raw["Patient", "ada"]
    north.publisher.publish([Incoming("Patient", "ada", None, "second")])
    north.erasures.erase_person("ada", "patient-request")
    assert thief.finds("Lovelace") == []
    # That there was a dispute, and when it is due, stays with whom it is about.
    assert [(one.words, one.account) for one in answering.about_us(told_here)] == [("", ada.account)]


def test_words_of_a_dispute_that_wait_are_not_in_any_backup_and_are_sent_no_more(
    network: Network, ada: Patient, tmp_path: Path
) -> None:
    """What goes to whom she disputes, and its answer, wait under her key at each place, and go with it."""
    north, south, guide = network["north"], network["south"], network["guide"]
    words, answer = "I was never there 731904", "we looked at 731904 by mistake"
    gone_at_source(north, "o1")
    gone_at_source(north, "o2")
    assert dispute(guide, ada.account, "south", "north", ada.sign, ada.key.key_id, words=words).taken  # type: ignore[arg-type]
    (told,) = [row for row in north.rows(store.outbox) if row.path == DISPUTED_PATH]
    assert words.encode() in told.payload
    network.anchor()
    assert codec.decode(north.peers.call("south", DISPUTED_PATH, codec.encode([told.payload])))
    (about,) = answering.about_us(south)  # type: ignore[arg-type]
    answering.answer(south, "north", about.id, "explained", answer)  # type: ignore[arg-type]
    assert [row.path for row in south.rows(store.outbox)].count(ANSWERS_PATH) == 1
    for organisation, taken, said in (("north", "n", words), ("south", "s", answer)):
        thief = Thief(network.folder, organisation, tmp_path / taken)
        node = network[organisation]
        with node.store.read() as connection:
            payloads = [bytes(row.payload) for row in connection.execute(store.outbox.select()).all()]
        assert not any(said.encode() in payload for payload in payloads)
        node.erasures.erase_account(ada.account, "patient-request")
        assert [row for row in node.rows(store.outbox) if row.path in (DISPUTED_PATH, ANSWERS_PATH)] == []
        assert thief.finds(said) == []
