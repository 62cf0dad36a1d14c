"""What was found of those whom consents name and the ledger does not know (`actors` looks them up), and how a manifest
says it without naming any of them.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Meant(NamedTuple):
    """What was found of each reference: those that mean who asks, those that do not; all others are in doubt. `holds`
    and `elsewhere` say the same of those who hold the data."""

    also: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()


NOBODY = Meant()
"""Nothing was looked up, or nothing found."""


def written(references: Iterable[str], holders: Iterable[str], meant: Meant) -> str:
    """What was found, for a manifest: of each reference, in order, "+", "-" or "?", and then of each holder of data. It
    names none of them."""
    return _signs(references, meant.also, meant.apart) + _signs(holders, meant.holds, meant.elsewhere)


def read(references: Iterable[str], holders: Iterable[str], text: str) -> Meant:
    """What `written` wrote; where it fits no such lists, all is in doubt. Once no holder was looked up, and none was
    written."""
    asked, holding = sorted(set(references)), sorted(set(holders))
    if len(text) == len(asked):
        text += "?" * len(holding)
    if len(asked) + len(holding) != len(text):
        return NOBODY
    of_holders = text[len(asked) :]
    return Meant(*(_signed(*pair, sign) for pair in ((asked, text), (holding, of_holders)) for sign in "+-"))


def _signs(references: Iterable[str], yes: frozenset[str], no: frozenset[str]) -> str:
    return "".join("+" if one in yes else "-" if one in no else "?" for one in sorted(set(references)))


def _signed(listed: Iterable[str], text: str, wanted: str) -> frozenset[str]:
    return frozenset(one for one, sign in zip(listed, text, strict=False) if sign == wanted)
