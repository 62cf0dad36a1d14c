"""How parties are named in consents: organisations by their id on the ledger, practitioners inside one of them.

"Organization/north" is the organisation `north` of the ledger. A practitioner is named inside the organisation that
answers for her ("identifier:urn:medrec:practitioner:north|dr-x"), because every organisation may call somebody
`dr-x`. All other references (a Group, a CareTeam, an address on another server, Practitioner/x) mean somebody only
to whoever can look them up (`actors`). In records the ledger's names are identifiers, too.
"""

import unicodedata

from medrec.core.signs import is_seen
from medrec.core.types import is_organisation_id

ORGANISATION = "urn:medrec:organisation"
PRACTITIONER = "urn:medrec:practitioner:"
ACCOUNT = "urn:medrec:account"
"""Identifier systems: of an organisation of the ledger, of a practitioner (followed by the organisation's id), and of a
person's account."""


_JOINERS = "\u200c\u200d"
_JOINED = ("ARABIC", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER", "MALAYALAM", "MONGOLIAN",
           "MYANMAR", "ORIYA", "SINHALA", "SYRIAC", "TAMIL", "TELUGU", "TIBETAN")  # fmt: skip
"""Scripts that write words with joiners and non-joiners."""


def visible(name: str) -> str:
    """A name as it may stand in a sentence: without what turns or hides text, and "" where nothing is left to see.

    A joiner or non-joiner stays between two letters of a script that needs it, and what chooses the form of a Chinese
    character behind that one.
    """
    kept = [
        one
        for at, one in enumerate(name)
        if is_seen(one) or (one in _JOINERS and _joins(name[at - 1 : at + 2])) or _chooses(name[at - 1 : at + 1])
    ]
    return "".join(kept) if any(not one.isspace() and one not in _JOINERS for one in kept) else ""


def _joins(three: str) -> bool:
    return len(three) == 3 and all(unicodedata.name(one, "").startswith(_JOINED) for one in (three[0], three[2]))


def _chooses(two: str) -> bool:
    if len(two) != 2 or not "\U000e0100" <= two[1] <= "\U000e01ef":
        return False
    return unicodedata.name(two[0], "").startswith("CJK UNIFIED")


def organisation(name: str) -> str:
    """The reference to an organisation of the ledger."""
    return f"Organization/{name}"


def practitioner(house: str, name: str) -> str:
    """The reference to somebody who works in an organisation, as her organisation names her."""
    return f"identifier:{PRACTITIONER}{house}|{name}"


def by_identifier(name: str) -> str:
    """The reference to an organisation of the ledger by its identifier."""
    return f"identifier:{ORGANISATION}|{name}"


def organisation_of(reference: str) -> str | None:
    """The ledger id in a reference to an organisation of the ledger, or to somebody inside one; None for all else."""
    if reference.startswith("Organization/"):
        name = reference.removeprefix("Organization/")
    elif reference.startswith(f"identifier:{ORGANISATION}|"):
        name = reference.removeprefix(f"identifier:{ORGANISATION}|")
    elif reference.startswith(f"identifier:{PRACTITIONER}"):
        name = reference.removeprefix(f"identifier:{PRACTITIONER}").partition("|")[0]
    else:
        return None
    return name if is_organisation_id(name) else None


def split(token: str) -> tuple[str, str]:
    """Reference and role of an actor's token ("Organization/north system|code"); "" for the one it has not."""
    first, _, second = token.partition(" ")
    if second:
        return first, second
    named = ("/" in first and "|" not in first) or first.startswith(("urn:", "identifier:"))
    return (first, "") if named else ("", first)


def is_holder(token: str) -> bool:
    """Whether the ledger says which organisation a holder of data is: it is named as one, and by no role."""
    name = organisation_of(token)
    return name is not None and token in (organisation(name), by_identifier(name))


def is_stranger(token: str) -> bool:
    """Whether only somebody who can look the reference up could say whether a requester is meant."""
    reference, _ = split(token)
    return bool(reference) and organisation_of(reference) is None
