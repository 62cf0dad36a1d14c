"""Publishing: a record that arrives becomes a signed version in the journal, with notice to its person.

A new content of a known record is a new version when it was announced: it came in a new delivery, or its source
moved `meta.versionId` or `meta.lastUpdated`. A content that changed in place without a word is an integrity alarm:
the record is marked as altered, nothing is signed anew, and the gate will not let it out.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sql
from msgspec import UNSET

from medrec.core import manifests
from medrec.core.manifests.record import RecordManifest, RecordVersion
from medrec.core.records.canonical import FORM, Canonical
from medrec.core.records.envelope import envelope
from medrec.core.records.saying import what_it_says
from medrec.node.keeping import charted, store
from medrec.node.keeping.journal import Draft, Journal
from medrec.node.lists import acts_moved
from medrec.node.records import publish_alarms
from medrec.node.records.publish_alarms import Altered
from medrec.node.right_person import holding, pointing_later, said_to_be_one
from medrec.node.right_person.anothers import Read, parted

CHUNK = 500
ACTIONS = ("create", "update", "delete")


class Incoming(NamedTuple):
    """A record as a source hands it over; `record` is None for a deletion.

    `origin` names the delivery it came in (a file, a server), `announced` says that this delivery is new, `position`
    is how far the source was read with it. `signed` are its authors' own statements, which go into the manifest.
    """

    type: str
    id: str
    record: Canonical | None
    origin: str
    announced: bool = True
    position: str = ""
    signed: tuple[dict[str, Any], ...] = ()


Taken = Callable[[sql.Connection, Incoming], None]
"""What a source does in the same durable write as the chunk that ends with this arrival."""

Bases = Sequence[str]
"""The base addresses of the source's own FHIR servers (Directory.servers)."""


class Published(NamedTuple):
    """What became of the records: how many of each, and which were altered."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    altered: tuple[Altered, ...] = ()

    def plus(self, other: "Published") -> "Published":
        """Both together."""
        return Published(
            self.created + other.created,
            self.updated + other.updated,
            self.deleted + other.deleted,
            self.unchanged + other.unchanged,
            self.altered + other.altered,
        )


class Publisher:
    """Turns arrivals into journal lines for one organisation of one network. `read` gives a record where it lives."""

    def __init__(
        self, journal: Journal, network: bytes, servers: Callable[[], Bases] = tuple, read: Read = lambda *_: None
    ) -> None:
        self._journal = journal
        self._network = network.hex()
        self._servers = servers
        self._read = read

    def now(self) -> int:
        """The clock's milliseconds."""
        return self._journal.now()

    def publish(self, arrivals: Iterable[Incoming], taken: Taken | None = None) -> Published:
        """Sign the arrivals, in order. `taken` is called in the durable write of each chunk, with its last arrival,
        so that a reading that was cut off goes on where the journal stands. Raises StoreError."""
        total = Published()
        chunk: list[Incoming] = []
        writing: Future[Published] | None = None
        for arrival in arrivals:
            chunk.append(arrival)
            if len(chunk) == CHUNK:
                # The next chunk is read while this one is written; it is not handed over before this one is durable.
                total = total.plus(writing.result() if writing is not None else Published())
                done, writing = self._publish_chunk(chunk, taken)
                total, chunk = total.plus(done), []
        total = total.plus(writing.result() if writing is not None else Published())
        done, writing = self._publish_chunk(chunk, taken)
        return total.plus(done).plus(writing.result() if writing is not None else Published())

    def _publish_chunk(
        self, chunk: Sequence[Incoming], taken: Taken | None
    ) -> tuple[Published, Future[Published] | None]:
        """What is done of a chunk, and what its last part will do."""
        # Deliveries repeat a hospital's organisations and practitioners with every person: told once is enough.
        fresh = _without_echoes(chunk)
        done = Published(unchanged=len(chunk) - len(fresh))
        # Two versions of one record in one chunk are written one after the other.
        parts = _without_repeats(fresh)
        # Asked of the ledger before the write, and not within it: whoever is asked may have something to write.
        write_part = partial(self._write, servers=self._servers(), taken=taken)
        for part in parts[:-1]:
            done = done.plus(self._journal.store.write(partial(write_part, part=part, last=part[-1])))
        if not parts:
            return done, None
        return done, self._journal.store.submit(partial(write_part, part=parts[-1], last=chunk[-1]))

    def _write(
        self, connection: sql.Connection, part: Sequence[Incoming], last: Incoming, servers: Bases, taken: Taken | None
    ) -> Published:
        known = _known(connection, part)
        patients: dict[str, int] = {}
        accounts: dict[int, str | None] = {}
        drafts: list[Draft] = []
        fresh: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        counts = dict.fromkeys((*ACTIONS, "unchanged"), 0)
        altered: list[Altered] = []
        elsewhere: list[str] = []
        for arrival in part:
            before = known.get((arrival.type, arrival.id))
            action = _action(arrival, before, self._said_before(connection, arrival, before))
            if action == "altered":
                altered.append(Altered(arrival.type, arrival.id, arrival.origin))
                continue
            counts[action] += 1
            if action == "unchanged":
                _settle(connection, arrival, before)
                continue
            person = before.person if before is not None and arrival.record is None else None
            labels: tuple[str, ...] = ()
            if arrival.record is not None:
                found = envelope(arrival.record.value, servers)
                labels = found.labels
                if found.elsewhere:
                    elsewhere.append(f"{arrival.type}/{arrival.id}")
                for patient in found.patients[:1]:
                    if patient not in patients:
                        patients[patient] = self._journal.person_of_patient(connection, patient)
                    person = patients[patient]
            if person is not None and person not in accounts:
                accounts[person] = self._journal.person(connection, person).account
            draft, row = self._version(
                arrival, before, action, person, accounts.get(person) if person else None, labels
            )
            drafts.append(draft)
            (fresh if before is None else changed).append(row)
        lines = self._journal.append(connection, drafts)
        _keep(connection, fresh, changed)
        self._look(connection, part, patients, accounts, servers)
        self._refiled(connection, part, changed, known)
        publish_alarms.strangers(connection, changed, elsewhere, self._journal.now())
        if taken is not None:
            taken(connection, last)
        if altered:
            time = lines[-1].time if lines else self._journal.now()
            publish_alarms.altered(connection, altered, time)
        return Published(counts["create"], counts["update"], counts["delete"], counts["unchanged"], tuple(altered))

    def _look(
        self,
        connection: sql.Connection,
        part: Sequence[Incoming],
        patients: dict[str, int],
        accounts: dict[int, str | None],
        servers: Bases,
    ) -> None:
        """Hold back what contradicts the linked person whom it is filed under."""
        linked = {person for person, account in accounts.items() if account is not None}
        records: dict[int, list[Any]] = {}
        filed: dict[tuple[str, str], int | None] = {}
        under: dict[tuple[str, str], str] = {}
        for arrival in part if patients else ():
            if arrival.record is None:
                continue
            name, found = (arrival.type, arrival.id), envelope(arrival.record.value, servers).patients[:1]
            person = filed[name] = patients.get(found[0]) if found else None
            under[name] = next(iter(found), "")
            if person in linked and person is not None:
                records.setdefault(person, []).append(arrival.record.value)
        charted.file(connection, under)
        said_to_be_one.note(connection, [one.record.value for one in part if one.record is not None], servers)
        holding.refiled(connection, self._journal, self._network, filed)
        for person, values in records.items():
            holding.look(connection, self._journal, self._network, person, values, servers=servers)
        pointing_later.look(connection, self._journal, self._network, filed)

    def _refiled(
        self,
        connection: sql.Connection,
        part: Sequence[Incoming],
        changed: Sequence[dict[str, Any]],
        known: Mapping[Any, Any],
    ) -> None:
        """What was said of records that are filed under another patient now ends with them, or is asked about."""
        left: dict[int, dict[charted.Name, int]] = {}
        came: dict[int, list[charted.Name]] = {}
        for row in changed:
            before, now, name = known[row["type"], row["id"]].person, row["person"], (row["type"], row["id"])
            if now in (None, before):
                continue
            came.setdefault(now, []).append(name)
            if before is not None:
                left.setdefault(before, {})[name] = now
        # What came just now is not yet to be read where it lives.
        fresh = {(one.type, one.id): one.record.data for one in part if one.record is not None}

        def read(*name: str) -> bytes | None:
            return fresh[name] if name in fresh else self._read(*name)

        for before, moved in left.items():
            person = self._journal.person(connection, before)
            gone, unsure = parted(connection, self._journal, read, person, moved)
            acts_moved.end(connection, self._journal, self._network, person, gone, unsure)
        for now, names in came.items():
            acts_moved.come_back(connection, self._journal, self._journal.person(connection, now), names)

    @staticmethod
    def _said_before(connection: sql.Connection, arrival: Incoming, before: Any) -> bool:
        """Whether a delivery that was read before states an older version again."""
        if before is None or arrival.record is None or arrival.announced:
            return False
        if bytes(before.sha256 or b"") == arrival.record.sha256:
            return True
        where = store.version.c
        older = sql.select(where.version).where(
            where.type == arrival.type, where.id == arrival.id, where.sha256 == arrival.record.sha256
        )
        return connection.execute(older.limit(1)).scalar() is not None

    def _said(self, arrival: Incoming, record: Canonical) -> str:
        return self._journal.vault.said(f"{arrival.type}/{arrival.id}", what_it_says(record.value)).hex()

    def _version(
        self,
        arrival: Incoming,
        before: Any,
        action: str,
        person: int | None,
        account: str | None,
        labels: tuple[str, ...],
    ) -> tuple[Draft, dict[str, Any]]:
        number = 1 if before is None else before.version + 1
        sha256 = arrival.record.sha256 if arrival.record is not None else None
        time = self._journal.now()
        manifest = manifests.encode(
            RecordManifest(
                "record/1",
                self._network,
                self._journal.organisation,
                account,
                time,
                RecordVersion(
                    arrival.type,
                    arrival.id,
                    number,
                    action,  # type: ignore[arg-type]
                    FORM,
                    sha256.hex() if sha256 is not None else None,
                    bytes(before.manifest).hex() if before is not None else None,
                    list(labels),
                    UNSET if arrival.record is None or person is None else self._said(arrival, arrival.record),
                ),
                list(arrival.signed),
            )
        )
        summary = [1, time, arrival.type, arrival.id, number, action]
        row = {
            "type": arrival.type,
            "id": arrival.id,
            "version": number,
            "action": action,
            "sha256": sha256,
            "manifest": hashlib.sha256(manifest).digest(),
            "person": person,
            "origin": arrival.origin,
            "stamp": stamp_of(arrival.record.value) if arrival.record is not None else "",
            "altered": False,
        }
        return Draft("record/1", manifest, person, None, summary), row


def position_of(connection: sql.Connection, source: str) -> bytes | None:
    """How far a source was read."""
    found = connection.execute(sql.select(store.position.c.token).where(store.position.c.source == source)).scalar()
    return None if found is None else bytes(found)


def set_position(connection: sql.Connection, source: str, token: bytes) -> None:
    """Remember how far a source was read."""
    connection.execute(sql.delete(store.position).where(store.position.c.source == source))
    connection.execute(sql.insert(store.position).values(source=source, token=token))


def _action(arrival: Incoming, before: Any, said_before: bool) -> str:
    if before is None:
        return "create" if arrival.record is not None else "unchanged"
    if arrival.record is None:
        return "unchanged" if before.action == "delete" else "delete"
    if before.action != "delete" and bytes(before.sha256) == arrival.record.sha256:
        return "unchanged"
    if said_before:
        # An old delivery that is read again says what it always said.
        return "unchanged"
    return "update" if arrival.announced or before.stamp != stamp_of(arrival.record.value) else "altered"


def stamp_of(value: Any) -> str:
    """What a source says of a record's own version: `meta.versionId` and `meta.lastUpdated`, "" for neither."""
    meta = value.get("meta")
    if not isinstance(meta, dict):
        return ""
    return f"{meta.get('versionId', '')} {meta.get('lastUpdated', '')}"[:120]


def _without_echoes(chunk: Sequence[Incoming]) -> list[Incoming]:
    """The arrivals without those that say of a record what the one before them in the chunk said."""
    said: dict[tuple[str, str], bytes | None] = {}
    fresh: list[Incoming] = []
    for arrival in chunk:
        name, digest = (arrival.type, arrival.id), arrival.record.sha256 if arrival.record is not None else None
        if name not in said or said[name] != digest:
            fresh.append(arrival)
        said[name] = digest
    return fresh


def _without_repeats(chunk: Sequence[Incoming]) -> list[list[Incoming]]:
    parts: list[list[Incoming]] = []
    seen: set[tuple[str, str]] = set()
    for arrival in chunk:
        name = (arrival.type, arrival.id)
        if not parts or name in seen:
            parts.append([])
            seen = set()
        seen.add(name)
        parts[-1].append(arrival)
    return parts


def _known(connection: sql.Connection, part: Sequence[Incoming]) -> dict[tuple[str, str], Any]:
    by_type: dict[str, list[str]] = defaultdict(list)
    for arrival in part:
        by_type[arrival.type].append(arrival.id)
    found: dict[tuple[str, str], Any] = {}
    for kind, ids in by_type.items():
        rows = connection.execute(
            sql.select(store.record).where(store.record.c.type == kind, store.record.c.id.in_(ids))
        )
        for row in rows:
            found[(row.type, row.id)] = row
    return found


def _settle(connection: sql.Connection, arrival: Incoming, before: Any) -> None:
    """A record stated again, just as it was signed: it is read from here now, and is no longer altered."""
    if before is None or arrival.record is None or bytes(before.sha256 or b"") != arrival.record.sha256:
        return
    if before.origin != arrival.origin or before.altered:
        where = (store.record.c.type == arrival.type) & (store.record.c.id == arrival.id)
        values = {"origin": arrival.origin, "altered": False}
        connection.execute(sql.update(store.record).where(where).values(**values))


def _keep(connection: sql.Connection, fresh: list[dict[str, Any]], changed: list[dict[str, Any]]) -> None:
    if fresh:
        connection.execute(sql.insert(store.record), fresh)
    for row in changed:
        connection.execute(
            sql.update(store.record)
            .where(store.record.c.type == row["type"], store.record.c.id == row["id"])
            .values({name: value for name, value in row.items() if name not in ("type", "id")})
        )
    versions = [
        {name: row[name] for name in ("type", "id", "version", "sha256", "manifest")} for row in (*fresh, *changed)
    ]
    if versions:
        connection.execute(sql.insert(store.version), versions)
