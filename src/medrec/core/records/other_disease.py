"""Whether two names or codes are of two diseases: words beside a code, and words of several records under one code.

One rule for every system of codes. What a code is of is told by the tables (the name of ICD-10-CM, the name and the map
of SNOMED CT where a site has loaded them), and by what the record itself calls it.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from medrec.core.records import icd_families
from medrec.core.records.datatypes import Concept, untagged
from medrec.core.records.general import telling
from medrec.core.records.official_names import official_keys
from medrec.core.records.opposites import has_opposite, opposed
from medrec.core.records.problem_names import core_name, family_named, meanings, names_of_family
from medrec.core.records.problem_where import called_in_icd
from medrec.core.records.stages import differ, stages
from medrec.core.records.terms import ICD10CM, Terms, cleaned
from medrec.core.records.understood import Coding, ProblemDetail

_ICD = "icd10cm|"
# What else has codes that such a name may stand beside, by no more than a broad sense of it: gout is an arthritis.
_BROADLY = {
    **dict.fromkeys(("pyelonephritis", "cystitis"), ("N39",)), "endocarditis": ("T82",), "encephalitis": ("A", "B"),
    "arthritis": ("L40", "M0", "M1"), "cancer": ("D0",), "anemia": ("D5", "D6"), "cp": ("I20",), "ad": ("F0",),
    **dict.fromkeys(("stroke", "cva", "cerebrovascular accident"), ("I6", "G45")),
    **dict.fromkeys(("osteoarthritis", "djd", "degenerative joint disease"), ("M15", "M16", "M17", "M18", "M47")),
    **dict.fromkeys(("cad", "coronary artery disease", "coronary disease"), ("I20", "I21", "I24", "I25")),
    **dict.fromkeys(("ischemic heart disease", "atherosclerotic heart disease"), ("I20", "I21", "I24", "I25")),
}  # fmt: skip
_COMPLAINTS = frozenset({"pain", "ache", "swellin", "bleedin", "cough", "headach"})
"""Beginnings of words for what a person feels: such a name stands beside the code of its cause."""
_ALIKE = 7
"""Letters that two forms of one word share: "hypertension", "hypertensive"."""
_ANY_WORDS = frozenset(
    {
        "disease",
        "disorder",
        "syndrome",
        "acute",
        "chronic",
        "primary",
        "type",
        "infection",
        "with",
        "the",
        "and",
        "other",
        "unspecified",
        "without",
        "episode",
        "single",
        "site",
        "organism",
        "stage",
        "symptoms",
        "complications",
        "severe",
        "due",
        "for",
        "not",
        "elsewhere",
        "classified",
        "specified",
        "moderate",
        "mild",
        "recurrent",
        "essential",
    }
)
_BROAD = frozenset(
    {
        "heart",
        "valve",
        "mitral",
        "infarct",
        "maligna",
        "neoplas",
        "cancer",
        "tumor",
        "diabete",
        "mellitu",
        "anemia",
        "cell",
        "hepatit",
        "viral",
    }
)
"""Beginnings of words that unlike diseases of one chapter have in common."""
_MANY = 40
"""No code has so many names."""
_JOINING = frozenset({"", "and", "or", "of", "the", "in", "with", "due", "to", "for", "by"})


_VIRUS = re.compile(r"\bhepatitis ([a-e])\b")
"""One letter that tells all."""
_BY_VIRUS = re.compile(
    r"(?:acute |chronic )?(?:viral )?"
    r"(?:type ([a-e]) (?:viral )?hepatitis|hepatitis (?:due to |caused by )?(?:type |virus |viral )?([a-e]))"
    r"(?: (?:virus|viral))?(?: infection| disease)?"
)
"""A hepatitis by its letter, in whatever words."""
_OF_LETTER = {
    "a": ("B15",), "b": ("B16", "B18.0", "B18.1", "B19.1"), "c": ("B17.1", "B18.2", "B19.2"),
    "d": ("B16", "B17.0", "B18.0"), "e": ("B17.2",),
}  # fmt: skip
_NO_VIRUS = frozenset({"alcohol", "autoimm", "toxic"})
"""Beginnings of words for a hepatitis that comes from no virus."""
_CA = re.compile(r"\bca\b")


class Meaning(NamedTuple):
    """What a name or a code may be of.

    `codes`: ICD-10-CM codes, categories or families, any of which it may be; `words`: the beginnings of what it is
    called; `core`: its short form, where it is a name; `initials`: of its words; `several`: it is a name of several
    diseases; `common`: the short table of common names has it; `said`: the name itself (lower case), by which it may be
    the opposite of another. Without codes nothing but that is known.
    """

    codes: tuple[str, ...]
    words: frozenset[str]
    core: str = ""
    initials: str = ""
    several: bool = False
    common: bool = False
    said: str = ""


def of_words(words: str, terms: Terms | None = None) -> Meaning | None:
    """What words are of by the table of common names, else by the official names of `terms`; None where nobody knows.

    A complaint (chapter R) that is known by its official name alone may be the word for any disease.
    """
    said = cleaned(words)
    found = _known(words, terms)
    if found is not None:
        return found._replace(said=said)
    return Meaning((), frozenset(), said=said) if has_opposite(said) else None


def _known(words: str, terms: Terms | None) -> Meaning | None:
    core = core_name(cleaned(words))
    if (virus := _BY_VIRUS.fullmatch(core)) is not None:
        letter = virus[1] or virus[2]
        called = f"hepatitis {letter}"
        return Meaning(_OF_LETTER[letter], _words(called), called, _initials(called), False, True)
    family = family_named(core)
    if family:
        return of_family(family, core)
    several = meanings(core)
    if several:
        names = (name for one in several for name in names_of_family(one))
        return Meaning(tuple(map(_plain, several)), _words(core, *names), core, _initials(core), True, True)
    found = [code for key in official_keys(words) if (code := terms.problem_named(key))] if terms is not None else []
    if not found or found[0].startswith("R"):
        return None
    assert terms is not None
    return of_code(found[0], f"{core} / {called_in_icd(found[0], terms)}")._replace(core=core)


def of_family(family: str, core: str = "") -> Meaning:
    """What a family of common names is of ("icd10cm|I10")."""
    return Meaning((_plain(family),), _words(core, *names_of_family(family)), core, _initials(core), False, True)


def of_code(code: str, called: str) -> Meaning:
    """What an ICD-10-CM code is of, by its name."""
    own = icd_families.family(code)
    common = bool(names_of_family(f"{_ICD}{own}"))
    return Meaning((code.upper(), own), _words(called), "", _initials(called), False, common, cleaned(called))


def of_problem(detail: ProblemDetail) -> Meaning | None:
    """What a problem is of by its words, else by its families of ICD-10-CM codes; None where nothing says it."""
    found = of_words(detail.name_cleaned)
    codes = tuple(_plain(one) for one in detail.families if one.startswith(_ICD))
    if found is not None or not codes:
        return found
    common = [name for one in detail.families for name in names_of_family(one)]
    return Meaning(codes, _words(detail.name_cleaned, *common), common=bool(common), said=detail.name_cleaned)


def several_diseases(meant: Iterable[Meaning]) -> bool:
    """Whether any two of these are of two diseases. So are very many."""
    found = list(dict.fromkeys(meant))
    return len(found) > _MANY or any(unlike(one, other) for place, one in enumerate(found) for other in found[:place])


def unlike(one: Meaning, other: Meaning) -> bool:
    """Whether two are surely of two diseases.

    They exclude each other by a word (opposites); or no code of one is under one of the other, and they share no word
    that tells anything: "diabetic kidney disease" (E11.22) may be called CKD, and J90 "PE"; gout neither. Of one
    chapter they may share a word: two of the table of common names are two in two categories, and so is what has a word
    of its own on either side ("alcohol dependence", "opioid dependence"). A complaint may have any cause of its
    chapter.
    """
    if opposed(one.said, other.said):
        return True
    if not (one.codes and other.codes):
        return False
    if any(mine.startswith(its) or its.startswith(mine) for mine in one.codes for its in other.codes):
        return False
    if _broadly(one, other) or _broadly(other, one) or _short_for(one, other) or _short_for(other, one):
        return False
    if _not_by_it(one, other) or _not_by_it(other, one):
        return True
    apart = all(mine[:1] != its[:1] for mine in one.codes for its in other.codes)
    several, common = one.several or other.several, one.common and other.common
    if one.words.isdisjoint(other.words):
        return apart or several or common or not (_complains(one) or _complains(other))
    if any(mine[:3] == its[:3] for mine in one.codes for its in other.codes):
        return common and not several and (one.words - _BROAD).isdisjoint(other.words - _BROAD)
    if common and not apart and not several:
        return True
    if ((apart or several) and not common) or _complains(one) or _complains(other):
        return False
    return not (_within(one, other) or _within(other, one))


def _not_by_it(one: Meaning, other: Meaning) -> bool:
    """Whether one is a hepatitis by a virus and the other one that comes from none."""
    by_it = any(word.startswith("virus-") for word in one.words)
    return by_it and "hepatit" in other.words and not _NO_VIRUS.isdisjoint(other.words)


def _complains(meant: Meaning) -> bool:
    return any(not _COMPLAINTS.isdisjoint(own) for own in _own(meant)[:1])


def _within(one: Meaning, other: Meaning) -> bool:
    """Whether all the words of one of its names stand in what the other is called."""
    return any(own and own <= other.words for own in _own(one))


def _own(meant: Meaning) -> list[frozenset[str]]:
    """The words of each of its names; of a code all that it is called."""
    if not meant.core:
        return [meant.words]
    return [_words(name) for name in (meant.core, *(n for code in meant.codes for n in names_of_family(_ICD + code)))]


def called_otherwise(name: str, code: Concept, terms: Terms) -> str:
    """What a code of a problem is called, where it is of another disease than the problem's words, or than what another
    of its codes is called; empty where nothing contradicts."""
    codings = [coding for coding in telling(code.codings) if coding.code or coding.display]
    if (staged := _at_another_stage(name, codings, terms)) != "":
        return staged
    coded = [found for coding in codings for found in _meant_by(coding, terms)]
    words = {one: None for one in (name, *(untagged(coding.display) for coding in codings)) if one}
    for said in words if coded else ():
        own = of_words(said, terms)
        if own is not None:
            otherwise = [called for called, meant in coded if called != said and all(unlike(own, one) for one in meant)]
            if otherwise:
                return otherwise[0]
    return ""


def _at_another_stage(name: str, codings: list[Coding], terms: Terms) -> str:
    """What a code of a kidney disease is called that has another stage than the words; empty where none has."""
    said = stages((), (cleaned(name),))
    for coding in codings if said else ():
        if coding.system == ICD10CM and differ(said, stages((coding.code,), ())):
            return called_in_icd(coding.code, terms) or coding.code
    return ""


def _meant_by(coding: Coding, terms: Terms) -> list[tuple[str, list[Meaning]]]:
    """What a coding is called and may be of: by the tables, and by the record's own word for it."""
    found = []
    display = untagged(coding.display)
    if coding.code:
        called = _called(coding, terms)
        mapped = [code for system, code in terms.equivalents(coding.system, coding.code) if system == ICD10CM]
        codes = [coding.code] if coding.system == ICD10CM else mapped
        of_codes = [(code, called_in_icd(code, terms)) for code in codes]
        meant = [
            of_code(code, official if official == called else f"{called} / {official}")
            for code, official in of_codes
            if official or called
        ]
        said = of_words(called, terms) if called and not meant else None
        found.append((called or "; ".join(official for _, official in of_codes), meant or ([said] if said else [])))
    said = of_words(display, terms) if display and coding.system != ICD10CM else None
    found.append((display, [said] if said else []))
    return [(called, meant) for called, meant in found if meant]


def _called(coding: Coding, terms: Terms) -> str:
    """What the tables call a code."""
    return called_in_icd(coding.code, terms) if coding.system == ICD10CM else terms.name(coding.system, coding.code)


def _broadly(name: Meaning, other: Meaning) -> bool:
    """Whether a name stands, by a broad sense of it, for what another is of."""
    return any(code.startswith(_BROADLY.get(name.core, ())) for code in other.codes)


def _short_for(name: Meaning, other: Meaning) -> bool:
    """Whether a name is the first letters of what another is called."""
    return bool(name.core) and name.core in other.initials


def _words(*called: str) -> frozenset[str]:
    """The beginnings of the words that tell something."""
    found = [
        word.strip(",.()[]")
        for one in called
        for word in _CA.sub("cancer", _VIRUS.sub(r"hepatitis virus-\1", one.lower())).split()
    ]
    return frozenset(
        word if word.startswith("virus-") else word[:_ALIKE]
        for word in found
        if len(word) > 2 and word not in _ANY_WORDS
    )


def _initials(called: str) -> str:
    """The first letters of words, those that only join others left out."""
    words = [word.strip(",.()[]") for word in called.lower().split()]
    return "".join(word[:1] for word in words if word not in _JOINING)


def _plain(family: str) -> str:
    return family.removeprefix(_ICD)
