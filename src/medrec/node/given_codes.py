"""What became of the codes that the desk gave: nobody came yet, linked, or somebody else stood behind the phone.

The row of a code is kept for a day, by the digest of the code: the code itself is known to the picture on the screen
alone. `check` are six digits that the desk and the person's page compute from the same link; the clerk compares them,
and undoes a link whose digits the person in front of her does not have.
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec
from medrec.node.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

KEPT_MS = 86_400_000
WAITING, LINKED, CONTRADICTED, CONFIRMED, UNDONE = "waiting", "linked", "contradicted", "confirmed", "undone"

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


class GivenCode(NamedTuple):
    """One code; `state` is waiting, linked, contradicted, confirmed or undone, `check` "" until somebody was linked."""

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


def settle(connection: sql.Connection, digest: bytes, state: str, check: str = "") -> None:
    """Somebody presented a code; one that the desk did not give has no row."""
    where = given_code.c.digest == digest
    if state == LINKED:
        # A newer link stands: what the clerk says of an older code must not undo it.
        patient = sql.select(given_code.c.patient).where(where).scalar_subquery()
        older = (given_code.c.patient == patient) & (given_code.c.state == LINKED)
        connection.execute(sql.update(given_code).where(older).values(state=UNDONE))
    connection.execute(sql.update(given_code).where(where).values(state=state, digits=check))


def is_given(connection: sql.Connection, digest: bytes) -> bool:
    """Whether the desk gave this code."""
    return connection.execute(sql.select(given_code.c.state).where(given_code.c.digest == digest)).scalar() is not None


def lately(node: "Node") -> list[GivenCode]:
    """The codes of the last day, newest first."""
    query = sql.select(given_code).where(given_code.c.time >= node.clock() - KEPT_MS).order_by(given_code.c.time.desc())
    with node.store.read() as connection:
        return [
            GivenCode(bytes(row.digest), row.patient, row.time, row.expires, row.state, row.digits)
            for row in connection.execute(query)
        ]


def decide(node: "Node", digest: bytes, confirmed: bool) -> bool:
    """The clerk has compared the digits: a link that she does not confirm is undone. False if nothing waits for her."""
    where = (given_code.c.digest == digest) & (given_code.c.state == LINKED)
    with node.store.read() as connection:
        patient = connection.execute(sql.select(given_code.c.patient).where(where)).scalar()
    if patient is None:
        return False
    if not confirmed:
        node.linker.unlink(str(patient))
    update = sql.update(given_code).where(where).values(state=CONFIRMED if confirmed else UNDONE)
    return bool(node.store.write(lambda connection: connection.execute(update)).rowcount)
