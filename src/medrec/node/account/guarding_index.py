"""A set of guardians as a sealed line of a person's own index: the words of her record bring it back at a new agent.

The ledger has the commitment alone, and what an agent kept goes with the agent. So the agent writes the set into the
summary of a line that she alone can open, and a new one takes what fits the commitment on the ledger, and nothing else.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import ladder, manifests, state
from medrec.core.ladder import Revealed
from medrec.core.manifests.guardians import GuardiansManifest
from medrec.core.view import prefix_end
from medrec.engines.engine import EngineError
from medrec.node.account import guarding, guarding_elsewhere, recovery
from medrec.node.agent.own import person_here
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.ledger.anchor import AnchorError
from medrec.node.ledger.rebuild import Rebuilt
from medrec.node.ledger.together import ApartError
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

SUMMARY = 45
"""The number of the summary: [45, time, how many have to agree, salt, marks of the members one after the other, what
she calls each]."""
MARK_BYTES = 12
JOINER = "\u200d"
NAMES_BYTES = 136
"""For marks and names together, so that a summary stays within what a line seals (200 bytes)."""

# The sets that stand in a line here.
guardian_indexed = Table(
    "guardian_indexed",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("commitment", LargeBinary(32), primary_key=True),
)


def mark(member: str) -> bytes:
    """What stands for a guardian in the summary: a whole address of each would not fit it."""
    return hashlib.sha256(b"medrec/guardian/1" + member.encode()).digest()[:MARK_BYTES]


def write(node: "Node") -> int:
    """Write down each set of a person served here that stands on the ledger and in no line yet; how many. Raises
    StoreError, EngineError."""
    kept, known = recovery.guardian_set.c, guardian_indexed.c
    there = sql.exists().where(known.account == kept.account, known.commitment == kept.commitment)
    query = sql.select(kept.account).where(~there, kept.account.in_(sql.select(store.client.c.account))).distinct()
    with node.store.read() as connection:
        accounts = list(connection.execute(query).scalars())
        written = {(row.account, bytes(row.commitment)) for row in connection.execute(sql.select(guardian_indexed))}
    found = [
        (account, one)
        for account in accounts
        for one in recovery.sets(node, account)
        if (account, ladder.guardians_commitment(one)) not in written and guarding_elsewhere.stands(node, account, one)
    ]
    for account, one in found:
        _write(node, account, one)
    return len(found)


def secure(node: "Node", account: str, revealed: Revealed) -> None:
    """Write a set down that is about to be chosen, and wait until that line is on the ledger: her agent may be gone a
    moment after she chose it. Raises Refusal where the ledger takes nothing now; then nothing was chosen."""
    known = guardian_indexed.c
    mine = (known.account == account) & (known.commitment == ladder.guardians_commitment(revealed))
    with node.store.read() as connection:
        there = connection.execute(sql.select(known.account).where(mine)).first() is not None
    if not there:
        _write(node, account, revealed)
    try:
        node.anchor()
    except (AnchorError, ApartError, EngineError):
        raise Refusal(Code.LEDGER_UNUSABLE) from None


def _write(node: "Node", account: str, revealed: Revealed) -> None:
    who, now, commitment = person_here(node, account), node.clock(), ladder.guardians_commitment(revealed)
    manifest = GuardiansManifest("guardians/1", node.network.hex(), node.organisation, account, now, commitment.hex())
    marks = b"".join(mark(member) for member in revealed.members)
    summary: list[Any] = [SUMMARY, now, revealed.needs, revealed.salt, marks, _names(node, account, revealed.members)]

    def closure(connection: sql.Connection) -> None:
        node.journal.append(connection, [Draft("guardians/1", manifests.encode(manifest), who.id, None, summary)])
        connection.execute(sql.insert(guardian_indexed).values(account=account, commitment=commitment))

    node.store.write(closure)


def _names(node: "Node", account: str, members: Sequence[str]) -> bytes:
    """What she calls each of them, one after the other, in as much room as there is: filled up with zeros, so that the
    length of the line on the ledger tells nothing of a name."""
    called = {one.guardian: one.name for one in guarding.asked_by(node, account) if one.guardian is not None}
    room = max(0, NAMES_BYTES // len(members) - MARK_BYTES)
    return b"".join(_fitted(called.get(member, ""), room).ljust(room, b"\0") for member in members)


def _fitted(name: str, room: int) -> bytes:
    """A name within so many bytes: what is too long ends at a whole letter, with the marks that stand on it, and with a
    sign that it goes on where there is room for it."""
    if len(name.encode()) <= room:
        return name.encode()
    more = "…" if room >= 2 * len("…".encode()) else ""
    at = len(name)
    while at and (len((name[:at] + more).encode()) > room or _joins(name[at : at + 1]) or name[at - 1] == JOINER):
        at -= 1
    return (name[:at].rstrip() + more).encode() if at else b""


def _joins(sign: str) -> bool:
    """Whether a sign stands on the one before it, or holds on to it."""
    return sign == JOINER or unicodedata.category(sign or "a") in ("Mn", "Mc", "Me", "Sk")


def restore(node: "Node", account: str, lines: Sequence[Rebuilt]) -> int:
    """Keep the sets among these lines of a person's index that stand on the ledger under her account; how many.

    Any organisation that she is linked to may have written a line: what does not fit the commitment is passed over.
    """
    # By no count: whoever writes in her index could push the true set out by many lines that only look like one.
    summaries = [line.summary for line in lines if line.summary is not None and _is_set(line.summary)]
    if not summaries:
        return 0
    everybody = {mark(member): member for member in _everybody(node)}
    on_ledger = guarding_elsewhere.on_ledger(node, account)
    found: set[bytes] = set()
    for summary in summaries:
        needs, salt, marks = summary[2:5]
        members = [everybody.get(marks[start : start + MARK_BYTES], "") for start in range(0, len(marks), MARK_BYTES)]
        if not all(members):
            continue
        revealed = Revealed(members, needs, salt)
        commitment = ladder.guardians_commitment(revealed)
        if commitment not in on_ledger or commitment in found:
            continue
        recovery.keep_guardians(node, account, revealed)
        found.add(commitment)
        for member, name in zip(members, _said(summary, len(members)), strict=True):
            with suppress(ValueError):
                guarding.name_elsewhere(node, account, name or _called(node, member), member)
    return len(found)


def _said(summary: list[Any], many: int) -> list[str]:
    """What she calls each member, as the line says; "" for a line without names, and for a name that is none."""
    names = summary[5] if len(summary) > 5 and type(summary[5]) is bytes else b""
    room = len(names) // many
    said = [names[at * room : (at + 1) * room].rstrip(b"\0").decode(errors="ignore") for at in range(many)]
    return [" ".join(name.split()) if name.isprintable() else "" for name in said]


def _is_set(summary: list[Any]) -> bool:
    if len(summary) < 5 or summary[0] != SUMMARY:
        return False
    needs, salt, marks = summary[2:5]
    shaped = type(needs) is int and type(salt) is bytes and type(marks) is bytes
    return shaped and 0 < len(marks) <= ladder.GUARDIANS_MAX * MARK_BYTES and len(marks) % MARK_BYTES == 0


def _everybody(node: "Node") -> list[str]:
    """Who may be a guardian: every account and organisation of the ledger."""
    prefix = state.account_key("")
    with node.engine.view() as view:
        accounts = [key[len(prefix) :].decode() for key, _ in view.scan(prefix, prefix_end(prefix))]
        return accounts + [organisation.id for organisation in state.organisations(view)]


def _called(node: "Node", member: str) -> str:
    assert node.agent is not None
    return node.agent.name_of(member) or f"{member[:16]}…"
