"""What a decision is made about: the facts of a request, and the facts of a record."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from medrec.core.consent import systems, terms
from medrec.core.consent.clinical import clinical_dates
from medrec.core.consent.harmless import says_no_sensitivity
from medrec.core.consent.label_names import is_name
from medrec.core.consent.pointers import Pointer, called, named, people_in, pointers_in
from medrec.core.consent.times import Span


class Request(msgspec.Struct, frozen=True):
    """Who asks, why and for what. Build it with `asking`.

    `who` holds every reference and role by which the requester may be meant, `custodian` those of the organisation
    that holds the data, `unresolved` the references of which nobody could say whether the requester is among them,
    `unheld` those of which nobody could say whether that is who holds the data.
    `purposes` are sorted codes of v3-ActReason. `actions` is what is to be done, all of which a permit must name that
    names any; `touches` that and what follows from it, of which a denial need name one. `types` narrow what is asked
    for; empty asks for every type.
    """

    who: frozenset[str]
    purposes: tuple[str, ...]
    actions: frozenset[str] = frozenset({"access"})
    touches: frozenset[str] = frozenset({"access"})
    custodian: frozenset[str] = frozenset()
    unresolved: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    unheld: frozenset[str] = frozenset()


def asking(
    *,
    references: Iterable[str],
    roles: Iterable[str] = (),
    purposes: Iterable[str] = (),
    actions: Iterable[str] = ("access",),
    touches: Iterable[str] = (),
    custodian: Iterable[str] = (),
    unresolved: Iterable[str] = (),
    types: Iterable[str] = (),
    unheld: Iterable[str] = (),
) -> Request:
    """The facts of a request.

    `references` are the organisation, the practitioner, the practitioner's roles there (PractitionerRole), groups and
    care teams of the requester, as "Type/id"; `roles` the role codes that it holds, as "system|code".
    `touches` are the actions that follow from `actions`.
    """
    named, held = sorted(set(references)), sorted({_token(role) for role in roles})
    done = frozenset(actions)
    both = [f"{reference} {role}" for reference in named for role in held]
    return Request(
        frozenset([*named, *held, *both]),
        tuple(sorted(set(purposes))),
        done,
        done | frozenset(touches),
        frozenset(custodian),
        frozenset(unresolved),
        frozenset(types),
        frozenset(unheld),
    )


class Record(msgspec.Struct, frozen=True):
    """What a decision needs to know of one record. Build it with `describing`. None stands for "not known".

    `labels` are sensitivities with all that cover them, `level` the confidentiality (0 is U, 5 is V); `may` are
    sensitivities that it may carry besides, because some part of it cannot be read by rule. `kinds` is the type, and
    "system|code" of what a document is. `dates` is the clinical time. `authors` are who wrote it, as it names
    them: where it names nobody, it may be of anybody. `refers` are the records that it refers to,
    `referred` those that refer to it. `pointers` are its references for all that they may mean, `called` is what
    others may call it beside its type and id: they decide nothing, and tell what must not be pointed at. `medicines`
    are those of its pointers that say of which medicine it is; `wordless`: it says which allergy or medicine it is by a
    code alone. `aside` are those of `may` for which nothing speaks but who somebody is to her, or what a team is
    called: they do not count for what points at it. `answered` says, by somebody who
    knows all records (`related`), whether a consent's reference means this one; without it literals are compared.
    `unread`: nobody could read it, and it stays whatever is permitted.
    """

    type: str
    id: str
    kinds: frozenset[str]
    codes: frozenset[str] | None = frozenset()
    labels: frozenset[str] | None = frozenset()
    level: int | None = 3
    dates: Span | None = None
    authors: tuple[Pointer, ...] | None = ()
    refers: frozenset[str] | None = frozenset()
    referred: frozenset[str] | None = frozenset()
    may: frozenset[str] = frozenset()
    pointers: tuple[Pointer, ...] = ()
    called: frozenset[str] | None = frozenset()
    medicines: tuple[Pointer, ...] = ()
    answered: Mapping[tuple[str, str], bool | None] | None = None
    unread: bool = False
    wordless: bool = False
    aside: frozenset[str] = frozenset()


def describing(
    kind: str,
    identifier: str,
    *,
    labels: Sequence[str] | None = (),
    kinds: Iterable[str] = (),
    codes: Iterable[str] | None = (),
    dates: Span | None = None,
    authors: Iterable[str] | None = (),
    refers: Iterable[str] | None = (),
    referred: Iterable[str] | None = (),
    may: Iterable[str] = (),
) -> Record:
    """The facts of a record.

    `labels` are codes of v3-ActCode and of v3-Confidentiality ("SUD", "R"), None if the labelling service did not
    answer. A record without a confidentiality code is N; one that carries a sensitivity is R at least, whatever it says
    of itself, and one that is R or V without a sensitivity may carry any. One with an unknown label has labels that are
    not known. `may` are sensitivities that it may carry besides; to them come those that its own may stand for
    (`terms.MAY_BE`).
    """
    sensitive, level = _labels(labels)
    said = [label for label in labels or () if not (sensitive and label in terms.WITHOUT_REASON)]
    near = frozenset().union(*(terms.MAY_BE.get(label, frozenset()) for label in said))
    possible = (near | frozenset(may)) - frozenset(terms.CONFIDENTIALITY_ORDER)
    return Record(
        kind,
        identifier,
        frozenset([kind, *(_token(one) for one in sorted(kinds))]),
        None if codes is None else frozenset(_token(one) for one in sorted(codes)),
        sensitive,
        level,
        dates,
        None if authors is None else tuple(named(one) for one in sorted(set(authors))),
        _frozen(refers),
        _frozen(referred),
        possible if possible <= terms.SENSITIVITIES_ABOVE.keys() else frozenset(terms.SENSITIVITIES_ABOVE),
    )


def unknown(kind: str, identifier: str) -> Record:
    """A record of which only type and id are known."""
    return Record(
        kind, identifier, frozenset({kind}), None, None, None, None, None, None, None, called=None, unread=True
    )


POINTING = ("MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement")
"""The types of records that say by a Medication what they are of."""


def together(record: Record, parts: Iterable[Record]) -> Record:
    """A record that says what it says by others (an order by its Medication): as sensitive as all of them are."""
    every = [record, *parts]
    levels = [one.level for one in every if one.level is not None]
    return msgspec.structs.replace(
        record,
        codes=_union([one.codes for one in every]),
        labels=_union([one.labels for one in every]),
        level=max(levels) if len(levels) == len(every) else None,
        may=frozenset().union(*(one.may for one in every)),
        unread=any(one.unread for one in every),
    )


def pointed_at(record: Record) -> Record:
    """A record as it counts for what points at it: who somebody is says who told something, or does it, not of what."""
    return msgspec.structs.replace(record, may=record.may - record.aside) if record.aside else record


def as_part(part: Record, of: Record) -> Record:
    """What another record says by this one, which has no time and no authors of its own: those of the other count."""
    return msgspec.structs.replace(part, dates=of.dates, authors=of.authors, referred=frozenset({f"{of.type}/{of.id}"}))


def _union(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    found: set[str] = set()
    for one in sets:
        if one is None:
            return None
        found |= one
    return frozenset(found)


def _token(text: str) -> str:
    """A code as it came, "system|code", in the one form in which codes are compared."""
    return systems.token(systems.system_of(text), systems.code_of(text))


def _frozen(values: Iterable[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _labels(labels: Iterable[str] | None) -> tuple[frozenset[str] | None, int | None]:
    if labels is None:
        return None, None
    sensitive: list[str] = []
    levels: list[int] = []
    for label in sorted(set(labels)):
        if label in terms.CONFIDENTIALITY_ORDER:
            levels.append(terms.rank(label))
        elif label in terms.SENSITIVITIES_ABOVE:
            sensitive += terms.SENSITIVITIES_ABOVE[label]
        else:
            return None, None
    if sensitive:
        levels.append(terms.rank("R"))
    return frozenset(sensitive), max(levels, default=terms.rank("N"))


# --- a FHIR resource -> its facts -----------------------------------------------------------------------------------

INLINE_LABEL = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
"""The extension of one element that carries a security label (HL7 Data Segmentation for Privacy, inline labels)."""

_AUTHORS = ("author", "performer", "requester", "recorder", "asserter", "prescriber", "sender", "enterer", "provider")
_DOCUMENTS = ("type", "category")
_ATTACHMENTS = ("attachment", "contentAttachment", "image", "photo", "presentedForm", "valueAttachment")


def facts(
    resource: Mapping[str, Any], labels: Iterable[str] | None = None, zone: int = 0, may: Iterable[str] = ()
) -> Record:
    """The facts of a FHIR resource (decoded JSON, R4 or R5).

    `labels` come from a labelling service and are added to those that the resource carries in `meta.security`; None
    takes the latter alone; `may` are those that it may carry besides. `referred` is not known from one record alone.
    """
    kind, identifier = str(resource.get("resourceType", "")), str(resource.get("id", ""))
    stated = _stated(resource)
    own = [label for label in stated if label is not None]
    known = None not in stated
    found = describing(
        kind,
        identifier,
        labels=[*own, *(labels or ())] if known else None,
        kinds=[token for name in _DOCUMENTS for token in _codings(resource.get(name))]
        + _formats(resource)
        + _profiles(resource),
        codes=_every_code(resource) + _numbers(_medicine_of(resource)),
        dates=clinical_dates(resource, zone),
        refers=_references(resource),
        referred=None,
        may=may,
    )
    pointers = pointers_in(resource)
    if "text" in resource:
        # A narrative repeats what the rest says: there are words beside every pointer. Of her it says that it is hers.
        pointers = [pointer._replace(says=pointer.says or not pointer.own) for pointer in pointers]
    medicines = tuple(pointers_in(_medicine_of(resource)))
    authors = tuple(one for name in _AUTHORS for one in people_in(resource.get(name)))
    return msgspec.structs.replace(
        found,
        authors=authors,
        pointers=tuple(pointers),
        called=called(resource),
        medicines=medicines,
        wordless=_is_wordless(resource),
    )


_SAYS_WHICH = ("code", "medication", "medicationCodeableConcept", "medicationReference")


def _is_wordless(resource: Mapping[str, Any]) -> bool:
    """Whether it says what it is (an allergy, a medicine, what an order is for) by a code without a word of letters."""
    inside = resource.get("contained")
    listed = [one for one in (inside if isinstance(inside, list) else ()) if isinstance(one, dict)]
    held = [resource, *(one for one in listed if one.get("resourceType") == "Medication")]
    said = [one[name] for one in held for name in _SAYS_WHICH if isinstance(one.get(name), dict)]
    said += [one[name] for one in said for name in ("concept", "reference") if isinstance(one.get(name), dict)]
    coded = [one for one in said if isinstance(one.get("coding"), list) or "identifier" in one]
    names = [name for one in coded for name in (one.get("text"), one.get("display"), *_displays(one.get("coding")))]
    return bool(coded) and not any(map(is_name, names))


def _displays(codings: Any) -> list[Any]:
    return [one.get("display") for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []


def _medicine_of(resource: Mapping[str, Any]) -> list[Any]:
    """What says of which medicine a resource is: of an order its medicine, of a medicine what it is made of, and the
    same of what is contained in it."""
    inside = resource.get("contained")
    held = [resource, *(one for one in (inside if isinstance(inside, list) else ()) if isinstance(one, dict))]
    return [one[name] for one in held for name in ("ingredient", "medication", "medicationReference") if name in one]


def _stated(value: Any) -> list[str | None]:
    """What a resource, and whatever lies in it, says of its own sensitivity: a label on a part is one on the whole.

    It stands in `meta.security` of the resource, of contained ones and of a Bundle's entries, and inline, in the
    extension of DS4P that marks one element.
    """
    if isinstance(value, list):
        return [label for item in value for label in _stated(item)]
    if not isinstance(value, Mapping):
        return []
    found = _security(value["meta"]) if "meta" in value else []
    if value.get("url") == INLINE_LABEL:
        marked = [value[name] for name in sorted(value) if name.startswith("value")]
        codings = [one.get("coding") if isinstance(one, dict) and "coding" in one else [one] for one in marked]
        found += [label for listed in codings or [None] for label in _sensitivities(listed)]
    return found + [label for name in sorted(value) if name != "meta" for label in _stated(value[name])]


def _security(meta: Any) -> list[str | None]:
    return _sensitivities(meta.get("security", []) if isinstance(meta, dict) else [])


def _sensitivities(listed: Any) -> list[str | None]:
    """The sensitivity and confidentiality codes among labels; None for one that nobody here knows, because it may be a
    sensitivity."""
    found: list[str | None] = []
    for label in listed if isinstance(listed, list) else [None]:
        system = label.get("system") if isinstance(label, dict) else None
        system = systems.system_name(system) if isinstance(system, str) else None
        code = label.get("code") if isinstance(label, dict) else None
        if system == terms.CONFIDENTIALITY:
            found.append(code if code in terms.CONFIDENTIALITY_ORDER else None)
        elif not isinstance(system, str) or not isinstance(code, str):
            found.append(None)
        elif system == terms.ACT_CODE and code not in terms.HANDLING:
            found.append(code if code in terms.SENSITIVITIES_BELOW else None)
        elif system != terms.ACT_CODE and not says_no_sensitivity(system, code):
            found.append(None)
    return found


def _codings(value: Any) -> list[str]:
    """Every code below a value, as a token ("|code" of one without a system)."""
    if isinstance(value, list):
        return [token for item in value for token in _codings(item)]
    if not isinstance(value, dict):
        return []
    system, code = value.get("system", ""), value.get("code")
    found = [systems.token(system, code)] if isinstance(system, str) and isinstance(code, str) else []
    return found + [token for name in sorted(value) for token in _codings(value[name])]


def _every_code(resource: Mapping[str, Any]) -> list[str]:
    return [token for name in sorted(resource) if name != "meta" for token in _codings(resource[name])]


def _numbers(value: Any) -> list[str]:
    """Every "system|value" of an identifier below a value: whoever points at a medicine may give its code there."""
    if isinstance(value, list):
        return [token for item in value for token in _numbers(item)]
    if not isinstance(value, dict):
        return []
    one = value.get("identifier")
    system, number = (one.get("system"), one.get("value")) if isinstance(one, dict) else (None, None)
    found = [systems.token(system, number)] if isinstance(system, str) and isinstance(number, str) else []
    return found + [token for name in sorted(value) for token in _numbers(value[name])]


def _formats(value: Any, name: str = "") -> list[str]:
    """The media types, and the formats, of everything that is attached; an attachment that says none has one all the
    same ("")."""
    if isinstance(value, list):
        return [token for item in value for token in _formats(item, name)]
    if not isinstance(value, Mapping):
        return []
    said = value.get("contentType", "" if name in _ATTACHMENTS else None)
    found = [systems.token(systems.MEDIA_TYPES, said)] if isinstance(said, str) else []
    found += _codings(value["format"]) if "format" in value else []
    return found + [token for below in sorted(value) for token in _formats(value[below], below)]


def _profiles(resource: Mapping[str, Any]) -> list[str]:
    """The profiles that a resource says it follows."""
    meta = resource.get("meta")
    listed = meta.get("profile") if isinstance(meta, dict) else None
    named = listed if isinstance(listed, list) else [listed]
    return [systems.token(systems.PROFILES, one) for one in named if isinstance(one, str)]


def _references(value: Any) -> list[str]:
    """Every literal reference below a value."""
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    if not isinstance(value, Mapping):
        return []
    literal = value.get("reference")
    own = [literal] if isinstance(literal, str) else []
    return own + [found for name in sorted(value) for found in _references(value[name])]
