"""What no living human was ever measured at: a value beyond is a slip of the pen or of the unit, and is marked.

The bounds are the most that is on record, not what is usual: nobody's true value is called odd. Sources: weight and
height of adults, and the smallest child that lived, Guinness World Records (635 kg, Minnoch 1978; 272 cm, Wadlow 1940;
212 g and 24 cm, Kwek 2020); body temperature, Guinness World Records (46.5 °C, Jones 1980) and the coldest who lived
(11.8 °C, Krakow 2014); blood pressure under strain, MacDougall and others, J Appl Physiol 58:785, 1985 (480/350 mmHg);
heart rate, Chhabra and others, Indian Pacing Electrophysiol J 12:32, 2012 (600 a minute). Oxygen in the blood is
a share of a hundred.
"""

from typing import NamedTuple

from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import Concept, decimal, one, text
from medrec.core.records.ratio import less, ratio_of, times
from medrec.core.records.terms import LOINC


class Bounds(NamedTuple):
    """The least and the most, as decimal text, in a unit; other units by what one of them is in it."""

    least: str
    most: str
    units: dict[str, str]


_WEIGHT = Bounds("0.212", "635", {"kg": "1", "g": "0.001", "[lb_av]": "0.45359237", "lb": "0.45359237"})
_HEIGHT = Bounds("24", "272", {"cm": "1", "m": "100", "mm": "0.1", "[in_i]": "2.54", "in": "2.54"})
_WARMTH = Bounds("11.8", "46.5", {"Cel": "1", "°C": "1"})
_FAHRENHEIT = Bounds("53.24", "115.7", {"[degF]": "1", "°F": "1"})
_RATE = Bounds("0", "600", {"/min": "1", "{beats}/min": "1", "bpm": "1", "beats/min": "1", "beats/minute": "1"})
_SHARE = Bounds("0", "100", {"%": "1"})
_UPPER, _LOWER = (Bounds("0", most, {"mm[Hg]": "1", "mmHg": "1"}) for most in ("480", "350"))
_BOUNDS: dict[str, tuple[Bounds, ...]] = {
    "29463-7": (_WEIGHT,), "3141-9": (_WEIGHT,), "8302-2": (_HEIGHT,), "3137-7": (_HEIGHT,),
    "8310-5": (_WARMTH, _FAHRENHEIT), "8331-1": (_WARMTH, _FAHRENHEIT), "8867-4": (_RATE,), "2708-6": (_SHARE,),
    "59408-5": (_SHARE,), "8480-6": (_UPPER,), "8462-4": (_LOWER,),
}  # fmt: skip
"""By the LOINC code of a vital sign (hl7.org/fhir/R4/observation-vitalsigns.html)."""


def beyond(code: Concept, held: Value) -> bool:
    """Whether the quantity of an observation, or of a part of one, is one that nobody ever had."""
    quantity = one(held, "valueQuantity")
    written = decimal(quantity, "value")
    known = [bounds for coding in code.codings if coding.system == LOINC for bounds in _BOUNDS.get(coding.code, ())]
    if not known or not written:
        return False
    if written.startswith("-"):
        # None of them can be below zero, but for a temperature in a unit that is not known here.
        return any(_unit(quantity, bounds) for bounds in known)
    number = ratio_of(written)
    for bounds in known:
        unit = _unit(quantity, bounds)
        one_of = ratio_of(unit) if unit else None
        least, most = ratio_of(bounds.least), ratio_of(bounds.most)
        if number is not None and one_of is not None and least is not None and most is not None:
            return less(times(number, one_of), least) or less(most, times(number, one_of))
    return False


def _unit(quantity: Value, bounds: Bounds) -> str:
    """What one of the quantity's unit is in the unit of the bounds; "" where it is none that is known."""
    return bounds.units.get(text(quantity, "code")) or bounds.units.get(text(quantity, "unit")) or ""
