"""Guardians: a person invites people she trusts; whoever accepts may be chosen, and then helps her back in.

An invitation is a code of five words, good once and for a week. Both sides know one another by name; a guardian learns
nothing of the other's record, and only those whom the ledger's commitment stands for may speak.
"""

import hashlib
from typing import TYPE_CHECKING, Literal, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec, ladder, state
from medrec.core.ladder import Ladder
from medrec.node.account import guarding_elsewhere, paper, recovery, returning
from medrec.node.account.guarding_elsewhere import Elsewhere
from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

CODE_BYTES = 8
LIFE_MS = 7 * 86_400_000
OPEN_MAX = 20
NAME_LENGTH_MAX, ADDRESS_LENGTH_MAX = 120, 65
Action = Literal["invite", "withdraw"]

guardian_asked = Table(
    "guardian_asked",
    metadata,
    Column("code", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("guardian", String(80), index=True),
    Column("since", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


class Asked(NamedTuple):
    """An invitation: its id, whose, the account of who accepted (None: nobody yet), since when, and how she is called
    by the one who asked."""

    id: bytes
    account: str
    guardian: str | None
    since: int
    name: str


class Ward(NamedTuple):
    """Somebody whom a guardian may help: account, name, ladder, the set she chose, whether her account is frozen, and
    where she is served, if it is not here."""

    account: str
    name: str
    ladder: Ladder
    guardians: ladder.Revealed
    frozen: bool
    elsewhere: Elsewhere | None = None


class GuardianError(ValueError):
    """Somebody who cannot be asked: the message is the code of the reason (guardian-name, guardian-many,
    guardian-address)."""


def checked(node: "Node", account: str, name: str, guardian: str | None = None) -> str:
    """The name of somebody who may be asked by this person, tidied; `guardian` is her address where it is known. Raises
    GuardianError."""
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise GuardianError("guardian-name")
    if len(asked_by(node, account)) >= OPEN_MAX:
        raise GuardianError("guardian-many")
    if guardian is not None:
        with node.engine.view() as view:
            known = state.account(view, guardian) is not None if len(guardian) <= ADDRESS_LENGTH_MAX else False
        if not known or guardian == account or any(one.account == account for one in accepted(node, guardian)):
            # No account, one's own, or one that was named before.
            raise GuardianError("guardian-address")
    return name


def statement(node: "Node", account: str, action: Action, name: str, guardian: str, key: bytes) -> bytes:
    """What a person signs to ask somebody, by a code or by her address, or to take that back, as canonical JSON
    (docs/spec/account.md, section 7): whoever holds an open page puts nobody among those whom she may choose."""
    return codec.encode_json(
        {
            "network": node.network.hex(),
            "account": account,
            "organisation": node.organisation,
            "time": node.clock(),
            "action": action,
            "name": name,
            "guardian": guardian,
            "key": key.hex(),
        }
    )


def message(statement: bytes) -> bytes:
    """The 32 bytes that are signed: SHA-256("medrec/guardian-word/1" || statement)."""
    return hashlib.sha256(b"medrec/guardian-word/1" + statement).digest()


def invite(node: "Node", account: str, name: str) -> str:
    """Ask somebody to be a guardian; the words to give her. Raises GuardianError."""
    name = checked(node, account, name)
    code, now = node.vault.random(CODE_BYTES), node.clock()
    digest = _digest(code)
    sealed = node.vault.seal(None, codec.encode(name), digest)
    row = {"code": digest, "account": account, "guardian": None, "since": now, "sealed": sealed}
    node.store.write(lambda connection: connection.execute(sql.insert(guardian_asked).values(**row)))
    return paper.to_words(code)


def name_elsewhere(node: "Node", account: str, name: str, guardian: str) -> None:
    """Count somebody as having said yes whose pages are at another agent, by her address. Raises GuardianError."""
    name = checked(node, account, name, guardian)
    digest, now = node.vault.random(32), node.clock()
    sealed = node.vault.seal(None, codec.encode(name), digest)
    row = {"code": digest, "account": account, "guardian": guardian, "since": now, "sealed": sealed}
    node.store.write(lambda connection: connection.execute(sql.insert(guardian_asked).values(**row)))


def asked_by(node: "Node", account: str) -> list[Asked]:
    """Whom a person asked, oldest first: who accepted, and whose invitation still stands open."""
    return _asked(node, guardian_asked.c.account == account)


def accepted(node: "Node", guardian: str) -> list[Asked]:
    """Whom somebody said yes to."""
    return _asked(node, guardian_asked.c.guardian == guardian)


def find(node: "Node", words: str) -> Asked | None:
    """The open invitation of these words. Raises paper.PaperError for a slip of the pen."""
    code = paper.from_words(words, CODE_BYTES)
    return next((one for one in _asked(node, guardian_asked.c.code == _digest(code)) if one.guardian is None), None)


def accept(node: "Node", asked: Asked, guardian: str) -> bool:
    """Say yes; False if it was answered meanwhile, or by the person herself, or twice by the same."""
    if guardian == asked.account or any(one.account == asked.account for one in accepted(node, guardian)):
        return False

    def closure(connection: sql.Connection) -> bool:
        mine = (guardian_asked.c.code == asked.id) & guardian_asked.c.guardian.is_(None)
        return bool(connection.execute(sql.update(guardian_asked).where(mine).values(guardian=guardian)).rowcount)

    done: bool = node.store.write(closure)
    return done


def withdraw(node: "Node", account: str, identifier: bytes) -> None:
    """Take an invitation back, or say no more: by either side. Who is chosen already stays so until the set changes."""
    mine = (guardian_asked.c.account == account) | (guardian_asked.c.guardian == account)
    where = (guardian_asked.c.code == identifier) & mine
    node.store.write(lambda connection: connection.execute(sql.delete(guardian_asked).where(where)))


def wards(node: "Node", guardian: str) -> list[Ward]:
    """Everybody who has chosen this guardian and is served here, or gave her a card, by name."""
    assert node.agent is not None
    others = guarding_elsewhere.of(node, guardian)
    query = sql.select(recovery.guardian_set.c.account).distinct()
    with node.store.read() as connection:
        owners = [str(one) for one in connection.execute(query).scalars()]
    names = {**{account: one.name for account, one in others.items()}, **node.agent.names_of(owners)}
    found = [ward(node, guardian, owner, names[owner]) for owner in owners if owner in names]
    return sorted((one for one in found if one is not None), key=lambda one: (one.name, one.account))


def ward(node: "Node", guardian: str, account: str, name: str) -> Ward | None:
    """Somebody as one of her guardians may see her; None for anybody else."""
    with node.engine.view() as view:
        held, found = state.account(view, account), ladder.ladder_of(view, account)
        now = max(node.clock(), view.tip.time)
    attempt = found.attempt_at(now)
    # While a way back is under way, those count who were guardians when it began.
    chosen = recovery.guardians_of(node, account, attempt.since if attempt is not None else now)
    if chosen is None and found.doors_at(now).guardians is None and found.waiting_at(now) is not None:
        # Chosen for the first time, and not yet in force: they see whom they will help; the ledger takes no word yet.
        chosen = recovery.guardians_of(node, account, found.next_at)
    if held is None or chosen is None or guardian not in chosen.members:
        return None
    served = returning.is_served(node, account)
    elsewhere = None if served else guarding_elsewhere.of(node, guardian).get(account)
    return Ward(account, name, found, chosen, held.frozen, elsewhere)


def _asked(node: "Node", where: sql.ColumnElement[bool]) -> list[Asked]:
    open_since = node.clock() - LIFE_MS
    alive = guardian_asked.c.guardian.is_not(None) | (guardian_asked.c.since > open_since)
    query = sql.select(guardian_asked).where(where & alive).order_by(guardian_asked.c.since)
    with node.store.read() as connection:
        rows = connection.execute(query).all()
    return [
        Asked(
            bytes(row.code), row.account, row.guardian, row.since,
            codec.decode(node.vault.open(None, bytes(row.sealed), bytes(row.code))),
        )
        for row in rows
    ]  # fmt: skip


def _digest(code: bytes) -> bytes:
    return hashlib.sha256(b"medrec/guardian-asked/1" + code).digest()
