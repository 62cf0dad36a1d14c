"""Naming somebody who helps, and ending it: what is filled in here waits at the signing desk for the person's key.

A form has `delegate` (an address), `name`, `rights` (with commas; or ticked boxes `right_...`), `types` (with commas)
and `days`; the other `delegation` (hex).
"""

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import commitment
from medrec.core.manifests.delegation import Delegation, encode_delegation
from medrec.node.account import ending
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Refusal
from medrec.portal.page import PageError
from medrec.portal.session import Session, Who
from medrec.portal.signing import desk_of

if TYPE_CHECKING:
    from medrec.node.node import Node

DAY_MS = 86_400_000

# The secrets that end delegations of people served here. Publishing one needs the person's signature all the same.
delegation_secret = Table(
    "delegation_secret",
    metadata,
    Column("nullifier", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


def name(node: "Node", session: Session, form: dict[str, Any], back: str) -> str:
    """The ticket of a new delegation by the person herself. Raises PageError."""
    _herself(session)
    secret, now = node.vault.random(32), node.clock()
    nullifier = commitment.nullifier(secret)
    try:
        value = {
            "network": node.network.hex(),
            "account": session.account,
            "time": now,
            "delegate": form["delegate"].strip(),
            "name": " ".join(form["name"].split()),
            "rights": _rights(form),
            "types": [part for part in form.get("types", "").split(",") if part],
            "until": now + int(form["days"]) * DAY_MS,
            "basis": "consent",
            "attested": None,
            "born": None,
            "nullifier": nullifier.hex(),
            "key": session.key.hex(),
        }
        named: Delegation = msgspec.convert(value, Delegation)
    except (KeyError, ValueError):
        raise PageError(400, "form-unreadable") from None
    sealed = node.vault.seal(None, secret, nullifier)
    row = {"nullifier": nullifier, "account": session.account, "sealed": sealed}

    def finish(packed: bytes) -> str:
        node.store.write(lambda connection: connection.execute(sql.insert(delegation_secret).values(**row)))
        _try(node.delegates.take, encode_delegation(msgspec.structs.replace(named, signature=packed.hex())))
        return back

    return desk_of(node).prepare_for(session, "delegation/1", msgspec.to_builtins(named), finish)


def end(node: "Node", session: Session, form: dict[str, Any], back: str) -> str:
    """The ticket of the end of a delegation, by the person or by her helper. Raises PageError."""
    _herself(session)
    try:
        held = node.delegates.find(bytes.fromhex(form["delegation"]))
    except (KeyError, ValueError):
        raise PageError(400, "form-unreadable") from None
    if held is None or session.account not in (held.delegation.account, held.delegation.delegate):
        raise PageError(404, "unknown-person")
    nullifier = bytes.fromhex(held.delegation.nullifier)
    query = sql.select(delegation_secret.c.sealed).where(delegation_secret.c.nullifier == nullifier)
    with node.store.read() as connection:
        sealed = connection.execute(query).scalar()
    if sealed is None and held.delegation.attested is None:
        raise PageError(404, "unknown-person")
    secret = node.vault.open(None, bytes(sealed), nullifier) if sealed is not None else None

    def finish(packed: bytes) -> str:
        if secret is None:
            # The organisation that stated it has the secret: a signature of hers or her helper's is enough.
            _try(ending.send, node, held, session.key, packed)
        else:
            _try(node.delegates.end, held.delegation.account, secret, session.key, packed)
        return back

    return desk_of(node).prepare_for(session, "delegation-end/1", nullifier, finish)


def _rights(form: dict[str, Any]) -> list[str]:
    """The rights named with commas, or by boxes that were ticked."""
    ticked = [str(value) for field, value in sorted(form.items()) if field.startswith("right_")]
    return ticked or [part for part in str(form.get("rights", "")).split(",") if part]


def _herself(session: Session) -> None:
    """Helpers name nobody: what is signed here is signed by the person."""
    if session.who is not Who.PATIENT:
        raise PageError(403, "not-your-page")


def _try(act: Any, *arguments: Any) -> None:
    try:
        act(*arguments)
    except Refusal as refusal:
        raise PageError(refusal.status, refusal.code, refusal.sentence) from None
