"""The names in files of labelling rules, and the words that say nothing: how a text is held against both."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from medrec.core.consent.label_rules import STEM_MIN, LabelRule, Name, name_of
from medrec.core.consent.spelling import GOES_ON_MIN, INGREDIENT_MIN, ingredient, words_of
from medrec.core.records.terms import Terms

_NUMBER = re.compile(r"[0-9]+[a-z]{0,2}\Z")
"""A number, with a unit after it or without one: 10, 5mg, 24h, 3rd."""


class Names:
    """Names of rules by their words, and the words of `ordinary` and `empty`.

    What takes a rule away (`not_with`) is a name as any other, under a number below zero: -1 minus its rule's.
    """

    def __init__(self, rules: Sequence[LabelRule], ordinary: Iterable[str], empty: Iterable[str]) -> None:
        self._names: dict[str, list[Name]] = {}
        self._stems: dict[str, list[Name]] = {}
        self._ingredients: dict[str, list[Name]] = {}
        self._empty = frozenset(word.casefold() for text in empty for word in words_of(text))
        self._ordinary = self._empty.union(word.casefold() for text in ordinary for word in words_of(text))
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

    def says_little(self, words: Iterable[str]) -> bool:
        """Whether these words would stand beside any code as well: "Disorder", "Viral infection, other", "Stage 4"."""
        return all(len(word) == 1 or word in self._empty or _NUMBER.match(word) for word in map(str.casefold, words))

    def strange(self, words: Iterable[str]) -> list[str]:
        """Those of these words of which nobody knows that they say nothing: neither a number, nor a letter by itself,
        nor ordinary, in the singular or the plural."""
        found = []
        for word in map(str.casefold, words):
            forms = (word, f"{word}s", word.removesuffix("s"))
            if len(word) > 1 and not _NUMBER.match(word) and self._ordinary.isdisjoint(forms):
                found.append(word)
        return found


def is_name(text: Any) -> bool:
    """Whether a text can be read as a name: a code that stands in the place of one says nothing."""
    return type(text) is str and any(word.isalpha() and len(word) > 1 for word in words_of(text))


def ingredients_in(terms: Terms, text: str, words: Iterable[str]) -> frozenset[str]:
    """The ingredients (RxNorm) of every medicine that a short text names: its brand, its product or its ingredient."""
    names = sorted({text, *(word for word in words if len(word) >= STEM_MIN)})
    drugs = [terms.drug_named(name) for name in names]
    return frozenset(one for drug in drugs if drug is not None for one in drug.ingredients)
