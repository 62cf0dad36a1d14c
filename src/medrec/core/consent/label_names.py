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
    "activities activity care date details disorder display generated id issued name narrative onset performer plan "
    "quantity recorded reference resource meant subject text treat updated verification version"
)
_OF_PROGRAMS = frozenset(_PROGRAMS_WORDS.split())
"""Words that programs set beside what they take from a record."""
_JOINING_WORDS = "an and as at by con de del el en for from has in is la las los of on or por since the to with y"
_JOINING = frozenset(_JOINING_WORDS.split())
"""Words that join others, and say nothing among themselves."""
_BREAK = re.compile(r"<[^>]*>|[.,;:!?()\[\]|\n]")
"""Where a piece of a narrative ends."""
_PIECE = re.compile(r"(?i)[,;:/()&+|\[\]]|\s[-\u2013\u2014]\s|\b(?:and|or|y|o)\b")
"""What stands between two names of who somebody is."""
_DOCTOR = re.compile(
    r"\b(?:Dr|Dra|DR|Doctor|Doctora|Prof|Professor)\b\.? +(?:[A-Z]\.? +)?([A-Z][\w-]+)(?:['\u2019]s\b)?"
)
"""A clinician's name: the word behind a title."""
_NUMBER = re.compile(r"[0-9]+[a-z]{0,2}\Z")
"""A number, with a unit after it or without one: 10, 5mg, 24h, 3rd."""


class Names:
    """Names of rules by their words, the words of `ordinary` and `empty`, names that are known as a `whole`, and `kin`.

    What takes a rule away (`not_with`) is a name as any other, under a number below zero: -1 minus its rule's.
    """

    def __init__(
        self,
        rules: Sequence[LabelRule],
        ordinary: Iterable[str],
        empty: Iterable[str],
        whole: Iterable[str] = (),
        places: Iterable[str] = (),
        kin: Iterable[str] = (),
    ) -> None:
        self._names: dict[str, list[Name]] = {}
        self._stems: dict[str, list[Name]] = {}
        self._ingredients: dict[str, list[Name]] = {}
        self._empty = frozenset(word.casefold() for text in empty for word in words_of(text))
        self._ordinary = self._empty.union(word.casefold() for text in ordinary for word in words_of(text))
        self._whole = frozenset(_without_tag(words_of(text)) for text in whole)
        self._places = frozenset(word.casefold() for text in places for word in words_of(text))
        self._kin = frozenset(_folded(text) for text in kin)
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
        if whole and not self._whole.isdisjoint((_without_tag(words), _without_tag(_counted(folded)))):
            return "named"
        strange = [word for word in folded if self._is_strange(word)]
        if any(word not in known for word in strange):
            return "strange"
        return "named" if strange or any(self._says(word) for word in folded) else "little"

    def place(self, words: Sequence[str]) -> Read:
        """How the words of a name of a place were read. A word that nobody knows is taken for a proper name there, but
        for those that tell what somebody was there for; a name of ordinary words alone has to name something. A number
        says which of several it is."""
        folded = [word.casefold() for word in words]
        if any(not self._places.isdisjoint(_forms(word)) for word in folded):
            return "strange"
        if any(self._is_strange(word) or self._says(word) for word in folded):
            return "named"
        kept = _counted(folded)
        return "named" if not kept or _without_tag(kept) in self._whole else "little"

    def is_kin(self, text: str) -> bool:
        """Whether a text says who somebody is to another by nothing but known names: "Mother", "Sister / guardian". A
        number says which of several."""
        said = [" ".join(_counted(_folded(piece).split())) for piece in _PIECE.split(text)]
        return any(said) and self._kin.issuperset(one for one in said if one)

    def team(self, text: str) -> str:
        """The name of a team without that of a clinician: "Dr Smith team". A word that tells in the name of a
        place what somebody is there for is no clinician's, and stays."""

        def left(found: re.Match[str]) -> str:
            name = [word.casefold() for word in words_of(found[1])]
            return " " if all(self._places.isdisjoint(_forms(word)) for word in name) else found[0]

        kept = _DOCTOR.sub(left, text)
        return kept if is_name(kept) else "Team"

    def runs(self, text: str, said: Collection[str]) -> Iterator[list[str]]:
        """The words of a text that stand beside each other and were not `said`, words that only join others and numbers
        left out."""
        for piece in _BREAK.split(text):
            run: list[str] = []
            for word in words_of(piece):
                folded = word.casefold()
                if folded in said:
                    yield run
                    run = []
                elif folded not in _JOINING and len(word) > 1 and not _NUMBER.match(folded):
                    run.append(word)
            yield run

    def strange(self, words: Iterable[str], said: Collection[str]) -> list[str]:
        """Those of these words that are neither ordinary nor among those that were `said`."""
        return [one for one in words if one.casefold() not in said and self._is_strange(one.casefold())]

    def _says(self, word: str) -> bool:
        """Whether an ordinary word says what something is about, and would not stand beside any code as well:
        "Disorder", "Viral infection, other", "Stage 4" say nothing."""
        return not (len(word) == 1 or _NUMBER.match(word) or not self._empty.isdisjoint(_forms(word)))

    def _is_strange(self, word: str) -> bool:
        """Whether nobody knows of a word that it says nothing: it is neither a number, nor a letter by itself, nor
        ordinary, in the singular or the plural."""
        return not (len(word) == 1 or _NUMBER.match(word)) and self._ordinary.isdisjoint(_forms(word))


def _folded(text: str) -> str:
    return " ".join(words_of(text)).casefold()


def _counted(words: Iterable[str]) -> list[str]:
    """These words without numbers, and without letters by themselves: "Ward 9", "Stopped on 2026-03-01"."""
    return [word for word in words if len(word) > 1 and not _NUMBER.match(word)]


def _forms(word: str) -> tuple[str, str, str]:
    """A word, in the singular and the plural."""
    return word, f"{word}s", word.removesuffix("s")


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
