"""Erasing: salts, manifests and keys are destroyed, for a record or for a person; the ledger still verifies.

What stands on the ledger is a salted commitment and a tag. Without the salt and the manifest nothing can be matched to
it. The person's keys lie in the store under her secret on the key ring (ring.py), which no backup of the store holds:

1. everything is written in one transaction: what is to go is gone from the store, what stays of her is sealed anew
   under new keys and a new secret, and the erasure stands in the journal. A crash before it: nothing has happened.
2. the old secret is destroyed. A crash before it: it is still named in `erasing`, and destroyed when the node opens.
   From here on no backup of the store from before opens anything of hers.
3. the store's file is rewritten, so that no free page holds what was deleted.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Table

from medrec.core import codec, manifests
from medrec.core.manifests.erasure import ENTRIES_MAX, Erased, ErasureManifest, Ground
from medrec.node.agent import leaving
from medrec.node.consent import letters
from medrec.node.corrections import corrections_erased
from medrec.node.corrections.corrections_closed import end_with_link
from medrec.node.keeping import account_keys, alarms, client_keys, emptying, outgoing, rehashing, resealing, store
from medrec.node.keeping.charted import first, forget, forget_record, numbers, under
from medrec.node.keeping.journal import NOTICES_PATH, POINTER_PARTS, WAITING_PARTS, Draft, Line, Person, parts_of
from medrec.node.keeping.store import metadata
from medrec.node.keeping.tables_of_people import of_person
from medrec.node.keeping.vault import VaultError, derive
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.looks import looks_erased
from medrec.node.refusals import Code, Refusal
from medrec.node.right_person import given_codes, pointing_later, said_to_be_one, waiting_links
from medrec.node.right_person.unlinking import bury, consent_ids, undone_rows

if TYPE_CHECKING:
    from medrec.node.node import Node

# Secrets of the key ring that are to be destroyed; empty but for moments.
erasing = Table("erasing", metadata, Column("secret", BigInteger, primary_key=True, autoincrement=False))


class Erasure(NamedTuple):
    """What was done: the hash of the statement (receipts.receipt_for gives its receipt, once it is anchored), and how
    many lines lost their manifests."""

    statement: bytes
    lines: int


class Erasures:
    """The erasures of one organisation."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self.finish()

    def erase_record(self, kind: str, identifier: str, ground: Ground, words: str = "") -> Erasure:
        """Destroy all that the node holds of a record: every version of it.

        Raises Refusal (unknown-record; still-at-source: it must be gone from the system it lives in first), StoreError.
        """
        if self._node.source.read(kind, identifier) is not None:
            raise Refusal(Code.STILL_AT_SOURCE, f"{kind}/{identifier}")
        return self._run(lambda connection: self._erase_record(connection, kind, identifier, ground, words))

    def erase_person(self, patient: str, ground: Ground, words: str = "") -> Erasure:
        """Destroy all that the node holds of a local patient, linked or not, and the link.

        Raises Refusal (unknown-person; still-at-source for the first of her records that is), StoreError.
        """
        return self._erase_patient(self._gone_at_source(patient), ground, words, leaves=False)

    def _gone_at_source(self, patient: str) -> str:
        """The first chart of a person, none of whose records lives in the system it came from. Raises Refusal."""
        with self._node.store.read() as connection:
            # Of a person with several charts all of them go, whichever is named.
            patient, column = first(connection, patient), store.record.c
            rows = connection.execute(
                sql.select(column.type, column.id)
                .join_from(store.record, store.person, store.person.c.id == column.person)
                .where(under(patient))
            ).all()
        for row in rows:
            if self._node.source.read(row.type, row.id) is not None:
                raise Refusal(Code.STILL_AT_SOURCE, f"{row.type}/{row.id}")
        return patient

    def _erase_patient(self, patient: str, ground: Ground, words: str, leaves: bool) -> Erasure:
        person = store.person.c
        hers = sql.select(person.account).where(person.patient == patient)
        return self._run_found(hers, partial(self._erase_person, patient, ground, words, leaves))

    def erase_account(self, account: str, ground: Ground, words: str = "") -> Erasure:
        """Destroy all that the node holds of somebody by her account: of a patient here as `erase_person`, what came
        about somebody who is none, by a referral, and what it keeps as her agent, which serves her no longer.
        Raises Refusal (unknown-person; still-at-source), StoreError.
        """
        with self._node.store.read() as connection:
            person = store.person.c
            patient = connection.execute(sql.select(person.patient).where(person.account == account)).scalar()
        if patient is not None:
            return self._erase_patient(self._gone_at_source(patient), ground, words, leaves=True)
        work = partial(self._erase_stranger, account, ground, words)
        return self._run_found(sql.select(sql.literal(account)), work)

    def _run_found(self, whose: Any, work: Any) -> Erasure:
        """A work that takes the lines which name an account (a query): they are looked for before its write."""
        while True:
            with self._node.store.read() as connection:
                account = connection.execute(whose).scalar()
            found = looks_erased.find(self._node, account)
            with suppress(looks_erased.OutOfDateError):
                done = self._run(lambda connection, found=found: work(connection, found))
                break
        if account is not None:
            self._node.lists.forget(account)
            self._node.disputes.forget(account)
            if self._node.agent is not None:
                self._node.agent.forget(account)
        return done

    def finish(self) -> int:
        """Destroy the secrets that an erasure left to be destroyed; how many."""
        with self._node.store.read() as connection:
            numbers = list(connection.execute(sql.select(erasing.c.secret)).scalars())
        for number in numbers:
            self._node.vault.destroy(number)
        if numbers:
            where = erasing.c.secret.in_(numbers)
            self._node.store.write(lambda connection: connection.execute(sql.delete(erasing).where(where)))
        return len(numbers)

    def _run(self, work: Any) -> Erasure:
        done: Erasure = self._node.store.write(lambda connection: self._whole(connection, work))
        self.finish()
        self._node.store.compact()
        if self._node.store.hashes is not None:
            self._node.store.hashes.forget()
        self._node.gate.reader.forget()
        # Whoever decided before looks again.
        self._node.consents.changes += 1
        return done

    def _whole(self, connection: sql.Connection, work: Any) -> Erasure:
        done: Erasure = work(connection)
        # The hashes of what went stand in backups of the store: they lie under a secret that goes with them.
        before = rehashing.seal_anew(self._node.store, connection, self._node.vault)
        if before is not None:
            self._doom(connection, before)
        return done

    # --- one record -------------------------------------------------------------------------------------------

    def _erase_record(
        self, connection: sql.Connection, kind: str, identifier: str, ground: Ground, words: str
    ) -> Erasure:
        version, record = store.version.c, store.record.c
        where = (version.type == kind) & (version.id == identifier)
        digests = [bytes(found) for found in connection.execute(sql.select(version.manifest).where(where)).scalars()]
        row = connection.execute(sql.select(record.person).where(record.type == kind, record.id == identifier)).first()
        if not digests or row is None:
            raise Refusal(Code.UNKNOWN_RECORD, f"{kind}/{identifier}")
        digests += corrections_erased.forget(self._node, connection, kind, identifier)
        lines = emptying.lines(connection, store.manifest.c.hash.in_(digests))
        # Versions that were stated under a link which was undone lie under the keys of that time.
        column = store.manifest.c
        restated, served = list[Any](), set[str]()
        known = set(connection.execute(sql.select(column.person).where(column.hash.in_(digests)).distinct()).scalars())
        person = None
        whose = sorted(number for number in known | {row.person} if number is not None)
        for one in whose:
            former = self._node.journal.person(connection, one)
            served |= {former.account} if former.account is not None else set()
            restated += looks_erased.restate(self._node, connection, former, kind, identifier)
        for one in whose:
            renewed = self._renew(connection, one, set(digests))
            person = renewed if one == row.person else person
        emptying.empty(connection, self._node.vault, lines, keep_person=True)
        connection.execute(sql.delete(store.version).where(where))
        connection.execute(sql.delete(store.record).where(record.type == kind, record.id == identifier))
        alarms.forget(connection, [f"{kind}/{identifier}"])
        pointing_later.forget(connection, kind, identifier)
        forget_record(connection, kind, identifier)
        lines = sorted([*lines, *restated], key=lambda line: int(line.seq))
        told = leaving.Gone(frozenset([*digests, *(bytes(row.hash) for row in restated)]), kind, identifier)
        for named in sorted(served):
            self._doom(connection, *leaving.forget_own(self._node, connection, named, told))
        account, who = (person.account, person.id) if person is not None else (None, None)
        manifest = self._manifest(account, "record", Erased(kind, identifier), ground, words, lines)
        line = self._append(connection, manifest, who, [27, manifest.time, "record", len(lines)])
        return Erasure(hashlib.sha256(line.manifest).digest(), len(lines))

    def _renew(self, connection: sql.Connection, identifier: int, gone: set[bytes]) -> Person:
        """Seal everything of a person that stays under new keys; what waits to be told of what goes is not told."""
        node = self._node
        person = node.journal.person(connection, identifier)
        self._untell(connection, person, gone)
        keys = resealing.renew(node, connection, person, gone)
        if person.account is not None and "share_link" in metadata.tables:
            # A link to a copy of her record may hold what goes; whoever has the address reads it no longer.
            links = metadata.tables["share_link"]
            ended = sql.update(links).where(links.c.account == person.account)
            connection.execute(ended.values(stopped=True, file=b""))
        self._doom(connection, person.keys.secret)
        return person._replace(keys=keys)

    def _untell(self, connection: sql.Connection, person: Person, gone: set[bytes]) -> None:
        """Take notices of what goes out of the outbox: they hold its manifest and salt.

        What was there before her link is told under the keys of that time.
        """
        node, former = self._node, store.former.c
        wrapped = connection.execute(sql.select(former["keys"]).where(former.person == person.id)).scalars()
        keys = [person.keys, *(node.vault.unwrap(bytes(one)) for one in wrapped)]
        told = [derive(one.relationship, "notice") for one in keys]
        for row, account, sealed in self._notices(connection):
            if person.account not in (None, account):
                continue
            for key in told:
                with suppress(VaultError):
                    manifest = codec.decode(node.vault.open(key, sealed, node.organisation.encode()))[0]
                    if hashlib.sha256(manifest).digest() in gone:
                        connection.execute(sql.delete(store.outbox).where(store.outbox.c.id == row))
                    break

    def _notices(self, connection: sql.Connection) -> list[tuple[int, str, bytes]]:
        """The notices that wait: row, account, what is sealed."""
        column = store.outbox.c
        rows = connection.execute(sql.select(column.id, column.payload).where(column.path == NOTICES_PATH)).all()
        found = []
        for row in rows:
            with suppress(VaultError):
                told = parts_of(self._node.journal.sent(connection, bytes(row.payload)) or b"")
                found += [(row.id, told[0], told[3])] if told else []
        return found

    def _unwrap(self, connection: sql.Connection, persons: Sequence[int]) -> None:
        """What is still told of people who are forgotten (that they are, that a link ended) waits as it is sent."""
        column = store.outbox.c
        for row in connection.execute(sql.select(column.id, column.payload).where(column.path == NOTICES_PATH)).all():
            value = parts_of(bytes(row.payload))
            if len(value) in (WAITING_PARTS, POINTER_PARTS) and value[1] in persons:
                told = self._node.journal.sent(connection, bytes(row.payload))
                outbox = store.outbox
                change = sql.delete(outbox) if told is None else sql.update(outbox).values(payload=told)
                connection.execute(change.where(column.id == row.id))

    # --- a person ---------------------------------------------------------------------------------------------

    def _erase_person(
        self, patient: str, ground: Ground, words: str, leaves: bool, connection: sql.Connection,
        found: looks_erased.Naming,
    ) -> Erasure:  # fmt: skip
        column = store.person.c
        identifier = connection.execute(sql.select(column.id).where(column.patient == patient)).scalar()
        if identifier is None:
            raise Refusal(Code.UNKNOWN_PERSON)
        person = self._node.journal.person(connection, identifier)
        waiting = [row for row, account, _ in self._notices(connection) if account == person.account]
        if waiting:
            connection.execute(sql.delete(store.outbox).where(store.outbox.c.id.in_(waiting)))
        self._unsay(connection, person)
        end_with_link(self._node.journal, self._node.network.hex(), connection, person)
        charts = numbers(connection, identifier)
        before = undone_rows(connection, charts, identifier)
        self._untell_undone(connection, before)
        rows = [identifier, *sorted(before)]
        elsewhere = self._elsewhere(connection, identifier, rows)
        named = looks_erased.since(self._node, connection, person.account, found)
        lines = emptying.lines(connection, store.manifest.c.person.in_(rows) | store.manifest.c.seq.in_(named))
        every = sorted([*lines, *elsewhere], key=lambda line: int(line.seq))
        manifest = self._manifest(person.account, "person", None, ground, words, every)
        line = self._append(connection, manifest, identifier, [27, manifest.time, "person", len(every)])
        digest = hashlib.sha256(line.manifest).digest()
        # The statement itself stays with the organisation, under a key that is not hers.
        sealed = self._node.journal.sealed(None, line.salt + line.manifest, digest)
        connection.execute(
            sql.update(store.manifest).where(store.manifest.c.hash == digest).values(sealed=sealed, person=None)
        )
        self._unwrap(connection, rows)
        emptying.empty(connection, self._node.vault, lines, keep_person=False)
        # Of records of hers that were erased before, too: SQLite gives the number of a row again, and the next patient
        # must not come to their places.
        hers = store.manifest.c.person.in_(rows)
        connection.execute(sql.update(store.manifest).where(hers).values(person=None))
        record, version = store.record.c, store.version.c
        of_hers = sql.exists().where(record.type == version.type, record.id == version.id, record.person == identifier)
        connection.execute(sql.delete(store.version).where(of_hers))
        if person.account is not None:
            self._forget_account(connection, person.account, leaves)
        for table in metadata.sorted_tables:
            if "person" in table.c and table is not store.manifest:
                connection.execute(sql.delete(table).where(table.c.person.in_(rows)))
        for given in (store.invitation, given_codes.given_code, letters.letter, waiting_links.waiting_link):
            connection.execute(sql.delete(given).where(given.c.patient.in_(charts)))
        forget(connection, charts)
        said_to_be_one.forget(connection, charts)
        connection.execute(sql.delete(store.person).where(column.id.in_(rows)))
        self._doom(connection, person.keys.secret, *before.values())
        return Erasure(digest, len(every))

    def _elsewhere(self, connection: sql.Connection, identifier: int, rows: Sequence[int]) -> list[Any]:
        """What was signed of her records while their chart was linked as one of another person's, whose link stands:
        it goes, and what stays there is sealed anew. The lines."""
        record, version, manifest = store.record.c, store.version.c, store.manifest.c
        hers = (record.type == version.type) & (record.id == version.id) & (record.person == identifier)
        signed = sql.select(version.manifest).join_from(store.version, store.record, hers)
        where = manifest.hash.in_(signed) & manifest.person.is_not(None) & manifest.person.not_in(rows)
        found = connection.execute(sql.select(manifest.person, manifest.hash).where(where)).all()
        lines = emptying.lines(connection, where)
        for one in sorted({row.person for row in found}):
            self._renew(connection, one, {bytes(row.hash) for row in found if row.person == one})
        emptying.empty(connection, self._node.vault, lines, keep_person=True)
        return lines

    def _untell_undone(self, connection: sql.Connection, before: Iterable[int]) -> None:
        """Whoever was linked by mistake is told that it ended, and nothing of the records any more."""
        column = store.manifest.c
        for identifier in before:
            where = (column.person == identifier) & (column.kind == "record/1")
            digests = connection.execute(sql.select(column.hash).where(where)).scalars()
            with suppress(VaultError):
                self._untell(connection, self._node.journal.person(connection, identifier), set(map(bytes, digests)))

    def _forget_account(self, connection: sql.Connection, account: str, leaves: bool) -> None:
        """What is kept by a person's account, and the key of it; of who is served here, and `leaves`, all of that."""
        if leaves:
            told = [row for row, told, _ in self._notices(connection) if told == account]
            here = store.outbox.c.organisation == self._node.organisation
            connection.execute(sql.delete(store.outbox).where(here, store.outbox.c.id.in_(told)))
            self._doom(connection, *leaving.leave(connection, account))
        else:
            self._doom(connection, *leaving.forget_own(self._node, connection, account))
        secret = account_keys.number_of(connection, account)
        if secret is not None:
            self._doom(connection, secret)
        outgoing.drop(connection, account)
        dead = consent_ids(connection, account)
        for table in of_person():
            connection.execute(sql.delete(table).where(table.c.account == account))
        bury(connection, dead)

    def _erase_stranger(
        self, account: str, ground: Ground, words: str, connection: sql.Connection, found: looks_erased.Naming
    ) -> Erasure:
        named = looks_erased.since(self._node, connection, account, found)
        served = client_keys.is_served(connection, account)
        if not named and not served and account_keys.number_of(connection, account) is None:
            raise Refusal(Code.UNKNOWN_PERSON)
        lines = emptying.lines(connection, store.manifest.c.seq.in_(named))
        emptying.empty(connection, self._node.vault, lines, keep_person=False)
        self._forget_account(connection, account, leaves=served)
        manifest = self._manifest(account, "person", None, ground, words, lines)
        line = self._append(connection, manifest, None, [27, manifest.time, "person", len(lines)])
        return Erasure(hashlib.sha256(line.manifest).digest(), len(lines))

    def _unsay(self, connection: sql.Connection, person: Person) -> None:
        """What people said of her list and is still on its way goes, also what was queued before any was sealed; and
        with it every alarm that names her or a record of hers."""
        for row in outgoing.waiting(connection, self._node.vault, ACTS_PATH, person.account):
            if codec.decode_json(row.payload).get("account") == person.account:
                connection.execute(sql.delete(store.outbox).where(store.outbox.c.id == row.id))
        alarms.forget_person(connection, person.id, person.patient)

    # --- both -------------------------------------------------------------------------------------------------

    def _manifest(
        self,
        account: str | None,
        scope: Any,
        record: Erased | None,
        ground: Ground,
        words: str,
        lines: Sequence[Any],
    ) -> ErasureManifest:
        node = self._node
        entries = [hashlib.sha256(bytes(row.entry)).hexdigest() for row in lines[:ENTRIES_MAX]]
        return ErasureManifest(
            "erasure/1", node.network.hex(), node.organisation, account, node.clock(), scope, record, ground, words,
            len(lines), entries,
        )  # fmt: skip

    def _append(
        self, connection: sql.Connection, manifest: ErasureManifest, person: int | None, summary: list[Any]
    ) -> Line:
        draft = Draft("erasure/1", manifests.encode(manifest), person, None, summary)
        return self._node.journal.append(connection, [draft])[0]

    @staticmethod
    def _doom(connection: sql.Connection, *secrets: int) -> None:
        for secret in secrets:
            connection.execute(sql.insert(erasing).values(secret=secret))
