"""What of a record's content cannot be of its linked person, as far as this place knows her: her sex and birth as they
were confirmed, her blood group as it was first found, and what a human has settled before.

Kept sealed under the node's master key, one row for each linked person, gone with the link.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sql
from sqlalchemy import Column, Integer, LargeBinary, Table

from medrec.core import codec
from medrec.core.impossible import Impossible, blood_group, impossible, other_blood
from medrec.core.matching import Demographics
from medrec.core.records.canonical import Value
from medrec.node.keeping import account_keys
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault

WITH = ("came-with",)
"""The reason of what is held back because it came together with a record that cannot be hers."""
OTHER_NAME = "other-name"
"""The reason of a Patient that goes by two names at once, of which one has nothing in common with hers."""
INACTIVE = "inactive"
"""The reason of a Patient of which its source says that it is in use no more: mostly one of two that were made one."""
_ONCE = frozenset({Impossible.SEX, Impossible.AGE, Impossible.BIRTH, Impossible.DEATH, OTHER_NAME, INACTIVE})
"""What is not asked again of a person once a human has settled it. Blood always is: it does not change by being
believed."""
_CONTENT = frozenset({Impossible.SEX, Impossible.AGE, Impossible.BIRTH, Impossible.BLOOD})

body_known = Table(
    "body_known",
    metadata,
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)


class _Known(msgspec.Struct):
    """`group` and `rhesus`: her blood group, empty while none is known. `settled`: what is not asked again of her."""

    group: str = ""
    rhesus: str = ""
    settled: list[str] = []


class Body:
    """What is known of one person's body while a delivery is looked at; `keep` writes down what was learnt."""

    def __init__(self, connection: sql.Connection, vault: Vault, person: int) -> None:
        self._connection, self._vault, self._person = connection, vault, person
        sealed = connection.execute(sql.select(body_known.c.sealed).where(body_known.c.person == person)).scalar()
        opened = b"{}"
        if sealed is not None:
            key = account_keys.data_key(connection, vault, person)
            opened = account_keys.open_either(vault, key, bytes(sealed), _context(person))
        self._known = msgspec.json.decode(opened, type=_Known)
        self._changed = False

    def against(self, who: Demographics, record: Value) -> tuple[str, ...]:
        """By what a record's content cannot be hers, without what a human has settled."""
        found: list[str] = [*impossible(who, record)]
        now, before = blood_group(record), (self._known.group, self._known.rhesus)
        if other_blood(before, now):
            found.append(Impossible.BLOOD)
        elif now != ("", ""):
            self._learn(now)
        return self.unsettled(found)

    def unsettled(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Those of these reasons that no human has settled for good."""
        return tuple(name for name in fields if name not in self._known.settled)

    def _learn(self, now: tuple[str, str]) -> None:
        group, rhesus = now[0] or self._known.group, now[1] or self._known.rhesus
        if (group, rhesus) != (self._known.group, self._known.rhesus):
            self._known.group, self._known.rhesus, self._changed = group, rhesus, True

    def settle(self, fields: Sequence[str], record: Value | None) -> None:
        """A human says that a record which was held back by these fields is hers: her blood group is then the one that
        it gives, and other reasons are not asked again."""
        names = [name for name in fields if name in _ONCE]
        self._known.settled = sorted({*self._known.settled, *names})
        self._changed = True
        if record is not None and Impossible.BLOOD in fields:
            self._learn(blood_group(record))

    def keep(self) -> None:
        """Write down what was learnt, if anything was. Inside `Store.write`."""
        if not self._changed:
            return
        self._connection.execute(sql.delete(body_known).where(body_known.c.person == self._person))
        key = account_keys.data_key(self._connection, self._vault, self._person)
        sealed = self._vault.seal(key, msgspec.json.encode(self._known), _context(self._person))
        self._connection.execute(sql.insert(body_known).values(person=self._person, sealed=sealed))


def of_content(fields: Sequence[str]) -> bool:
    """Whether a record is held back by what it says, and not by whom it names."""
    return any(name in _CONTENT for name in fields)


def settle(connection: sql.Connection, vault: Vault, person: int, fields: Sequence[str], record: Any) -> None:
    """What a human said about a record that was held back; inside `Store.write`."""
    if of_content(fields) or not _ONCE.isdisjoint(fields):
        body = Body(connection, vault, person)
        body.settle(fields, record)
        body.keep()


def forget(connection: sql.Connection, person: int) -> None:
    """The link of a person is undone: nothing is known of her any more."""
    connection.execute(sql.delete(body_known).where(body_known.c.person == person))


def _context(person: int) -> bytes:
    return codec.encode(["body", person])
