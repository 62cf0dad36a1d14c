"""Does a delegation hold now? Rules that need no registry and no clerk: every node comes to the same answer.

A parent's right shrinks as a child grows: from the 11th birthday on a review is due, without one it rests from the
13th, and on the 16th it ends by itself.
"""

from enum import Enum
from typing import NamedTuple

from medrec.core.manifests.delegation import Delegation

DAY_MS = 86_400_000
REVIEW_AGE, REST_AGE, END_AGE = 11, 13, 16
LONGEST_MS = {
    "consent": 5 * 366 * DAY_MS,
    "parental": 16 * 366 * DAY_MS,
    "best-interest": 92 * DAY_MS,
    "legal": 5 * 366 * DAY_MS,
}
"""How long a delegation may be given for, by its basis."""


class Standing(Enum):
    """Whether a delegation holds; the value is its sentence."""

    HOLDS = "It holds."
    REVIEW_DUE = "It holds; the child is eleven or older, so it has to be looked at again."
    OVER = "Its time is over."
    RESTS = "The child is thirteen and nobody has looked at it again, so it rests."
    GROWN = "The child is sixteen and decides herself."
    NOT_YET = "It lies in the future."

    @property
    def holds(self) -> bool:
        """Whether the delegate may act."""
        return self in (Standing.HOLDS, Standing.REVIEW_DUE)


class Flaw(NamedTuple):
    """What makes a delegation void from the beginning: a short code and a sentence."""

    code: str
    sentence: str


def standing(delegation: Delegation, now: int) -> Standing:
    """Whether a delegation that was well made, and not ended, holds at a time."""
    if delegation.basis == "parental" and delegation.born is not None:
        if now >= birthday(delegation.born, END_AGE):
            return Standing.GROWN
        review = birthday(delegation.born, REVIEW_AGE)
        if delegation.time < review:
            if now >= birthday(delegation.born, REST_AGE):
                return Standing.RESTS
            if review <= now < delegation.until:
                return Standing.REVIEW_DUE
    return Standing.OVER if now >= delegation.until else Standing.HOLDS


def flaw(delegation: Delegation) -> Flaw | None:
    """What is wrong with how a delegation is made, None for nothing. Signatures are another question."""
    if delegation.delegate == delegation.account:
        return Flaw("own-delegate", "Nobody is her own helper.")
    if (delegation.basis == "consent") != (delegation.attested is None):
        return Flaw("wrong-basis", "A clinic states every basis but the person's own consent.")
    if (delegation.basis == "parental") != (delegation.born is not None):
        return Flaw("wrong-basis", "A parent's right, and no other, names the child's date of birth.")
    if delegation.basis == "best-interest" and "consent" in delegation.rights:
        return Flaw("too-much", "Who helps in somebody's best interest cares for her, and gives no permissions.")
    if len(set(delegation.rights)) != len(delegation.rights) or len(set(delegation.types)) != len(delegation.types):
        return Flaw("twice", "Something stands twice.")
    if not delegation.time < delegation.until <= delegation.time + LONGEST_MS[delegation.basis]:
        return Flaw("too-long", "It ends before it begins, or lasts longer than its basis allows.")
    if delegation.born is not None and delegation.time >= birthday(delegation.born, END_AGE):
        return Flaw("grown", "The child is sixteen and decides herself.")
    return None


def covers(delegation: Delegation, right: str, kind: str = "") -> bool:
    """Whether a delegation speaks of a right, for records of a kind ("" for what is no record)."""
    return right in delegation.rights and (not kind or not delegation.types or kind in delegation.types)


def birthday(born: str, years: int) -> int:
    """The first millisecond (UTC) of a birthday; who was born on 29 February has it on 1 March in other years."""
    year, month, day = (int(part) for part in born.split("-"))
    return _days(year + years, month, day) * DAY_MS


def _days(year: int, month: int, day: int) -> int:
    # Days since 1970-01-01 in the Gregorian calendar; the year begins in March, so that the leap day is its last.
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
