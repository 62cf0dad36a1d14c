"""Breaking the glass: declared at the source, kept by the one who declared, reviewed there, and told to the person."""

import hashlib
from typing import Annotated, Literal

import msgspec

from medrec.core.consent.emergency import TEXT_MIN
from medrec.core.manifests.access import Request
from medrec.core.manifests.record import Hex16, Hex32
from medrec.core.signs import count, is_mixed, seen, skeleton
from medrec.core.types import Fields, OrganisationId, TimeMs

KINDS_MIN = 6
"""Of so many kinds the letters and figures of a reason are at least: one again and again says nothing."""

Scope = Literal["summary", "restricted"]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z-]{1,40}\Z")]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
ReviewOutcome = Literal["justified", "not-justified", "unclear"]


class EmergencyManifest(Fields, frozen=True):
    """The source's half: somebody of `request.requester` declared an emergency; `code` and `request.reason` say why.

    It is in force until `until`; the requester owes a review (`obligation`) by `due`. `waiting_since` is set when this
    was written while the ledger could not be reached: since when lines wait. It is anchored late then.
    """

    manifest: Literal["emergency/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    request: Request
    code: Code
    scope: Scope
    until: TimeMs
    obligation: Hex16
    due: TimeMs
    waiting_since: TimeMs | None


class EmergencyDeclaredManifest(Fields, frozen=True):
    """The requester's half, written before it asks: who of ours declared an emergency, where, and why."""

    manifest: Literal["emergency-declared/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    source: OrganisationId
    request: Request
    code: Code
    scope: Scope
    hours: Annotated[int, msgspec.Meta(ge=1, le=120)]
    obligation: Hex16


class EmergencyReviewManifest(Fields, frozen=True):
    """Somebody else of the requester reviewed it; settles what the requester owes the source."""

    manifest: Literal["emergency-review/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    source: OrganisationId
    obligation: Hex16
    reviewer: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    outcome: ReviewOutcome
    words: Words


class EmergencyReviewedManifest(Fields, frozen=True):
    """The source hands the outcome on to the person; `review` is the SHA-256 of the requester's line."""

    manifest: Literal["emergency-reviewed/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    requester: OrganisationId
    obligation: Hex16
    outcome: ReviewOutcome
    words: Words
    review: Hex32


def query_of(code: str, scope: str, hours: int) -> str:
    """How a declaration stands in the request that the practitioner signs."""
    return f"$emergency?code={code}&scope={scope}&hours={hours}"


def review_owed(source: str, requester: str, request: bytes) -> bytes:
    """The id (16 bytes) of the review that a requester owes for an emergency; both ends compute it."""
    parts = source.encode() + b"/" + requester.encode() + b"/" + request
    return hashlib.sha256(b"medrec/emergency-review/1" + parts).digest()[:16]


def says_enough(text: str) -> bool:
    """Whether a reason has enough words: white space counts once, signs that nobody sees and marks on others do
    not count, and half of it at least are letters or digits, of six kinds or more."""
    said = [sign for sign in seen(text).casefold() if sign.isalnum()]
    return count(text) >= TEXT_MIN and 2 * len(said) >= TEXT_MIN and len(set(said)) >= KINDS_MIN


def same_name(one: str, other: str) -> bool:
    """Whether two names may be one person's, who has two entries: all words of the shorter stand in the longer, as they
    look (`skeleton`). Signs that nobody sees part no word. A word of several alphabets that look alike may be any other
    one; a figure in a word may be any letter, or none."""
    if any(map(is_mixed, f"{one} {other}".split())):
        return True
    shorter, longer = sorted((_words(name) for name in (one, other)), key=len)
    stand = all(any(_alike(word, other) for other in longer) for word in shorter)
    return stand and bool(shorter) and (len(shorter) > 1 or len(longer) == 1)


def _words(name: str) -> set[str]:
    parted = "".join(sign if sign.isalnum() else " " for sign in skeleton(name))
    return {word for word in parted.split() if not word.isdigit()}


def _alike(one: str, other: str) -> bool:
    """Whether two words look the same but for their figures."""
    bare = ["".join(sign for sign in word if not sign.isdigit()) for word in (one, other)]
    of_length = len(one) == len(other)
    return bare[0] == bare[1] or (
        of_length and all(a == b or a.isdigit() or b.isdigit() for a, b in zip(one, other, strict=True))
    )


FORMS: dict[str, type[Fields]] = {
    "emergency/1": EmergencyManifest,
    "emergency-declared/1": EmergencyDeclaredManifest,
    "emergency-review/1": EmergencyReviewManifest,
    "emergency-reviewed/1": EmergencyReviewedManifest,
}
