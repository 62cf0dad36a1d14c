"""At a person's agent: what is in none of her lists, since it may be another person's. Its copies stay here, and come
back with the word that ends it.

What a place holds back as it told (holding_told.py); what she said herself is not about her, until she says that it is
(what was said before she moved here: said_before.py); and what a place gave whose Patient contradicts those of other
places and is not called as she is.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, String, Table

from medrec.core import matching
from medrec.core.manifests.correction import CorrectionStatement
from medrec.core.matching import Demographics, contradictions
from medrec.core.records.canonical import RecordError, canonical
from medrec.node.keeping.store import metadata
from medrec.node.right_person import said_before
from medrec.node.right_person.contradicting import WHOLE
from medrec.node.right_person.holding_told import held_back
from medrec.node.right_person.said_before import Said

if TYPE_CHECKING:
    from medrec.node.agent.copies import Copy
    from medrec.node.node import Node

not_hers = Table(
    "not_hers",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("name", String(140), primary_key=True),
    Column("time", BigInteger, nullable=False),
)
"""The records ("Type/id") of which a person said that they are not about her."""


def note(connection: sql.Connection, statement: CorrectionStatement, time: int) -> None:
    """Remember what she says of a record, or that she takes it back. Inside `Store.write` only."""
    row, name = not_hers.c, f"{statement.type}/{statement.record}"
    mine = (row.account == statement.account) & (row.organisation == statement.source) & (row.name == name)
    connection.execute(sql.delete(not_hers).where(mine))
    if statement.claim == "not-mine":
        found = {"account": statement.account, "organisation": statement.source, "name": name, "time": time}
        connection.execute(sql.insert(not_hers).values(**found))


def said(node: "Node", account: str) -> list[Said]:
    """What she said is not about her, newest first: here, and at an agent that served her before, as far as it is told
    (said_before.py). Raises StoreError, VaultError, EngineError."""
    row = not_hers.c
    query = sql.select(row.organisation, row.name, row.time).where(row.account == account)
    with node.store.read() as connection:
        here = [Said(*found) for found in connection.execute(query).all()]
    known = {(one.organisation, one.name): one for one in here}
    for found in said_before.said(node, account) if node.agent is not None else ():
        known.setdefault((found.organisation, found.name), found)
    return sorted(known.values(), key=lambda one: (-one.time, one.name))


class Known(NamedTuple):
    """What places call her, where they contradict each other: those whose Patient is not she, of whose records nothing
    is hers; and those of whom nobody here can say which is wrong, so that nothing is left out and she is asked."""

    strangers: dict[str, Demographics]
    unlike: dict[str, Demographics]


def known(node: "Node", account: str) -> Known:
    """How places call her that contradict each other.

    A place's Patient is not she if it contradicts that of another place which is called as she is here, and is not
    called so itself, or if it contradicts two others and agrees with none. Where the name that she goes by fits both
    or neither (a slip in a date of birth), neither is."""
    patients: dict[str, Demographics] = {}
    for copy in node.copies.all(account, WHOLE) if node.copies is not None else ():
        if copy.organisation not in patients:
            try:
                patients[copy.organisation] = matching.of_patient(canonical(copy.content).value)
            except RecordError:
                continue
    called = (node.agent.name_of(account) or "") if node.agent else ""
    words = set(matching.plain(called).split())
    named = {
        place: bool(words & set(matching.plain(f"{who.given} {who.family}").split())) for place, who in patients.items()
    }
    against = {
        place: [other for other in patients if other != place and contradictions(patients[other], who)]
        for place, who in patients.items()
    }
    found = {}
    for place, others in against.items():
        by_name = not named[place] and any(named[other] for other in others)
        if by_name or len(others) > max(1, len(patients) - 1 - len(others)):
            found[place] = patients[place]
    unlike = {
        place: patients[place]
        for place, others in against.items()
        if place not in found and any(other not in found for other in others)
    }
    return Known(found, unlike)


def away(node: "Node", account: str) -> set[tuple[str, str]]:
    """(organisation, "Type/id") of what is in no list of hers, and (organisation, "Patient") where nothing from there
    is."""
    found = held_back(node, account) | {(one.organisation, one.name) for one in said(node, account)}
    return found | {(place, WHOLE) for place in known(node, account).strangers}


def hers(node: "Node", account: str, copies: "Iterable[Copy]") -> "list[Copy]":
    """These copies without what is in none of her lists."""
    gone = away(node, account)
    return [copy for copy in copies if not names_of(copy) & gone]


def names_of(copy: "Copy") -> set[tuple[str, str]]:
    """The names under which a copy may be kept away."""
    return {(copy.organisation, WHOLE), (copy.organisation, f"{copy.type}/{copy.id}")}
