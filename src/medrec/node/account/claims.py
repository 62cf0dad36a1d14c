"""Whether somebody may act for a person now: a list of claims, asked anew at every question. All have to be true.

A right that an organisation states holds only as long as that organisation is an active hospital or clinic, her link
with it stands, no record contradicts it, and its wait has run out. The wait counts from when the right came, or from
when the last of the other claims became true again: what was closed for a while opens to nobody before she was told.
"""

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import state
from medrec.core.delegation import Standing
from medrec.core.kinds.recovery import CLINIC_ROLES
from medrec.core.manifests.delegation import Delegation
from medrec.core.records.canonical import RecordError, canonical
from medrec.node.account.attested import WAIT_MS, begin_anew
from medrec.node.account.returning import is_served
from medrec.node.agent import standing_links
from medrec.node.keeping.journal import Person
from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.account.delegates import Held
    from medrec.node.node import Node

# The rights that organisations stated against which something speaks, since it was seen.
delegation_doubted = Table(
    "delegation_doubted",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("time", BigInteger, nullable=False),
)


class Why(Enum):
    """Why nobody may act by a delegation now; the value is its sentence."""

    ENDED = "It was ended."
    OVER = "Its time is over, or has not come."
    UNREVIEWED = "The child is thirteen and nobody has looked at it again."
    LEFT = "Who stated it is no active hospital or clinic."
    UNLINKED = "The person has no link with the organisation that stated it."
    CONTRADICTED = "A record of this person has another date of birth."
    RESTS = "The person lets it rest."
    UNUSED = "Nobody has used it for years."
    WAITS = "It has not begun."


class Closed(NamedTuple):
    """Why a delegation is closed, and which organisation (id) makes it so: it stated the right, or its record
    contradicts."""

    why: Why
    place: str = ""


def weighed(node: "Node", person: Person, held: "Held") -> "Held":
    """A delegation with the first claim about it that is not true (`closed`), and from when it may be used."""
    now = node.clock()
    doubt = doubted(node, person, held.delegation) if held.lives else None
    begins = _begins(node, held, doubt, now)
    claims = (
        (held.ended is None, Closed(Why.ENDED)),
        (held.standing is not Standing.RESTS, Closed(Why.UNREVIEWED, held.delegation.attested or "")),
        (held.standing.holds, Closed(Why.OVER)),
        (doubt is None, doubt),
        (not held.rests, Closed(Why.RESTS)),
        (now < held.goes, Closed(Why.UNUSED)),
        (now >= begins, Closed(Why.WAITS)),
    )
    closed = next((why for true, why in claims if not true), None)
    return held._replace(begins=begins, doubted=doubt is not None, closed=closed)


def doubted(node: "Node", person: Person, delegation: Delegation) -> Closed | None:
    """What speaks against a right that an organisation stated, None for nothing; nothing does against what the person
    signed herself."""
    issuer = delegation.attested
    if issuer is None:
        return None
    if not _is_clinic(node, issuer):
        return Closed(Why.LEFT, issuer)
    if not _is_linked(node, delegation.account, issuer):
        return Closed(Why.UNLINKED, issuer)
    for place, date in _birth_dates(node, person, delegation.account) if delegation.born is not None else ():
        # A date that is not whole contradicts in what it says.
        if not str(delegation.born).startswith(date):
            return Closed(Why.CONTRADICTED, place)
    return None


def _is_clinic(node: "Node", issuer: str) -> bool:
    with node.engine.view() as view:
        found = state.organisation(view, issuer)
    return found is not None and found.active and bool(CLINIC_ROLES.intersection(found.roles))


def _is_linked(node: "Node", account: str, issuer: str) -> bool:
    """Whether her link with who stated it stands. Whoever asks has her among its people; where she is not served, her
    agent has asked."""
    return (
        issuer == node.organisation or not is_served(node, account) or issuer in standing_links.standing(node, account)
    )


def _birth_dates(node: "Node", person: Person, account: str) -> list[tuple[str, str]]:
    """What is known here of the person's date of birth, by the place whose record says so: her own Patient record, and
    at her agent the copies from every place."""
    here = node.linker.patient(person.patient) if person.patient is not None else None
    found = [(node.organisation, here.birth)] if here is not None else []
    for copy in node.copies.hers(account, "Patient") if node.copies is not None else ():
        try:
            value: Any = canonical(copy.content).value
        except RecordError:
            continue
        date = value.get("birthDate") if isinstance(value, dict) else None
        found.append((copy.organisation, date if isinstance(date, str) else ""))
    return [(place, date[:10]) for place, date in found if date]


def _begins(node: "Node", held: "Held", doubt: Closed | None, now: int) -> int:
    """From when it may be used: three days from now where the last doubt about it is just gone. The person is told when
    a doubt comes, and when it goes."""
    if not held.lives or (doubt is not None) == held.doubted:
        return held.begins
    digest, account = held.hash, held.delegation.account

    def closure(connection: sql.Connection) -> int:
        gone = connection.execute(sql.delete(delegation_doubted).where(delegation_doubted.c.hash == digest)).rowcount
        if doubt is not None:
            connection.execute(sql.insert(delegation_doubted).values(hash=digest, account=account, time=now))
            return held.begins
        return begin_anew(connection, digest, account, now + WAIT_MS) if gone else held.begins

    begins: int = node.store.write(closure)
    if node.teller is not None:
        node.teller.tell(account, "key-change")
    return begins


def was_doubted(connection: sql.Connection, digest: bytes) -> bool:
    """Whether something spoke against a delegation when it was last asked about."""
    known = delegation_doubted.c.hash
    return connection.execute(sql.select(known).where(known == digest)).first() is not None


LASTING = frozenset((Standing.GROWN, Standing.OVER))
"""What a delegation never comes back from."""
