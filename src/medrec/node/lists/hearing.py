"""Whom a person's word on a medicine reaches unless she says otherwise: nobody from whom what stands behind the line is
withheld, since her word would tell it.

Who wrote the medicine down knows it. For the others it goes by what she allowed, as her agent knows it, and is careful:
what is not surely open to a place counts as closed. She ticks more places, or fewer, herself.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.core.consent import plain
from medrec.core.consent.plain import Plain
from medrec.core.reconcile.held import PATIENT
from medrec.core.reconcile.rows import MedicineRow
from medrec.node.agent.told import taken_back, told

if TYPE_CHECKING:
    from medrec.node.node import Node

TYPES = frozenset({"MedicationRequest", "MedicationStatement"})
KIND = "medicines"
EVERYBODY = "*"


class _Said(NamedTuple):
    """One yes or no to medicines at a place, and to whom ("*": to everybody)."""

    place: str
    yes: bool
    to: frozenset[str]


def reached_by_row(
    node: "Node", account: str, rows: Iterable[MedicineRow], places: Sequence[str], now: int
) -> dict[str, set[str]]:
    """Of these places, those that wrote something of a row down themselves, or may read all that others wrote of it; by
    the row's key."""
    said = list(_said(node, account, now))
    return {row.key: _reached(row, places, said) for row in rows}


def hears(node: "Node", account: str, source: str, places: Sequence[str], now: int) -> set[str]:
    """Of these places, those that may read of medicines what a source says."""
    said = list(_said(node, account, now))
    return {place for place in places if _open(said, source, place)}


def _reached(row: MedicineRow, places: Sequence[str], said: list[_Said]) -> set[str]:
    sources = {line.source for line in row.lines if line.source != PATIENT}
    return {
        place
        for place in places
        if sources and (place in sources or all(_open(said, source, place) for source in sources))
    }


def _open(said: list[_Said], source: str, place: str) -> bool:
    about = [one for one in said if one.place == source and one.to & {EVERYBODY, place}]
    return bool(about) and all(one.yes for one in about)


def _standing(node: "Node", account: str) -> Iterable[Any]:
    """The consents of a person, as places told of them, that were not taken back."""
    found = [line.manifest for line in told(node, account, "consent/1", "consent/2", "revocation/1")]
    over = taken_back(node, found)
    return [one for one in found if one.nullifier not in over]


def _said(node: "Node", account: str, now: int) -> Iterable[_Said]:
    for statement in _standing(node, account):
        if hasattr(statement, "grant"):
            grant = statement.grant
            if grant.until is not None and grant.until <= now:
                continue
            yes = grant.effect == "permit"
            if not grant.types or (set(grant.types) >= TYPES if yes else TYPES & set(grant.types)):
                yield _Said(statement.organisation, yes, frozenset(grant.recipients))
            continue
        try:
            sentence = plain.read(statement.consent.encode())
        except plain.NotPlain:
            yield _Said(statement.organisation, False, frozenset({EVERYBODY}))
            continue
        if sentence.effect == "withhold" and (not sentence.kinds or KIND in sentence.kinds):
            yield _Said(statement.organisation, False, _parties(sentence))
        elif sentence.effect == "share" and _is_whole(sentence, now):
            yield _Said(statement.organisation, True, _parties(sentence))


def _is_whole(sentence: Plain, now: int) -> bool:
    """Whether a yes lets all medicines go now, for care, to whole organisations."""
    part = bool(sentence.about or sentence.but_not or sentence.since or sentence.before)
    part = part or any(party.practitioner for party in sentence.to)
    care = not sentence.purposes or "care" in sentence.purposes
    return not part and care and (not sentence.kinds or KIND in sentence.kinds) and plain.goes_on(sentence, now)


def _parties(sentence: Plain) -> frozenset[str]:
    return frozenset(party.organisation for party in sentence.to) or frozenset({EVERYBODY})
