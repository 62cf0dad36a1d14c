"""The end of a helper's right: with the secret that goes on the ledger, or, of a right that an organisation stated, by
the signature of the person or the delegate alone, which her agent brings to every place that knows her."""

from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec, commitment, manifests, state
from medrec.core.credential import signed_by
from medrec.core.crypto import key_id, verify_ed25519
from medrec.core.manifests.delegation import Clerk, DelegationEndManifest, delegation_end_message
from medrec.node.account import stated_rights
from medrec.node.account.attested import ATTESTED_END
from medrec.node.agent import bringing
from medrec.node.agent.own import person_here, places
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.account.delegates import Held
    from medrec.node.node import Node

By = Literal["person", "delegate", "attested"]
DELEGATION_ENDS_PATH = "/medrec/delegation-ends"

# Delegations ended here, by nullifier and whose they are; they stay, so that one which arrives later is dead.
delegation_ended = Table(
    "delegation_ended",
    metadata,
    Column("nullifier", LargeBinary(32), primary_key=True),
    Column("account", String(80), primary_key=True),
    Column("time", BigInteger, nullable=False),
)


def end(node: "Node", account: str, secret: bytes, key: bytes, signature: bytes) -> bool:
    """End a delegation, or forbid one that has not come yet; False if it was ended before. Raises Refusal.

    The signature, over `delegation_end_message`, is the person's, the delegate's, or that of the organisation that
    attested it; the secret goes on the ledger with the next batch.
    """
    if len(secret) != commitment.SECRET_BYTES:
        raise Refusal(Code.WRONG_SECRET)
    nullifier = commitment.nullifier(secret)
    held = node.delegates.by_nullifier(account, nullifier)
    by = _who(node, account, held, key, nullifier, signature)
    return _write(node, account, nullifier, secret, by, key, signature)


def end_stated(node: "Node", account: str, secret: bytes, why: Clerk | bytes) -> bool:
    """End what this organisation stated, whether it knows the person still and whether anybody took it in or not: a
    clerk's signature that was checked says so, or the SHA-256 of what was stated in its place."""
    nullifier = commitment.nullifier(secret)
    signature = node.keys.sign_request(ATTESTED_END + delegation_end_message(nullifier))
    return _write(node, account, nullifier, secret, "attested", node.keys.key_id, signature, why)


def take_signed(node: "Node", account: str, nullifier: bytes, key: bytes, signature: bytes) -> bool:
    """End a right that an organisation stated by the word of the person or the delegate, who do not have its secret;
    False if it was ended before. The organisation that has it publishes it. One that has not come yet the person alone
    ends: it is kept for when it comes. Raises Refusal."""
    secret = stated_rights.secret_of(node, account, nullifier)
    held = node.delegates.by_nullifier(account, nullifier)
    if held is not None and held.delegation.attested is None:
        raise Refusal(Code.NOT_A_DELEGATE)
    by = _who(node, account, held, key, nullifier, signature)
    return _write(node, account, nullifier, secret, by, key, signature)


def send(node: "Node", held: "Held", key: bytes, signature: bytes) -> list[str]:
    """At an agent: end it here, and bring the word to every place that knows the person; those that hear it later.
    Raises Refusal, StoreError."""
    account, nullifier = held.delegation.account, bytes.fromhex(held.delegation.nullifier)
    take_signed(node, account, nullifier, key, signature)
    payload = codec.encode({"account": account, "nullifier": nullifier, "key": key, "signature": signature})
    waiting = bringing.bring(node, places(node, account), DELEGATION_ENDS_PATH, payload, _FINAL).waiting
    bringing.queue(node, account, waiting, DELEGATION_ENDS_PATH, payload)
    return list(waiting)


_FINAL = frozenset(code.value for code in (Code.BAD_SIGNATURE, Code.MALFORMED, Code.NOT_A_DELEGATE, Code.NOT_LINKED))
"""Refusals that would be the same tomorrow."""


def _write(
    node: "Node",
    account: str,
    nullifier: bytes,
    secret: bytes | None,
    by: By,
    key: bytes,
    signature: bytes,
    why: Clerk | bytes | None = None,
) -> bool:
    try:
        person = person_here(node, account).id
    except LookupError:
        if by != "attested":
            raise Refusal(Code.NOT_LINKED) from None
        person = None
    now = node.clock()
    manifest = DelegationEndManifest(
        "delegation-end/1", node.network.hex(), node.organisation, account, now,
        by, nullifier.hex(), key.hex(), signature.hex(),
        why if isinstance(why, Clerk) else None, why.hex() if isinstance(why, bytes) else None,
    )  # fmt: skip
    extras = {"nullifier": secret} if secret is not None else None
    line = Draft("delegation-end/1", manifests.encode(manifest), person, extras, [41, now, by, nullifier])

    def closure(connection: sql.Connection) -> bool:
        if ended_here(connection, account, nullifier):
            return False
        node.journal.append(connection, [line])
        connection.execute(sql.insert(delegation_ended).values(nullifier=nullifier, account=account, time=now))
        node.delegates.mark_ended(connection, account, nullifier, now)
        return True

    ended: bool = node.store.write(closure)
    if ended and node.teller is not None:
        node.teller.tell(account, "key-change")
    return ended


def ended_here(connection: sql.Connection, account: str, nullifier: bytes) -> bool:
    """Whether a delegation of a person was ended here: nobody ends another's."""
    where = (delegation_ended.c.nullifier == nullifier) & (delegation_ended.c.account == account)
    return connection.execute(sql.select(delegation_ended.c.time).where(where)).first() is not None


def _who(node: "Node", account: str, held: "Held | None", key: bytes, nullifier: bytes, signature: bytes) -> By:
    message = delegation_end_message(nullifier)
    stated = held.delegation.attested if held is not None else None
    sides: list[tuple[str, By]] = [(account, "person")]
    if held is not None:
        sides.append((held.delegation.delegate, "delegate"))
    with node.engine.view() as view:
        # A frozen account may still take away what it gave.
        for who, by in sides:
            known = state.account(view, who)
            credential = known.credentials.get(key.hex()) if known is not None else None
            if credential is not None and signed_by(credential, message, signature):
                return by
        issuer = state.organisation(view, stated) if stated is not None else None
    public = issuer.keys.ed25519 if issuer is not None else b""
    if public and key == key_id(public) and verify_ed25519(public, ATTESTED_END + message, signature):
        return "attested"
    raise Refusal(Code.BAD_SIGNATURE)


def answer_delegation_end(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/delegation-ends: CBOR {account, key, secret, signature} -> CBOR {"fresh"}; or an array of CBOR
    {account, key, nullifier, signature} -> an array, true for each that is over now."""
    try:
        asked = codec.decode(body)
        if type(asked) is list:
            return codec.encode([_take_one(node, codec.decode(payload)) for payload in asked])
        account, parts = _read(asked, ("secret", "key", "signature"))
    except (codec.CodecError, KeyError, TypeError):
        raise Refusal(Code.MALFORMED) from None
    return codec.encode({"fresh": end(node, account, *parts)})


def _take_one(node: "Node", asked: Any) -> bool:
    account, parts = _read(asked, ("nullifier", "key", "signature"))
    take_signed(node, account, *parts)
    return True


def _read(asked: Any, names: tuple[str, str, str]) -> tuple[str, list[bytes]]:
    account, parts = asked["account"], [asked[name] for name in names]
    if type(account) is not str or any(type(part) is not bytes for part in parts):
        raise TypeError
    return account, parts
