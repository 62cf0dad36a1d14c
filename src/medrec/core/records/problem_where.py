"""Where a problem is: the side and the place of its words, its codes, its places on the body and its remarks."""

from typing import NamedTuple

from medrec.core.records import icd_families
from medrec.core.records.body_site import Site, part_words, site_of
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import Concept, remarks
from medrec.core.records.problem_names import core_name, family_named
from medrec.core.records.problem_words import laterality, spoken
from medrec.core.records.reading import SHAPES, Marks
from medrec.core.records.terms import ICD10CM, SNOMED, Terms, cleaned
from medrec.core.records.understood import Laterality, NoteCode

_REMARK_MAX = 2_000
"""What is longer is a letter, which speaks of more than one thing."""


KIND_OF = ", a kind of: "
"""Between a code that no table has a name for, and the name of the code above it."""


class Where(NamedTuple):
    """See ProblemDetail: `side` is its `laterality`, `words` its `site`, `unsure` its `side_unsure`."""

    side: Laterality
    sites: tuple[str, ...]
    words: str
    unsure: str


def where_of(record: Value, code: Concept, name: str, groups: tuple[str, ...], marks: Marks) -> Where:
    """Where the problem of a Condition is. `groups`: its families."""
    site = site_of(record, marks)
    side = _side(code, site, marks)
    unsure = "" if side else "+".join(site.unread) or _remarked(remarks(record), groups)
    return Where(side, _sites(name, code, groups, site, marks.around.terms), site.words, unsure)


def called_in_icd(code: str, terms: Terms) -> str:
    """The name of an ICD-10-CM code, or of the nearest code above it that the tables have a name for."""
    names = (terms.name(ICD10CM, one) for one in (code, *terms.ancestors(ICD10CM, code)))
    return next((name for name in names if name), "")


def name_shown(name: str, code: Concept, terms: Terms) -> str:
    """What a problem is called where it is read: a code of ICD-10-CM that nobody has words for by the name of the
    nearest code above it, plainly marked as the wider word ("N18.31, a kind of: Chronic kidney disease, stage 3").

    A code that is none, or that its list does not have, stays as it is: nobody knows what it is a kind of.
    """
    if code.words or name not in [coding.code for coding in code.codings]:
        return name
    nameless = [
        coding.code
        for coding in code.codings
        if coding.system == ICD10CM
        and SHAPES[ICD10CM].fullmatch(coding.code) is not None
        and terms.validity(ICD10CM, coding.code) == "no-table"
    ]
    wider = next(((one, above) for one in nameless if (above := called_in_icd(one, terms))), None)
    return KIND_OF.join(wider) if wider is not None else name


def _side(code: Concept, site: Site, marks: Marks) -> Laterality:
    """The side that the words, SNOMED CT, or else the ICD-10-CM code says; two that differ are marked, and both."""
    told, terms = _told(code, site, marks), marks.around.terms
    coded: dict[Laterality, None] = {}
    for coding in code.codings:
        if coding.system == ICD10CM and coding.code:
            named = laterality(Concept((), called_in_icd(coding.code, terms)))
            side = icd_families.side(coding.code) or named
            coded |= {side: None} if side else {}
    if not coded:
        return told
    by_code = next(iter(coded)) if len(coded) == 1 else "bilateral"
    if told and told != by_code:
        marks.add(NoteCode.NAME_DIFFERS, f"The code is of the side: {by_code}; the words are of the side: {told}.")
        return "bilateral"
    return by_code


def _told(code: Concept, site: Site, marks: Marks) -> Laterality:
    """The side that the words, the other codes and the places on the body say; a note where two of them differ."""
    of_codes = (Concept(code.codings, ""), *_unnamed(code, marks.around.terms))
    ways = {"words": laterality(Concept((), code.text)), "codes": laterality(*of_codes)}
    said = {way: side for way, side in (ways | {"places": _one(site.sides)}).items() if side}
    if len(dict.fromkeys(said.values())) > 1:
        told = ", ".join(f"its {way} of the side: {side}" for way, side in said.items())
        marks.add(NoteCode.NAME_DIFFERS, f"The problem is by {told}.")
    return _one(tuple(dict.fromkeys(said.values())))


def _one(sides: tuple[Laterality, ...]) -> Laterality:
    """The one side that is told; two make it bilateral, none makes it empty."""
    return sides[0] if len(sides) == 1 else "bilateral" if sides else ""


def _unnamed(code: Concept, terms: Terms) -> tuple[Concept, ...]:
    """What the tables call the codes of SNOMED CT that stand there without words."""
    bare = [coding for coding in code.codings if coding.system == SNOMED and coding.code and not coding.display]
    return tuple(Concept((), name) for coding in bare if (name := terms.name(SNOMED, coding.code)))


def _sites(name: str, code: Concept, groups: tuple[str, ...], site: Site, terms: Terms) -> tuple[str, ...]:
    """What tells the place of a problem from that of another under the same code.

    Of what is one disease wherever it is (a gout, a stroke; icd_families.py) only what is told apart there."""
    known = (family_named(core_name(cleaned(name))), *groups)
    families = [one.removeprefix("icd10cm|") for one in known]
    whole = next((one for one in families if one in icd_families.GROUPS), "")
    if whole:
        codes = [coding.code for coding in code.codings if coding.system == ICD10CM]
        words = (name, *(coding.display for coding in code.codings))
        return icd_families.places(whole, codes, [cleaned(one) for one in words])
    called = " ".join(called_in_icd(coding.code, terms) for coding in code.codings if coding.system == ICD10CM)
    parts = () if known[0] else part_words(name, called, *(coding.display for coding in code.codings))
    return tuple(sorted(dict.fromkeys((*parts, *site.parts)))) or site.unread


def _remarked(remark: str, groups: tuple[str, ...]) -> Laterality:
    """The side that a remark speaks of, where the problem is of a category that has sides, or of no known one."""
    categories = [family.rpartition("|")[2] for family in groups if "icd10cm|" in family]
    if not remark or (categories and not any(map(icd_families.has_sides, categories))):
        return ""
    return spoken(remark[:_REMARK_MAX]).side
