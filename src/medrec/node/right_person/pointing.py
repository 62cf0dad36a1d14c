"""Records that point at what is another patient's of the same source: at her visit, or at an order of hers; and a
Patient that its source merged another linked person's into.

What is not here yet is nobody's. Where a linked person's records point is kept, so that a visit which comes, or is
filed under somebody else, later than what points at it is noticed then (pointing_later.py).
"""

import re
from collections.abc import Iterable, Sequence

import sqlalchemy as sql
from sqlalchemy import Boolean, Column, Index, Integer, String, Table

from medrec.core.consent.pointers import local
from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.right_person.contradicting import OF_ANOTHER, REPLACES, WHOLE

_POINTERS = {
    "encounter": "Encounter", "context": "Encounter", "authorizingPrescription": "MedicationRequest", "basedOn": "",
    "request": "",
}  # fmt: skip
"""The elements by which a record says of which visit or order it is, and the type that each points at where it has no
choice. What a record is a part of may be somebody else's: a newborn's visit is a part of its mother's."""
_LOCAL = re.compile(r"(?:([A-Z][A-Za-z]{2,})/|urn:uuid:)([A-Za-z0-9\-.]{1,64})(?:/_history/[^/?#\s]*)?")
_AT_ONCE = 500

Name = tuple[str, str]

points_at = Table(
    "points_at",
    metadata,
    Column("type", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("at_type", String(64), primary_key=True),
    Column("at_id", String(64), primary_key=True),
    Column("person", Integer, nullable=False, index=True),
    Column("other", Boolean),
    Index("points_at_at", "at_id", "at_type"),
)
"""At which visits and orders a linked person's records point; `other`: whether that was another patient's when it was
looked at last, None where it was nobody's."""


class Pointing:
    """At whose records those of one delivery, filed under one person, point. `servers`: the source's base addresses."""

    def __init__(
        self, connection: sql.Connection, person: int, records: Sequence[Value], servers: Iterable[str] = ()
    ) -> None:
        self._person, self._servers = person, tuple(servers)
        self._whose = _whose(connection, [name for record in records for name in self._names(record)])

    def against(self, record: Value) -> tuple[str, ...]:
        """By what a record points at another person's, empty where it does not."""
        found = [self._whose[name] for name in self._names(record) if name in self._whose]
        others = [is_linked for person, is_linked in found if person != self._person]
        if datatypes.text(record, "resourceType") == WHOLE:
            return (REPLACES,) if any(others) else ()
        return (OF_ANOTHER,) if others else ()

    def is_of_hers(self, record: Value) -> bool:
        """Whether a record is of a visit or an order of this person, and of no other's."""
        return not self.against(record) and any(name in self._whose for name in self._names(record))

    def keep(self, connection: sql.Connection, records: Sequence[Value]) -> None:
        """Write down where these records point, in place of where they pointed before. Inside `Store.write` only."""
        row, fresh = points_at.c, []
        # Whom a Patient replaces is asked of that one when it is linked.
        names = [(name, self._names(one)) for one in records if (name := _name_of(one))[0] != WHOLE]
        for kind in dict.fromkeys(name[0] for name, _ in names):
            ids = [name[1] for name, _ in names if name[0] == kind]
            for start in range(0, len(ids), _AT_ONCE):
                these = row.id.in_(ids[start : start + _AT_ONCE])
                connection.execute(sql.delete(points_at).where(row.type == kind, these))
        for name, at in names:
            for one in dict.fromkeys(at):
                found = {"type": name[0], "id": name[1], "at_type": one[0], "at_id": one[1], "person": self._person}
                whose = self._whose.get(one)
                fresh.append(found | {"other": None if whose is None else whose[0] != self._person})
        if fresh:
            connection.execute(sql.insert(points_at), fresh)

    def _names(self, record: Value) -> list[Name]:
        if datatypes.text(record, "resourceType") == WHOLE:
            merged = [one for one in datatypes.many(record, "link") if datatypes.text(one, "type") == "replaces"]
            return self._read([(datatypes.one(one, "other"), WHOLE) for one in merged])
        pointers = [(one, kind) for key, kind in _POINTERS.items() for one in datatypes.many(record, key)]
        # A document's visits stand one level down.
        within = datatypes.many(datatypes.one(record, "context"), "encounter")
        return self._read([*pointers, *((one, "Encounter") for one in within)])

    def _read(self, pointers: list[tuple[Value, str]]) -> list[Name]:
        names = []
        for pointer, kind in pointers:
            found = _LOCAL.fullmatch(local(datatypes.text(pointer, "reference"), self._servers))
            if found is not None and (found[1] or kind):
                names.append((found[1] or kind, found[2]))
        return names


def linked_patients(patient: Value, servers: Iterable[str] = ()) -> list[tuple[str, str]]:
    """What a Patient says of other Patients of its source (Patient.link): how, and the local number of each."""
    found = []
    for one in datatypes.many(patient, "link"):
        reference = local(datatypes.text(datatypes.one(one, "other"), "reference"), tuple(servers))
        named = _LOCAL.fullmatch(reference)
        if named is not None and named[1] in (None, WHOLE):
            found.append((datatypes.text(one, "type"), named[2]))
    return found


def _name_of(record: Value) -> Name:
    return datatypes.text(record, "resourceType"), datatypes.text(record, "id")


def _whose(connection: sql.Connection, names: Sequence[Name]) -> dict[Name, tuple[int, bool]]:
    """Under which person each of these records is filed, and whether she is linked; without those that are nobody's."""
    record, person = store.record.c, store.person.c
    query = sql.select(record.type, record.id, person.id.label("person"), person.account.is_not(None).label("linked"))
    query = query.join_from(store.record, store.person, person.id == record.person).where(record.action != "delete")
    wanted = dict.fromkeys(names)
    ids = [*dict.fromkeys(identifier for _, identifier in wanted)]
    found = {}
    for start in range(0, len(ids), _AT_ONCE):
        for row in connection.execute(query.where(record.id.in_(ids[start : start + _AT_ONCE]))):
            if (row.type, row.id) in wanted:
                found[row.type, row.id] = (int(row.person), bool(row.linked))
    return found
