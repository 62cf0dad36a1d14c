"""What crosses between the two ends of a release, and what each end remembers of it.

ask = CBOR of `Ask`. release = CBOR [body, signature]; body = CBOR of `Release`; the signature is the source's Ed25519
over "medrec/release/1" || SHA-256(body). It is the source's promise that each line stands in its journal, until the
batch is anchored.
"""

import hashlib
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, String, Table

from medrec.core import codec
from medrec.core.address import decode_address
from medrec.core.consent import terms
from medrec.core.manifests.access import Request
from medrec.core.signs import says_something
from medrec.core.types import Bytes16, Bytes32, Count, Fields, TimeMs
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Code, Refusal

RELEASE_PATH = "/medrec/release"
ASK_LIFE_MS_MAX = 10 * 60_000
DUE_MS = 60 * 60_000
PAGE_RECORDS = 1000
ACCOUNTS_REMEMBERED_MAX = 10_000
RELEASE_BYTES_MAX = 48 << 20
CONTENT_BYTES_MAX = 32 << 20
_SIGNED = b"medrec/release/1"

# Requests that were answered, by the obligation that follows from them: an id is used once. `due` stands only where
# something was let out; status: refused, open, settled.
asked = Table(
    "asked",
    metadata,
    Column("obligation", LargeBinary(16), primary_key=True),
    Column("requester", String(32), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("due", BigInteger, index=True),
    Column("seq", BigInteger, nullable=False),
    Column("status", String(8), nullable=False),
    sqlite_with_rowid=False,
)

# Requests that this node made. status: waiting (the answer is being waited for), failed, done.
asking = Table(
    "asking",
    metadata,
    Column("obligation", LargeBinary(16), primary_key=True),
    Column("request", LargeBinary(16), nullable=False),
    Column("source", String(32), nullable=False),
    Column("account", String(80), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("status", String(8), nullable=False, index=True),
)

# What came here and was verified, until the ledger has the source's own half: by its obligation, from whom, when, the
# line of our half; `told` once the privacy officer was told that it is late.
half_alone = Table(
    "half_alone",
    metadata,
    Column("obligation", LargeBinary(16), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("told", Boolean, nullable=False, default=False),
)

# What opens the marks in this node's half about somebody who is linked here: a CBOR array of keys, in the order of its
# records, sealed under her key. It says which version of a record came.
half_keys = Table(
    "half_keys",
    metadata,
    Column("obligation", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)

# Consents taken back here, by nullifier; they stay, so that a consent which arrives again stays dead.
revoked = Table(
    "revoked",
    metadata,
    Column("nullifier", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("seq", BigInteger, nullable=False),
)


class Ask(Fields, frozen=True):
    """A request for a person's records; it may be answered until `expires` (ms).

    `credential` (canonical JSON) is the practitioner's, `assertion` her signature over `assertion_message`.
    """

    account: Annotated[str, msgspec.Meta(max_length=80)]
    expires: TimeMs
    network: Bytes32
    request: Request
    credential: Annotated[bytes, msgspec.Meta(max_length=4096)] = b""
    assertion: Annotated[bytes, msgspec.Meta(max_length=64)] = b""


class SentRecord(Fields, frozen=True):
    """A record as it travels: its manifest, the salt and entry of the line that signed it, its canonical bytes.

    The line's number does not travel: of one import, the numbers that are missing would be those of what is withheld.
    """

    content: bytes
    entry: bytes
    manifest: bytes
    salt: Bytes32


class SentLine(Fields, frozen=True, omit_defaults=True):
    """A journal line with what opens it. `keys` open the marks of the records that a disclosure lists, in its order."""

    entry: bytes
    manifest: bytes
    salt: Bytes32
    seq: Count
    keys: list[Bytes32] = []


NOT_ALL = "not-all"
"""Stands on the last page for a person who allows marks: not all that the source has of her is there, by her own will
or since nobody has looked yet whose it is. It says nothing of which, and of how much."""


class Release(Fields, frozen=True):
    """What the source lets go. `more` is the `after` of the next page, "" on the last one.

    `attach` are the codes of texts that have to travel with these records wherever they go, and NOT_ALL. `parts` are
    the records that the disclosure lists as cut, in its order: canonical bytes, which its signature alone vouches for.
    `beside` are the medicines that go with those which point at them.
    """

    disclosure: SentLine
    more: str
    records: list[SentRecord]
    request: Bytes16
    attach: list[str] = []
    parts: list[bytes] = []
    beside: list[SentRecord] = []


Form = TypeVar("Form", bound=Fields)


class UnreadableError(ValueError):
    """The bytes are not of the form that was expected."""


def encode(fields: Fields) -> bytes:
    """The CBOR of a wire form."""
    return codec.encode(msgspec.to_builtins(fields, builtin_types=(bytes,)))


def decode(data: bytes, form: type[Form], bytes_max: int = codec.BYTES_MAX) -> Form:
    """The strict reading of a wire form. Raises UnreadableError."""
    try:
        return msgspec.convert(codec.decode(data, bytes_max=bytes_max), form, builtin_types=(bytes,))
    except (codec.CodecError, msgspec.ValidationError, RecursionError) as error:
        raise UnreadableError(str(error)) from None


@lru_cache(ACCOUNTS_REMEMBERED_MAX)
def check_address(account: str) -> None:
    """Raises AddressError. Whether a text is an address never changes; what is refused is not remembered."""
    decode_address(account)


def check_purpose(request: Request) -> None:
    """Refuse, before anything is looked up, what is wrong whatever a person decided: so it says nothing about her."""
    if not request.purpose:
        raise Refusal(Code.PURPOSE_MISSING)
    if request.purpose not in terms.PURPOSES_BELOW:
        raise Refusal(Code.PURPOSE_UNKNOWN)
    if not says_something(request.reason):
        raise Refusal(Code.REASON_MISSING)


def signed_message(body: bytes) -> bytes:
    """What the source signs of a release."""
    return _SIGNED + hashlib.sha256(body).digest()


def seal_release(body: bytes, signature: bytes) -> bytes:
    """The bytes of a signed release."""
    return codec.encode([body, signature])


def open_release(data: bytes) -> tuple[bytes, bytes]:
    """Body and signature of a signed release. Raises UnreadableError."""
    try:
        parts: Any = codec.decode(data, bytes_max=RELEASE_BYTES_MAX)
    except codec.CodecError as error:
        raise UnreadableError(str(error)) from None
    if type(parts) is not list or len(parts) != 2 or type(parts[0]) is not bytes or type(parts[1]) is not bytes:
        raise UnreadableError("a release is an array of body and signature")
    return parts[0], parts[1]
