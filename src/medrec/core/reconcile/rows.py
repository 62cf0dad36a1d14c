"""What a list consists of: rows, each with every line behind it, what the sources disagree about, and the rules."""

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from medrec.core.reconcile.held import Author, Held, Line, latest
from medrec.core.reconcile.normal import Measured
from medrec.core.reconcile.pairs import PairClass
from medrec.core.records.dates import DAY_MS
from medrec.core.records.understood import AllergyTo, Status

Likeness: TypeAlias = Literal["identical", "similar", "only-here"]
"""How the sources of a row compare: all say the same, they differ in something, or there is one source alone."""


class Conflict(StrEnum):
    """What the sources of a row disagree about; each has a heading in docs/spec/reconcile.md."""

    STATUS = "status"
    DOSE = "dose"
    FORM = "form"
    PATIENT = "patient"
    CRITICALITY = "criticality"
    REFUTED = "refuted"
    NONE_KNOWN = "none-known"
    CODE_NAME = "code-and-name"
    STAGE = "stage"


class Confirmed(msgspec.Struct, frozen=True, gc=False):
    """When and by whom a row was last confirmed (ms); `author` tells a person from a record."""

    at: int
    source: str
    author: Author
    by: str


class Link(msgspec.Struct, frozen=True, gc=False):
    """A row that stands near another: its key, how, and through what (a class, or the shared ingredients)."""

    key: str
    kind: PairClass
    through: tuple[str, ...]


class Variant(msgspec.Struct, frozen=True, gc=False):
    """One way in which sources have a medicine, with the lines (places in the row) that have it so. `per_day`: empty
    for what is not taken every day (`every_day`); `directions`: those of its newest line that has any."""

    name: str
    strength: str
    form: str
    per_day: str
    as_needed: bool
    branded: str
    lines: tuple[int, ...]
    directions: str = ""
    every_day: bool = True


class MedicineRow(msgspec.Struct, frozen=True, gc=False):
    """One medicine of a person.

    `key`: ingredients and the place where it acts, stable as records come and go. `directions`: those of the newest
    line that counts; `daily`: what a day comes to of each ingredient, orders of one place taken together; `doubled`:
    how the orders in force call it where there is more than one (doubles.py). `ordered_by`: who orders it, where two do
    the same at two places; `filled_early`: and it was filled again while a fill of it lasted. `every_day`:
    the directions say that it is taken every day. `may_be`: the ingredients of all that its record names,
    where it names several and none is believed. `pairs`: (variant, variant, class). `since`: the earliest start (ms).
    """

    key: str
    name: str
    ingredients: tuple[str, ...]
    site: str
    status: Status
    directions: str
    strength: str
    per_day: str
    as_needed: bool
    reasons: tuple[str, ...]
    likeness: Likeness
    conflicts: tuple[Conflict, ...]
    rules: tuple[str, ...]
    confirmed: Confirmed | None
    stale: str
    since: int | None
    lines: tuple[Line, ...]
    variants: tuple[Variant, ...]
    pairs: tuple[tuple[int, int, PairClass], ...]
    daily: Measured = ()
    links: tuple[Link, ...] = ()
    doubled: tuple[str, ...] = ()
    every_day: bool = False
    ordered_by: tuple[str, ...] = ()
    filled_early: bool = False
    may_be: tuple[str, ...] = ()


class ProblemRow(msgspec.Struct, frozen=True, gc=False):
    """One problem, of one side of the body, now or of the past, with its onset window (ms, where known).

    `none_known`: the statement that there are no problems at all. `standing`: "family" for a relative's, "denied" and
    "uncertain" for what the name says is not there, or not surely; such a row is never that of the problem itself.
    `allergy`: all that its records say that it is an allergy to.
    """

    key: str
    name: str
    laterality: str
    history: bool
    status: Status
    absent: bool
    onset: tuple[int, int] | None
    likeness: Likeness
    conflicts: tuple[Conflict, ...]
    rules: tuple[str, ...]
    confirmed: Confirmed | None
    stale: str
    lines: tuple[Line, ...]
    none_known: bool = False
    standing: str = ""
    allergy: AllergyTo | None = None


class AllergyRow(msgspec.Struct, frozen=True, gc=False):
    """One allergy, or the statement that there is none. `criticality`: the highest anybody gave. `reactions`: all of
    them, each once. `refuted`: everybody who speaks of it says that it is none; the row stays. `categories`: FHIR's
    (food, medication, environment, biologic), of whoever gives one. `severe`: one of its reactions is called severe,
    which says how bad that was, and not, as `criticality`, how bad the next may be. `no_medicine`: it is surely
    to none."""

    key: str
    name: str
    ingredients: tuple[str, ...]
    classes: tuple[str, ...]
    status: Status
    criticality: str
    reactions: tuple[str, ...]
    verification: str
    refuted: bool
    no_known: str
    likeness: Likeness
    conflicts: tuple[Conflict, ...]
    rules: tuple[str, ...]
    confirmed: Confirmed | None
    stale: str
    lines: tuple[Line, ...]
    categories: tuple[str, ...] = ()
    no_medicine: bool = False
    severe: bool = False


def confirmed_by(pairs: list[tuple[Held, int | None]]) -> Confirmed | None:
    """The newest of those that confirm; of equal ones the first by name, so that the order given is without effect."""
    found = [(at, item) for item, at in pairs if at is not None]
    if not found:
        return None
    at = latest(*(when for when, _ in found)) or 0
    item = min((item for when, item in found if when == at), key=lambda held: (held.author, held.name))
    return Confirmed(at, item.source, item.author, item.record.by)


LONG_UNCONFIRMED = "nobody has confirmed this"
"""How `staleness` begins where it is 540 days or more."""
_SPANS = ((730, 365, "years"), (60, 30, "months"), (14, 7, "weeks"), (2, 1, "days"))


def staleness(confirmed: Confirmed | None, now: int) -> str:
    """How long ago in words: "confirmed today", "last confirmed 3 weeks ago", "nobody has confirmed this for 4 years".

    Of a row without any date: "no date says when this was last confirmed".
    """
    if confirmed is None:
        return "no date says when this was last confirmed"
    days = max(0, now - confirmed.at) // DAY_MS
    for least, length, unit in _SPANS:
        if days >= least:
            count = days // length
            said = f"{count} {unit}"
            return f"{LONG_UNCONFIRMED} for {said}" if days >= 540 else f"last confirmed {said} ago"
    return "confirmed yesterday" if days == 1 else "confirmed today"


def likeness(sources: dict[str, None], same: bool) -> Likeness:
    """How the sources of a row compare."""
    if len(sources) == 1:
        return "only-here"
    return "identical" if same else "similar"
