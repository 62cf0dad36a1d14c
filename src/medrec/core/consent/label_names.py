"""The names in files of labelling rules, and the words that say nothing: how a text is held against both."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

from medrec.core.consent.label_rules import STEM_MIN, LabelRule, Name, name_of
from medrec.core.consent.spelling import GOES_ON_MIN, INGREDIENT_MIN, ingredient, words_of
from medrec.core.records.terms import Terms

Read: TypeAlias = Literal["none", "named", "little", "strange"]
"""How a text was read: it is no name; it says what it is about; it would stand beside any code; it may say anything."""
_TAG = re.compile(
    r"(?<=.)( (environment|finding|procedure|qualifier value|record artifact|regime therapy|situation))+\Z"
)
"""The kind of a concept, as SNOMED CT's full names have it at their end."""
_DRUG_WORDS_MAX = 4
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PROGRAMS_WORDS = (
    "date details display generated id issued name narrative onset performer quantity recorded reference resource "
    "meant subject text treat updated verification version"
)
_OF_PROGRAMS = frozenset(_PROGRAMS_WORDS.split())
"""Words that programs set beside what they take from a record."""
_NUMBER = re.compile(r"[0-9]+[a-z]{0,2}\Z")
"""A number, with a unit after it or without one: 10, 5mg, 24h, 3rd."""


class Names:
    """Names of rules by their words, the words of `ordinary` and `empty`, and names that are known as a `whole`.

    What takes a rule away (`not_with`) is a name as any other, under a number below zero: -1 minus its rule's.
    """

    def __init__(
        self, rules: Sequence[LabelRule], ordinary: Iterable[str], empty: Iterable[str], whole: Iterable[str] = ()
    ) -> None:
        self._names: dict[str, list[Name]] = {}
        self._stems: dict[str, list[Name]] = {}
        self._ingredients: dict[str, list[Name]] = {}
        self._empty = frozenset(word.casefold() for text in empty for word in words_of(text))
        self._ordinary = self._empty.union(word.casefold() for text in ordinary for word in words_of(text))
        self._whole = frozenset(_without_tag(words_of(text)) for text in whole)
        for number, rule in enumerate(rules):
            self._index(number, rule)

    def _index(self, number: int, rule: LabelRule) -> None:
        named = [(text, number) for text in [*rule.names, *rule.ingredients.values()]]
        for text, meant in [*named, *((text, -1 - number) for text in rule.not_with.values())]:
            name = name_of(text, meant)
            if name.stem and len(name.words) == 1:
                self._stems.setdefault(name.words[0][:STEM_MIN].casefold(), []).append(name)
            else:
                self._names.setdefault(name.words[0].casefold(), []).append(name)
        spelt = [(words_of(text), number) for text in rule.ingredients.values()]
        for words, meant in [*spelt, *((words_of(text), -1 - number) for text in rule.not_with.values())]:
            known = ingredient(words[0]) if len(words) == 1 else ""
            if len(known) >= INGREDIENT_MIN:
                name = Name((known,), len(known) >= GOES_ON_MIN, False, meant)
                self._ingredients.setdefault(known[:STEM_MIN], []).append(name)

    def met(self, words: list[str]) -> Iterator[int]:
        """The rules, by number, whose names stand among these words; one may come more than once."""
        folded = [word.casefold() for word in words]
        for at, word in enumerate(folded):
            for name in self._stems.get(word[:STEM_MIN], ()):
                if word.startswith(name.words[0]):
                    yield name.rule
            spelt = ingredient(word) if len(word) >= INGREDIENT_MIN else ""
            for name in self._ingredients.get(spelt[:STEM_MIN], ()):
                if spelt == name.words[0] or (name.stem and spelt.startswith(name.words[0])):
                    yield name.rule
            for name in self._names.get(word, ()):
                end = at + len(name.words)
                said = (words if name.exact else folded)[at:end]
                whole = said[:-1] == list(name.words[:-1]) and len(said) == len(name.words)
                if whole and (said[-1].startswith(name.words[-1]) if name.stem else said[-1] == name.words[-1]):
                    yield name.rule

    def read(self, words: Sequence[str], whole: bool = False, known: Collection[str] = ()) -> Read:
        """How the words of a name were read. `known` are words that stand for something; `whole`: a name that is known
        as a whole is one."""
        folded = [word.casefold() for word in words]
        if whole and _without_tag(words) in self._whole:
            return "named"
        strange = [word for word in folded if self._is_strange(word)]
        if any(word not in known for word in strange):
            return "strange"
        return "named" if strange or any(self._says(word) for word in folded) else "little"

    def strange(self, words: Iterable[str], said: Collection[str]) -> list[str]:
        """Those of these words that are neither ordinary nor among those that were `said`."""
        return [one for one in words if one.casefold() not in said and self._is_strange(one.casefold())]

    def _says(self, word: str) -> bool:
        """Whether an ordinary word says what something is about, and would not stand beside any code as well:
        "Disorder", "Viral infection, other", "Stage 4" say nothing."""
        forms = (word, f"{word}s", word.removesuffix("s"))
        return not (len(word) == 1 or _NUMBER.match(word) or not self._empty.isdisjoint(forms))

    def _is_strange(self, word: str) -> bool:
        """Whether nobody knows of a word that it says nothing: it is neither a number, nor a letter by itself, nor
        ordinary, in the singular or the plural."""
        forms = (word, f"{word}s", word.removesuffix("s"))
        return not (len(word) == 1 or _NUMBER.match(word)) and self._ordinary.isdisjoint(forms)


def _without_tag(words: Iterable[str]) -> str:
    return _TAG.sub("", " ".join(words).casefold())


def said_in(value: Any) -> frozenset[str]:
    """The words that stand below a value, narratives aside, in small letters; names of elements included."""
    return frozenset((*_OF_PROGRAMS, *_said(value)))


def _said(value: Any) -> Iterator[str]:
    if type(value) is list:
        for item in value:
            yield from _said(item)
    elif type(value) is dict:
        for key, item in value.items():
            if key != "div":
                yield from (key.casefold(), *_HUMP.sub(" ", key).casefold().split())
                yield from _said(item)
    elif value is not None:
        yield from (word.casefold() for word in words_of(str(value)))


def is_name(text: Any) -> bool:
    """Whether a text can be read as a name: a code that stands in the place of one says nothing."""
    return type(text) is str and any(word.isalpha() and len(word) > 1 for word in words_of(text))


def ingredients_in(terms: Terms, text: str, words: Iterable[str]) -> frozenset[str]:
    """The ingredients (RxNorm) of every medicine that a short text names: its brand, its product or its ingredient."""
    names = sorted({text, *(word for word in words if len(word) >= STEM_MIN)})
    drugs = [terms.drug_named(name) for name in names]
    return frozenset(one for drug in drugs if drug is not None for one in drug.ingredients)


def named_drugs(terms: Terms, words: Sequence[str]) -> frozenset[str]:
    """Those of these words, in small letters, that stand in a name of a medicine of up to four words."""
    folded = [word.casefold() for word in words]
    runs = [folded[at : at + size] for size in range(1, _DRUG_WORDS_MAX + 1) for at in range(len(folded) - size + 1)]
    return frozenset(word for run in runs if terms.drug_named(" ".join(run)) is not None for word in run)
