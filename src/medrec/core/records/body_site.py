"""Where on the body a problem is: its side and its place, in every way that a record can say them.

`bodySite` (codes, words), an extension of a side or of a BodyStructure (HL7's bodySite and mCODE's and HL7 Germany's
laterality), and the words of the problem itself. A place that nobody here can read may be on either side: it is one
with nothing but itself, and never with a side that somebody told.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from medrec.core.records import datatypes
from medrec.core.records.body_parts import SNOMED_PARTS, parts_in
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import NOTHING, Concept, concept, concept_in, concepts, many, one, text, untagged
from medrec.core.records.problem_words import laterality, qualifier, spoken
from medrec.core.records.reading import Marks, short
from medrec.core.records.terms import SNOMED, Terms, cleaned
from medrec.core.records.understood import Coding, Laterality, NoteCode

_OF_SIDE = re.compile(r"lateral|seitenlok|locationqualifier|location-qualifier", re.IGNORECASE)
_OF_PLACE = re.compile(r"body-?(?:site|structure|location)", re.IGNORECASE)
_FILLER = re.compile(
    r"\((?:body structure|qualifier value|cell structure)\)"
    r"|\b(?:structure|entire|part|region|area|surface|joint|bone|skin|site|zone|of|the|de|del|la|el|los|las|en|both)\b"
)
_NO_PLACE = re.compile(r"(?:not applicable|not specified|unspecified|unknown|none|n/?a|[-?.]*|body|whole body)")
_LETTERS: dict[str, Laterality] = {
    "L": "left", "LT": "left", "R": "right", "RT": "right", "B": "bilateral", "BIL": "bilateral",
}  # fmt: skip
"""HL7 table 0495 (L, R, BIL), the KBV's S_ICD_SEITENLOKALISATION (L, R, B), HCPCS modifiers (LT, RT)."""
_NO_SIDE = frozenset({"U", "T", "M", "399488007", "66459002"})
"""Unknown, not applicable, in the midline (oBDS), and SNOMED CT's "midline", "unilateral" (mCODE's value set)."""


class Site(NamedTuple):
    """`sides`: those that its places and extensions say. `parts`: of the body, sorted. `unread`: what says a place, or
    a side, that nobody here can read. `words`: the places as they are shown, without their side."""

    sides: tuple[Laterality, ...]
    parts: tuple[str, ...]
    unread: tuple[str, ...]
    words: str


def site_of(record: Value, marks: Marks) -> Site:
    """Where on the body the places and extensions of a record say that it is."""
    sides: dict[Laterality, None] = {}
    parts: dict[str, None] = {}
    unread: dict[str, None] = {}
    words: dict[str, None] = {}
    for kind, found in (*_extended(record, marks), *(("place", site) for site in concepts(record, "bodySite"))):
        one_side, of_parts, not_read, called = (_side if kind == "side" else _place)(found, marks.around.terms)
        sides |= {one_side: None} if one_side else {}
        parts |= dict.fromkeys(of_parts)
        unread |= dict.fromkeys(not_read)
        words |= {called: None} if called else {}
    if unread:
        named = ", ".join(unread)[:120]
        marks.add(NoteCode.UNKNOWN_CODE, f'No table here knows the place on the body "{named}"; it may be either side.')
    return Site(tuple(sides), tuple(sorted(parts)), tuple(sorted(unread)), ", ".join(words))


def part_words(*said: str) -> tuple[str, ...]:
    """The parts of the body that the names of a problem, its own and those of its codes, speak of."""
    return tuple({part: None for words in said for part in parts_in(words.lower())})


def _side(found: Concept, terms: Terms) -> tuple[Laterality, tuple[str, ...], tuple[str, ...], str]:
    """A side that an extension gives, by code, letter or word."""
    sides: list[Laterality] = [_LETTERS.get(coding.code.upper(), "") for coding in found.codings if coding.code]
    sides += [_LETTERS.get(found.text.upper(), ""), laterality(found, *_named(found, terms))]
    told: Laterality = next((side for side in sides if side), "")
    none = all(coding.code.upper() in _NO_SIDE for coding in found.codings if coding.code)
    unread = () if told or (none and not found.text) or _NO_PLACE.fullmatch(cleaned(found.text)) else _unread(found)
    return told, (), unread, ""


def _place(found: Concept, terms: Terms) -> tuple[Laterality, tuple[str, ...], tuple[str, ...], str]:
    """A place: its side, the parts that it is of, what of it is not known."""
    said = [found.text, *(coding.display for coding in found.codings)]
    said += [words.text for words in _named(found, terms)]
    said = [words for words in said if words and not _NO_PLACE.fullmatch(cleaned(words))]
    side = laterality(found, *(Concept((), words) for words in said))
    parts: dict[str, None] = {}
    for words in said:
        parts |= dict.fromkeys(parts_in(cleaned(words), site=True))
    blind = [coding for coding in found.codings if _is_blind(coding, terms)]
    unread: tuple[str, ...] = ()
    if (blind and not side) or (blind and not parts):
        unread = _unread(Concept(tuple(blind), ""))
    elif said and not parts and not (side and all(_bare(words) == "" for words in said)):
        # In words that are not known here: the same words are the same place.
        unread = (f"name|{_bare(said[0]) or cleaned(said[0])}",)
    called = next((called for words in said if (called := _bare(words))), "")
    return side, tuple(parts), unread, called or ", ".join(_shown(coding) for coding in blind)


def _named(found: Concept, terms: Terms) -> list[Concept]:
    """What the tables call the codes of a place."""
    called = [
        (SNOMED_PARTS.get(coding.code, "") if coding.system == SNOMED else "")
        or (terms.name(coding.system, coding.code) if coding.code and not coding.display else "")
        for coding in found.codings
    ]
    return [Concept((), words) for words in called if words]


def _is_blind(coding: Coding, terms: Terms) -> bool:
    """Whether a code has no words and none that a table gives, and is no qualifier of a side."""
    known = coding.display or qualifier(coding) or _named(Concept((coding,), ""), terms)
    return bool(coding.code) and not known


def _unread(found: Concept) -> tuple[str, ...]:
    named = tuple(f"{short(coding.system)}|{coding.code}" for coding in found.codings if coding.code)
    return named or ((f"name|{cleaned(found.text)}",) if found.text else ())


def _shown(coding: Coding) -> str:
    return f"{'SNOMED ' if coding.system == SNOMED else ''}{coding.code}"


def _bare(words: str) -> str:
    """A place without its side and the words that say nothing: "Structure of left knee region" is "knee"."""
    read = spoken(untagged(words))
    plain = read.core if read.side else cleaned(untagged(words))
    left = " ".join(_FILLER.sub(" ", plain).split()).strip(" ,;:.-()")
    return "" if read.side and spoken(plain).side and not left.replace("bilateral", "") else left


def _extended(record: Value, marks: Marks) -> Iterator[tuple[str, Concept]]:
    """("side" or "place", what is said) of the extensions of a record, its code, its places and their codes."""
    code = one(record, "code")
    sites = many(record, "bodySite")
    for held in (
        record,
        code,
        *many(code, "coding"),
        *sites,
        *(part for site in sites for part in many(site, "coding")),
    ):
        for extension in (*many(held, "extension"), *many(held, "modifierExtension")):
            yield from _extension(extension, "", marks, record)


def _extension(extension: Value, kind: str, marks: Marks, record: Value) -> Iterator[tuple[str, Concept]]:
    url = text(extension, "url")
    kind = "side" if _OF_SIDE.search(url) else "place" if _OF_PLACE.search(url) else kind
    if kind:
        for key in ("valueCodeableConcept", "valueCoding", "valueCode", "valueString"):
            held = extension.get(key) if type(extension) is dict else None
            found = (
                Concept((Coding("", held.strip(), ""),), "") if key == "valueCode" and type(held) is str else NOTHING
            )
            found = found if found.codings else concept_in(held)
            if found.codings or found.text:
                yield kind, found
        pointed = datatypes.pointed(one(extension, "valueReference"))
        if pointed:
            structure = marks.lookup(record, pointed)
            yield from _structure(structure) if structure else [("place", Concept((Coding("", pointed, ""),), ""))]
    for inner in many(extension, "extension"):
        yield from _extension(inner, kind, marks, record)


def _structure(held: Value) -> Iterator[tuple[str, Concept]]:
    """The place of a BodyStructure (R4, R5), and the side among its qualifiers."""
    for inside in (held, *many(held, "includedStructure")):
        for key in ("location", "structure"):
            found = concept(inside, key)
            if found.codings or found.text:
                yield "place", found
        qualifiers = (*concepts(inside, "locationQualifier"), concept(inside, "laterality"))
        for found in qualifiers:
            if laterality(found) or any(qualifier(coding) for coding in found.codings):
                yield "side", found
