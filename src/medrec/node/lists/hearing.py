"""Whom a person's word on a medicine reaches unless she says otherwise: nobody from whom what stands behind the line is
withheld, since her word would tell it.

Who wrote the medicine down knows it. For the others it goes by what she allowed, as her agent knows it, and is careful:
what is not surely open to a place counts as closed, and all is to a place of whose look she disputes
one. She ticks more places, or fewer, herself.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.core.consent import plain
from medrec.core.consent.plain import Plain
from medrec.core.manifests.acts import Act, recipients_of
from medrec.core.reconcile.held import PATIENT
from medrec.core.reconcile.lists import Row
from medrec.core.reconcile.rows import MedicineRow
from medrec.node.agent.gone_keys import late
from medrec.node.agent.told import taken_back, told
from medrec.node.looks import stopped

if TYPE_CHECKING:
    from medrec.node.node import Node

TYPES = frozenset({"MedicationRequest", "MedicationStatement"})
KIND = "medicines"
EVERYBODY = "*"


class _Said(NamedTuple):
    """One yes or no at a place, and to whom ("*": to everybody): to medicines, to `all` that it has."""

    place: str
    yes: bool
    to: frozenset[str]
    medicines: bool
    all: bool


class Hearers:
    """Who may hear of medicines, of some places of hers, by what she allowed: her consents are read once."""

    def __init__(self, node: "Node", account: str, places: Sequence[str], now: int) -> None:
        # Nobody of whose look she disputes one hears anything until she has settled it.
        stops = stopped.by_her(node, account)
        self._places = [place for place in places if place not in stops]
        self._sources = places
        said = list(_said(node, account, now))
        self._said = [one for one in said if one.medicines]
        # Of all that a place has a yes to a part opens not all, and a no to a part closes it.
        self._of_all = [one for one in said if one.all or not one.yes]

    def of_source(self, source: str) -> set[str]:
        """Those that may read what a source says."""
        return {place for place in self._places if _open(self._said, source, place)}

    def of_row(self, row: MedicineRow) -> set[str]:
        """Those that wrote something of a row down themselves, or may read all that others wrote of it."""
        sources = {line.source for line in row.lines if line.source != PATIENT}
        return {
            place
            for place in self._places
            if sources and (place in sources or all(_open(self._said, source, place) for source in sources))
        }

    def of_lists(self, rows: Iterable[Row]) -> set[str]:
        """Those that may read every row of her lists behind which a record stands."""
        found = set(self._places)
        for row in rows:
            if isinstance(row, MedicineRow):
                found &= self.of_row(row) if is_written(row) else found
            else:
                others = {line.source for line in row.lines if line.source != PATIENT}
                found = {place for place in found if all(self._has_all_of(place, source) for source in others)}
        return found

    def _has_all_of(self, place: str, source: str) -> bool:
        return source == place or _open(self._of_all, source, place)

    def of_everything(self, acts: Iterable[Act]) -> set[str]:
        """Those from whom nothing is withheld: they may read all that every other place of hers has, and hear every
        one of these acts."""
        own = [recipients_of(act) for act in acts if act.author == "patient"]
        return {
            place
            for place in self._places
            if all(self._has_all_of(place, source) for source in self._sources)
            and all({EVERYBODY, place} & heard for heard in own)
        }


def is_written(row: MedicineRow) -> bool:
    """Whether a record stands behind a row, and not words of people alone."""
    return any(line.author == "record" for line in row.lines)


def _open(said: list[_Said], source: str, place: str) -> bool:
    about = [one for one in said if one.place == source and one.to & {EVERYBODY, place}]
    return bool(about) and all(one.yes for one in about)


def _standing(node: "Node", account: str) -> Iterable[tuple[Any, bool]]:
    """The consents of a person, as places told of them, that were not taken back, and whether the key was gone."""
    lines = told(node, account, "consent/1", "consent/2", "revocation/1")
    found = [(line.manifest, gone is not None) for line, gone in zip(lines, late(node, account, lines), strict=True)]
    over = taken_back(node, [said for said, gone in found if not (gone and said.manifest == "revocation/1")])
    return [(said, gone) for said, gone in found if said.manifest != "revocation/1" and said.nullifier not in over]


def _said(node: "Node", account: str, now: int) -> Iterable[_Said]:
    for statement, gone in _standing(node, account):
        for said in _says(statement, now):
            # A yes by a key that was gone lets nobody hear anything; a no is taken for one.
            if not (gone and said.yes):
                yield said


def _says(statement: Any, now: int) -> Iterable[_Said]:
    if hasattr(statement, "grant"):
        grant = statement.grant
        if grant.until is not None and grant.until <= now:
            return
        yes, types = grant.effect == "permit", set(grant.types)
        medicines = not types or (types >= TYPES if yes else bool(TYPES & types))
        yield _Said(statement.organisation, yes, frozenset(grant.recipients), medicines, not types)
        return
    try:
        sentence = plain.read(statement.consent.encode())
    except plain.NotPlain:
        yield _Said(statement.organisation, False, frozenset({EVERYBODY}), True, True)
        return
    medicines, all_ = not sentence.kinds or KIND in sentence.kinds, not sentence.kinds
    if sentence.effect == "withhold":
        yield _Said(statement.organisation, False, _parties(sentence), medicines, all_)
    elif sentence.effect == "share" and _is_whole(sentence, now):
        yield _Said(statement.organisation, True, _parties(sentence), medicines, all_)


def _is_whole(sentence: Plain, now: int) -> bool:
    """Whether a yes lets all of its kinds go now, for care, to whole organisations."""
    part = bool(sentence.about or sentence.but_not or sentence.since or sentence.before)
    part = part or any(party.practitioner for party in sentence.to)
    care = not sentence.purposes or "care" in sentence.purposes
    return not part and care and plain.goes_on(sentence, now)


def _parties(sentence: Plain) -> frozenset[str]:
    return frozenset(party.organisation for party in sentence.to) or frozenset({EVERYBODY})
