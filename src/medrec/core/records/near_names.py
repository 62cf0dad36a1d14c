"""What a misspelled name of a medicine may be meant for: "penicilin", "sulpha", "aspirine".

A near match is help and never an identity: no record is filed or merged by it. It is asked for where a name is not
known as it stands, and answers with all that it may be: one slip away (a letter too many, too few, another or two in
each other's place), or, in a long name, two slips of the kind that are heard and not seen ("amoxacilin"). The first
letter is as written: it is seldom wrong (K. Kukich, Techniques for automatically correcting words in text, ACM
Computing Surveys 24, 1992).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

from medrec.core.records import drug_names
from medrec.core.records.allergen_names import known_substance
from medrec.core.records.class_names import is_class_word, of_class
from medrec.core.records.spanish_names import in_english, is_spanish
from medrec.core.records.terms import Terms, cleaned

Codes = tuple[str, ...]
_SHORT, _LONG, _MOST = 6, 8, 3
"""Letters of which a word may have one slip, and two; and how many things it may be before nobody can say."""
_LONGEST, _LONGEST_TWICE = 40, 30
"""A longer word is no slip of a name, and one between the two is none of two slips: what it may be for grows with the
square of its letters. Of more than ten thousand names of one word that ship two are longer than the first, and nine
than the second."""
_HEARD = (
    ("ph", "f"), ("f", "ph"), ("y", "i"), ("i", "y"), ("c", "k"), ("k", "c"), ("c", "s"), ("s", "c"), ("z", "s"),
    ("s", "z"), ("x", "cs"), ("ae", "e"), ("oe", "e"), ("e", "ae"), ("th", "t"), ("t", "th"), ("v", "b"), ("b", "v"),
    ("ch", "c"), ("j", "g"), ("g", "j"),
)  # fmt: skip
_VOWELS = "aeiou"
_DOUBLED = "bcdflmnprstz"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_TEXT_MAX, _WORDS_MAX, _LETTERS_MAX = 300, 8, 80
"""Of a letter in place of a name the first words that nobody knows are looked at, of so many letters together: each is
a thousand questions."""


def near(text: str, terms: Terms) -> dict[str, tuple[Codes, Codes]]:
    """What the words of a text (lower case) may be slips for: name -> its ingredients and classes. Nothing of a word
    that is known as it stands, and of one that may be more than three things."""
    found: dict[str, tuple[Codes, Codes]] = {}
    for word in _looked_at(text, terms):
        found |= _meant(word, terms)  # type: ignore[arg-type]  # a terminology is known by itself
    return found


def letters(text: str, terms: Terms) -> int:
    """How many letters have the words of a text of which `near` asks what they may be: what it costs goes by them."""
    return sum(map(len, _looked_at(text, terms)))


def _looked_at(text: str, terms: Terms) -> list[str]:
    """The words of a text that nobody knows and that may be slips of a name, each once, as many as are looked at."""
    words = [word for word in dict.fromkeys(_WORD.findall(cleaned(text)[:_TEXT_MAX])) if 4 < len(word) <= _LONGEST]
    unknown = [word for word in words if not _known(word, terms) and not _is_other(word, terms)]
    ends = accumulate(len(word) for word in unknown[:_WORDS_MAX])
    return [word for word, end in zip(unknown, ends, strict=False) if end <= _LETTERS_MAX]


@lru_cache(maxsize=4096)
def _meant(word: str, terms: Terms) -> dict[str, tuple[Codes, Codes]]:
    # Thousands of questions, asked anew at every page of every list on which the word stands.
    ways: list[Iterator[str]] = [_heard(word)]
    ways += [_slips(word)] if len(word) >= _SHORT else []
    ways += [_twice(word)] if _LONG <= len(word) <= _LONGEST_TWICE else []
    for way in ways:
        named: dict[tuple[Codes, Codes], str] = {}
        for other in dict.fromkeys(way):
            may_be = other[:1] == word[:1] and len(other) > 4 and _is_name(other, terms)
            held = _known(other, terms) if may_be else None
            if held:
                named.setdefault(held, other)
        if named:
            return {name: held for held, name in named.items()} if len(named) <= _MOST else {}
    return {}


def _known(word: str, terms: Terms) -> tuple[Codes, Codes] | None:
    """What a word names as it stands; None where it is no medicine and no class of them."""
    codes, classes = of_class(in_english(word), terms)
    codes = codes if codes or classes else drug_names.known(word, terms)
    return (codes, classes) if codes or classes else None


def _is_name(word: str, terms: Terms) -> bool:
    """Whether a word may be one that `_known` knows: quick, for it is asked of a thousand words."""
    return is_spanish(word) or is_class_word(word) or terms.drug_named(drug_names.alias(word)) is not None


def _is_other(word: str, terms: Terms) -> bool:
    """Whether a word is for something else that is known: a food, a substance that is no medicine."""
    english = in_english(word)
    return known_substance(english) or bool(terms.food_named(english))


def _slips(word: str) -> Iterator[str]:
    """All that is one letter away."""
    for at in range(1, len(word) + 1):
        before, after = word[:at], word[at:]
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in _LETTERS)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        yield from (before + letter + after for letter in _LETTERS)


def _heard(word: str) -> Iterator[str]:
    """All that is heard alike, or nearly: one such change."""
    for old, new in _HEARD:
        at = word.find(old)
        while at >= 0:
            yield word[:at] + new + word[at + len(old) :]
            at = word.find(old, at + len(old))
    for at, letter in enumerate(word):
        if letter in _VOWELS:
            yield from (word[:at] + other + word[at + 1 :] for other in _VOWELS if other != letter)
        if letter in _DOUBLED:
            yield word[:at] + letter + word[at:]
        if word[at + 1 : at + 2] == letter:
            yield word[:at] + word[at + 1 :]
    yield word + "e"
    yield word.removesuffix("e")


def _twice(word: str) -> Iterator[str]:
    for once in dict.fromkeys(_heard(word)):
        yield from _heard(once)
