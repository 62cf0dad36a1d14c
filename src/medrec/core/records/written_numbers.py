"""Numbers as people write them in directions, as plain decimal text: 2½, one and a half, 1,000, "2 (two)", twice.

What is left of a text when all that was understood is taken out must hold no number: `left` says whether it does.
"""

import re

from medrec.core.records import ratio
from medrec.core.records.ratio import Ratio

_WORDS = {
    "one-half": "0.5", "half": "0.5", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13",
    "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
    "½": "0.5", "¼": "0.25", "¾": "0.75",
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(word for word in _WORDS if word.isascii())})\b|[½¼¾]")
_TWO_WORDS = re.compile(rf"\b({'|'.join(_TENS)})\b(?:[\s-]+({'|'.join(list(_WORDS)[2:11])})\b)?")
_OFTEN = {"once": "1 times", "twice": "2 times", "thrice": "3 times"}
_OFTEN_WORD = re.compile(r"\b(?:once|twice|thrice)\b")
_FRACTIONS = {
    "½": ".5", "1/2": ".5", "half": ".5", "¼": ".25", "1/4": ".25", "quarter": ".25", "¾": ".75", "3/4": ".75",
}  # fmt: skip
_MIXED = re.compile(
    r"(?<![\d.,/])(?:([1-4])|(one|two|three|four)\b)"
    r"(?:(?:\s|-)*([½¼¾]|[13]/[24](?![\d/]))|\s+and\s+(?:an?\s+|one\s+|1\s+)?([½¼¾]|[13]/[24](?![\d/])|half|quarter)\b)"
)
"""2½, 1 1/2, 1-1/2, one and a half: beyond four it may be a strength and a half tablet."""
_HALF = re.compile(r"\b(?:one[\s-]+|an?\s+)?half(?:\s+of)?(?:\s+(?:an?|one)\b)?(?!-)")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_COMMA = re.compile(r"(?<![\d.,])(\d{1,4}),(\d{1,2}|(?<=\b0,)\d{3})(?![\d,]|\s*(?:or|to|-)\s*\d)")
_BARE_POINT = re.compile(r"(?<![\w.,/-])\.(?=\d)")
_DOUBLE = re.compile(r"(?<![\w.,/])(\d+(?:\.\d+)?|[½¼¾])\s*\(\s*(\d+(?:\.\d+)?|[½¼¾])\s*\)")
"""2 (two), two (2), after the words are numbers."""
N = r"((?![1-9]\d{0,2}\.\d{3}(?!\d))\d{1,6}(?:\.\d{1,6})?(?:/\d{1,2})?)"
"""A number. 1.000 is none: a thousand to one writer, one to another."""
RANGE = rf"{N}(?:\s*(?:-|–|to|or)\s*{N})?"
_LEFT = re.compile(
    r"\b(?:hundreds?|thousands?|millions?|dozens?|couple|pairs?|both(?!\s+(?:eyes|ears|nostrils|sides)\b)|double|triple|quarters?|halves|thirds?|fourth"
    r"|fifth|sixth|seventh|eighth|ninth|tenth|second|several|multiple|few|many|(?:every|each)\s+other|times|zero|nil"
    r"|fortnight\w*|bi-?weekly|bi-?monthly)\b|/\s*m2?\b|/\s*kg\b"
)


def plain(text: str) -> str:
    """The same text (lower case) with every number in digits; once, twice, thrice are "1 times" and so on."""
    text = _BARE_POINT.sub("0.", text)
    text = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    text = _COMMA.sub(r"\1.\2", text)
    text = _MIXED.sub(lambda found: (found[1] or _WORDS[found[2]]) + _FRACTIONS[found[3] or found[4]], text)
    text = _HALF.sub("0.5", text)
    text = _TWO_WORDS.sub(lambda found: str(_TENS[found[1]] + int(_WORDS[found[2]] if found[2] else 0)), text)
    text = _NUMBER_WORD.sub(lambda found: _WORDS[found[0]], text)
    text = _OFTEN_WORD.sub(lambda found: _OFTEN[found[0]], text)
    return _DOUBLE.sub(lambda found: found[1] if number(found[1]) == number(found[2]) else found[0], text)


def left(text: str) -> bool:
    """Whether a number is left in what no part of the reading used: a digit of any script, or a word for one."""
    return any(sign.isnumeric() for sign in text) or _LEFT.search(text) is not None


def number(text: str) -> Ratio | None:
    """A number as `plain` leaves it, or a fraction of two."""
    above, _, below = text.partition("/")
    found, by = ratio.ratio_of(above), ratio.ratio_of(below or "1")
    return ratio.over(found, by) if found is not None and by is not None and by.numerator else None


def spread(low: str | None, high: str | None) -> tuple[Ratio, Ratio] | None:
    """Both ends of a range; None where it runs backwards or is no number."""
    a = number(low or "")
    b = number(high) if high else a
    if a is None or b is None or ratio.less(b, a):
        return None
    return a, b
