"""Allergies that stand in the problem list: they warn as those of the list of allergies do, and speak against "none
known" there. Each stays a row of the problems."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from medrec.core.reconcile.rows import AllergyRow, Conflict, ProblemRow
from medrec.core.records.terms import RXNORM, Terms

_Row = TypeVar("_Row", ProblemRow, AllergyRow)


def warning(problems: Iterable[ProblemRow], allergies: Iterable[AllergyRow], terms: Terms) -> tuple[AllergyRow, ...]:
    """The problems that are an allergy to a medicine which no row of the allergies in force names, as such rows: with
    their own key and lines, called by what they are to."""
    told: dict[str, None] = {}
    for row in allergies:
        if not (row.no_known or row.refuted or row.status == "stopped"):
            told |= dict.fromkeys((*row.ingredients, *row.classes))
    return tuple(_as_allergy(row, terms) for row in problems if stands(row) and any(_to(row, told)))


def _to(row: ProblemRow, told: dict[str, None]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    assert row.allergy is not None
    ingredients = tuple(code for code in row.allergy.ingredients if code not in told)
    return ingredients, tuple(code for code in row.allergy.classes if code not in told)


def stands(row: ProblemRow) -> bool:
    """Whether a problem is an allergy of the person's own that is not over; also one of the past, or in doubt. A
    reaction that happened is over in days; what it was to is told of for good."""
    lasts = row.allergy is not None and (row.allergy.event or row.status != "stopped")
    return lasts and not row.absent and row.standing != "family"


def _as_allergy(row: ProblemRow, terms: Terms) -> AllergyRow:
    assert row.allergy is not None
    names = [terms.name(RXNORM, code) for code in row.allergy.ingredients]
    names += [held[0].name for code in row.allergy.classes if (held := terms.class_named(code)) is not None]
    return AllergyRow(
        row.key,
        " / ".join(name for name in names if name) or row.name,
        row.allergy.ingredients,
        row.allergy.classes,
        "unknown" if row.status == "stopped" else row.status,
        "",
        (),
        "",
        False,
        "",
        row.likeness,
        row.conflicts,
        row.rules,
        row.confirmed,
        row.stale,
        row.lines,
    )


def marked(
    problems: tuple[ProblemRow, ...], allergies: tuple[AllergyRow, ...]
) -> tuple[tuple[ProblemRow, ...], tuple[AllergyRow, ...]]:
    """Both lists, with the conflict between "none known" among the allergies and an allergy among the problems."""
    none = [row for row in allergies if row.no_known in ("any", "medicine") and row.status != "stopped"]
    against = [row for row in problems if stands(row) and any(_denies(one, row) for one in none)]
    denied = [one for one in none if any(_denies(one, row) for row in against)]
    keys = {row.key: None for row in against} | {row.key: None for row in denied}
    return (
        tuple(_with(row) if row.key in keys else row for row in problems),
        tuple(_with(row) if row.key in keys else row for row in allergies),
    )


def _denies(none: AllergyRow, row: ProblemRow) -> bool:
    return row.allergy is not None and (none.no_known == "any" or row.allergy.medicine)


def _with(row: _Row) -> _Row:
    conflicts = tuple(sorted({**dict.fromkeys(row.conflicts), Conflict.NONE_KNOWN: None}))
    return msgspec.structs.replace(row, conflicts=conflicts)
