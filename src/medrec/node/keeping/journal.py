"""The journal: an organisation's own gap-free, hash-chained, durable list of its manifests.

Everything that happens is first a line here. `append` runs inside the store's writer, so the line, the sealed
manifest, the person's counter and the notice to her agent are durable together or not at all.

line hash = SHA-256("medrec/line/1" || previous line hash || seq (8 bytes) || time (8 bytes) || SHA-256(entry))
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec
from medrec.core.commitment import SALT_BYTES, TAG_BYTES, commitment, commitment_of, tag
from medrec.core.kinds.anchor import encode_entry
from medrec.core.state import NO_BATCH
from medrec.engines.engine import Engine
from medrec.node.keeping import charted, obligations, rehashing, store
from medrec.node.keeping.hashes import Hashes
from medrec.node.keeping.prepared import Prepared
from medrec.node.keeping.vault import PersonKeys, Vault, VaultError, derive, seal_field

NOTICES_PATH = "/medrec/notices"
WAITING, WAITING_PARTS = b"waiting", 3
"""How a notice waited when it was sealed as a whole: what it is bound to, and its parts."""
POINTER_PARTS = 5
"""The parts of one that says which line it tells of (`waiting`)."""

_COUNT = Prepared(
    sql.update(store.person).where(store.person.c.id == sql.bindparam("who")).values(counter=sql.bindparam("count"))
)
_HEAD = Prepared(
    sql.select(store.line.c.seq, store.line.c.hash, store.line.c.time).order_by(store.line.c.seq.desc()).limit(1)
)
_PERSON = Prepared(sql.select(store.person).where(store.person.c.id == sql.bindparam("who")))
_OF_ACCOUNT = Prepared(sql.select(store.person).where(store.person.c.account == sql.bindparam("wanted")))
_TOLD = Prepared(
    sql.select(
        store.line, store.manifest.c.sealed, store.manifest.c.person, store.person.c.epoch, store.person.c["keys"]
    )
    .join_from(store.line, store.manifest, store.manifest.c.hash == store.line.c.manifest)
    .join(store.person, store.person.c.id == sql.bindparam("who"))
    .where(store.line.c.seq == sql.bindparam("line"))
)
_FORMER = Prepared(
    sql.select(store.former.c["keys"]).where(
        store.former.c.person == sql.bindparam("who"), store.former.c.epoch == sql.bindparam("before")
    )
)
_LINES = Prepared(sql.insert(store.line), ("seq", "time", "kind", "hash", "entry", "manifest"))
_MANIFESTS = Prepared(sql.insert(store.manifest), ("hash", "seq", "kind", "person", "sealed"))
_OUTBOX = Prepared(sql.insert(store.outbox), ("organisation", "path", "payload", "due", "attempts"))


class Draft(NamedTuple):
    """What is about to become a line.

    `summary` is what a person can rebuild from the ledger alone (at most 200 bytes of CBOR, sealed to her);
    `extras` are further parts of the entry.
    """

    kind: str
    manifest: bytes
    person: int | None = None
    extras: dict[str, Any] | None = None
    summary: list[Any] | None = None


class Line(NamedTuple):
    """A line that stands in the journal."""

    seq: int
    time: int
    hash: bytes
    entry: bytes
    manifest: bytes
    salt: bytes


class Person(NamedTuple):
    """A person as the node knows her; account and agent are None until she is linked."""

    id: int
    patient: str | None
    account: str | None
    agent: str | None
    epoch: int
    keys: PersonKeys


def line_hash(previous: bytes, seq: int, time: int, entry: bytes) -> bytes:
    """The chain hash after a line."""
    return hashlib.sha256(
        b"medrec/line/1" + previous + seq.to_bytes(8, "big") + time.to_bytes(8, "big") + hashlib.sha256(entry).digest()
    ).digest()


class PersonGoneError(LookupError):
    """Somebody of whom a line speaks was erased in the meantime; nothing was written."""


class Journal:
    """Appends lines and reads them; `clock` gives milliseconds, `engine` is the ledger that they are meant for."""

    def __init__(
        self, kept: store.Store, vault: Vault, clock: Callable[[], int], organisation: str, engine: Engine
    ) -> None:
        rehashing.seal(kept, vault, clock())
        obligations.take_in(kept)
        self.store = kept
        self.vault = vault
        self._clock = clock
        self.organisation = organisation
        self._engine = engine
        self.appended = threading.Event()
        self.guard: Callable[[sql.Connection], None] = lambda connection: None
        """Called before lines are written; raises StoreError when none may be (together.py)."""

    def now(self) -> int:
        """The clock's milliseconds."""
        return self._clock()

    def append(self, connection: sql.Connection, drafts: Sequence[Draft]) -> list[Line]:
        """Write the drafts as the next lines, in this order; call it inside `Store.write` only.

        Raises Refusal for lines that the ledger would refuse (obligations.make), EngineError, StoreError.
        """
        self.guard(connection)
        owed = [obligations.owed_by(draft.extras) for draft in drafts]
        obligations.make(connection, self._engine, self.organisation, [one for one in owed if one is not None])
        seq, previous, last_time = head(connection)
        time = max(self._clock(), last_time)
        people = {draft.person for draft in drafts if draft.person is not None}
        known, counters = self._people(connection, people)
        lines: list[Line] = []
        rows: list[dict[str, Any]] = []
        manifests: list[dict[str, Any]] = []
        notices: list[dict[str, Any]] = []
        for draft in drafts:
            seq += 1
            salt = self.vault.random(SALT_BYTES)
            if draft.person is not None and draft.person not in known:
                raise PersonGoneError
            who = known[draft.person] if draft.person is not None else None
            extras = dict(draft.extras or {})
            if who is None:
                mark = self.vault.random(TAG_BYTES)
            else:
                counter = counters[who.id]
                counters[who.id] += 1
                mark = tag(who.keys.relationship, counter)
                if draft.summary is not None and who.account is not None:
                    extras["sealed"] = seal_field(who.keys.seal, counter, codec.encode(draft.summary))
            digest = hashlib.sha256(draft.manifest).digest()
            entry = encode_entry(commitment_of(digest, salt), mark, extras)
            previous = line_hash(previous, seq, time, entry)
            rows.append(
                {"seq": seq, "time": time, "kind": draft.kind, "hash": previous, "entry": entry, "manifest": digest}
            )
            manifests.append(
                {
                    "hash": digest,
                    "seq": seq,
                    "kind": draft.kind,
                    "person": draft.person,
                    "sealed": self.sealed(who, salt + draft.manifest, digest),
                }
            )
            if who is not None and who.account is not None and who.agent is not None:
                notices.append(waiting(who, counter, seq, time))
            lines.append(Line(seq, time, previous, entry, draft.manifest, salt))
        if rows:
            _LINES.run(connection, rows)
            _MANIFESTS.run(connection, manifests)
        if notices:
            _OUTBOX.run(connection, notices)
        if counters:
            _COUNT.run(connection, [{"who": who, "count": count} for who, count in counters.items()])
        # Wakes the anchorer; should this transaction fail after all, it finds nothing and sleeps again.
        self.appended.set()
        return lines

    def notice(self, who: Person, counter: int, line: Line) -> bytes:
        """What tells a linked person's agent of a line, sealed under the relationship's key.

        CBOR [account, epoch, counter, sealed]; sealed holds CBOR [manifest, salt, entry, time].
        """
        body = codec.encode([line.manifest, line.salt, line.entry, line.time])
        sealed = self.vault.seal(derive(who.keys.relationship, "notice"), body, self.organisation.encode())
        return codec.encode([who.account, who.epoch, counter, sealed])

    def sent(self, connection: sql.Connection, payload: bytes) -> bytes | None:
        """What is sent of a notice that waits; None if its line was erased: nothing is told of it any more.

        Raises VaultError when its person was forgotten.
        """
        value = parts_of(payload)
        if len(value) == POINTER_PARTS:
            return self._told(connection, *value)
        if len(value) != WAITING_PARTS:
            # What waited before notices were sealed, or tells of somebody who was forgotten, is sent as it is.
            return payload
        row = _PERSON.first(connection, {"who": value[1]})
        if row is None:
            raise VaultError("the person of this notice is not here any more")
        return self.vault.open(self.vault.unwrap(bytes(row.keys)).lines, value[2], WAITING)

    def _told(
        self, connection: sql.Connection, account: str, person: int, epoch: int, counter: int, seq: int
    ) -> bytes | None:
        row = _TOLD.first(connection, {"who": person, "line": seq})
        if row is None:
            raise VaultError("the person of this notice, or its line, is not here any more")
        if not row.sealed:
            return None
        who = Person(person, None, account, None, epoch, self.vault.unwrap(bytes(row.keys)))
        opened = self.unsealed(who if row.person is not None else None, bytes(row.sealed), bytes(row.manifest))
        salt, data = opened[:SALT_BYTES], opened[SALT_BYTES:]
        if not is_committed(bytes(row.entry), data, salt):
            return None
        if row.epoch != epoch:
            # Of before the link: told under the keys of that time.
            former = _FORMER.first(connection, {"who": person, "before": epoch})
            if former is None:
                raise VaultError("the keys of this notice are not here any more")
            who = who._replace(keys=self.vault.unwrap(bytes(former.keys)))
        return self.notice(who, counter, Line(seq, row.time, bytes(row.hash), bytes(row.entry), data, salt))

    def _people(self, connection: sql.Connection, people: set[int]) -> tuple[dict[int, Person], dict[int, int]]:
        """The persons of these store ids, and the next counter of each."""
        known: dict[int, Person] = {}
        counters: dict[int, int] = {}
        for one in sorted(people):
            for row in _PERSON.all(connection, {"who": one}):
                known[one], counters[one] = self.opened(row), row.counter
        return known, counters

    def opened(self, row: Any) -> Person:
        """The person of a row of the table, with her keys. Raises VaultError."""
        return Person(row.id, row.patient, row.account, row.agent, row.epoch, self.vault.unwrap(row.keys))

    def person(self, connection: sql.Connection, identifier: int) -> Person:
        """The person of a store id."""
        row = connection.execute(sql.select(store.person).where(store.person.c.id == identifier)).one()
        return self.opened(row)

    def person_of_account(self, connection: sql.Connection, account: str) -> Person | None:
        """The linked person of an account, None if this organisation has none."""
        row = _OF_ACCOUNT.first(connection, {"wanted": account})
        return None if row is None else self.opened(row)

    def person_of_patient(self, connection: sql.Connection, patient: str) -> int:
        """The store id of a local patient; she is entered, unlinked, when she is new. Inside `Store.write` only."""
        found = connection.execute(sql.select(store.person.c.id).where(store.person.c.patient == patient)).scalar()
        if found is None:
            found = charted.person_of(connection, patient)
        if found is not None:
            return int(found)
        wrapped = self.vault.wrap(self.vault.new_person_keys())
        added = connection.execute(sql.insert(store.person).values(patient=patient, keys=wrapped, counter=0))
        assert added.inserted_primary_key is not None
        return int(added.inserted_primary_key[0])

    def manifest(self, connection: sql.Connection, digest: bytes) -> tuple[bytes, bytes] | None:
        """Salt and bytes of a manifest by its SHA-256, None if it is not, or no longer, here."""
        row = connection.execute(
            sql.select(store.manifest.c.sealed, store.person.c["keys"])
            .join_from(store.manifest, store.person, store.manifest.c.person == store.person.c.id, isouter=True)
            .where(store.manifest.c.hash == digest)
        ).one_or_none()
        # What was erased has left its place, and nothing in it.
        if row is None or not row[0]:
            return None
        if row[1] is not None:
            opened = self.vault.open(self.vault.unwrap(row[1]).lines, row[0], digest)
        else:
            opened = self._hashes.open_common(row[0], digest)
        return opened[:SALT_BYTES], opened[SALT_BYTES:]

    def sealed(self, who: Person | None, opened: bytes, digest: bytes) -> bytes:
        """Salt and manifest as they are kept: under the key `lines` of whose they are, or that of what is about
        nobody."""
        if who is not None:
            return self.vault.seal(who.keys.lines, opened, digest)
        return self._hashes.seal_common(opened, digest)

    def unsealed(self, who: Person | None, sealed: bytes, digest: bytes) -> bytes:
        """Salt and manifest of a line of hers, or of what is about nobody. Raises VaultError."""
        if who is not None:
            return self.vault.open(who.keys.lines, sealed, digest)
        return self._hashes.open_common(sealed, digest)

    @property
    def _hashes(self) -> Hashes:
        assert self.store.hashes is not None
        return self.store.hashes


def waiting(who: Person, counter: int, seq: int, due: int) -> dict[str, Any]:
    """The outbox row by which a linked person's agent is told of a line; the notice is made when it is sent.

    CBOR [account, store id of the person whose line it is, epoch, counter, the line's number]: all that it tells lies
    where the line lies, once, and goes with it.
    """
    payload = codec.encode([who.account, who.id, who.epoch, counter, seq])
    return {"organisation": who.agent, "path": NOTICES_PATH, "payload": payload, "due": due, "attempts": 0}


def parts_of(payload: bytes) -> list[Any]:
    """The parts of a notice that waits: a pointer (`waiting`), [account, person, sealed], or what is sent itself."""
    try:
        value = codec.decode(payload)
    except codec.CodecError:
        return []
    return value if type(value) is list else []


def is_committed(entry: bytes, manifest: bytes, salt: bytes) -> bool:
    """Whether a line's entry is that of this statement: an erasure leaves some that nothing proves any more."""
    found: bytes = codec.decode(entry)[0]
    return found == commitment(manifest, salt)


def head(connection: sql.Connection) -> tuple[int, bytes, int]:
    """Sequence number, hash and time of the last line; (0, zeros, 0) for an empty journal."""
    row = _HEAD.first(connection, {})
    return (0, NO_BATCH, 0) if row is None else (row.seq, row.hash, row.time)


def verify(connection: sql.Connection) -> str | None:
    """Walk the whole chain; None if it is whole, else one sentence saying which line is missing or changed."""
    expected, previous, last_time = 1, NO_BATCH, 0
    for row in connection.execute(sql.select(store.line).order_by(store.line.c.seq)):
        if row.seq != expected:
            return f"Line {expected} is missing from the journal."
        if row.time < last_time:
            return f"Line {row.seq} is older than the line before it."
        if line_hash(previous, row.seq, row.time, row.entry) != bytes(row.hash):
            return f"Line {row.seq} of the journal was changed."
        expected, previous, last_time = row.seq + 1, bytes(row.hash), row.time
    return None
