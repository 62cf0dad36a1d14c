"""A helper's right that rests, or that nobody has used for years.

The person says "rest" and "go on" with her own key, whenever she likes, and nobody is told but she: to let a helper
rest is no quarrel, to end it may be one. What was not used for five years goes; both sides are told a month before.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, String, Table

from medrec.core import codec, manifests, state
from medrec.core.credential import signed_by
from medrec.core.delegation import DAY_MS
from medrec.core.manifests.delegation import DelegationRest, DelegationRestManifest, delegation_rest_message
from medrec.node.agent import bringing
from medrec.node.agent.own import person_here, places
from medrec.node.consent.consents import AHEAD_MS_MAX
from medrec.node.keeping import outgoing
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.account.delegates import Held
    from medrec.node.node import Node

RESTS_PATH = "/medrec/delegation-rests"
UNUSED_MS = 5 * 365 * DAY_MS
WARNED_MS = 30 * DAY_MS
ROUND_MS = DAY_MS // 24
Action = Literal["rest", "go-on"]

delegation_rest = Table(
    "delegation_rest",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account", String(80), primary_key=True),
    Column("rests", Boolean, nullable=False),
    Column("time", BigInteger, nullable=False),
)

# When a delegation was last used here, and whether both sides were told that it will go.
delegation_used = Table(
    "delegation_used",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("warned", BigInteger),
)


class Use(NamedTuple):
    """Whether a delegation rests, and since when nobody has used it."""

    rests: bool
    used: int

    @property
    def goes(self) -> int:
        """When it goes if nobody uses it."""
        return self.used + UNUSED_MS


_next_round: "WeakKeyDictionary[Node, int]" = WeakKeyDictionary()


def use_of(
    connection: sql.Connection,
    digest: bytes,
    account: str,
    given: int,
    same: Iterable[bytes],
    told: Mapping[bytes, tuple[int, bool]],
) -> Use:
    """How an account's delegation that was given at a time is used; from when it is given on, it counts as used.

    Of one that an organisation stated, `same` are all of the account to the same delegate: while she has said nothing
    of it, her last word of these counts. `told` are words of hers that other places have (heard.py).
    """
    rest = delegation_rest.c
    words = dict(told)
    for row in connection.execute(sql.select(rest.hash, rest.time, rest.rests).where(rest.account == account)):
        words[bytes(row.hash)] = max(words.get(bytes(row.hash), (0, False)), (row.time, row.rests))
    last = words[digest] if digest in words else max((words[one] for one in same if one in words), default=(0, False))
    used = connection.execute(sql.select(delegation_used.c.time).where(delegation_used.c.hash == digest)).scalar()
    return Use(last[1], max(given, used or 0))


def mark_used(node: "Node", digest: bytes, account: str) -> None:
    """A delegation was used now."""
    now = node.clock()

    def closure(connection: sql.Connection) -> None:
        connection.execute(sql.delete(delegation_used).where(delegation_used.c.hash == digest))
        row = {"hash": digest, "account": account, "time": now, "warned": None}
        connection.execute(sql.insert(delegation_used).values(**row))

    node.store.write(closure)


def let_rest(node: "Node", stated: DelegationRest) -> bool:
    """Take in what a person signed about a helper's right; False if it says nothing new. Raises Refusal.

    Only a key of the person's own account says so: a helper neither lets herself go on, nor another one rest. A later
    word stands against an earlier one, in whatever order they come; one about a delegation that is not here yet is kept
    for when it comes, and is about hers alone.
    """
    if stated.network != node.network.hex():
        raise Refusal(Code.WRONG_NETWORK)
    if stated.time > node.clock() + AHEAD_MS_MAX:
        raise Refusal(Code.FROM_THE_FUTURE)
    with node.engine.view() as view:
        held = state.account(view, stated.account)
    credential = held.credentials.get(stated.key) if held is not None else None
    if credential is None or not signed_by(
        credential, delegation_rest_message(stated), bytes.fromhex(stated.signature)
    ):
        raise Refusal(Code.BAD_SIGNATURE)
    if stated.action == "go-on" and held is not None and held.frozen:
        # A frozen account takes away, and gives nothing.
        raise Refusal(Code.UNKNOWN_ACCOUNT)
    digest, now = bytes.fromhex(stated.delegation), node.clock()
    known = node.delegates.find(digest)
    if known is not None and known.delegation.account != stated.account:
        raise Refusal(Code.NOT_A_DELEGATE)
    try:
        person = person_here(node, stated.account)
    except LookupError:
        raise Refusal(Code.NOT_LINKED) from None
    manifest = DelegationRestManifest(
        "delegation-rest/1", node.network.hex(), node.organisation, stated.account, now, stated
    )
    row = {"hash": digest, "account": stated.account, "rests": stated.action == "rest", "time": stated.time}

    def closure(connection: sql.Connection) -> bool:
        mine = (delegation_rest.c.hash == digest) & (delegation_rest.c.account == stated.account)
        before = connection.execute(sql.select(delegation_rest.c.time).where(mine)).scalar()
        if before is not None and before >= stated.time:
            return False
        summary = [44, now, stated.action, digest]
        line = Draft("delegation-rest/1", manifests.encode(manifest), person.id, None, summary)
        node.journal.append(connection, [line])
        connection.execute(sql.delete(delegation_rest).where(mine))
        connection.execute(sql.insert(delegation_rest).values(**row))
        return True

    fresh: bool = node.store.write(closure)
    if fresh and node.teller is not None:
        node.teller.tell(stated.account, "key-change")
    return fresh


def warn(node: "Node") -> int:
    """Tell both sides of every right that goes within a month since nobody uses it; how many. Each is told once."""
    now, told = node.clock(), 0
    if node.agent is None or node.teller is None or now < _next_round.get(node, 0):
        return 0
    _next_round[node] = now + ROUND_MS
    served = {account for account, _ in node.agent.clients()}
    for account in sorted(served):
        for held in node.delegates.of(account):
            if held.ended is not None or not held.standing.holds or not held.goes - WARNED_MS <= now < held.goes:
                continue
            if not _first_warning(node, held, now):
                continue
            told += 1
            for who in (account, held.delegation.delegate):
                if who in served:
                    node.teller.tell(who, "helper-unused")
    return told


def _first_warning(node: "Node", held: "Held", now: int) -> bool:
    where = delegation_used.c.hash == held.hash

    def closure(connection: sql.Connection) -> bool:
        row = connection.execute(sql.select(delegation_used).where(where)).one_or_none()
        if row is not None and row.warned is not None:
            return False
        connection.execute(sql.delete(delegation_used).where(where))
        used = row.time if row is not None else held.delegation.time
        account = held.delegation.account
        values = {"hash": held.hash, "account": account, "time": used, "warned": now}
        connection.execute(sql.insert(delegation_used).values(**values))
        return True

    first: bool = node.store.write(closure)
    return first


def encode_rest(stated: DelegationRest) -> bytes:
    """The canonical bytes of what a person signed."""
    return codec.encode_json(msgspec.to_builtins(stated))


def send(node: "Node", stated: DelegationRest) -> list[str]:
    """At an agent: write down what its person signed, and bring it to every place that knows her; those that could not
    be reached, which hear it as soon as they can be. Raises Refusal, StoreError."""
    let_rest(node, stated)
    payload = encode_rest(stated)
    waiting = bringing.bring(node, places(node, stated.account), RESTS_PATH, payload, _FINAL).waiting
    bringing.queue(node, stated.account, waiting, RESTS_PATH, payload)
    return list(waiting)


_FINAL = frozenset(code.value for code in (Code.BAD_SIGNATURE, Code.WRONG_NETWORK, Code.MALFORMED, Code.NOT_A_DELEGATE))
"""Refusals that would be the same tomorrow: a word that meets one is not sent again."""


def unheard(node: "Node", account: str) -> dict[str, list[str]]:
    """The places that have not heard yet that a person lets a helper rest or go on, by the delegation's SHA-256."""
    found: dict[str, list[str]] = {}
    with node.store.read() as connection:
        waiting = outgoing.waiting(connection, node.vault, RESTS_PATH, account)
    for row in sorted(waiting, key=lambda row: row.organisation):
        stated = msgspec.convert(codec.decode_json(row.payload), DelegationRest)
        if stated.account == account and row.organisation not in found.get(stated.delegation, ()):
            found.setdefault(stated.delegation, []).append(row.organisation)
    return found


def answer_rest(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/delegation-rests: CBOR array of what a person signed (canonical JSON) -> CBOR array, true for each
    that is known now. Where she is not linked (any more) she has nothing to let rest, and nothing is to be sent again.
    """
    payloads = codec.decode(body)
    if type(payloads) is not list or any(type(payload) is not bytes for payload in payloads):
        raise Refusal(Code.MALFORMED)
    for payload in payloads:
        try:
            stated: Any = msgspec.convert(codec.decode_json(payload), DelegationRest)
        except (codec.CodecError, msgspec.ValidationError, RecursionError):
            raise Refusal(Code.MALFORMED) from None
        try:
            let_rest(node, stated)
        except Refusal as no:
            if no.reason is not Code.NOT_LINKED:
                raise
    return codec.encode([True] * len(payloads))
