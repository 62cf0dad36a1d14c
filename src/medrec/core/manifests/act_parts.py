"""What of an act each place alone is told: whom it goes to, and the record versions that it speaks against.

The act bears the SHA-256 of each such part, salted, in a list that is always of the same length: what is signed is the
same for all, and neither shows how many others there are nor lets anybody try who they may be. A copy for a place has
the parts that concern it.
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated

import msgspec

from medrec.core import codec
from medrec.core.manifests.consent import Recipient
from medrec.core.manifests.record import FhirId, FhirType, Hex16, Hex32
from medrec.core.types import Fields, OrganisationId

MARKS = 64
RECIPIENTS_MAX, OPENED_MAX = 32, 32
SALT_BYTES = 16


class Against(Fields, frozen=True):
    """A record version that the act contradicts: its source is asked to look at it."""

    source: OrganisationId
    type: FhirType
    id: FhirId
    manifest: Hex32


class Opened(Against, frozen=True):
    """The same with its salt: its hash is one of the marks of the act."""

    salt: Hex16


class Addressed(Fields, frozen=True):
    """One whom the person lets have the act ("*": all that know her), with the salt."""

    organisation: Recipient
    salt: Hex16


Marks = Annotated[list[Hex32], msgspec.Meta(min_length=MARKS, max_length=MARKS)]


class Parts(msgspec.Struct, frozen=True):
    """The marks of an act, and what they are of."""

    marks: list[str]
    opened: list[Opened]
    to: list[Addressed]


def text_of(part: Fields) -> str:
    """The text of which the hash is signed: canonical JSON."""
    return codec.encode_json(msgspec.to_builtins(part)).decode()


def mark_of(part: Fields) -> str:
    """The mark of a part (hex)."""
    return hashlib.sha256(text_of(part).encode()).hexdigest()


def parted(against: Sequence[Against], recipients: Sequence[str], secret: bytes) -> Parts:
    """The parts of an act under a secret (32 random bytes that are used for nothing else and kept nowhere). Raises
    ValueError for more than fit."""
    if len(against) > OPENED_MAX or len(recipients) > RECIPIENTS_MAX:
        raise ValueError("an act speaks of more than it has marks for")

    def drawn(number: int) -> str:
        return hashlib.sha256(b"medrec/list-act-part/1" + secret + number.to_bytes(2, "big")).hexdigest()

    salts = iter([drawn(number)[: 2 * SALT_BYTES] for number in range(len(against) + len(recipients))])
    opened = [Opened(one.source, one.type, one.id, one.manifest, salt=next(salts)) for one in against]
    to = [Addressed(name, next(salts)) for name in recipients]
    made = [mark_of(part) for part in (*opened, *to)]
    # What stands for nothing looks like what stands for something.
    empty = [drawn(MARKS + number) for number in range(MARKS - len(made))]
    return Parts(sorted((*made, *empty)), opened, to)
