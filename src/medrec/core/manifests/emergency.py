"""Breaking the glass: declared at the source, kept by the one who declared, reviewed there, and told to the person."""

import hashlib
import re
from typing import Annotated, Literal

import msgspec

from medrec.core.consent.emergency import TEXT_MIN
from medrec.core.manifests.access import Request
from medrec.core.manifests.record import Hex16, Hex32
from medrec.core.signs import count, is_mixed, kinds, seen, skeleton
from medrec.core.types import Fields, OrganisationId, TimeMs

KINDS_MIN = 6
"""Of so many kinds the letters and figures of a reason are at least: one again and again says nothing."""
WORDS_MIN, LETTERS_MIN = 2, 3
"""So many words of letters, or so many letters that differ, stand by the figures of a reason ("HR 30, BP 50/30")."""

_BESIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_LETTERED = re.compile(r"[^\W\d_]+")
_LONG = re.compile(r"[^\W\d_]{4,}")
_AGAIN = re.compile(r"([^\W\d_])\1+", re.IGNORECASE)
_DOTS = re.compile("([aou])e")

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
    """Whether a reason has enough words: white space counts once, and one word again and again once; signs that nobody
    sees and marks on others do not count, and half of it at least are letters or digits, six or more that differ among
    them. Figures alone say nothing: two words of letters are among it that differ, or three letters that do."""
    words = seen(text).split()
    if len({"".join(sign for sign in word.casefold() if sign.isalnum()) for word in words} - {""}) == 1:
        text = max(words, key=len)
    said = [sign for sign in seen(text).casefold() if sign.isalnum()]
    lettered = _LETTERED.findall(seen(text).casefold())
    worded = len({*lettered}) >= WORDS_MIN or kinds("".join(lettered)) >= LETTERS_MIN
    return count(text) >= TEXT_MIN and 2 * len(said) >= TEXT_MIN and worded and kinds(text) >= KINDS_MIN


def same_name(one: str, other: str) -> bool:
    """Whether two names may be one person's, who has two entries: all words of the shorter stand in the longer, as they
    look (`skeleton`), or all their letters are the same, however they are parted. Signs that nobody sees part no word.
    A word of several alphabets that look alike may be any other one; a figure in a word may be any letter, or none; one
    letter may be any word that begins with it. What is no part of a name (a title, what stands in brackets, or behind
    the comma after a whole name) parts nobody from herself, nor does a letter written twice."""
    if any(map(is_mixed, f"{one} {other}".split())):
        return True
    return any(_fit(mine, others) for mine in (one, _bare(one)) for others in (other, _bare(other)))


def _fit(one: str, other: str) -> bool:
    if _letters(one) & _letters(other):
        return True
    pairs = [(_words(one, gap), _words(other, gap)) for gap in (" ", "")]
    return any(_stands(*pair) or _stands(*map(_untitled, pair)) for pair in pairs)


def _bare(name: str) -> str:
    """A name without what stands in brackets, and behind the comma after a whole name ("South, Anna" is none)."""
    bare = _BESIDE.sub(" ", name)
    before, _, _ = bare.partition(",")
    whole = len(_untitled(_words(before, " "))) > 1
    return before if whole else bare if bare.strip() else name


def _untitled(words: set[str]) -> set[str]:
    """The words that are no titles; all of them, where there is nothing else."""
    return {word for word in words if word not in _TITLES} or words


def _stands(one: set[str], other: set[str]) -> bool:
    """Whether all words of the one with fewer stand in the one with more."""
    shorter, longer = sorted((one, other), key=len)
    stand = all(any(_alike(word, other) for other in longer) for word in shorter)
    return stand and bool(shorter) and (len(shorter) > 1 or len(longer) == 1)


def _words(name: str, gap: str) -> set[str]:
    """The words of a name, where `gap` stands for each sign that is no letter: "Sou-th" is two words, or one."""
    parted = "".join(sign if sign.isalnum() else " " if sign.isspace() else gap for sign in _written(name))
    return {word for word in parted.split() if not word.isdigit()}


def _letters(name: str) -> set[str]:
    """All letters of a name in one, with and without what is said before a name or after it ("Dr", "RN")."""
    words = "".join(sign if sign.isalpha() or sign.isspace() else "" for sign in _written(name)).split()
    bare = [word for word in words if word not in _TITLES]
    return {"".join(said) for said in (words, bare) if said}


def _written(name: str) -> str:
    """As it looks, and with one spelling of the vowels that some write with two dots ("Mueller"); a letter
    that stands twice in a longer word stands once."""
    once = _LONG.sub(lambda word: _AGAIN.sub(r"\1", word[0]), seen(name))
    return _DOTS.sub(r"\1", skeleton(once))


_TITLES = frozenset(
    map(
        _written,
        (
            *(
                "dr",
                "dra",
                "drs",
                "doctor",
                "doctora",
                "prof",
                "profa",
                "professor",
                "sir",
                "dame",
                "lady",
                "lord",
                "rev",
            ),
            *(
                "mr",
                "mrs",
                "ms",
                "miss",
                "mx",
                "madam",
                "sister",
                "matron",
                "nurse",
                "midwife",
                "paramedic",
                "physician",
            ),
            *("consultant", "registrar", "resident", "intern", "surgeon", "attending", "fellow", "locum", "staff"),
            *(
                "sr",
                "sra",
                "srta",
                "don",
                "herr",
                "frau",
                "schwester",
                "pfleger",
                "mme",
                "mlle",
                "enfermera",
                "enfermero",
            ),
            *(
                "md",
                "mbbs",
                "mbchb",
                "phd",
                "rn",
                "rgn",
                "rmn",
                "lpn",
                "np",
                "pa",
                "bsc",
                "msc",
                "mrcp",
                "frcp",
                "frcs",
            ),
            *("facp", "facs", "jr", "jnr", "junior", "snr", "senior", "ii", "iii", "dipl", "med", "dent"),
            *("\u062f", "\u062f\u0643\u062a\u0648\u0631", "\u062f\u0643\u062a\u0648\u0631\u0629"),
        ),
    )
)
"""What is said before a name or after it, and is no part of it (of the kinds that a list of staff has)."""


def _alike(one: str, other: str) -> bool:
    """Whether two words look the same but for their figures, or one is the first letter of the other."""
    bare = ["".join(sign for sign in word if not sign.isdigit()) for word in (one, other)]
    of_length = len(one) == len(other)
    first, whole = sorted((one, other), key=len)
    return (
        bare[0] == bare[1]
        or (len(first) == 1 and whole.startswith(first))
        or (of_length and all(a == b or a.isdigit() or b.isdigit() for a, b in zip(one, other, strict=True)))
    )


FORMS: dict[str, type[Fields]] = {
    "emergency/1": EmergencyManifest,
    "emergency-declared/1": EmergencyDeclaredManifest,
    "emergency-review/1": EmergencyReviewManifest,
    "emergency-reviewed/1": EmergencyReviewedManifest,
}
