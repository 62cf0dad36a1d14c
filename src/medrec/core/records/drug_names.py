"""Names of medicines as people type them ("Metoprolol succ. 50 mg ER tab (Toprol)"): the drug, its strengths, its form.

Exact names first, then the name with strength, form and salt taken away, never a similar spelling: a name that is
not found stays a name. What is found is a fact of the terminology.
"""

import re
import unicodedata
from itertools import permutations
from typing import NamedTuple

from medrec.core.records import asides, typed_sig, units
from medrec.core.records.form_words import FORMS, MANNER, SALTS
from medrec.core.records.short_names import ALIASES
from medrec.core.records.spanish_names import in_english
from medrec.core.records.strength_words import STRENGTH, UNCLEAR, form_of, pointed, strengths_in
from medrec.core.records.terms import RXNORM, Drug, Terms, cleaned
from medrec.core.records.understood import Strength

_NUMBERS = re.compile(
    r"(?<![\w.])\d{1,5}(?:\.\d{1,3})?(?:\s*[/-]\s*\d{1,5}(?:\.\d{1,3})?)*(?:[/-](?=\s|$))?(?![\w/.-])"
)
# Amounts before the last one of a combination, once that is taken away: "50-".
_AMOUNTS_BEFORE = re.compile(r"(?<![\w.])\d{1,5}(?:\.\d{1,3})?(?:\s*[/-]\s*\d{1,5}(?:\.\d{1,3})?)*\s*[/-](?=\s|$)")
_MIX = re.compile(r"(?<![\w.])([1-9]\d)\s*[/-]\s*([1-9]\d)(?![\w/.-])")
"""The shares, in percent, of the two insulins of a mix: "70/30"."""
_PLAIN = re.compile(r"\d{1,5}(?:\.\d{1,3})?")
_LETTER_NUMBER = re.compile(r"(?<![\w.])([a-z]) (\d{1,2})(?![\w./-])")
"""Vitamin D 3 is D3."""
_LINE = re.compile(
    r"\b(?:extra|regular|maximum|junior)[\s-]+strength\b|\b(?:child(?:ren)?|infant)['’]?s?['’]?\s+(?=[a-z])"
)
"""What a maker calls the strengths of one drug, and for whom it is sold."""
_HOURS = re.compile(r"(?<![\w.])\d{1,3}\s*-?\s*h(?:ou)?rs?\b")
_FOR_WHAT = re.compile(
    r"\A(?:my |a )?(?:water|fluid|sugar|heart|pressure|nerve|sleeping|pain|diet|allergy) (?:pill|med)s?\Z"
)
"""What a medicine is for, and not of what it is."""
_PARENTHESES = re.compile(r"\(([^()]{0,200})\)|\[([^\[\]]{0,200})\]")
_SEPARATOR = re.compile(r"\s*(?:/|\+|&|\band\b|\bwith\b|,)\s*|(?<=[a-z]{4})-(?=[a-z]{4})")


_WITH = re.compile(r"\s+with\s+")
_SHORT_WITH = re.compile(r"\s+[wc]/\s*")
_CODEINE = re.compile(
    r"^(?P<base>tylenol|tyl|phenaphen|empirin|fiorinal|fioricet|acetaminophen|apap|aspirin|asa)"
    r"(?:[\s/-]+(?:(?:with|c)\s+)?(?P<said>codeine|cod\.?))?[\s-]*(?P<sign>#|\bno\.?|\bnumber)?\s*(?:[1-4]|i{1,3}|iv)"
    r"(?![\w./,-]|\s*(?:tabs|tablets|caps|capsules|pills|x|mg|mcg|g|gm|ml|times|daily|per)\b)"
)
"""The numbers of a maker for so much codeine beside the other: Tylenol #3, Empirin 3."""
_T3 = re.compile(r"^t\s*(?:[#-]\s*|no\.?\s*)?3\b(?!.*\bmcg\b)|^t\s*#\s*[1-4]\b")


class Named(NamedTuple):
    """What a name says: the drugs found (one, or the parts of a combination), strengths in the order written (value,
    unit), the form as a plain word, and the name cleaned of all this."""

    drugs: tuple[Drug, ...]
    strengths: tuple[tuple[str, str], ...]
    form: str
    rest: str
    tied: tuple[Strength, ...] = ()
    """The strengths of one product of several ingredients, where products of each alone tell which is whose."""
    stray: str = ""
    """Numbers without a unit behind a name that is known without them, and that no product has as a strength."""
    aside: str = ""
    """Remarks in the name with an amount that is of something else (asides.py), as written."""

    @property
    def ingredients(self) -> tuple[str, ...]:
        """RxNorm IN codes, sorted, each once."""
        return tuple(sorted({code: None for drug in self.drugs for code in drug.ingredients}))


def named(name: str, terms: Terms) -> Named:
    """Read a name. A combination is found only when every part of it is."""
    name, aside, found = _without_asides(pointed(cleaned(name)), terms)
    if len(found.drugs) == 1 and 1 < len(found.ingredients) <= _PARTS_MAX and not found.drugs[0].strengths:
        found = found._replace(tied=_shares(found, name, terms) or _tied(found, name, terms))
    elif 1 < len(found.drugs) <= _PARTS_MAX and not found.strengths:
        found = found._replace(tied=_in_order(found, name, terms))
    return found._replace(stray=_stray(found, name, terms), aside=aside)


def without_asides(name: str, terms: Terms) -> str:
    """The words of a name without remarks that hold an amount of something else; as they are where there are none."""
    plain, aside, _ = _without_asides(pointed(cleaned(name)), terms)
    return plain if aside else name


def _without_asides(name: str, terms: Terms) -> tuple[str, str, Named]:
    """A name without its remarks, these, and what it says."""
    if _find(name, terms) is not None:
        return name, "", _named(name, terms)
    plain, aside = asides.inside(name, lambda words: _named(words, terms).ingredients)
    found = _named(plain, terms)
    if found.drugs:
        return plain, aside, found
    head, tail = asides.behind(plain)
    known = _named(head, terms) if tail else found
    return (head, "; ".join(one for one in (aside, tail) if one), known) if known.drugs else (plain, aside, found)


def _stray(found: Named, name: str, terms: Terms) -> str:
    """The numbers of a name that are neither a part of it nor a strength of any product of its one ingredient, in
    whatever unit, nor of its several, nor count what is handed out: "7" of "Norvasc 7"; "" where there is none."""
    if not found.ingredients or found.strengths or found.tied or _find(name, terms) is not None:
        return ""
    known = [one.value for one in terms.strengths(found.ingredients[0])] if len(found.ingredients) == 1 else []
    whole = typed_sig.parted(_with_codeine(in_english(_SHORT_WITH.sub(" with ", name[:300]))), terms).name
    bare = _LETTER_NUMBER.sub(r"\1\2", _HOURS.sub(" ", _PARENTHESES.sub(" ", _LINE.sub(" ", whole))))
    rest = alias(_words(bare, frozenset()))
    if _find(rest, terms) is not None or _find(_words(rest, SALTS), terms) is not None:
        return ""
    told = []
    for match in _NUMBERS.finditer(bare):
        after = bare[match.end() :].split()
        if (
            match[0] not in known
            and bare[: match.start()].strip()
            and (not after or after[0].strip(".,;:") not in _MANY)
        ):
            told.append(match[0])
    return " ".join(told)


_PARTS_MAX = 3
_OF_PARTS = re.compile(r"(?<![\w./-])(\d{1,4}(?:\.\d{1,3})?(?:\s*[-/]\s*\d{1,4}(?:\.\d{1,3})?){1,2})(?![\w./-]|\s*%)")
"""Percocet 5-325: an amount of each part, in mg."""


def _tied(found: Named, name: str, terms: Terms) -> tuple[Strength, ...]:
    """Whose the strengths of a brand's parts are: the only way round in which products with one of them alone exist;
    of a part that is sold in no such product any amount may be."""
    values = [(value, unit) for value, unit in found.strengths if unit in ("mg", "ug", "g")]
    if not found.strengths and (bare := _OF_PARTS.search(name)) is not None:
        values = [(value.strip(), "mg") for value in re.split("[-/]", bare[1])]
    if len(values) != len(found.ingredients):
        return ()
    fits = []
    for order in permutations(found.ingredients):
        pairs = [Strength(code, value, unit) for code, (value, unit) in zip(order, values, strict=True)]
        known = [terms.strengths(one.ingredient) for one in pairs]
        if any(known) and all(
            not products or any(units.same(one, product, terms) for product in products)
            for one, products in zip(pairs, known, strict=True)
        ):
            fits.append(tuple(sorted(pairs, key=lambda entry: entry.ingredient)))
    return fits[0] if len(dict.fromkeys(fits)) == 1 else ()


def _in_order(found: Named, name: str, terms: Terms) -> tuple[Strength, ...]:
    """The amounts of a combination by its parts ("losartan/hctz 50/12.5"), in mg and in their order: where it is sold,
    and each is one that its part is sold in alone, or of a part that is not sold alone."""
    bare = _OF_PARTS.search(_PARENTHESES.sub(" ", name))
    values = re.split(r"\s*[-/]\s*", bare[1]) if bare is not None else []
    if len(values) != len(found.ingredients) or not terms.sold_together(found.ingredients):
        return ()
    codes = [code for drug in found.drugs for code in drug.ingredients]
    pairs = [Strength(code, value, "mg") for code, value in zip(codes, values, strict=True)]
    known = [(one, terms.strengths(one.ingredient)) for one in pairs]
    fits = all(not sold or any(units.same(one, product, terms) for product in sold) for one, sold in known)
    return tuple(sorted(pairs, key=lambda one: one.ingredient)) if fits and any(sold for _, sold in known) else ()


def _insulins(found: Named, terms: Terms) -> list[str]:
    """The slow and the quick insulin of a maker's one name for both ("Humulin"); nothing for any other name."""
    names = {code: cleaned(terms.name(RXNORM, code)) for code in found.ingredients}
    if len(found.drugs) != 1 or len(names) != 2 or not all("insulin" in name for name in names.values()):
        return []
    slow = [code for code, name in names.items() if "isophane" in name]
    return [*slow, *(code for code in names if code not in slow)] if len(slow) == 1 else []


def _shares(found: Named, name: str, terms: Terms) -> tuple[Strength, ...]:
    """The shares of a mix of insulins as RxNorm has them: 70/30 is 70 units of the slow, 30 of the quick one a mL."""
    both, shares = _insulins(found, terms), _MIX.search(name)
    if not both or shares is None or int(shares[1]) + int(shares[2]) != 100 or found.strengths:
        return ()
    tied = [Strength(code, share, "[iU]/mL") for code, share in zip(both, shares.groups(), strict=True)]
    return tuple(sorted(tied, key=lambda one: one.ingredient))


def of_several(found: Named, terms: Terms) -> bool:
    """Whether a name is a maker's for several insulins, and does not say which ("Humulin" is N, R or a mix)."""
    return bool(_insulins(found, terms)) and found.drugs[0].kind == "BN" and not found.tied and not found.stray


def _named(name: str, terms: Terms) -> Named:
    whole = _with_codeine(in_english(_SHORT_WITH.sub(" with ", cleaned(name)[:300])))
    form = form_of(whole)
    if _FOR_WHAT.match(whole):
        return Named((), (), form, whole)
    exact = _find(whole, terms)
    if exact is None:
        whole = typed_sig.parted(whole, terms).name
    strengths = tuple(strengths_in(whole))
    bare = STRENGTH.sub(" ", UNCLEAR.sub(" ", _LINE.sub(" ", whole)))
    bare = _HOURS.sub(" ", _AMOUNTS_BEFORE.sub(" ", _PARENTHESES.sub(" ", bare)))
    bare = _LETTER_NUMBER.sub(r"\1\2", bare)
    # A number is part of a name ("factor 8", "vitamin D 3") that nobody knows; of one that is known without it, it is a
    # strength.
    rest, plain = (alias(_words(words, frozenset())) for words in (bare, _NUMBERS.sub(" ", bare)))
    short = rest if _numbered(bare, plain, terms) else plain
    if exact is not None and _is_mix(bare, exact, terms):
        return Named((), strengths, form, rest)
    if exact is not None:
        return Named((exact,), strengths, form, plain)
    # "Humulin 70/30" keeps its numbers first.
    for candidate in (rest, _words(rest, SALTS), short, _words(short, SALTS)):
        found = _find(candidate, terms)
        if found is not None and _is_mix(bare, found, terms):
            return Named((), strengths, form, rest)
        if found is not None:
            return Named((found,), strengths or _bare_strength(bare, found, terms), form, plain)
    parts = [part for part in _SEPARATOR.split(short) if part]
    if len(parts) > 1:
        drugs = [_find(part, terms) or _find(_words(part, SALTS), terms) for part in parts]
        if all(drugs):
            return Named(tuple(drug for drug in drugs if drug is not None), strengths, form, plain)
        return Named((), strengths, form, rest)
    joined = [_words(part, frozenset()) for part in _WITH.split(_NUMBERS.sub(" ", bare))]
    if len(parts) < 2 and len(joined := [alias(part) for part in joined if part]) > 1:
        drugs = [_find(part, terms) or _find(_words(part, SALTS), terms) for part in joined]
        if all(drugs):
            return Named(tuple(drug for drug in drugs if drug is not None), strengths, form, plain)
    # "Lipitor (atorvastatin)" where the brand is not known: what stands in parentheses is the next best name.
    for match in _PARENTHESES.finditer(whole):
        inner = _words(STRENGTH.sub(" ", match[1] or match[2] or ""), frozenset())
        found = _find(inner, terms) or _find(_words(inner, SALTS), terms)
        if found is not None:
            return Named((found,), strengths, form, plain)
    return Named((), strengths, form, rest)


def _is_mix(bare: str, found: Drug, terms: Terms) -> bool:
    """Whether shares behind an insulin's name make it a mix, which is never the one insulin that was found."""
    shares = _MIX.search(bare)
    mixed = shares is not None and int(shares[1]) + int(shares[2]) == 100
    return mixed and len(found.ingredients) == 1 and "insulin" in cleaned(terms.name(RXNORM, found.ingredients[0]))


def _with_codeine(name: str) -> str:
    """A name with its maker's number for codeine in words: "Tylenol #3" is Tylenol with codeine. A number alone behind
    a substance may be anything."""
    found = _CODEINE.match(name)
    if found is None:
        return _T3.sub("tylenol with codeine", name)
    brand = found["base"] not in ("acetaminophen", "apap", "aspirin", "asa")
    if not (brand or found["sign"] or found["said"]):
        return name
    base = "tylenol" if found["base"] == "tyl" else found["base"]
    return f"{base} with codeine{name[found.end() :]}"


def alias(name: str) -> str:
    """The usual name for one that has another ("asa" is aspirin); the name itself where it has none."""
    return ALIASES.get(name, name)


def without_accents(name: str) -> str:
    """A name without accents on its letters."""
    return "".join(sign for sign in unicodedata.normalize("NFD", name) if not unicodedata.combining(sign))


def without_salts(name: str) -> str:
    """A name (lower case) without words of form, manner and salt."""
    return _words(name, SALTS)


def known(name: str, terms: Terms) -> tuple[str, ...]:
    """RxNorm ingredients of a name (lower case) that is one of a medicine and nothing else; () where it is not."""
    found = _find(in_english(name), terms)
    return found.ingredients if found is not None else ()


def _numbered(bare: str, short: str, terms: Terms) -> bool:
    """Whether a number in a name of several words says which of several medicines it is ("factor 9", "vitamin B 12"),
    and is no strength: a small one, behind a letter also a larger one, that no product of what is left has."""
    found = _find(short, terms) or _find(_words(short, SALTS), terms)
    if found is not None and len(short.split()) < 2:
        return False
    known = {one.value for code in found.ingredients for one in terms.strengths(code)} if found is not None else set()
    for match in _NUMBERS.finditer(bare):
        before, after = bare[: match.start()].split(), bare[match.end() :].split()
        if match[0] in known or not before or not match[0].isdigit() or (after and after[0].strip(".,;") in FORMS):
            continue
        if int(match[0]) < (100 if len(before[-1]) == 1 else 10):
            return True
    return False


def strengths_of(found: Named) -> tuple[Strength, ...]:
    """The strengths of a name tied to its ingredients, where both are as many and the order is that of the parts."""
    if found.tied:
        return found.tied
    if len(found.drugs) == 1 and len(found.drugs[0].ingredients) == 1 and len(found.strengths) == 1:
        value, unit = found.strengths[0]
        return (Strength(found.drugs[0].ingredients[0], value, unit),)
    if len(found.drugs) == 1 and len(found.drugs[0].ingredients) == 1 and len(found.strengths) == 2:
        # "25 mcg (1,000 unit)" is one strength said twice.
        weights = [one for one in found.strengths if one[1] in ("mg", "ug")]
        if len(weights) == 1 and ("[iU]" in [unit for _, unit in found.strengths]):
            return (Strength(found.drugs[0].ingredients[0], *weights[0]),)
    if len(found.drugs) == len(found.strengths) and all(len(drug.ingredients) == 1 for drug in found.drugs):
        pairs = zip(found.drugs, found.strengths, strict=True)
        tied = [Strength(drug.ingredients[0], value, unit) for drug, (value, unit) in pairs]
        return tuple(sorted(tied, key=lambda entry: entry.ingredient))
    return ()


_MANY = frozenset({"tabs", "tablets", "caps", "capsules", "pills", "patches", "packets"})


def _bare_strength(bare: str, drug: Drug, terms: Terms) -> tuple[tuple[str, str], ...]:
    """The strength that a number alone behind a known name is ("Norvasc 5", "levothyroxine 88"): in the only unit in
    which a product of that drug alone has it; () where there is none, or the number may be of something else."""
    numbers = list(_NUMBERS.finditer(bare))
    if len(numbers) != 1 or len(drug.ingredients) != 1 or drug.strengths or not _PLAIN.fullmatch(numbers[0][0]):
        return ()
    after = [word.strip(".,;:") for word in bare[numbers[0].end() :].split()]
    if (
        not bare[: numbers[0].start()].strip()
        or not all(_silent(word, SALTS) for word in after)
        or {*after[:1]} & _MANY
    ):
        return ()
    [code] = drug.ingredients
    fits = [
        unit
        for unit in ("mg", "ug", "ug/h", "meq")
        if any(units.same(Strength(code, numbers[0][0], unit), one, terms) for one in terms.strengths(code))
    ]
    return ((numbers[0][0], fits[0]),) if len(fits) == 1 else ()


def _find(name: str, terms: Terms) -> Drug | None:
    if not name:
        return None
    found = terms.drug_named(ALIASES.get(name, name))
    if found is None and not name.isascii():
        # An accent is no part of a name: "losartán".
        plain = without_accents(name)
        found = terms.drug_named(ALIASES.get(plain, plain))
    return found if found is not None and found.ingredients else None


def _words(name: str, dropped: frozenset[str]) -> str:
    """The name without words of form and manner, and without those in `dropped`."""
    kept = [word for word in name.replace(" - ", " ").split() if not _silent(word.strip(".,;:"), dropped)]
    return " ".join(kept).strip(" .,;:-")


def _silent(word: str, dropped: frozenset[str]) -> bool:
    return not word or word in FORMS or word in MANNER or word in dropped
