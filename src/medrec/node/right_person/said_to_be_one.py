"""Charts that their source calls one person's: a queue for whoever sits at the desk, and never a link.

A source merges duplicates, or says of two that they are of one (Patient.link). Where one of the two is linked to an
account and the other one is not, somebody looks: the person is given a code for the other chart, as for any, or
somebody says that they are two people. What a source says alone links nobody: it merges the wrong ones, too.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql
from sqlalchemy import Boolean, Column, String, Table

from medrec.core.matching import WEIGHTS, Comparison, Demographics, compare
from medrec.core.records import datatypes
from medrec.core.records.canonical import RecordError, Value, canonical
from medrec.node.keeping import charted, store
from medrec.node.keeping.store import metadata
from medrec.node.right_person import desk_hands
from medrec.node.right_person.contradicting import WHOLE
from medrec.node.right_person.pointing import linked_patients

if TYPE_CHECKING:
    from medrec.node.node import Node

_READ = "charts-said"
"""The setting of a store in which what the Patients of before say of one another is written down."""

chart_said = Table(
    "chart_said",
    metadata,
    Column("patient", String(64), primary_key=True),
    Column("other", String(64), primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("apart", Boolean, nullable=False),
)
"""What a Patient says of another one of its source: replaced-by, replaces, seealso or refer. `apart`: somebody has
looked, and they are two people."""


class Said(NamedTuple):
    """Two charts of which the source says that they are one person's: the linked one, and the other one, with who each
    of them is and how they compare; `kind` as in Patient.link, of what the other one is to the linked one."""

    linked: str
    other: str
    kind: str
    who: Demographics
    beside: Demographics
    comparison: Comparison


MERGED = frozenset({"replaced-by", "replaces"})
_TURNED = {"replaced-by": "replaces", "replaces": "replaced-by"}


def note(connection: sql.Connection, records: Sequence[Value], servers: Iterable[str] = ()) -> None:
    """Write down what these Patients say of others, in place of what they said before. Inside `Store.write` only."""
    row = chart_said.c
    for record in records:
        if datatypes.text(record, "resourceType") != WHOLE:
            continue
        patient = datatypes.text(record, "id")
        says = {other: kind[:12] for kind, other in linked_patients(record, servers) if other != patient}
        there = connection.execute(sql.select(row.other, row.kind).where(row.patient == patient)).all()
        before = {one.other: one.kind for one in there}
        # Of what is said again somebody has looked already.
        gone = [other for other in before if says.get(other) != before[other]]
        if gone:
            connection.execute(sql.delete(chart_said).where(row.patient == patient, row.other.in_(gone)))
        fresh = [
            {"patient": patient, "other": other, "kind": kind, "apart": False}
            for other, kind in says.items()
            if before.get(other) != kind
        ]
        if fresh:
            connection.execute(sql.insert(chart_said), fresh)


def waiting(node: "Node") -> list[Said]:
    """What waits for a human, by the number of the linked chart."""
    _read_once(node)
    with node.store.read() as connection:
        rows = connection.execute(sql.select(chart_said).where(chart_said.c.apart.is_(False))).all()
        linked = {number: _is_linked(connection, number) for row in rows for number in (row.patient, row.other)}
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        if linked[row.patient] is True and linked[row.other] is False:
            found.setdefault((row.patient, row.other), _TURNED.get(row.kind, row.kind))
        elif linked[row.patient] is False and linked[row.other] is True:
            found[row.other, row.patient] = row.kind
    said = []
    for (mine, other), kind in sorted(found.items()):
        who, beside = node.linker.patient(mine), node.linker.patient(other)
        if who is not None and beside is not None:
            said.append(Said(mine, other, kind, who, beside, compare(who, beside, WEIGHTS)))
    return said


def are_two(node: "Node", linked: str, other: str, by: str) -> bool:
    """`by` has looked: these charts are two people's. False if they do not wait (any more)."""
    if (linked, other) not in [(one.linked, one.other) for one in waiting(node)]:
        return False
    digest = hashlib.sha256(f"medrec/charts/1 {linked} {other}".encode()).digest()
    desk_hands.write_down(node, digest, other, "refused", by)
    these = sql.update(chart_said).where(_pair(linked, other)).values(apart=True)
    node.store.write(lambda connection: connection.execute(these))
    return True


def apart(connection: sql.Connection, one: str, other: str) -> bool:
    """Whether somebody has looked at these two charts, and found them to be two people's."""
    row = chart_said.c
    query = sql.select(row.patient).where(_pair(one, other), row.apart.is_(True)).limit(1)
    return connection.execute(query).first() is not None


def _pair(one: str, other: str) -> sql.ColumnElement[bool]:
    row = chart_said.c
    return ((row.patient == one) & (row.other == other)) | ((row.patient == other) & (row.other == one))


def forget(connection: sql.Connection, patients: Sequence[str]) -> None:
    """These charts are erased. Inside `Store.write` only."""
    row = chart_said.c
    connection.execute(sql.delete(chart_said).where(row.patient.in_(patients) | row.other.in_(patients)))


def _is_linked(connection: sql.Connection, patient: str) -> bool | None:
    """Whether a local patient is linked; None for a number that is nobody's."""
    row = connection.execute(sql.select(store.person.c.account).where(charted.under(patient))).first()
    return None if row is None else row.account is not None


def _read_once(node: "Node") -> None:
    """Read what was signed before any of this was written down, once for each store."""
    setting, record = store.setting.c, store.record.c
    with node.store.read() as connection:
        if connection.execute(sql.select(setting.name).where(setting.name == _READ)).first() is not None:
            return
        query = sql.select(record.id).where(record.type == WHOLE, record.action != "delete").order_by(record.id)
        numbers = [str(one) for one in connection.execute(query).scalars()]
    found = []
    for number in numbers:
        raw = node.source.read(WHOLE, number)
        try:
            value = canonical(raw).value if raw is not None else None
        except RecordError:
            continue
        if type(value) is dict and value.get("link"):
            found.append(value)
    servers = node.directory.servers(node.organisation)

    def write(connection: sql.Connection) -> None:
        note(connection, found, servers)
        connection.execute(sql.delete(store.setting).where(setting.name == _READ))
        connection.execute(sql.insert(store.setting).values(name=_READ, value=b"1"))

    node.store.write(write)
