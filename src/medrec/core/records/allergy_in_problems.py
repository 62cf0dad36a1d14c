"""An allergy that stands in a problem list: "penicillin allergy", "Anaphylaxis due to amoxicillin", Z88.0.

ICD-10-CM files the allergies to medicines as a status of the person (Z88) and those to food, latex and others likewise
(Z91.0), so that billing systems have them among the problems.
"""

import re

from medrec.core.records import allergen_names
from medrec.core.records.class_names import of_class
from medrec.core.records.spanish_names import in_english
from medrec.core.records.terms import Terms, cleaned
from medrec.core.records.understood import AllergyTo

_REACTION = (
    r"anaphyla\w+|anafilaxia|angio-?o?edema|urticaria|hives|stevens[\s-]johnson|toxic\s+epidermal\s+necrolysis"
    r"|drug\s+(?:rash|eruption)|dress|serum\s+sickness"
)
_HAPPENS = rf"(?:allerg(?:y|ies|ic)|hypersensitiv\w+|al[eé]rgi(?:as?|c[oa])|{_REACTION})"
_EVENT = re.compile(rf"\b(?:{_REACTION}|(?:allergic|hypersensitivity)\s+reactions?)\b")
"""What happened, where an allergy or a status is what a person has."""
_TO = re.compile(
    rf"\b{_HAPPENS}(?:\s+(?:reactions?|shock|status|syndrome|drug|medication))*\s*"
    r"(?:(?:to|due\s+to|from|after|caused\s+by|secondary\s+to|al?)\s|[:(]|-\s)\s*(?P<what>.+)"
)
_OF = re.compile(rf"^(?P<what>.+?)(?:[\s-]+induced)?[\s:(,-]+{_HAPPENS}\b")
_BY_HEPARIN = re.compile(
    r"(?<!non[ -]immune )(?<!nonimmune )\bheparin[\s-]+(?:induced|associated)\s+thrombocytop"
    r"|^(?:(?:history\s+of|hx\s+of|h/o)\s+)?hitt?(?:\s+type\s+(?:ii|2))?$"
)
_CODE_BY_HEPARIN = re.compile(r"D75\.?82(?!1)")
"""An immune answer to heparin, HIT; D75.821 is the one that is not immune."""
_TREATED = re.compile(r"\b(?:on|takes?|taking|uses?|using|treated|given|tolerates?|toma)\b.*")
"""What is taken for an allergy is not what it is to: "seasonal allergies: takes Claritin"."""
_TEXT_MAX = 300


def allergy_to(names: list[str], codes: list[str], terms: Terms) -> AllergyTo | None:
    """The allergy that a problem is, by its names and its ICD-10-CM codes; None where it is none.

    `names`: its own, and what its codes are called. Words alone are of an allergy only where they name a medicine.
    """
    ingredients: dict[str, None] = {}
    classes: dict[str, None] = {}
    event = False
    for name in names:
        words = cleaned(name)[:_TEXT_MAX]
        for found in (_TO.search(words), _OF.search(words)):
            what = in_english(_TREATED.sub("", found["what"]).strip()) if found else ""
            told = allergen_names.mentioned(what, terms, of_class)
            ingredients |= dict.fromkeys(told[0])
            classes |= dict.fromkeys(told[1])
            event = event or (any(told) and _EVENT.search(words) is not None)
    if _is_by_heparin(names, codes):
        ingredients |= dict.fromkeys(allergen_names.mentioned("heparin", terms, of_class)[0])
        event = True
    drug = any(code.upper().startswith("Z88") for code in codes)
    other = any(code.upper().replace(".", "").startswith("Z910") for code in codes)
    if not (ingredients or classes or drug or other):
        return None
    codes_of, classes_of = tuple(sorted(ingredients)), tuple(sorted(classes))
    named = bool(ingredients or classes) and not allergen_names.no_medicine("", codes_of, classes_of, terms)
    return AllergyTo(codes_of, classes_of, drug or named, event)


def _is_by_heparin(names: list[str], codes: list[str]) -> bool:
    """Whether a problem is a loss of platelets by an immune answer to heparin: to whoever has it, heparin is what an
    allergy is to."""
    coded = [code.upper() for code in codes if code.upper().startswith("D75")]
    if coded:
        return any(_CODE_BY_HEPARIN.match(code) for code in coded)
    return any(_BY_HEPARIN.search(cleaned(name)) for name in names)
