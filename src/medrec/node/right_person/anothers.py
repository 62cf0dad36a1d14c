"""Whether a local number is known as another person's than somebody's who is linked here.

A number is new, or one of several of hers that their place is about to merge, more often than it is a stranger's: only
a link of somebody else, or a Patient that contradicts all that was confirmed of her, says that it is another's.
"""

from collections.abc import Callable, Mapping

import sqlalchemy as sql

from medrec.core import matching
from medrec.core.records.canonical import Value
from medrec.node.keeping import charted, store
from medrec.node.keeping.journal import Journal, Person
from medrec.node.keeping.vault import Vault
from medrec.node.right_person import holding
from medrec.node.right_person.contradicting import WHOLE

Read = Callable[[str, str], bytes | None]
"""Gives a record from its source."""


def is_anothers(connection: sql.Connection, vault: Vault, read: Read, person: Person, patient: str | None) -> bool:
    """Whether a local number (None: of nobody) is linked to another account than this person's, or its Patient, as it
    was signed, contradicts whatever was confirmed of her here. False where nobody knows whose it is."""
    if patient is None:
        return False
    linked = charted.account_of(connection, patient)
    if linked is not None and linked[0] != person.account:
        return True
    rows = [person.id, *(one.link for one in charted.of_person(connection, person.id))]
    confirmed = [who for who in (holding.known(connection, vault, row) for row in rows) if who is not None]
    stated = _stated(connection, read, patient) if confirmed else None
    if stated is None:
        return False
    now = matching.of_patient(stated)
    return all(matching.contradictions(who, now) for who in confirmed)


def parted(
    connection: sql.Connection, journal: Journal, read: Read, person: Person, moved: Mapping[charted.Name, int]
) -> tuple[list[charted.Name], list[charted.Name]]:
    """Records that came under this person and are filed under other rows now: those whose row is known as another's,
    and the rest."""
    if person.account is None:
        return [], []
    numbers = {row: journal.person(connection, row).patient for row in dict.fromkeys(moved.values())}
    his = {row: is_anothers(connection, journal.vault, read, person, number) for row, number in numbers.items()}
    gone = [name for name, row in moved.items() if his[row]]
    return gone, [name for name, row in moved.items() if not his[row]]


def _stated(connection: sql.Connection, read: Read, patient: str) -> Value | None:
    """The Patient of a number as it was signed; None where there is none, or it cannot be read."""
    record = store.record.c
    there = (record.type == WHOLE) & (record.id == patient) & (record.action != "delete") & record.altered.is_(False)
    sha256 = connection.execute(sql.select(record.sha256).where(there)).scalar()
    if sha256 is None:
        return None
    try:
        raw = read(WHOLE, patient)
    except Exception:
        # Whatever keeps its source from handing it over: then nobody knows whose it is, and a human is asked.
        return None
    return holding.as_signed(raw, sha256)
