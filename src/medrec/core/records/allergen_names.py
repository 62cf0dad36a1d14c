"""Words for what is no medicine and that one can be allergic to: one word for each, where words mean the same thing;
and the medicines that a longer text mentions."""

import re
from collections.abc import Callable

from medrec.core.records import drug_names
from medrec.core.records.short_names import family
from medrec.core.records.terms import RXNORM, Terms, cleaned

_SAME = {
    word.strip(): line.split(":")[0]
    for line in """
peanut: peanuts, peanut butter, groundnut, groundnuts
tree nut: tree nuts
shellfish: shell fish, crustaceans, crustacean
egg: eggs, egg white, hen's egg
milk: cow's milk, cow milk, dairy
bee venom: bee sting, bee stings, bees, honey bee venom
wasp venom: wasp sting, wasp stings, wasps
latex: natural rubber latex, rubber latex, rubber
soy: soya, soybean, soybeans
wheat: wheat flour
pollen: pollens
dust mite: dust mites, house dust mite, house dust mites
cat: cats, cat dander, cat hair
dog: dogs, dog dander, dog hair
adhesive tape: tape, adhesives, adhesive
""".strip().splitlines()
    for word in line.split(":")[1].split(",")
}


def one_word(name: str) -> str:
    """The one word for a substance (lower case); the name itself where it is not known."""
    return _SAME.get(name, name)


def known_substance(name: str) -> bool:
    """Whether a word (lower case) is for a substance that is no medicine."""
    return name in _SAME or name in _SAME.values()


_NO_MEDICINE = frozenset({"lactose", "nickel"})
_TESTED_WITH = re.compile(r"\b(?:allergenic|pollen|venom|dander|latex)\b")
"""In the names of RxNorm's ingredients that are pricked into a skin to find an allergy to what they are made of."""


def no_medicine(substance: str, ingredients: tuple[str, ...], classes: tuple[str, ...], terms: Terms) -> bool:
    """Whether an allergy is surely to no medicine: to a food, to latex, to what flies, stings or sheds hair. Some of
    these are ingredients of RxNorm's. `substance`: the one word for it (lower case)."""
    if classes:
        return False
    if known_substance(substance) or substance in _NO_MEDICINE or terms.food_named(substance):
        return True
    return bool(ingredients) and all(_TESTED_WITH.search(terms.name(RXNORM, code).lower()) for code in ingredients)


_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


_Codes = tuple[str, ...]


def mentioned(
    name: str, terms: Terms, class_of: Callable[[str, Terms], tuple[_Codes, _Codes]]
) -> tuple[_Codes, _Codes]:
    """Ingredients and classes that a text of several words names anywhere ("NKDA except codeine"): the longest name
    first, up to three words. What is not known as a whole warns of all that it mentions."""
    words = _parted(_WORD.findall(name[:300]), terms, class_of)
    ingredients: dict[str, None] = {}
    classes: dict[str, None] = {}
    at = 0
    while at < len(words):
        step = 1
        for length in range(min(3, len(words) - at), 0, -1):
            part = " ".join(words[at : at + length])
            if len(part) <= 2:
                continue
            codes, named = class_of(part, terms)
            codes = codes if codes or named else _held(part, terms)
            if codes or named:
                classes |= dict.fromkeys(named)
                ingredients |= dict.fromkeys(codes)
                step = length
                break
        at += step
    return tuple(sorted(ingredients)), tuple(sorted(classes))


def _held(part: str, terms: Terms) -> _Codes:
    """Ingredients of a medicine, or of all that a family of products may hold."""
    return tuple(code for name in family(part) or (part,) for code in drug_names.known(name, terms))


def _parted(words: list[str], terms: Terms, class_of: Callable[[str, Terms], tuple[_Codes, _Codes]]) -> list[str]:
    """The words of a text; one with a hyphen that names nothing as it stands is its parts ("pcn-rash", not "z-pak")."""
    parted = []
    for word in words:
        whole = "-" not in word or any(class_of(word, terms)) or drug_names.known(word, terms)
        parted += [word] if whole else word.split("-")
    return parted


_REACTION = re.compile(
    r"\b(?:anaphyla|rash|hives|urticaria|angio-?o?edema|swell|swollen|itch|shock|bronchospasm|wheez|blister|anafilaxia|ronchas)"
)
_ALLERGIC = re.compile(r"\b(?:allerg|al[eé]rgi|sensitiv|intoleran|avoid|react)")
_NOT_ONE = re.compile(
    r"\b(?:no|not|non|denie[sd]|never|without|tolerate[sd]?|takes?|taking|on|given|niega|sin|toma|tolera)\b"
)
_DAY = re.compile(r"\btoday\b")
"""A word of every day that is a brand of an antibiotic for cows as well."""
_REMARK_MAX = 300


def tells_of_one(remark: str, terms: Terms, class_of: Callable[[str, Terms], tuple[_Codes, _Codes]]) -> bool:
    """Whether a remark beside "none known" tells of an allergy: it names a medicine or a substance, and a reaction to
    it or no more than few words, none of which denies. What is longer is a letter."""
    said = _DAY.sub("", cleaned(remark))
    if not said or len(said) > _REMARK_MAX:
        return False
    words = _WORD.findall(said)
    named = any(mentioned(said, terms, class_of)) or any(word in _SAME or known_substance(word) for word in words)
    sure = not _NOT_ONE.search(said) and (len(words) <= 3 or _ALLERGIC.search(said) is not None)
    return named and (sure or _REACTION.search(said) is not None)


def no_class(name: str, terms: Terms) -> tuple[_Codes, _Codes]:
    """The `class_of` of who looks for medicines alone: what names a class is no medicine that is taken."""
    return (), ()
