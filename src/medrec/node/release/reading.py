"""Reading records where they live, holding them against what was signed, and knowing what decides about them."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import sqlalchemy as sql

from medrec.core.consent import facts
from medrec.core.records.canonical import RecordError, canonical
from medrec.engines.engine import EngineError
from medrec.node.keeping import store
from medrec.node.keeping.prepared import Prepared
from medrec.node.keeping.turns import Turns
from medrec.node.keeping.vault import VaultError
from medrec.node.records.publish import stamp_of
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access
from medrec.node.right_person import holding
from medrec.node.sources.source import RecordUnavailable, SourceUnavailable

if TYPE_CHECKING:
    from medrec.node.node import Node

Done = TypeVar("Done")

FACTS_REMEMBERED_MAX = 50_000
QUICK_S = 0.0002
"""A source that answers within this is read without handing the turn on."""
UNREAD = "record-unread"
"""The alarm about a record of which nothing could be made out."""
NOBODYS = "is-the-source-there"
"""The id of a record that is not there, which a source is asked for after an error, to see whether it answers."""

_record, _manifest, _line = store.record.c, store.manifest.c, store.line.c
_SIGNED = (
    sql.select(
        _record.type,
        _record.id,
        _record.version,
        _record.sha256,
        _record.manifest,
        _record.stamp,
        _record.altered,
        _record.person,
        _manifest.sealed,
        _line.entry,
        _line.seq,
        _line.time,
    )
    .join_from(store.record, store.manifest, _manifest.hash == _record.manifest)
    .join(store.line, _line.seq == _manifest.seq)
    .where(_record.action != "delete")
)
_SIGNED_RECORDS = (
    _SIGNED.where(
        _record.person == sql.bindparam("person"),
        # What contradicts its person is as if it were not here, until a human has looked.
        holding.holds_one(_record.type, _record.id),
    )
    .order_by(_record.type, _record.id)
    .limit(sql.bindparam("limit", type_=sql.Integer))
)
_OF_PERSON = Prepared(
    # Without what proves them: facts are all that is asked of so many.
    sql.select(_record.type, _record.id, _record.sha256, _record.stamp, _record.altered)
    .where(
        _record.action != "delete",
        _record.person == sql.bindparam("person"),
        holding.holds_one(_record.type, _record.id),
    )
    .order_by(_record.type, _record.id)
)
_ALL_DEFINITIONS = _SIGNED.where(
    sql.or_(_record.type == "Medication", _record.type == "Substance"), _record.person.is_(None)
)
_DEFINITION = Prepared(_ALL_DEFINITIONS.where(_record.id == sql.bindparam("wanted")))
_DEFINITIONS = Prepared(_ALL_DEFINITIONS.order_by(_record.type, _record.id))


@lru_cache(1024)
def _statement(types: int, ids: int, after: bool) -> Prepared:
    """One statement for each shape of request, built once: building costs more than running it."""
    statement = _SIGNED_RECORDS
    if types:
        statement = statement.where(_record.type.in_([sql.bindparam(f"type_{place}") for place in range(types)]))
    if ids:
        statement = statement.where(_record.id.in_([sql.bindparam(f"one_{place}") for place in range(ids)]))
    if after:
        kind: sql.BindParameter[str] = sql.bindparam("after_type")
        identifier: sql.BindParameter[str] = sql.bindparam("after_id")
        statement = statement.where(
            sql.or_(_record.type > kind, sql.and_(_record.type == kind, _record.id > identifier))
        )
    return Prepared(statement)


def signed_records(
    connection: sql.Connection, person: int, types: Sequence[str], ids: Sequence[str], after: str, limit: int
) -> Sequence[Any]:
    """The signed records of a person that are not deleted, of these types and ids (none: all), in order."""
    kind, _, identifier = after.partition("/")
    values: dict[str, Any] = {"person": person, "limit": limit}
    values.update((f"type_{place}", name) for place, name in enumerate(types))
    values.update((f"one_{place}", name) for place, name in enumerate(ids))
    if after:
        values.update(after_type=kind, after_id=identifier)
    return _statement(len(types), len(ids), bool(after)).all(connection, values)


def records_of(connection: sql.Connection, person: int) -> Sequence[Any]:
    """All signed records of a person that are not deleted, in order, as far as `Reader.facts` has to know them."""
    return _OF_PERSON.all(connection, {"person": person})


def definitions(connection: sql.Connection, identifier: str) -> Sequence[Any]:
    """The signed Medication and Substance of this id that are nobody's record: of the organisation's own list."""
    return _DEFINITION.all(connection, {"wanted": identifier})


def all_definitions(connection: sql.Connection) -> Sequence[Any]:
    """Every signed Medication and Substance that is nobody's record, in the order of types and ids."""
    return _DEFINITIONS.all(connection, {})


class Known(NamedTuple):
    """What is known of a record when it is decided about; with `trouble` it may not go out, whatever is decided."""

    facts: facts.Record
    trouble: Code | None = None


class Reader:
    """Reads records from the node's source. Facts are remembered by what was signed, since that does not change."""

    def __init__(self, node: "Node", turns: Turns) -> None:
        self._node = node
        self._turns = turns
        self._facts: dict[tuple[str, str, bytes, str], facts.Record] = {}
        self._quick = False

    def facts(self, row: Any) -> Known:
        """What a decision needs to know of a signed record. Raises Refusal if the source does not answer, StoreError.

        A record that is not what was signed is described by what stands there now, and is not let out; of one that
        is gone or broken, or that the source does not hand over, nothing is known, so that nothing opens it, and
        nothing tells that it was there.
        """
        rules = self._node.labels
        name = (row.type, row.id, bytes(row.sha256), rules.version)
        found = self._facts.get(name)
        if found is not None:
            return Known(found, Code.RECORD_ALTERED if row.altered else None)
        try:
            raw = self._raw(row)
        except RecordUnavailable:
            # A source that guards one record must not tell by its refusal that there is one.
            return Known(facts.unknown(row.type, row.id), Code.SOURCE_UNAVAILABLE)
        try:
            read = None if raw is None else canonical(raw)
        except RecordError:
            read = None
        if read is None or not isinstance(read.value, dict):
            self._raise_alarm(row.type, row.id, gone=raw is None)
            return Known(facts.unknown(row.type, row.id), Code.RECORD_ALTERED)
        described = rules.facts(read.value, row.type, row.id)
        if described.unread:
            self._tell_unread(row)
        if read.sha256 != row.sha256:
            return Known(described, self._differs(row, read.value))
        if len(self._facts) >= FACTS_REMEMBERED_MAX:
            self._facts = {}
        self._facts[name] = described
        return Known(described, Code.RECORD_ALTERED if row.altered else None)

    def one(self, row: Any, work: Callable[[], Done], otherwise: Done) -> Done:
        """What `work` makes of one record. `otherwise` where it fails in a way that nobody foresaw: then that record
        stays, alone, and the privacy officer is told. Raises what says that the node cannot work."""
        try:
            return work()
        except (Refusal, store.StoreError, VaultError, EngineError, sql.exc.SQLAlchemyError):
            raise
        except Exception:
            self._tell_unread(row)
            return otherwise

    def forget(self) -> None:
        """Forget what is remembered of records."""
        self._facts = {}

    def read(self, rows: Sequence[Any]) -> list[bytes]:
        """The canonical bytes of each record, all as they were signed. Raises Refusal if one is not, StoreError."""
        contents: list[bytes] = []
        size = 0
        for row in rows:
            content = self.content(row)
            size += len(content)
            if size > access.CONTENT_BYTES_MAX:
                raise Refusal(Code.TOO_LARGE)
            contents.append(content)
        return contents

    def content(self, row: Any) -> bytes:
        """The canonical bytes of what the source holds now, if they are what was signed. Raises Refusal, StoreError."""
        try:
            raw = self._raw(row)
        except RecordUnavailable:
            raise Refusal(Code.SOURCE_UNAVAILABLE) from None
        try:
            found = None if raw is None else canonical(raw)
        except RecordError:
            found = None
        if found is not None and found.sha256 == row.sha256:
            return found.data
        name = f"{row.type}/{row.id}"
        if found is None:
            self._raise_alarm(row.type, row.id, gone=raw is None)
            raise Refusal(Code.RECORD_ALTERED, name)
        raise Refusal(self._differs(row, found.value), name)

    def _raw(self, row: Any) -> bytes | None:
        try:
            # The turn is kept for one that was quick the last time; while one is read, the next is thought to be slow.
            quick, self._quick = self._quick, False
            with self._turns.away(moment=quick):
                begun = perf_counter()
                found = self._node.source.read(row.type, row.id)
                self._quick = perf_counter() - begun < QUICK_S
                return found
        except (SourceUnavailable, store.StoreError):
            raise Refusal(Code.SOURCE_UNAVAILABLE) from None
        except RecordUnavailable:
            raise
        except Exception:
            # Of one record alone it must not tell that it is there; where all are away, nothing may seem to be all.
            if not self._answers():
                raise Refusal(Code.SOURCE_UNAVAILABLE) from None
            raise RecordUnavailable from None

    def _answers(self) -> bool:
        """Whether the source answers at all: about a record that is nobody's."""
        try:
            with self._turns.away():
                self._node.source.read("Basic", NOBODYS)
        except RecordUnavailable:
            return True
        except Exception:
            return False
        return True

    def _differs(self, row: Any, value: Any) -> Code:
        """Why a content is not what was signed: a newer version, or an alteration, which raises an alarm."""
        if stamp_of(value) != row.stamp:
            # Its source counted the version up, and the new one is not signed yet: no alarm, and nothing goes out.
            return Code.RECORD_CHANGED
        self._raise_alarm(row.type, row.id, gone=False)
        return Code.RECORD_ALTERED

    def _tell_unread(self, row: Any) -> None:
        name = f"{row.type}/{row.id}"
        known = (store.alarm.c.code == UNREAD) & (store.alarm.c.subject == name)
        sentence = f"{name} cannot be read here for a decision; it was asked for and was kept back."
        told = {"time": self._node.clock(), "code": UNREAD, "subject": name, "sentence": sentence}

        def closure(connection: sql.Connection) -> None:
            if connection.execute(sql.select(store.alarm.c.id).where(known)).first() is None:
                connection.execute(sql.insert(store.alarm).values(**told))

        self._node.store.write(closure)

    def _raise_alarm(self, kind: str, identifier: str, gone: bool) -> None:
        name = f"{kind}/{identifier}"
        what = "is gone from" if gone else "was changed at"
        sentence = f"{name} {what} its source without a new version; it was asked for and was not let out."
        where = (_record.type == kind) & (_record.id == identifier) & (_record.altered.is_(False))
        row = {"time": self._node.clock(), "code": "record-altered", "subject": name, "sentence": sentence}

        def closure(connection: sql.Connection) -> None:
            if connection.execute(sql.update(store.record).where(where).values(altered=True)).rowcount:
                connection.execute(sql.insert(store.alarm).values(**row))

        self._node.store.write(closure)
