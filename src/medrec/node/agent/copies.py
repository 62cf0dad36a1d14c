"""A person's own copies: what the places that know her let her agent read for her, kept sealed at the agent.

An agent asks as any other node asks: through the gate of the place, as a program of its own, under the person's own
permission, and each reading stands in both journals. What was read stays here, so that her record is there when a
place is not.
"""

import hashlib
import threading
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from medrec.core import codec, manifests
from medrec.core.manifests.record import RecordManifest
from medrec.node.agent.told import Sealed
from medrec.node.keeping import client_keys
from medrec.node.keeping.store import metadata
from medrec.node.ledger.on_ledger import place_of_entry
from medrec.node.looks.disputing import organisations
from medrec.node.peers.peers import PeerError
from medrec.node.release import receive
from medrec.node.release.practitioners import SYSTEM, Practitioner
from medrec.node.release.receive import NotGenuineError, ReceivedRecord
from medrec.node.release.received_parts import ReceivedPart
from medrec.node.right_person import not_hers

if TYPE_CHECKING:
    from medrec.node.node import Node

PURPOSE = "PATRQT"
REASON = "The person reads her own record."
PROGRAM = "own-record"
"""What the agent is called in its requests; a program, since nobody at the agent reads."""
PAGES_MAX = 200
ONE_RECORD = frozenset({"record-altered", "record-changed"})
"""Refusals that come from a single record."""
KINDS = (
    "Patient", "AllergyIntolerance", "Condition", "MedicationRequest", "MedicationStatement", "MedicationDispense",
    "MedicationAdministration", "Observation", "DiagnosticReport", "Immunization", "Procedure", "Encounter",
    "DocumentReference", "CarePlan", "CareTeam", "FamilyMemberHistory", "ServiceRequest", "Appointment", "Device",
)  # fmt: skip

record_copy = Table(
    "record_copy",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("type", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("tag", LargeBinary(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
Index("record_copy_tag", record_copy.c.tag)

reading = Table(
    "own_reading",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("good", BigInteger),
    Column("code", String(40), nullable=False),
    Column("records", BigInteger, nullable=False),
)


Kept = ReceivedRecord | ReceivedPart


def _part_tag(content: bytes) -> bytes:
    return hashlib.sha256(b"medrec/part/1" + content).digest()[:16]


class Signed(NamedTuple):
    """What proves a record that is nobody's: its line is told to no person, so it is kept with the copy."""

    manifest: bytes
    salt: bytes
    entry: bytes

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the manifest, by which lines name it."""
        return hashlib.sha256(self.manifest).digest()

    @property
    def line(self) -> tuple[bytes, int, int, int]:
        """As of a line that was told (never, so at 0): the hash of its manifest, version, when it was written."""
        stated = manifests.decode(self.manifest)
        assert isinstance(stated, RecordManifest), "it was verified when it came"
        return self.digest, stated.record.version, stated.time, 0


class Copy(NamedTuple):
    """A record as a place signed it: its canonical bytes, and the tag of the line that proves it.

    One that was cut at its source has no such line: its tag follows from its bytes, and `in_part` is true.
    """

    organisation: str
    type: str
    id: str
    tag: bytes
    content: bytes
    arrived: int = 0
    """When this very version was first read for her (ms); 0: not known."""
    signed: Signed | None = None
    """Of a record that is nobody's, as the medicine of an order: what proves it."""

    @property
    def in_part(self) -> bool:
        """Whether it was cut at its source: signed by it, not provable against the ledger."""
        return self.tag == _part_tag(self.content)


def _copied(organisation: str, record: "Kept") -> Copy:
    """What came, as a copy of this moment."""
    if isinstance(record, ReceivedPart):
        return Copy(organisation, record.type, record.id, _part_tag(record.content), record.content)
    proof = Signed(record.manifest_bytes, record.salt, record.entry) if record.manifest.account is None else None
    return Copy(organisation, record.type, record.id, codec.decode(record.entry)[1], record.content, 0, proof)


def _closed(copy: Copy) -> bytes:
    return codec.encode([copy.arrived, copy.content, *(copy.signed or ())])


def _opened(opened: bytes) -> tuple[bytes, int, Signed | None]:
    """Content, arrival and proof of a copy; copies of former versions are the content alone, or have no proof."""
    if opened.startswith(b"{"):
        return opened, 0, None
    arrived, content, *proof = codec.decode(opened)
    return content, arrived, Signed(*proof) if proof else None


class Reading(NamedTuple):
    """How the last reading at a place went: when, when it last went well (None: never), the code of what went wrong
    ("" if nothing did), and how many records are kept from there."""

    organisation: str
    time: int
    good: int | None
    code: str
    records: int


class UnderWay(NamedTuple):
    """A reading that is under way: since when (ms), and the places that have not answered yet."""

    since: int
    waiting: tuple[str, ...]


class Copies:
    """The copies that one agent keeps for its people; at most one reading for a person runs at a time."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()
        self._running: dict[str, UnderWay] = {}

    @property
    def idle(self) -> bool:
        """Whether no reading is under way for anybody."""
        with self._lock:
            return not self._running

    def under_way(self, account: str) -> UnderWay | None:
        """The reading for this person that is under way; None where there is none."""
        with self._lock:
            return self._running.get(account)

    def refresh_soon(self, account: str) -> None:
        """Read in the background; does nothing while one runs."""
        begun = UnderWay(self._node.clock(), tuple(organisations(self._node, account)))
        with self._lock:
            if account in self._running:
                return
            self._running[account] = begun
        threading.Thread(target=self._refresh, args=(account,), name="own-record", daemon=True).start()

    def _refresh(self, account: str) -> None:
        try:
            self.refresh(account)
        finally:
            with self._lock:
                self._running.pop(account, None)

    def _answered(self, account: str, organisation: str) -> None:
        """Nobody waits for this place any more in a reading that is under way."""
        with self._lock:
            found = self._running.get(account)
            if found is not None:
                left = tuple(place for place in found.waiting if place != organisation)
                self._running[account] = found._replace(waiting=left)

    def refresh(self, account: str) -> list[Reading]:
        """Read at every place that is linked; one that fails keeps what was read before.

        Raises StoreError.
        """
        program = self._program()
        for organisation in organisations(self._node, account):
            try:
                self._note(account, organisation, "", self._read(organisation, account, program))
            except (PeerError, NotGenuineError) as error:
                code, kept, stuck = error.code or "unreachable", None, frozenset[str]()
                if code in ONE_RECORD:
                    kept, stuck = self._read_by_kind(organisation, account, program)
                self._note(account, organisation, code, kept, stuck)
            self._answered(account, organisation)
        return self.readings(account)

    def _read_by_kind(
        self, organisation: str, account: str, program: Practitioner
    ) -> tuple[list[Kept] | None, frozenset[str]]:
        """One record holds up all: ask for each kind by itself, so that only its kind stays as it was read before. What
        came, and the kinds that are held up so."""
        found: list[Kept] = []
        stuck = []
        for kind in KINDS:
            try:
                found += self._read(organisation, account, program, (kind,))
            except (PeerError, NotGenuineError) as error:
                stuck += [kind] if error.code in ONE_RECORD else []
        return found or None, frozenset(stuck)

    def _program(self) -> Practitioner:
        practitioners = self._node.practitioners
        try:
            return practitioners.present(PROGRAM)
        except LookupError:
            own = self._node.directory.find(self._node.organisation)
            return practitioners.enter(PROGRAM, own.name if own is not None else PROGRAM, SYSTEM, machine=True)

    def _read(self, organisation: str, account: str, program: Practitioner, types: tuple[str, ...] = ()) -> list[Kept]:
        found: list[Kept] = []
        after = ""
        for _ in range(PAGES_MAX):
            page = receive.request_records(
                self._node,
                organisation,
                account,
                types=types,
                purpose=PURPOSE,
                practitioner=program,
                reason=REASON,
                after=after,
            )
            found += page.records
            found += page.parts
            after = page.more
            if not after:
                break
        return found

    def _note(
        self,
        account: str,
        organisation: str,
        code: str,
        records: list[Kept] | None,
        stuck: frozenset[str] = frozenset(),
    ) -> None:
        """Write down how a reading went, and what came of it. Of kinds that one record holds up, and of the medicines
        that these point at, what was read before is kept; and what she said is not about her, which its place gives to
        nobody any more: she may take it back."""
        now, vault = self._node.clock(), self._node.vault
        copy, at = record_copy.c, reading.c
        before_now = self._opened(copy.account == account, copy.organisation == organisation) if records else []
        since = {(one.type, one.id, one.tag): one.arrived for one in before_now}
        # A medicine that records of several pages point at came with each.
        came = {(one.type, one.id): _copied(organisation, one) for one in records or []}
        came = {name: one._replace(arrived=since.get((*name, one.tag), now)) for name, one in came.items()}
        held_up = stuck | {"Medication"} if stuck else stuck
        away = {one.name for one in not_hers.said(self._node, account) if one.organisation == organisation}
        earlier = {
            (one.type, one.id): one for one in before_now if one.type in held_up or f"{one.type}/{one.id}" in away
        }
        every = list((earlier | came).values())

        def write(connection: sql.Connection) -> None:
            if not client_keys.is_served(connection, account):
                # She was erased here while a place was asked.
                return
            rows = [
                {
                    "account": account,
                    "organisation": organisation,
                    "type": one.type,
                    "id": one.id,
                    "tag": one.tag,
                    "sealed": client_keys.seal_for(connection, vault, account, _closed(one), one.tag),
                }
                for one in every
            ]
            mine = (at.account == account) & (at.organisation == organisation)
            before = connection.execute(sql.select(at.good, at.records).where(mine)).first()
            connection.execute(sql.delete(reading).where(mine))
            good, count = (before.good, before.records) if before is not None else (None, 0)
            if records is not None:
                connection.execute(
                    sql.delete(record_copy).where((copy.account == account) & (copy.organisation == organisation))
                )
                if rows:
                    connection.execute(sql.insert(record_copy), rows)
                good, count = now, len(rows)
            values = {"account": account, "organisation": organisation, "time": now, "good": good, "code": code}
            connection.execute(sql.insert(reading).values(**values, records=count))

        self._node.store.write(write)

    def readings(self, account: str) -> list[Reading]:
        """How the last reading went at each place that was ever asked."""
        chosen = sql.select(
            reading.c.organisation, reading.c.time, reading.c.good, reading.c.code, reading.c.records
        ).where(reading.c.account == account)
        with self._node.store.read() as connection:
            return [Reading(*row) for row in connection.execute(chosen.order_by(reading.c.organisation))]

    def all(self, account: str, kind: str = "") -> list[Copy]:
        """Every kept record of a person, or those of one type, opened; also what is in none of her lists (`hers`)."""
        mine = record_copy.c.account == account
        return self._opened(mine if not kind else mine & (record_copy.c.type == kind))

    def hers(self, account: str, kind: str = "") -> list[Copy]:
        """What may be shown, counted or given to others as hers, or that of one type: without what may be another
        person's (not_hers.py)."""
        return not_hers.hers(self._node, account, self.all(account, kind))

    def one(self, account: str, tag: bytes) -> Copy | None:
        """The kept record that the line with this tag signed; None where there is none, or only a part of it."""
        found = self._opened(record_copy.c.account == account, record_copy.c.tag == tag)
        return None if not found or found[0].in_part else found[0]

    def sealed(self, account: str, tag: bytes) -> Sealed | None:
        """The line with this tag that signed a record which is nobody's, found on the ledger; None where no copy has
        it. Raises StoreError, VaultError, EngineError."""
        copy = self.one(account, tag)
        if copy is None or copy.signed is None:
            return None
        manifest, salt, entry = copy.signed
        place = place_of_entry(self._node, copy.organisation, entry, copy.signed.line[2])
        return Sealed(copy.organisation, manifest, salt, entry, place)

    def _opened(self, *where: sql.ColumnElement[bool]) -> list[Copy]:
        copy = record_copy.c
        chosen = sql.select(copy.organisation, copy.type, copy.id, copy.tag, copy.sealed).where(*where)
        with self._node.store.read() as connection:
            rows = connection.execute(chosen).all()
        found = []
        for row in rows:
            tag = bytes(row.tag)
            copied = _opened(self._node.vault.open_kept(bytes(row.sealed), tag))
            found.append(Copy(row.organisation, row.type, row.id, tag, *copied))
        return found

    def forget(self, account: str) -> None:
        """Throw away every copy of a person's records."""

        def write(connection: sql.Connection) -> None:
            connection.execute(sql.delete(record_copy).where(record_copy.c.account == account))
            connection.execute(sql.delete(reading).where(reading.c.account == account))

        self._node.store.write(write)
