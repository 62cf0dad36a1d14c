"""Observation: a measurement, a finding or an answer, with its components (hl7.org/fhir/R4/observation.html)."""

from medrec.core.records import datatypes, ratio
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import Concept, concept, concepts, many, one, text, untagged
from medrec.core.records.event import RESULTS, dates, event
from medrec.core.records.reading import Around, Marks
from medrec.core.records.understood import NoteCode, Understood
from medrec.core.records.vital_bounds import beyond

_COMPONENTS_SHOWN = 6
_UNIT_WORDS = {"mm[Hg]": "mmHg", "[degF]": "°F", "Cel": "°C", "[lb_av]": "lb", "[in_i]": "in", "{score}": "", "1": ""}
_FLAGS = {
    "H": "high", "HH": "very high", "L": "low", "LL": "very low", "A": "abnormal", "AA": "very abnormal", "N": "normal",
    "HU": "high", "LU": "low", "POS": "positive", "NEG": "negative",
}  # fmt: skip


def read(record: Value, around: Around) -> Understood:
    """Understand an Observation."""
    marks = Marks(record, around)
    code = concept(record, "code")
    name = marks.name(code, "observation")
    span = dates(record, "effective", "date of the observation", marks)
    parts = many(record, "component")
    value = value_of(record) or _missing(record)
    shown = [_component(part) for part in parts]
    more = f"and {len(shown) - _COMPONENTS_SHOWN} more" if len(shown) > _COMPONENTS_SHOWN else ""
    said = datatypes.joined(value, *shown[:_COMPONENTS_SHOWN], more)
    members = len(many(record, "hasMember"))
    if not said and members:
        said = f"a group of {members} results"
    if not said:
        marks.add(NoteCode.NO_VALUE, "The record gives no value, and no reason why.")
        said = "no value given"
    if beyond(code, record) or any(beyond(concept(part, "code"), part) for part in parts):
        marks.add(NoteCode.IMPLAUSIBLE, "Nobody was ever measured at this value: a slip of the pen or of the unit.")
    flag = _flag(record)
    usual = _range(record)
    return event(
        record,
        marks,
        kind="Observation",
        code=code,
        name=name,
        span=span,
        recorded=marks.date(record, "issued", "date of issue"),
        statuses=RESULTS,
        plain=datatypes.joined(said, flag),
        clinical=datatypes.joined(said, f"[{flag}]" if flag else "", f"(ref {usual})" if usual else "", by=" "),
        by=next(
            (name for item in many(record, "performer") if (name := text(item, "display") or text(item, "reference"))),
            "",
        ),
        codes=tuple(concept(part, "code") for part in parts),
    )


def value_of(held: Value) -> str:
    """value[x] of an Observation or of a component, as one reads it; empty when there is none."""
    if not isinstance(held, dict):
        return ""
    if quantity := one(held, "valueQuantity"):
        return in_words(quantity)
    if found := concept(held, "valueCodeableConcept").label:
        return untagged(found)
    for key in ("valueString", "valueDateTime", "valueTime"):
        if said := text(held, key):
            return datatypes.cut(said, 200)
    if type(held.get("valueBoolean")) is bool:
        return "yes" if held["valueBoolean"] else "no"
    if number := datatypes.decimal(held, "valueInteger"):
        return number
    if parts := one(held, "valueRatio"):
        above, below = in_words(one(parts, "numerator")), in_words(one(parts, "denominator"))
        return f"{above} to {below}" if above and below else above
    between = datatypes.span(one(held, "valueRange"))
    if between is not None:
        return f"{between.low or 'up'} to {between.high or 'more'} {unit_in_words(between.unit)}".strip()
    start, end = datatypes.period(held, "valuePeriod")
    if start or end:
        return datatypes.joined(start.plain if start else "", end.plain if end else "", by=" to ")
    return "a recorded curve" if one(held, "valueSampledData") else ""


def in_words(quantity: Value) -> str:
    """A Quantity as one reads it: "< 5 mg/dL"."""
    number = _short(datatypes.decimal(quantity, "value"))
    unit = text(quantity, "unit") or datatypes.unit_of(quantity)
    return datatypes.joined(text(quantity, "comparator"), number, unit_in_words(unit), by=" ") if number else ""


def _short(number: str) -> str:
    """A number as one reads it: of more than four decimals ("21.484823394184154") about what it is."""
    exact = ratio.ratio_of(number)
    if exact is None or len(number.partition(".")[2]) <= 4:
        return number
    rounded = ratio.written(exact, 2 if not ratio.less(exact, ratio.Ratio(1, 1)) else 4)
    return number if rounded == "0" else f"about {rounded}"


def unit_in_words(unit: str) -> str:
    """A unit as one reads it: "°C" for UCUM's "Cel"; one that has no other name stays."""
    return _UNIT_WORDS.get(unit, unit)


def _missing(held: Value) -> str:
    found = concept(held, "dataAbsentReason").label
    return f"no value ({found})" if found else ""


def _component(part: Value) -> str:
    label = untagged(concept(part, "code").label)
    short = label if len(label) <= 60 else label[:58] + "…"
    return f"{short} {value_of(part) or _missing(part)}".strip()


def _flag(record: Value) -> str:
    for found in concepts(record, "interpretation"):
        word = next((_FLAGS[c.code] for c in found.codings if c.code in _FLAGS), "") or _label(found)
        if word:
            return word
    return ""


def _label(found: Concept) -> str:
    return untagged(found.label).lower()[:60]


def _range(record: Value) -> str:
    held = one(record, "referenceRange")
    low, high = in_words(one(held, "low")), in_words(one(held, "high"))
    if low and high:
        return f"{low} to {high}"
    return datatypes.cut(text(held, "text"), 60) or (f"from {low}" if low else f"up to {high}" if high else "")
