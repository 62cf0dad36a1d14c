"""Doses of a Dosage that its other elements put in doubt (hl7.org/fhir/R4/dosage.html): which of several counts, "less
than", a range that runs backwards, and additions that may change what is said."""

from medrec.core.records import datatypes, ratio
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import many, one, text

_ORDERED = "ordered"
"""hl7.org/fhir/R4/valueset-dose-rate-type.html: what was ordered, beside what a system worked out."""


def that_counts(entries: list[dict[str, Value]]) -> list[dict[str, Value]]:
    """The doses (doseAndRate) that count: those that were ordered, where any says that it was; else all."""
    return [entry for entry in entries if datatypes.code_of(entry, "type").lower() == _ORDERED] or entries


def why(dosage: Value) -> str:
    """Why the coded doses of a Dosage are no amount, as a sentence without its end; "" where nothing speaks against
    them."""
    entries = that_counts(many(dosage, "doseAndRate"))
    for entry in (*entries, dosage):
        if any(text(side, "comparator") for side in _sides(entry)):
            return "The dose is a bound (less or more than) and no amount"
        held = one(entry, "doseRange")
        low, high = (ratio.ratio_of(datatypes.decimal(one(held, side), "value")) for side in ("low", "high"))
        if low is not None and high is not None and ratio.less(high, low):
            return "The least dose is more than the greatest"
    if len(_told(entries)) > 1:
        return "The directions have several doses and do not say which was ordered"
    return ""


def is_modified(dosage: Value) -> bool:
    """Whether a Dosage, its timing or one of its doses bears an addition that may change what it says."""
    timing = one(dosage, "timing")
    parts = (dosage, timing, one(timing, "repeat"), *many(dosage, "doseAndRate"))
    return any(type(part) is dict and bool(part.get("modifierExtension")) for part in parts)


def shown(dosage: Value) -> str:
    """The coded doses of a Dosage as they stand there: "< 20 mg", "3 to 1 tablet", "40 mg / 20 mg"."""
    return " / ".join(_told([*that_counts(many(dosage, "doseAndRate")), dosage]))


def _told(entries: list[Value]) -> list[str]:
    """Each dose in words, each once."""
    told = (" to ".join(one_side for side in _sides(entry) if (one_side := _in_words(side))) for entry in entries)
    return list(dict.fromkeys(words for words in told if words))


def _sides(entry: Value) -> tuple[Value, ...]:
    held = one(entry, "doseRange")
    return one(entry, "doseQuantity"), one(held, "low"), one(held, "high")


def _in_words(held: Value) -> str:
    parts = (text(held, "comparator"), datatypes.decimal(held, "value"), datatypes.unit_of(held))
    return datatypes.joined(*parts, by=" ") if parts[1] else ""
