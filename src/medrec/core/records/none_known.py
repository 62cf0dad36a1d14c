""" "No known allergies", "no known problems": by code first, else by words, English or Spanish.

A statement that says more than that ("no allergy to penicillin", "sin enfermedades renales") is not one of these.
"""

import re
import unicodedata

from medrec.core.records.datatypes import Concept
from medrec.core.records.terms import SNOMED, cleaned
from medrec.core.records.understood import Coding

ALLERGY_CODES = {
    "716186003": "any", "409137002": "medicine", "429625007": "food", "428607008": "environment",
    "716184000": "latex", "428197003": "insect", "no-known-allergies": "any",
    "no-known-medication-allergies": "medicine",
    "no-known-food-allergies": "food", "no-known-environmental-allergies": "environment",
}  # fmt: skip
"""SNOMED CT and IPS codes for "none known", and of what."""
PROBLEM_CODES = frozenset({"160245001", "no-known-problems"})
"""SNOMED CT "no current problems or disability", and IPS "no known problems"."""

_ALLERGY_WORDS = re.compile(
    r"(?:(?:the\s+)?(?:patient|pt)\.?\s+(?:(?:has|reports|states)\s+)?)?"
    r"(?:allerg(?:y|ies|ic)\s*(?:to\s+|:\s*|-\s*))?(?:none|nil|no|nka|nkda|nkfa|nothing|denies)"
    r"(?:\s+(?:known|reported|recorded|documented|listed|identified|noted))?(?:\s+(?:known\s+)?(?:(?P<what>drug|medication|medicine|"
    r"food|environmental|latex)\s+)?(?:allerg(?:y|ies|ic)|reactions?|any)(?:\s+(?:known|reported|on\s+file|disorder))?"
    r"(?:\s+to\s+(?:any\s+)?(?P<to>drug|medication|medicine|food)s?|\s*\((?P<of>drug|medication|medicine|food)s?\))?)?"
    r"(?:\s*\((?:situation|disorder|finding|nkda|nka)\))?(?:\s*[-,(]\s*(?:confirmed|verified|reviewed)\)?)?\.?"
)
_TWICE = re.compile(r"nk(?:d)?a\s*[-,:;/(]\s*(?P<again>no\b.*?)\)?")
"""The short form and what it stands for: "NKDA (no known drug allergies)"."""
_ALLERGY_ARABIC = re.compile(
    r"(?:لا|ليس|ليست)\s*(?:توجد|يوجد|لديه|لديها|يعاني\s+من|تعاني\s+من)?\s*(?:اي\s+|أي\s+)?(?:حساسية|حساسيه|حساسيات)"
    r"(?:\s+(?:معروفة|معروفه))?|لا\s+(?:يوجد|شيء)"
)
_NOT_TOLD = (
    "-", "--", "?", "0", "n/a", "na", "not applicable", "unknown", "not known", "not asked", "not assessed",
    "not on file", "not recorded", "not documented", "unable to assess", "unable to obtain", "no information",
    "no data", "to be determined", "tbd", "desconocido", "desconocida", "no consta", "sin datos", "غير معروف",
    "غير معروفة", "لا معلومات",
)  # fmt: skip
_WHAT = {"drug": "medicine", "medication": "medicine", "medicine": "medicine", "environmental": "environment"}
_NOT = (
    r"(?:sin|no|ninguna|niega|no\s+se\s+(?:le\s+)?conocen|no\s+(?:refiere|presenta|tiene|constan?|hay))(?:\s+tener)?"
    r"(?:\s+otras)?"
)
_OF = (
    r"(?:(?P<medicine>medicamentosas?|farmacologicas?|a\s+(?:los\s+)?(?:medicamentos|farmacos))|"
    r"(?P<food>alimentarias?|a\s+(?:los\s+)?alimentos)|(?P<environment>ambientales?)|(?P<latex>al\s+latex))"
)
_KNOWN = r"(?:conocidas?|referidas?|registradas?)"
_ALLERGY_SPANISH = tuple(
    re.compile(form + r"(?:\s*\((?:situacion|hallazgo|trastorno)\))?")
    for form in (
        rf"{_NOT}\s+alergias?(?:\s+{_KNOWN})?(?:\s+{_OF})?(?:\s+{_KNOWN})?",
        rf"alergias?(?:\s+{_OF})?\s*[:,-]?\s*(?:no|ningun[ao]s?|niega|negativ[ao]s?|no\s+refiere|no\s+constan?)"
        rf"(?:\s+{_KNOWN})?",
        rf"ningun[ao]s?(?:\s+{_KNOWN})?",
        rf"no\s+{_KNOWN}|negad[ao]s",
    )
)
_PROBLEM_WORDS = re.compile(
    r"(?:(?:none|nil)(?:\s+(?:known|reported|recorded|documented|listed|identified|noted|on\s+file))?|(?:no|denies)\s+(?:(?:known|current|active|significant)\s+)*(?:medical\s+)?(?:problems?|conditions?)"
    r"(?:\s+or\s+disability)?(?:\s+(?:known|on\s+file))?)(?:\s*\((?:situation|finding|disorder)\))?"
)
_PROBLEM_SPANISH = re.compile(
    r"(?:sin|no|ningun[ao]?|niega|no\s+se\s+(?:le\s+)?conocen|no\s+(?:refiere|presenta|tiene|constan?|hay))\s+"
    r"(?:otr[ao]s\s+)?(?:problemas?|enfermedad(?:es)?|patologias?|diagnosticos?)(?:\s+de\s+salud|\s+medic[ao]s?)?"
    r"(?:\s+(?:o|ni)\s+(?:in|dis)capacidad)?(?:\s+(?:conocid[ao]s?|actual(?:es)?|activ[ao]s?))?"
    r"(?:\s*\((?:situacion|hallazgo)\))?|ningun[ao](?:\s+conocid[ao])?"
    r"|لا\s+(?:يوجد|توجد)(?:\s+(?:مشاكل|امراض)(?:\s+(?:صحية|معروفة))*)?"
)


_MEDICINE_WORDS = re.compile(
    r"(?:none|nil|nothing)(?:\s+(?:known|reported|recorded|documented|listed|identified|noted|on\s+file))?|n/?a|not\s+applicable|ningun[ao]?|"
    r"لا\s+(?:يوجد|توجد|شيء)|"
    r"(?:no|not\s+(?:on|taking)(?:\s+any)?|denies(?:\s+(?:taking|any))*|takes\s+no)\s+"
    r"(?:(?:known|current|active|regular|home|prescribed|other|daily)\s+)*(?:medications?|medicines?|meds|drugs?)"
    r"(?:\s+(?:known|reported|on\s+file|recorded|currently|at\s+this\s+time))?|"
    r"(?:sin|no\s+(?:toma|refiere|usa)|niega(?:\s+tomar)?)\s+(?:medicacion|medicamentos?|medicinas?|tratamiento)"
    r"(?:\s+(?:actual(?:es)?|habitual(?:es)?|conocid[ao]s?))?"
)


def no_medicines(words: str) -> bool:
    """Whether what stands in place of a medicine says that none is taken."""
    return _MEDICINE_WORDS.fullmatch(_plain(words)) is not None


def no_known_allergy(code: Concept) -> str:
    """Of what there is no known allergy ("any", "medicine", ...); empty for an allergy. "None" typed means any."""
    for coding in code.codings:
        if _speaks(coding) and coding.code in ALLERGY_CODES:
            return ALLERGY_CODES[coding.code]
    words = _plain(code.words)
    twice = _TWICE.fullmatch(words)
    if twice is not None:
        words = twice["again"]
    if words in ("nkda", "no known drug allergies", "namc"):
        return "medicine"
    found = _ALLERGY_WORDS.fullmatch(words)
    if found:
        what = found["what"] or found["to"] or found["of"] or "any"
        return _WHAT.get(what, what)
    if _ALLERGY_ARABIC.fullmatch(words):
        return "any"
    for form in _ALLERGY_SPANISH:
        spanish = form.fullmatch(words)
        if spanish:
            return next((what for what, said in spanish.groupdict().items() if said), "any")
    return ""


_SOURCE = (
    r"(?:(?:the|his|her|attached|medication|medicines?|meds?|drug|problem|allergy|home|discharge|d/c|current|previous|prior|last|old"
    r"|la|el|lista|hoja|adjunt[ao])\s+)*(?:list|note|chart|summary|sheet|mar|emr|ehr|epic|record|history|hpi|pmh|above|below|attached|attachment"
    r"|scan|scanned|previous|prior|before|comment|text|letter|report|patient|pt|family|gp|pcp|pharmacy|provider|list[ao]|nota|historia|informe"
    r"|arriba|abajo|anterior|adjunt[ao]|hoja)s?"
)
_ELSEWHERE = re.compile(
    rf"(?:please\s+)?(?:see|(?:as\s+)?per|refer(?:red)?\s+to|as\s+(?:in|on)|from|check|ver|vease|segun|como)\s+{_SOURCE}"
    r"|(?:the\s+)?same(?:\s+(?:as\s+)?(?:above|below|before|previous(?:ly)?|prior|list))?|ditto|idem|igual(?:\s+que\s+(?:antes|arriba))?"
    r"|(?:as\s+|listed\s+|noted\s+|mentioned\s+)?(?:above|below|before|attached)|as\s+(?:listed|noted|documented|directed)(?:\s+(?:above|below))?"
    r"|(?:(?:continue|cont\.?|resume|same|all|own|her|his)\s+(?:(?:home|own|current|usual|other|all)\s+)*|home\s+)(?:meds?|medications?|medicines?)"
    r"|null|undefined|nan|blank|empty|placeholder|x{2,}|انظر\s+القا[ئي]مة|كما\s+(?:ذكر\s+)?اعلاه"
)


def says_nothing_here(words: str) -> bool:
    """Whether what stands in place of a name says that nobody knows, or where else to look: "-", "see list", "as
    above", "n/a". It names nothing, and says of nothing that there is none. No words at all say neither."""
    plain = _plain(words)
    bare = bool(words.strip()) and not any(sign.isalnum() for sign in words)
    return bare or plain in _NOT_TOLD_PLAIN or _ELSEWHERE.fullmatch(plain) is not None


def no_known_problem(code: Concept) -> bool:
    """Whether this says that there are no problems at all."""
    if any(_speaks(coding) and coding.code in PROBLEM_CODES for coding in code.codings):
        return True
    words = _plain(code.words)
    return _PROBLEM_WORDS.fullmatch(words) is not None or _PROBLEM_SPANISH.fullmatch(words) is not None


def _speaks(coding: Coding) -> bool:
    """A number means this in SNOMED CT alone; where no system is given it is taken for that."""
    return coding.system in (SNOMED, "") or not coding.code.isdigit()


def _plain(words: str) -> str:
    """Lower case, without accents, one space between words, no full stop at the end."""
    letters = unicodedata.normalize("NFD", words)
    return cleaned("".join(letter for letter in letters if not unicodedata.combining(letter))).strip(" .")


_NOT_TOLD_PLAIN = frozenset(map(_plain, _NOT_TOLD))
