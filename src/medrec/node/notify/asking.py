"""Requests for consent by a code: a clinic asks, shows a QR code, and the person reads and answers at her own agent.

make(clinic, ...)             -> the code; nobody is named in the request but who asks
address(clinic, agent, code)  -> what the QR code says
take(agent, account, "north", code)   the agent fetches the request and lays it before the person

The code is a secret of 16 random bytes; whoever shows it is who the clinic spoke to. The clinic learns nothing from
the fetching: it sees the answer as a consent, or it does not.
"""

import hashlib
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from medrec.core import codec
from medrec.core.consent import plain
from medrec.core.consent.plain import Plain
from medrec.core.types import Fields, OrganisationId, TimeMs
from medrec.node.account.devices import pages_of
from medrec.node.keeping.store import metadata
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

ASKED_PATH = "/medrec/asked-consents"
CODE_BYTES = 16
LIFE_MS = 7 * 86_400_000
PAYLOAD = "MEDREC-ASK:1"
ANSWERS = ("yes", "less", "no")

asked_for = Table(
    "asked_for",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

asked_of = Table(
    "asked_of",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("answer", String(8), nullable=False, default=""),
    Column("sealed", LargeBinary, nullable=False),
)
Index("asked_of_account", asked_of.c.account, asked_of.c.time)


class Asking(Fields, frozen=True):
    """What a clinic asks for: the words of the plain sentences (core.consent.plain), and who asks in whose words.

    No `kinds` is every kind; `but_not` are topics it does not need; `days` is how long it wants to look.
    """

    requester: OrganisationId
    practitioner: Annotated[str, msgspec.Meta(max_length=200)]
    note: Annotated[str, msgspec.Meta(max_length=500)]
    purpose: Annotated[str, msgspec.Meta(max_length=20)]
    kinds: Annotated[list[str], msgspec.Meta(max_length=20)]
    but_not: Annotated[list[str], msgspec.Meta(max_length=20)]
    days: Annotated[int, msgspec.Meta(ge=1, le=366)]
    time: TimeMs


class Waiting(NamedTuple):
    """A request as it lies before a person; `answer` is "" until she has answered."""

    id: bytes
    account: str
    time: int
    answer: str
    asking: Asking


def make(
    node: "Node",
    *,
    practitioner: str,
    note: str = "",
    purpose: str = "care",
    kinds: list[str] | None = None,
    but_not: list[str] | None = None,
    days: int = 30,
) -> bytes:
    """A clinic asks; the code to show (16 bytes), good for a week. Raises msgspec.ValidationError, StoreError, and
    plain.NotPlain for words that are none of the plain sentences'."""
    now = node.clock()
    value = {
        "requester": node.organisation,
        "practitioner": practitioner,
        "note": note,
        "purpose": purpose,
        "kinds": list(kinds or ()),
        "but_not": list(but_not or ()),
        "days": days,
        "time": now,
    }
    asking = msgspec.convert(value, Asking)
    sentence_of(asking)
    code = node.vault.random(CODE_BYTES)
    digest = _digest(code)
    sealed = node.vault.seal(None, codec.encode(msgspec.to_builtins(asking)), digest)
    row = {"digest": digest, "expires": now + LIFE_MS, "sealed": sealed}

    def write(connection: sql.Connection) -> None:
        connection.execute(sql.delete(asked_for).where(asked_for.c.expires < now))
        connection.execute(sql.insert(asked_for).values(**row))

    node.store.write(write)
    return code


def sentence_of(asking: Asking) -> Plain:
    """What a request asks for as a plain sentence, to nobody yet and without an end. Raises NotPlain for a word of no
    table: she would read it, and sign something else."""
    wanted = Plain("share", kinds=asking.kinds, but_not=asking.but_not, purposes=[asking.purpose])
    return plain.tidy(wanted)


def address(node: "Node", agent: str, code: bytes) -> str:
    """What the QR code says: the page of a person's agent that takes the request, and behind the #, which a browser
    sends to nobody, what is asked where. Raises LookupError."""
    return f"{pages_of(node, agent)}/scan#{PAYLOAD}:{node.organisation.upper()}:{code.hex().upper()}"


def read_address(text: str) -> tuple[str, bytes]:
    """Organisation and code of what stands behind the # of such an address. Raises ValueError."""
    form, version, organisation, code = text.strip().upper().split(":")
    if f"{form}:{version}" != PAYLOAD:
        raise ValueError("This is no request.")
    return organisation.lower(), bytes.fromhex(code)


def answer_asked(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/asked-consents: CBOR {"code"} -> CBOR of an Asking."""
    try:
        code = codec.decode(body)["code"]
    except (codec.CodecError, KeyError, TypeError):
        raise Refusal(Code.MALFORMED) from None
    if type(code) is not bytes or len(code) != CODE_BYTES:
        raise Refusal(Code.MALFORMED)
    digest = _digest(code)
    query = sql.select(asked_for.c.sealed).where(asked_for.c.digest == digest, asked_for.c.expires >= node.clock())
    with node.store.read() as connection:
        sealed = connection.execute(query).scalar()
    if sealed is None:
        raise Refusal(Code.NOT_PERMITTED)
    return node.vault.open(None, bytes(sealed), digest)


def take(node: "Node", account: str, requester: str, code: bytes) -> bytes:
    """Lay a clinic's request before a person of this agent; its id, the same for the same request.

    Raises PeerError, with the clinic's code for a request that it does not know.
    """
    identifier = hashlib.sha256(f"medrec/asked/1/{account}/{requester}/{code.hex()}".encode()).digest()[:16]
    if find(node, account, identifier) is not None:
        return identifier
    answer = node.peers.call(requester, ASKED_PATH, codec.encode({"code": code}))
    try:
        asking = msgspec.convert(codec.decode(answer), Asking)
        sentence_of(asking)
    except (codec.CodecError, msgspec.ValidationError, plain.NotPlain):
        raise PeerError("unreadable", f"What {requester} asks cannot be read.", answered=True) from None
    if asking.requester != requester:
        raise PeerError("another-signer", f"{requester} asks in another's name.", answered=True)
    sealed = node.vault.seal(None, codec.encode(msgspec.to_builtins(asking)), identifier)
    row = {"id": identifier, "account": account, "time": node.clock(), "answer": "", "sealed": sealed}
    node.store.write(lambda connection: connection.execute(sql.insert(asked_of).values(**row)))
    return identifier


def waiting(node: "Node", account: str) -> list[Waiting]:
    """Every request that was laid before a person, newest first."""
    query = sql.select(asked_of).where(asked_of.c.account == account).order_by(asked_of.c.time.desc())
    with node.store.read() as connection:
        return [_opened(node, row) for row in connection.execute(query)]


def find(node: "Node", account: str, identifier: bytes) -> Waiting | None:
    """One request of a person."""
    query = sql.select(asked_of).where(asked_of.c.account == account, asked_of.c.id == identifier)
    with node.store.read() as connection:
        row = connection.execute(query).one_or_none()
    return _opened(node, row) if row is not None else None


def keep_answer(node: "Node", account: str, identifier: bytes, answer: str) -> None:
    """Keep what the person has answered; a no is told to nobody."""
    assert answer in ANSWERS
    mine = (asked_of.c.account == account) & (asked_of.c.id == identifier)
    node.store.write(lambda connection: connection.execute(sql.update(asked_of).where(mine).values(answer=answer)))


def _opened(node: "Node", row: sql.Row[tuple[object, ...]]) -> Waiting:
    asking = msgspec.convert(codec.decode(node.vault.open(None, bytes(row.sealed), bytes(row.id))), Asking)
    return Waiting(bytes(row.id), row.account, row.time, row.answer, asking)


def _digest(code: bytes) -> bytes:
    return hashlib.sha256(b"medrec/asked/1" + code).digest()
