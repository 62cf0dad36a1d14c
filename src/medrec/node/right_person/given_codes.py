"""What became of the codes that the desk gave: nobody came yet, linked, or somebody else stood behind the phone.

The row of a code is kept for a day, by the digest of the code: the code itself is known to the picture on the screen
alone. `check` are six digits that the desk and the person's page compute from the same code; the clerk compares them,
and only then is the link made that waited (waiting_links.py). One whose digits the person does not have is forgotten.
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.right_person import waiting_links

if TYPE_CHECKING:
    from medrec.node.node import Node

KEPT_MS = 86_400_000
WAITING, LINKED, CONTRADICTED, CONFIRMED, UNDONE = "waiting", "linked", "contradicted", "confirmed", "undone"
EXPIRED, SECOND = "expired", "second"

given_code = Table(
    "given_code",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("patient", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("digits", String(6), nullable=False),
)

code_holder = Table(
    "code_holder",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("agent", String(32), nullable=False),
    Column("expires", BigInteger, nullable=False),
)
"""For whom a code is that no desk gave: whose request a human looked at, and the agent that asked for her."""


class GivenCode(NamedTuple):
    """One code; `state` is waiting, linked (the digits are to be compared), contradicted, confirmed, undone, expired
    or second (whoever presented it is linked here to the chart of somebody else, as it seems), `check` "" until
    somebody presented it."""

    digest: bytes
    patient: str
    time: int
    expires: int
    state: str
    check: str


def link_check(network: bytes, organisation: str, account: str, code: bytes) -> str:
    """The six digits that both sides of a link show: of SHA-256("medrec/link-check/1" || what was signed)."""
    stated = codec.encode([network, organisation, account, code])
    digest = hashlib.sha256(b"medrec/link-check/1" + stated).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def enter(connection: sql.Connection, digest: bytes, patient: str, now: int, expires: int) -> None:
    """The desk gave a code; what is older than a day goes."""
    connection.execute(sql.delete(given_code).where(given_code.c.time < now - KEPT_MS))
    row = {"digest": digest, "patient": patient, "time": now, "expires": expires, "state": WAITING, "digits": ""}
    connection.execute(sql.insert(given_code).values(**row))


def is_for(connection: sql.Connection, digest: bytes, account: str, agent: str, now: int, expires: int) -> None:
    """A human has said whose a code is, who does not stand at the desk. Inside `Store.write` only."""
    connection.execute(sql.delete(code_holder).where(code_holder.c.expires < now))
    row = {"digest": digest, "account": account, "agent": agent, "expires": expires}
    connection.execute(sql.insert(code_holder).values(**row))


def may_present(kept: store.Store, digest: bytes, account: str, agent: str) -> bool:
    """Whether this account, through this agent, may present a code: anybody for one of the desk, which compares."""
    query = sql.select(code_holder.c.account, code_holder.c.agent).where(code_holder.c.digest == digest)
    with kept.read() as connection:
        row = connection.execute(query).one_or_none()
    return row is None or (row.account, row.agent) == (account, agent)


def gave(kept: store.Store, digest: bytes) -> bool:
    """Whether the desk gave this code: what it links waits for the clerk."""
    with kept.read() as connection:
        return (
            connection.execute(sql.select(given_code.c.time).where(given_code.c.digest == digest)).first() is not None
        )


def settle(connection: sql.Connection, digest: bytes, state: str, check: str = "") -> None:
    """Somebody presented a code; one that the desk did not give has no row."""
    where = given_code.c.digest == digest
    connection.execute(sql.update(given_code).where(where).values(state=state, digits=check))


def second(kept: store.Store, digest: bytes) -> None:
    """Whoever presented a code of the desk is linked here to the chart of somebody whom this one contradicts. The desk
    is told so, and the code is used up."""

    def write(connection: sql.Connection) -> None:
        connection.execute(sql.delete(store.invitation).where(store.invitation.c.code == digest))
        settle(connection, digest, SECOND)

    kept.write(write)


def lately(node: "Node") -> list[GivenCode]:
    """The codes of the last day, newest first."""
    query = sql.select(given_code).where(given_code.c.time >= node.clock() - KEPT_MS).order_by(given_code.c.time.desc())
    with node.store.read() as connection:
        return [
            GivenCode(bytes(row.digest), row.patient, row.time, row.expires, row.state, row.digits)
            for row in connection.execute(query)
        ]


def decide(node: "Node", digest: bytes, confirmed: bool) -> bool:
    """The clerk has compared the digits: the link that she confirms is made, any other forgotten. False if nothing
    waits for her (any more). Raises LinkError where it cannot be made."""
    end_unconfirmed(node)

    def write(connection: sql.Connection) -> bool:
        where = (given_code.c.digest == digest) & (given_code.c.state == LINKED)
        waiting = waiting_links.of(connection, node.vault, digest)
        if waiting is None or connection.execute(sql.select(given_code.c.time).where(where)).first() is None:
            return False
        if confirmed:
            node.linker.finish(connection, waiting)
            waiting_links.linked(connection, digest)
        else:
            waiting_links.forget_code(connection, digest)
        settle(
            connection,
            digest,
            CONFIRMED if confirmed else UNDONE,
            str(connection.execute(sql.select(given_code.c.digits).where(where)).scalar()),
        )
        return True

    done = node.store.write(write)
    waiting_links.give_consents(node)
    return done


def end_unconfirmed(node: "Node") -> int:
    """Forget what nobody confirmed in time, with an alarm for each; how many."""
    if not waiting_links.any_late(node.store, node.clock()):
        return 0

    def write(connection: sql.Connection) -> int:
        now, late = node.clock(), waiting_links.end_late(connection, node.clock())
        for digest, patient in late:
            connection.execute(
                sql.update(given_code).where(given_code.c.digest == digest).values(state=EXPIRED, digits="")
            )
            sentence = (
                f"Somebody presented the code for Patient/{patient} and nobody compared the digits in time; nothing "
                "was linked. If the person did not stand at the desk, the code was seen by somebody else."
            )
            row = {"time": now, "code": "link-unconfirmed", "subject": f"Patient/{patient}", "sentence": sentence}
            connection.execute(sql.insert(store.alarm).values(**row))
        return len(late)

    return node.store.write(write)
