"""Reading records where they live, and holding them against what was signed: steps 5 and 6 of the gate."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.core.consent.simple import Decision
from medrec.core.manifests.access import Request
from medrec.core.records.canonical import RecordError, canonical
from medrec.node import access, store
from medrec.node.publish import stamp_of
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

_record, _manifest, _line = store.record.c, store.manifest.c, store.line.c
_SIGNED_RECORDS = (
    sql.select(
        _record.type,
        _record.id,
        _record.sha256,
        _record.manifest,
        _record.stamp,
        _record.altered,
        _manifest.sealed,
        _line.entry,
        _line.seq,
    )
    .join_from(store.record, store.manifest, _manifest.hash == _record.manifest)
    .join(store.line, _line.seq == _manifest.seq)
    .where(_record.person == sql.bindparam("person"), _record.action != "delete")
    .order_by(_record.type, _record.id)
    .limit(sql.bindparam("limit", type_=sql.Integer))
)


@cache
def _statement(permitted: bool, withheld: bool, ids: bool, after: bool) -> sql.Select[Any]:
    """One statement for each shape of request, built once: building costs more than running it."""
    statement = _SIGNED_RECORDS
    if permitted:
        statement = statement.where(_record.type.in_(sql.bindparam("permitted", expanding=True)))
    if withheld:
        statement = statement.where(_record.type.not_in(sql.bindparam("withheld", expanding=True)))
    if ids:
        statement = statement.where(_record.id.in_(sql.bindparam("ids", expanding=True)))
    if after:
        kind: sql.BindParameter[str] = sql.bindparam("after_type")
        identifier: sql.BindParameter[str] = sql.bindparam("after_id")
        statement = statement.where(
            sql.or_(_record.type > kind, sql.and_(_record.type == kind, _record.id > identifier))
        )
    return statement


def signed_records(
    connection: sql.Connection, person: int, request: Request, decision: Decision
) -> Sequence[sql.Row[Any]]:
    """The signed records, not deleted, of a person that a decision lets out; one more than fits on a page.

    What is withheld does not come out of the store, so neither a page nor `more` tells of it.
    """
    kind, _, identifier = request.after.partition("/")
    shape = (decision.permitted is not None, bool(decision.withheld), bool(request.ids), bool(request.after))
    values = {
        "person": person,
        "limit": access.PAGE_RECORDS + 1,
        "permitted": sorted(decision.permitted or ()),
        "withheld": sorted(decision.withheld),
        "ids": request.ids,
        "after_type": kind,
        "after_id": identifier,
    }
    return connection.execute(_statement(*shape), values).all()


class Reader:
    """Reads what is let out from the node's source."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def read(self, rows: Sequence[Any]) -> list[bytes]:
        """The canonical bytes of each record, all as they were signed. Raises Refusal if one is not, StoreError."""
        contents: list[bytes] = []
        size = 0
        for row in rows:
            try:
                raw = self._node.source.read(row.type, row.id)
            except Exception:
                # Whatever a source raises, its record does not go out.
                raise Refusal(Code.SOURCE_UNAVAILABLE) from None
            content = self._compare(row, raw)
            size += len(content)
            if size > access.CONTENT_BYTES_MAX:
                raise Refusal(Code.TOO_LARGE)
            contents.append(content)
        return contents

    def _compare(self, row: Any, raw: bytes | None) -> bytes:
        """The canonical bytes of what the source holds now, if they are what was signed."""
        try:
            found = None if raw is None else canonical(raw)
        except RecordError:
            found = None
        if found is not None and found.sha256 == row.sha256:
            return found.data
        name = f"{row.type}/{row.id}"
        if found is not None and stamp_of(found.value) != row.stamp:
            # Its source counted the version up, and the new one is not signed yet: no alarm, and nothing goes out.
            raise Refusal(Code.RECORD_CHANGED, name)
        self._raise_alarm(row.type, row.id, gone=raw is None)
        raise Refusal(Code.RECORD_ALTERED, name)

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
