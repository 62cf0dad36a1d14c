"""How the rules that may bear on a request are found: by its purpose, and by the names of who asks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from medrec.core.consent.times import EVER

if TYPE_CHECKING:
    from medrec.core.consent.compiling import Rule

Row = tuple[int, int, tuple[frozenset[str], ...], "Rule"]
"""A rule with what is asked of it first: from when and until when, and the actors after those it is found by."""


class Found(NamedTuple):
    """Rules that are found by a name, in their order. From `since` until before `until` all of them bear on what
    somebody of that name asks for, if no type is asked for or none of them names `kinds` of records."""

    rows: tuple[Row, ...]
    rules: "tuple[Rule, ...]"
    since: int
    until: int
    kinds: bool


class Table(NamedTuple):
    """The rules for one purpose: those for `anyone`, and, by each name that rules name, those for it together with
    those for anyone."""

    anyone: Found
    named: dict[str, Found]


def table(rules: "Sequence[Rule]") -> Table:
    """The table of these rules, in their order."""
    names = {name for rule in rules if rule.actors for name in sorted(rule.actors[0])}
    named: dict[str, list[Row]] = {name: [] for name in sorted(names)}
    anyone: list[Row] = []
    for rule in rules:
        row = (rule.start, rule.end, rule.actors[1:], rule)
        for name in sorted(rule.actors[0]) if rule.actors else ():
            named[name].append(row)
        if not rule.actors:
            for rows in (anyone, *named.values()):
                rows.append(row)
    return Table(_found(anyone), {name: _found(rows) for name, rows in named.items()})


def _found(rows: Sequence[Row]) -> Found:
    rules = tuple(rule for _, _, _, rule in rows)
    sure = not any(others or rule.actions or rule.custodians for _, _, others, rule in rows)
    since = max((start for start, _, _, _ in rows), default=-EVER) if sure else EVER
    until = min((end for _, end, _, _ in rows), default=EVER)
    return Found(tuple(rows), rules, since, until, not all(rule.plain for rule in rules))
