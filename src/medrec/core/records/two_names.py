"""A name of a medicine that holds another's in parentheses, or beside it: "Coumadin (lisinopril)", "Klonopin aka
clonidine", "Coumadin or lisinopril".

A brand and its drug say one thing; two drugs do not, and nobody can tell which of them is meant.
"""

import re

from medrec.core.records import drug_names
from medrec.core.records.allergen_names import mentioned, no_class
from medrec.core.records.drug_names import Named
from medrec.core.records.terms import RXNORM, Terms, cleaned

_INSIDE = re.compile(r"\(([^()]{1,200})\)|\[([^\[\]]{1,200})\]")
_BESIDE = re.compile(r"\s+(?:aka|a\.k\.a\.?|i\.?e\.?|or|vs\.?|[-–—]|-+>|→)\s+|\s*=\s*", re.IGNORECASE)
"""What stands between two names, where the parts of one medicine have "and" or a sign."""
_AMOUNT = re.compile(r"\d|\b(?:one|two|three|four|half|un[ao]?|dos|tres|medi[ao])\b")
_BESIDE_ALL = frozenset({"water", "glucose", "alcohol", "oxygen"})
"""Medicines by their name that directions speak of as what one drinks, breathes or measures."""
_EXCHANGED = re.compile(r"\b(?:switch|chang|replac|instead|swap|in\s+place\s+of|cambi|reempla|en\s+lugar)\w*")
_GENERAL = (
    ("vitamin d", "cholecalciferol"), ("vitamin d", "ergocalciferol"), ("iron", "ferrous"), ("iron", "ferric"),
    ("folate", "folic"), ("vitamin e", "tocopher"), ("fish oil", "omega-3"), ("pancreatin", "lipase"),
    ("pancreatin", "amylase"), ("pancreatin", "protease"), ("polyethylene glycol", "polyethylene glycol"),
)  # fmt: skip
"""A general word and what is sold under it (fact sheets for health professionals, NIH Office of Dietary Supplements;
of pancreatin: 21 CFR 184.1583)."""
Ingredients = tuple[str, ...]
_BRANDED = frozenset({"BN", "SBD", "SBDC", "SBDF", "BPCK"})


def said_in(words: str, terms: Terms) -> tuple[Ingredients, ...]:
    """Ingredients of what stands outside of parentheses and of what stands in each of them, or of names beside each
    other, where they name medicines; () where there are none, or the whole is one name ("estrogens, conjugated
    (USP)")."""
    inside = [match[1] or match[2] for match in _INSIDE.finditer(words[:300])]
    if terms.drug_named(words) is not None:
        return ()
    if not inside:
        return tuple(one.ingredients for one in _beside(words, terms) if one.ingredients) or _two_brands(words, terms)
    outside = _INSIDE.sub(" ", words[:300])
    named = drug_names.named(outside, terms).ingredients
    if not named:
        named = mentioned_in(drug_names.without_salts(cleaned(outside)), terms)
    found = [named, *(drug_names.named(one, terms).ingredients for one in inside if not _is_salt(one))]
    return tuple(one for one in found if one)


def _two_brands(words: str, terms: Terms) -> tuple[Ingredients, ...]:
    """Ingredients of each of several names with a stroke between them, where one is a brand and no product holds all
    ("Coumadin/lisinopril"): a brand is a product, and is no part of another. () where they may be one medicine."""
    if "/" not in words:
        return ()
    names = [drug_names.named(piece, terms) for piece in words[:300].split("/")[:4]]
    drugs = [drug for one in names for drug in one.drugs]
    if len(names) < 2 or not all(one.ingredients for one in names) or all(drug.kind not in _BRANDED for drug in drugs):
        return ()
    together = terms.sold_together(all_of(*(one.ingredients for one in names)))
    return () if together else tuple(one.ingredients for one in names)


def of_one(words: str, terms: Terms) -> Named | None:
    """The medicine that names beside each other ("Zestril - lisinopril 20 mg") are all of; None where they are not (nor
    "lisinopril - Zestoretic", which is one more), or one of them is not known."""
    names = _beside(words, terms)
    if len(names) < 2 or not names[0].ingredients or any(one.ingredients != names[0].ingredients for one in names):
        return None
    return max(names, key=lambda one: len(one.strengths))


def _beside(words: str, terms: Terms) -> list[Named]:
    """What each of several names beside each other says; nothing where there is one alone."""
    pieces = [piece for piece in _BESIDE.split(words[:300]) if piece.strip()]
    return [drug_names.named(piece, terms) for piece in pieces[:4]] if len(pieces) > 1 else []


def mentioned_in(words: str, terms: Terms) -> Ingredients:
    """Ingredients of all medicines that words name anywhere."""
    return mentioned(cleaned(words), terms, no_class)[0]


def named_before_a_dose(words: str, own: Ingredients, terms: Terms) -> Ingredients:
    """Ingredients of other medicines than its own that directions name before their last amount, or say that it is
    exchanged for: nobody can tell whose that amount is. What is behind it ("1 daily, apart from calcium") is beside it.
    """
    said = cleaned(words)
    amounts = [match.start() for match in _AMOUNT.finditer(said)]
    exchanged = _EXCHANGED.search(said) is not None
    if not amounts and not exchanged:
        return ()
    named = mentioned_in(said if exchanged else said[: amounts[-1]], terms)
    names = {code: cleaned(terms.name(RXNORM, code)) for code in named if terms.strengths(code)}
    sold = [code for code, name in names.items() if name not in _BESIDE_ALL and not terms.food_named(name)]
    return tuple(code for code in sold if not own or apart((code,), own, terms))


def apart(one: Ingredients, other: Ingredients, terms: Terms) -> bool:
    """Whether two names are of different medicines: neither is short for the other, nor the general word for it."""
    few, many = sorted((one, other), key=len)
    return not set(few) <= set(many) and not all(any(_akin(a, b, terms) for b in many) for a in few)


def more(held: Ingredients, named: Ingredients, terms: Terms) -> bool:
    """Whether a medicine is said to hold something that its name (ingredients; () is not known) does not: another
    medicine, or one more that is sold alone. What is sold in no product ("lactose") is what it is made with."""
    others = [code for code in held if apart((code,), named, terms)] if named else []
    return bool(others) and (apart(held, named, terms) or any(terms.strengths(code) for code in others))


def all_of(*groups: Ingredients) -> Ingredients:
    """All ingredients that any of these names, sorted, each once."""
    return tuple(sorted({code: None for group in groups for code in group}))


def _akin(a: str, b: str, terms: Terms) -> bool:
    x, y = (cleaned(terms.name(RXNORM, code)) for code in (a, b))
    general = any((p in x and q in y) or (q in x and p in y) for p, q in _GENERAL)
    words, others = set(x.split()), set(y.split())
    return general or words <= others or others <= words


def _is_salt(words: str) -> bool:
    """Whether this is no more than a salt's name: "diclofenac (sodium)"."""
    return not drug_names.without_salts(cleaned(words))
