"""Exact arithmetic on decimal text: amounts are multiplied and compared without a float and without rounding.

A number is a pair (numerator, denominator) in lowest terms with a positive denominator.
"""

import re
from typing import NamedTuple

_DECIMAL = re.compile(r"(\d{1,18})(?:\.(\d{1,18}))?(?:[eE]([+-]?\d{1,2}))?", re.ASCII)
PLACES = 6


class Ratio(NamedTuple):
    """numerator over denominator, in lowest terms; never negative."""

    numerator: int
    denominator: int


ZERO = Ratio(0, 1)


def ratio(numerator: int, denominator: int = 1) -> Ratio:
    """The number in lowest terms. Raises ValueError for a denominator that is not positive."""
    if denominator <= 0 or numerator < 0:
        raise ValueError("an amount is not negative and is divided by something")
    a, b = numerator, denominator
    while b:
        a, b = b, a % b
    return Ratio(numerator // a, denominator // a)


def ratio_of(written: str) -> Ratio | None:
    """The number in decimal text ("0.25", "1e2"); None for what is none, is negative or is absurdly long."""
    match = _DECIMAL.fullmatch(written)
    if match is None:
        return None
    whole, fraction, exponent = match[1], match[2] or "", int(match[3] or 0)
    shift = exponent - len(fraction)
    digits = int(whole + fraction)
    return ratio(digits * 10**shift) if shift >= 0 else ratio(digits, 10**-shift)


def times(a: Ratio, b: Ratio) -> Ratio:
    """a * b."""
    return ratio(a.numerator * b.numerator, a.denominator * b.denominator)


def over(a: Ratio, b: Ratio) -> Ratio:
    """a / b. Raises ValueError when b is zero."""
    return ratio(a.numerator * b.denominator, a.denominator * b.numerator)


def plus(a: Ratio, b: Ratio) -> Ratio:
    """a + b."""
    return ratio(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)


def less(a: Ratio, b: Ratio) -> bool:
    """a < b."""
    return a.numerator * b.denominator < b.numerator * a.denominator


def written(number: Ratio, places: int = PLACES) -> str:
    """Decimal text without trailing zeros; exact where the places are enough, else rounded half up."""
    scale = 10**places
    units = (number.numerator * scale * 2 + number.denominator) // (number.denominator * 2)
    whole, rest = units // scale, units % scale
    return str(whole) if rest == 0 else f"{whole}.{rest:0{places}}".rstrip("0")
