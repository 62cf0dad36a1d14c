"""Links that wait for the desk: a code was presented, and the clerk has not compared the digits yet.

Whoever sees the picture on the desk's screen can present its code. So a code of the desk links nobody: what the agent
presented is laid by here, sealed, and the person's account is as unknown at this organisation as before: no line, no
notice, no record, no act. The clerk compares the digits on both screens and only then the link is made; what waits for
longer than CONFIRM_MS is forgotten. A consent that the person gave with the link waits beside it.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, String, Table

from medrec.core import codec
from medrec.core.matching import Demographics
from medrec.node.keeping import charted, store
from medrec.node.keeping.account_keys import data_key
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault
from medrec.node.refusals import Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

CONFIRM_MS = 15 * 60_000
"""So long the digits stand on the person's page, and so long the clerk can compare them."""
CONSENTS_MAX = 4
CONSENT_BYTES_MAX = 100_000

waiting_link = Table(
    "waiting_link",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("patient", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    # True between the making of the link and the giving of the consents that came with it.
    Column("linked", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


class Keys(NamedTuple):
    """The agent that presented a code, and the keys of the relationship that it brought."""

    agent: str
    epoch: int
    relationship: bytes
    seal: bytes


class WaitingLink(NamedTuple):
    """What waits under a code: whose account, which local patient, the keys, and who she said that she is."""

    account: str
    patient: str
    keys: Keys
    stated: Demographics
    consents: tuple[bytes, ...] = ()


def enter(connection: sql.Connection, vault: Vault, digest: bytes, waiting: WaitingLink, now: int) -> None:
    """Lay a link by. Inside `Store.write` only."""
    row = {"digest": digest, "account": waiting.account, "patient": waiting.patient, "time": now, "linked": False}
    connection.execute(sql.insert(waiting_link).values(**row, sealed=_sealed(connection, vault, digest, waiting)))


def again(connection: sql.Connection, vault: Vault, digest: bytes, account: str, keys: Keys, now: int) -> bool:
    """Whether the same agent presents the same code for the same account once more (an answer was lost): its keys are
    those that it brings now. Inside `Store.write` only."""
    found = of(connection, vault, digest)
    if found is None or found.account != account or found.keys.agent != keys.agent:
        return False
    if _late(connection, digest, now):
        return False
    sealed = _sealed(connection, vault, digest, found._replace(keys=keys))
    connection.execute(sql.update(waiting_link).where(waiting_link.c.digest == digest).values(sealed=sealed))
    return True


def of(connection: sql.Connection, vault: Vault, digest: bytes) -> WaitingLink | None:
    """What waits under a code, None for nothing (any more)."""
    where = (waiting_link.c.digest == digest) & waiting_link.c.linked.is_(False)
    row = connection.execute(sql.select(waiting_link).where(where)).one_or_none()
    return None if row is None else _opened(connection, vault, row)


def beside(node: "Node", digest: bytes) -> list[str]:
    """The local numbers under which whoever presented a code is linked here already; whoever compares is told."""
    with node.store.read() as connection:
        found = of(connection, node.vault, digest)
        person = node.journal.person_of_account(connection, found.account) if found is not None else None
        return charted.numbers(connection, person.id) if person is not None else []


def linked(connection: sql.Connection, digest: bytes) -> None:
    """The link was made; its consents are to be given. Inside `Store.write` only."""
    connection.execute(sql.update(waiting_link).where(waiting_link.c.digest == digest).values(linked=True))


def forget_code(connection: sql.Connection, digest: bytes) -> None:
    """Nothing comes of this one. Inside `Store.write` only."""
    connection.execute(sql.delete(waiting_link).where(waiting_link.c.digest == digest))


def forget(connection: sql.Connection, account: str) -> None:
    """The person wants no link: nothing of hers waits any more. Inside `Store.write` only."""
    connection.execute(sql.delete(waiting_link).where(waiting_link.c.account == account))


def waits(connection: sql.Connection, account: str) -> bool:
    """Whether a link of this account waits here."""
    where = (waiting_link.c.account == account) & waiting_link.c.linked.is_(False)
    return connection.execute(sql.select(waiting_link.c.digest).where(where).limit(1)).first() is not None


def any_late(kept: store.Store, now: int) -> bool:
    """Whether anything waits for too long."""
    with kept.read() as connection:
        return connection.execute(sql.select(waiting_link.c.digest).where(_is_late(now)).limit(1)).first() is not None


def end_late(connection: sql.Connection, now: int) -> list[tuple[bytes, str]]:
    """Forget what waited for too long: the digests of the codes and the local patients. Inside `Store.write` only."""
    column = waiting_link.c
    rows = connection.execute(sql.select(column.digest, column.patient).where(_is_late(now))).all()
    connection.execute(sql.delete(waiting_link).where(_is_late(now)))
    return [(bytes(row.digest), str(row.patient)) for row in rows]


def keep_consent(node: "Node", caller: str, account: str, data: bytes) -> bool:
    """Lay a consent beside the link of its account that waits here, brought by the same agent; False if none does."""
    now, column = node.clock(), waiting_link.c

    def write(connection: sql.Connection) -> bool:
        where = (column.account == account) & column.linked.is_(False) & ~_is_late(now)
        for row in connection.execute(sql.select(waiting_link).where(where)).all():
            waiting = _opened(connection, node.vault, row)
            if waiting.keys.agent != caller or len(data) > CONSENT_BYTES_MAX:
                continue
            if data not in waiting.consents and len(waiting.consents) >= CONSENTS_MAX:
                continue
            kept = waiting._replace(consents=tuple(dict.fromkeys((*waiting.consents, data))))
            sealed = _sealed(connection, node.vault, bytes(row.digest), kept)
            connection.execute(sql.update(waiting_link).where(column.digest == row.digest).values(sealed=sealed))
            return True
        return False

    return node.store.write(write)


def give_consents(node: "Node") -> int:
    """Give the consents that waited beside links that are made by now; how many links. What cannot be given any more
    (she took it back on the ledger meanwhile) is not."""
    with node.store.read() as connection:
        rows = connection.execute(sql.select(waiting_link).where(waiting_link.c.linked.is_(True))).all()
        opened = [(bytes(row.digest), _opened(connection, node.vault, row)) for row in rows]
    for digest, waiting in opened:
        for data in waiting.consents:
            try:
                node.consents.give(data, waited_ms=CONFIRM_MS)
            except Refusal:
                continue
        node.store.write(partial(forget_code, digest=digest))
    return len(rows)


def _is_late(now: int) -> Any:
    return waiting_link.c.linked.is_(False) & (waiting_link.c.time < now - CONFIRM_MS)


def _late(connection: sql.Connection, digest: bytes, now: int) -> bool:
    where = _is_late(now) & (waiting_link.c.digest == digest)
    return connection.execute(sql.select(waiting_link.c.digest).where(where)).first() is not None


def _sealed(connection: sql.Connection, vault: Vault, digest: bytes, waiting: WaitingLink) -> bytes:
    stated = [waiting.stated.family, waiting.stated.given, waiting.stated.birth]
    plain = codec.encode([list(waiting.keys), stated, list(waiting.consents)])
    return vault.seal(_key(connection, vault, waiting.patient), plain, digest)


def _opened(connection: sql.Connection, vault: Vault, row: Any) -> WaitingLink:
    key = _key(connection, vault, row.patient)
    keys, stated, consents = codec.decode(vault.open(key, bytes(row.sealed), bytes(row.digest)))
    return WaitingLink(row.account, row.patient, Keys(*keys), Demographics(*stated), tuple(consents))


def _key(connection: sql.Connection, vault: Vault, patient: str) -> bytes:
    """The local patient's own key: an erasure of hers reaches what waits in every backup, too. That of a further chart
    is the key of the row that its link was made with."""
    person = sql.select(store.person.c.id).where(store.person.c.patient == patient)
    whose = connection.execute(person).scalar()
    if whose is None:
        whose = connection.execute(
            sql.select(charted.chart.c.link).where(charted.chart.c.patient == patient)
        ).scalar_one()
    return data_key(connection, vault, int(whose))
