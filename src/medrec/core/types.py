"""The values that cross the seams: transactions, blocks, outcomes, tips; and how transactions become bytes."""

import hashlib
import re
from typing import Annotated, Any

import msgspec

from medrec.core import codec
from medrec.core.outcome import Code, Outcome, Refused, claim

PROTOCOL_VERSION = 1
TRANSACTION_BYTES_MAX = 1 << 20
BODY_BYTES_MAX = 16 << 10
EXPIRY_HEIGHTS_MAX = 1000
TIME_MS_MAX = 253_402_300_799_999  # the last millisecond of the year 9999

# \Z, not $: a dollar sign lets a line break follow, and then one id has two forms.
ORGANISATION_ID = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?\Z"
is_organisation_id = re.compile(ORGANISATION_ID).fullmatch

Bytes16 = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
TimeMs = Annotated[int, msgspec.Meta(ge=0, le=TIME_MS_MAX)]
OrganisationId = Annotated[str, msgspec.Meta(pattern=ORGANISATION_ID, max_length=32)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Url = Annotated[str, msgspec.Meta(max_length=300, pattern=r"^(https?://[!-~]+)?\Z")]
Server = Annotated[str, msgspec.Meta(max_length=300, pattern=r"^https?://[!-~]+\Z")]
OtherName = Annotated[
    str,
    msgspec.Meta(max_length=300, pattern=r"^(?!urn:medrec:)([^\x00-\x20\x7f|]+\|[^\x00-\x1f\x7f|]+|https?://[!-~]+)\Z"),
]


class Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of every strictly read map: unknown and missing fields are refused."""


class Body(Fields, frozen=True):
    """What a transaction says; its hash is the transaction id.

    `author` is an organisation id or an account address, `key` the first 16 bytes of the SHA-256 of the signing
    key, `expires` the last height at which it may be applied.
    """

    author: Annotated[str, msgspec.Meta(min_length=1, max_length=65)]
    expires: Count
    key: Bytes16
    kind: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    network: Bytes32
    nonce: Count
    payload: dict[str, Any]


class Transaction(msgspec.Struct, frozen=True):
    """A decoded transaction: the body, its bytes and id, the proof of the author's will, and the attachment."""

    body: Body
    body_bytes: bytes
    id: bytes
    proof: list[Any]
    attachment: bytes


class Misbehaviour(msgspec.Struct, frozen=True):
    """What the network has proven of a validator: "double-vote" or "light-client-attack", at a height and time."""

    organisation: str
    kind: str
    height: int
    time: int


class Block(msgspec.Struct, frozen=True):
    """A run of transactions in their agreed order, with the agreed time in milliseconds, and what was proven of
    validators.
    """

    height: int
    time: int
    transactions: tuple[bytes, ...]
    misbehaviour: tuple[Misbehaviour, ...] = ()


class Tip(msgspec.Struct, frozen=True):
    """Where the ledger stands after a block; what a checkpoint signs."""

    height: int
    time: int
    log_size: int
    log_root: bytes
    state_root: bytes
    protocol: int

    @property
    def app_hash(self) -> bytes:
        """SHA-256("medrec/app/1" || log root || log size || state root || protocol version)."""
        return hashlib.sha256(
            b"medrec/app/1"
            + self.log_root
            + self.log_size.to_bytes(8, "big")
            + self.state_root
            + self.protocol.to_bytes(8, "big")
        ).digest()


class BlockResult(msgspec.Struct, frozen=True):
    """What a block does: one outcome and one leaf index (None if refused) a transaction, and all writes."""

    outcomes: tuple[Outcome, ...]
    leaf_indices: tuple[int | None, ...]
    tip: Tip
    writes: dict[bytes, bytes | None]


def transaction_id(body_bytes: bytes) -> bytes:
    """SHA-256("medrec/transaction/1" || body): a malleated signature changes nothing."""
    return hashlib.sha256(b"medrec/transaction/1" + body_bytes).digest()


def encode_body(
    *, author: str, expires: int, key: bytes, kind: str, network: bytes, nonce: int, payload: dict[str, Any]
) -> bytes:
    """The bytes of a body, ready to be hashed and signed."""
    return codec.encode(
        {
            "author": author,
            "expires": expires,
            "key": key,
            "kind": kind,
            "network": network,
            "nonce": nonce,
            "payload": payload,
        }
    )


def encode_transaction(body_bytes: bytes, proof: list[Any], attachment: bytes = b"") -> bytes:
    """The bytes of a transaction: body, proof (["ed25519", signature] or ["webauthn", ...]) and attachment."""
    return codec.encode([body_bytes, proof, attachment])


def decode_transaction(data: bytes) -> Transaction:
    """The transaction in these bytes. Raises Refused with TOO_LARGE or MALFORMED."""
    claim(len(data) <= TRANSACTION_BYTES_MAX, Code.TOO_LARGE, f"{len(data)} bytes")
    try:
        parts = codec.decode(data, bytes_max=TRANSACTION_BYTES_MAX)
    except codec.CodecError as error:
        raise Refused(Code.MALFORMED, str(error)) from None
    claim(type(parts) is list and len(parts) == 3, Code.MALFORMED, "not an array of three")
    body_bytes, proof, attachment = parts
    claim(type(body_bytes) is bytes and type(attachment) is bytes, Code.MALFORMED, "body or attachment")
    claim(type(proof) is list and len(proof) >= 2 and type(proof[0]) is str, Code.MALFORMED, "proof")
    claim(len(body_bytes) <= BODY_BYTES_MAX, Code.TOO_LARGE, f"a body of {len(body_bytes)} bytes")
    try:
        value = codec.decode(body_bytes, bytes_max=BODY_BYTES_MAX)
    except codec.CodecError as error:
        raise Refused(Code.MALFORMED, f"body: {error}") from None
    body: Body = read_fields(value, Body, Code.MALFORMED)
    return Transaction(body, body_bytes, transaction_id(body_bytes), proof, attachment)


def read_fields(value: object, form: type[Any], code: Code = Code.BAD_PAYLOAD) -> Any:
    """The value in its strict form. Raises Refused with `code`, naming the field."""
    try:
        # Bytes are bytes: without `builtin_types` a base64 text would pass for them, a second form of one statement.
        return msgspec.convert(value, form, builtin_types=(bytes,))
    except (msgspec.ValidationError, RecursionError) as error:
        raise Refused(code, str(error)) from None


def log_leaf(height: int, time: int, body_bytes: bytes) -> bytes:
    """The bytes that the log's leaf hash covers: [1, height, time, body]."""
    return codec.encode_known([1, height, time, body_bytes])
