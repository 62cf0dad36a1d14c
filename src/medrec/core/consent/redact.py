"""Holding back: which of a person's records go out whole, which without some of their parts, and which not at all.

By graph, not by document: what points at a record that is withheld for what it is loses the pointer, or is withheld
with it.
Nothing that is left says that something is missing, unless the person allows marks. Counts, pages, includes and
search parameters are therefore answered from what `sift` lets through, never from what it was given.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from medrec.core.consent.decide import UNREAD, Decision, Judgement, judge
from medrec.core.consent.facts import Record, facts
from medrec.core.consent.labels import NONE, Labeller, Labels, local, pieces
from medrec.core.consent.labels_together import references
from medrec.core.consent.pointers import Called, Pointer, called, pointers_in, pointers_of

Json = dict[str, Any]
State = Literal["whole", "cut", "withheld"]

REDACTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}
"""The mark in `meta.security` of a record of which parts were removed (only where the person allows marks)."""
_REMOVABLE_NAMES = (
    "addresses basedOn comment complication complicationDetail component conclusion conclusionCode contained content "
    "context derivedFrom description detail diagnosis dosageInstruction encounter entry evidence evidenceDetail "
    "extension finding focus goal hasMember indication instructions interpretation item media note partOf participant "
    "patientInstruction photo presentedForm prognosisCodeableConcept prognosisReference reaction reason reasonCode "
    "reasonReference related relatesTo result section serviceType supportingInfo supportingInformation text"
)
REMOVABLE = frozenset(_REMOVABLE_NAMES.split())
"""Elements without which a record still says something true; the removal of any other one withholds the record."""
_LISTS = frozenset(("Claim", "ExplanationOfBenefit"))
"""Types whose items are what they are about: they are withheld, not cut."""
_NOTHING: frozenset[str] = frozenset()
_NOBODY = Called()
ODD = (TypeError, ValueError, AttributeError, LookupError, RecursionError)
"""What reading a record raises that has a form which no reading foresaw."""


class Withheld(NamedTuple):
    """Records at which nothing may point (`hidden`), and those of which nothing that points may say a word."""

    hidden: Called
    unnamed: Called = _NOBODY

    def meant(self, pointer: Pointer) -> bool:
        """Whether a pointer may not stay."""
        return (not pointer.own and self.hidden.mean(pointer)) or (pointer.says and self.unnamed.mean(pointer))


class Sifted(NamedTuple):
    """What becomes of one record: `resource` as it may go out (None: not at all), and the verdict about it."""

    state: State
    resource: Json | None
    judgement: Judgement


def sift(
    decision: Decision,
    resources: Sequence[Json],
    labeller: Labeller,
    *,
    hidden: frozenset[str] = _NOTHING,
    complete: bool = False,
    whole_only: bool = False,
    zone: int = 0,
) -> list[Sifted]:
    """What may go out of these records of one person under a decision, one answer a record, in their order.

    `hidden` ("Type/id") are records that are withheld for what they are, and not among these. `complete` says that
    all of the person's records are here, so that it is known which refer to which. `whole_only`: a record goes out as
    it was signed or not at all (its hash travels with it). What is cut says so only where the person allows marks
    (`decision.marks`).
    """
    marks = decision.marks
    # Labels do not travel along references here: what is pointed at and withheld loses its pointers below, and to point
    # at what goes out gives nothing away.
    referring = _referring(resources) if complete else {}

    def referred(resource: Json) -> frozenset[str] | None:
        return referring.get(_name(resource), _NOTHING) if complete else None

    answers = [
        sift_one(decision, resource, labeller, referred(resource), whole_only=whole_only, zone=zone)
        for resource in resources
    ]
    while True:
        withheld = _withheld(hidden, zip(resources, (answer.judgement for answer in answers), strict=True))
        again = [_detached(answer, withheld, whole_only, marks) for answer in answers]
        if again == answers:
            return answers
        answers = again


def _withheld(hidden: frozenset[str], judged: Iterable[tuple[Json, Judgement]]) -> Withheld:
    """What must not be pointed at, or not be named, by these verdicts."""
    held = [(one, verdict) for one, verdict in judged if verdict.hidden or verdict.unnamed]
    shut = [_calls(one) for one, verdict in held if verdict.hidden]
    return Withheld(Called.named(hidden, shut), Called(_calls(one) for one, verdict in held if verdict.unnamed))


def sift_one(
    decision: Decision,
    resource: Json,
    labeller: Labeller,
    referred: frozenset[str] | None = None,
    *,
    answered: Mapping[tuple[str, str], bool | None] | None = None,
    whole_only: bool = False,
    zone: int = 0,
) -> Sifted:
    """What may go out of one record for what it holds itself; what it points at is for `sift` and `without`.

    `referred` are the records ("Type/id") that refer to it, None if that is not known; `answered` is as in its facts.
    One of a form that nobody foresaw is withheld, and no other with it.
    """
    try:
        return _sifted(decision, resource, labeller, referred, answered, whole_only, zone)
    except ODD:
        return Sifted("withheld", None, UNREAD)


def _sifted(
    decision: Decision,
    resource: Json,
    labeller: Labeller,
    referred: frozenset[str] | None,
    answered: Mapping[tuple[str, str], bool | None] | None,
    whole_only: bool,
    zone: int,
) -> Sifted:
    def verdict(of: Labels) -> Judgement:
        record: Record = facts(resource, of.codes, zone, of.may)
        return judge(decision, msgspec.structs.replace(record, referred=referred, answered=answered))

    first = verdict(labeller.label(resource))
    if first.effect == "permit":
        return Sifted("whole", resource, first)
    if whole_only or resource.get("resourceType") in _LISTS:
        return Sifted("withheld", None, first)
    # What is left when every part is removed that can be; then each part that does not change the answer comes back.
    kept, parts = NONE, list[tuple[str, Labels]]()
    for key in sorted(resource):
        for path, value in pieces(key, resource[key]):
            found = labeller.label_part(path, key, value, resource)
            if key not in REMOVABLE:
                kept = kept.joined(found)
            elif found.codes or found.may:
                parts.append((path, found))
    best = verdict(kept)
    if best.effect != "permit":
        return Sifted("withheld", None, first)
    removed = set()
    for path, found in parts:
        more = kept.joined(found)
        answer = verdict(more)
        if answer.effect == "permit":
            kept, best = more, answer
        else:
            removed.add(path)
    left = _without(resource, removed, decision.marks)
    return Sifted("withheld", None, first) if left is None else Sifted("cut", left, best)


def _without(resource: Json, removed: set[str], marks: bool) -> Json | None:
    """The resource without these parts, and without its narrative, which repeats them."""
    left: Json = {}
    gone: set[str] = set()
    for key, value in resource.items():
        held = [item for path, item in pieces(key, value) if path not in removed]
        if key == "contained":
            gone |= {
                f"#{item.get('id')}" for path, item in pieces(key, value) if path in removed and type(item) is dict
            }
        if key == "text" or not held:
            continue
        left[key] = held if type(value) is list else value
    detached = detach(left, Withheld(Called.named(gone))) if gone else left
    return None if detached is None else _marked(detached) if marks else detached


def _detached(answer: Sifted, withheld: Withheld, whole_only: bool, marks: bool) -> Sifted:
    """A record without its pointers to what is withheld."""
    if answer.resource is None:
        return Sifted("withheld", None, answer.judgement)
    try:
        left = without(answer.resource, withheld, marks)
    except ODD:
        return Sifted("withheld", None, UNREAD)
    if left is answer.resource:
        return answer
    if left is None or whole_only:
        return Sifted("withheld", None, Judgement("deny", "denied", answer.judgement.decided, hidden=True))
    return Sifted("cut", left, answer.judgement)


def without(resource: Json, withheld: Withheld, marks: bool) -> Json | None:
    """A record without its pointers to what is withheld, and then without its narrative; None where nothing true is
    left. One that has no such pointer comes back as it is."""
    left = detach(resource, withheld)
    if left is None:
        return None
    if (left is resource or left == resource) and not ("text" in left and _repeats(left, withheld)):
        return resource
    left = {key: value for key, value in left.items() if key != "text"}
    return _marked(left) if marks else left


def _repeats(resource: Json, withheld: Withheld) -> bool:
    """Whether its narrative may name what it may only point at."""
    others = (one for one in pointers_in(resource) if one.says or not one.own)
    return bool(withheld.unnamed) and any(map(withheld.unnamed.mean, others))


def elements_cut(before: Json, after: Json) -> list[str]:
    """The top-level elements that something was taken from, sorted; the mark itself is none."""
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return sorted(changed - {"meta"})


def detach(resource: Json, withheld: Withheld) -> Json | None:
    """A resource without the references to these records.

    A reference goes with the innermost list item it stands in, or with its element. None where an element would go
    without which the resource says nothing true. Without such references the very same object comes back.
    """
    if not _points("", resource, withheld):
        return resource
    left: Json = {}
    for key, value in resource.items():
        held = _pruned(key, value, withheld)
        if held is not None:
            left[key] = held
        elif key not in REMOVABLE:
            return None
    return left


def _pruned(name: str, value: Any, withheld: Withheld) -> Any:
    """The value of an element without these references; None where nothing is left of it."""
    if not _points(name, value, withheld):
        return value
    if type(value) is list:
        items = [_pruned(name, item, withheld) for item in value]
        return [item for item in items if item is not None] or None
    if any(map(withheld.meant, pointers_of(value, name))):
        return None
    left = {}
    for key, item in value.items():
        held = _pruned(key, item, withheld)
        if held is None and type(item) is not list:
            return None
        if held is not None:
            left[key] = held
    return left or None


def _points(name: str, value: Any, withheld: Withheld) -> bool:
    if type(value) is list:
        return any(_points(name, item, withheld) for item in value)
    if any(map(withheld.meant, pointers_of(value, name))):
        return True
    return type(value) is dict and any(
        _points(key, item, withheld) for key, item in value.items() if type(item) is not str
    )


def is_marked(resource: Any) -> bool:
    """Whether a record says that it is cut."""
    meta = resource.get("meta") if isinstance(resource, dict) else None
    security = meta.get("security") if isinstance(meta, dict) else None
    return isinstance(security, list) and REDACTED in security


def _marked(resource: Json) -> Json:
    meta = resource.get("meta")
    meta = dict(meta) if type(meta) is dict else {}
    security = meta.get("security")
    listed = list(security) if type(security) is list else []
    return {**resource, "meta": {**meta, "security": listed if REDACTED in listed else [*listed, REDACTED]}}


def _name(resource: Mapping[str, Any]) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _calls(resource: Json) -> tuple[str, str, frozenset[str]]:
    return str(resource.get("resourceType")), str(resource.get("id")), called(resource)


def _referring(resources: Sequence[Json]) -> dict[str, frozenset[str]]:
    """Record -> the records that refer to it."""
    found: dict[str, set[str]] = {}
    for resource in resources:
        for literal in references(resource):
            found.setdefault(local(literal), set()).add(_name(resource))
    return {name: frozenset(others) for name, others in found.items()}
