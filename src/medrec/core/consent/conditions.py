"""The conditions that a rule puts on a record: each is true, false, or not known (None)."""

from collections.abc import Callable
from typing import Any

from medrec.core.consent import systems, terms
from medrec.core.consent.compiling import Codes
from medrec.core.consent.facts import Record
from medrec.core.consent.pointers import INSIDE, Pointer, identifiers_of, named
from medrec.core.consent.times import Span

_MANY_NAMES = frozenset(("CareTeam", "Group", "Person", "PractitionerRole"))
"""Types under which somebody may stand who has a record of her own."""
_RESTRICTED = terms.rank("R")
"""What a record is that carries a sensitivity."""


def _kind(value: frozenset[str], record: Record, effect: str) -> bool | None:
    return not value.isdisjoint(record.kinds)


def _document(value: tuple[frozenset[str], Codes], record: Record, effect: str) -> bool | None:
    types, codes = value
    return not types.isdisjoint(record.kinds) or _carries(record.kinds if record.codes is not None else None, codes)


def _label(value: tuple[frozenset[str], frozenset[int], str], record: Record, effect: str) -> bool | None:
    labels, levels, said = value
    if record.labels is None or record.level is None:
        return None
    if not labels.isdisjoint(record.labels):
        return True
    # Whatever it may carry besides, alone or together: only what holds in each of these cases holds.
    answers = {_level(levels, said, record.level)}
    if record.may:
        raised = _level(levels, said, max(record.level, _RESTRICTED))
        answers |= {raised or not labels.isdisjoint(terms.SENSITIVITIES_ABOVE[one]) for one in sorted(record.may)}
    return answers.pop() if len(answers) == 1 else None


def _level(levels: frozenset[int], said: str, level: int) -> bool:
    # A permit says up to which level, a deny from which level on; in a deny inside a permit the permit still says it.
    return bool(levels) and (level <= max(levels) if said == "permit" else level >= min(levels))


def _code(value: Codes, record: Record, effect: str) -> bool | None:
    return _carries(record.codes, value)


def _carries(carried: frozenset[str] | None, named: Codes) -> bool | None:
    """Whether one of the codes that a record carries is named.

    A system that nobody knows may be any other one: that is a doubt whatever the record is coded in, since what is in
    doubt must not depend on it. So is the same code in two systems of which the record's is not known, one that differs
    in capitals alone, a media type that does not say all, and what a record need not say of itself.
    """
    if carried is None:
        return None
    if not named.tokens.isdisjoint(carried):
        return True
    if named.blind:
        return None
    alike = [
        one
        for one in carried
        if one.upper() in named.capitals
        or (systems.code_of(one) in named.bare and not systems.is_known(systems.system_of(one)))
    ]
    alike += [one for token in sorted(named.media) for one in carried if systems.media_may_be(token, one)]
    return None if alike else False


def _author(value: frozenset[str], record: Record, effect: str) -> bool | None:
    """Whether somebody who is named wrote it; who writes nobody's name may be anybody."""
    meant = [named(one) for one in sorted(value)]
    if not record.authors:
        return None
    answers = [_is(one, author) for one in meant for author in record.authors]
    # Whom a record names elsewhere had a part in it.
    others = (*record.pointers, *(named(one) for one in sorted(record.refers or ())))
    answers += [None for one in meant for other in others if _is(one, other)]
    return True if True in answers else None if None in answers else False


def _is(name: Pointer, other: Pointer) -> bool | None:
    """Whether two pointers mean one and the same, None where nobody can say."""
    if name.exact and other.exact:
        return not set(identifiers_of(name)).isdisjoint(identifiers_of(other)) or None
    if not (name.type and name.id and other.type and other.id) or INSIDE in (name.type, other.type):
        return None
    if name.type != other.type:
        return False if _MANY_NAMES.isdisjoint((name.type, other.type)) else None
    if name.id != other.id:
        return False
    return name.server == other.server or None


def _date(value: Span, record: Record, effect: str) -> bool | None:
    if record.dates is None:
        return None
    return record.dates.within(value) if effect == "permit" else record.dates.meets(value)


def _data(value: tuple[tuple[str, str], ...], record: Record, effect: str) -> bool | None:
    answers = [_points(meaning, pointed, record) for meaning, pointed in value]
    return True if True in answers else None if None in answers else False


def _points(meaning: str, pointed: str, record: Record) -> bool | None:
    if meaning == "authoredby":
        return _author(frozenset({pointed}), record, "")
    if record.answered is not None and (meaning, pointed) in record.answered:
        return record.answered[meaning, pointed]
    name = f"{record.type}/{record.id}"
    if pointed == name:
        return True
    if pointed.endswith(f"/{name}") or pointed.startswith(("urn:", "identifier:")):
        # It may be this record, under the name that another server gives it.
        return None
    if meaning == "instance":
        return False
    others = record.referred if meaning == "related" else record.refers
    return None if others is None else pointed in others


TESTS: dict[str, tuple[Callable[[Any, Record, str], bool | None], str]] = {
    "kind": (_kind, "codes-unknown"),
    "document": (_document, "codes-unknown"),
    "label": (_label, "labels-unknown"),
    "code": (_code, "codes-unknown"),
    "author": (_author, "author-unknown"),
    "date": (_date, "record-undated"),
    "data": (_data, "references-unknown"),
}
"""The conditions on a record: true, false or not known; and what is not known then."""
