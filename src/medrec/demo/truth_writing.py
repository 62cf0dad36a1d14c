"""How a place puts a medicine and its directions into a FHIR record: codes, brands, or what somebody typed."""

import datetime
import random
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from medrec.core.records.terms import RXNORM, UNII, Drug
from medrec.demo.truth_history import DAY, Products, Segment, Therapy
from medrec.demo.truth_plans import Plan

LOCAL = "https://formulary.example/items"
_FORMS = {
    "Oral Tablet": ("tab", "tablet", "tabs", "oral tablet", ""), "Oral Capsule": ("cap", "capsule", "caps", ""),
    "Extended Release Oral Tablet": ("ER tab", "XR", "ER tablet", "XL tab"),
    "Delayed Release Oral Capsule": ("cap", "DR cap", "capsule", ""),
    "Delayed Release Oral Tablet": ("EC tab", "DR tab", "tablet", ""),
    "Ophthalmic Solution": ("eye drops", "ophth soln", "ophthalmic solution"),
    "Topical Cream": ("cream", "topical cream"), "Topical Gel": ("gel", "topical gel"),
}  # fmt: skip
_OFTEN = {
    1: ("daily", "once daily", "qd", "every day", "once a day", "every morning"),
    2: ("bid", "twice daily", "two times a day", "q12h", "2 times daily", "BID"),
    3: ("tid", "three times daily", "3 times a day", "q8h"),
    4: ("qid", "four times a day", "q6h", "every 6 hours"),
}
_PIECES = {"Oral Tablet": "tab", "Oral Capsule": "cap", "Ophthalmic Solution": "drop"}


@dataclass
class Entry:
    """A record in the making. `until` is when it was ended by the one who wrote it."""

    therapy: Therapy
    segment: Segment
    kind: str
    id: str
    started: int
    authored: int
    recorded: int
    words: dict[str, Any]
    dosage: dict[str, Any] | None
    status: str = "active"
    until: int | None = None
    dated_end: bool = False
    closed: int | None = None
    copied: bool = False
    pointing: bool = False


def day(time: int) -> str:
    """A day as FHIR writes it."""
    return datetime.datetime.fromtimestamp(time / 1000, datetime.UTC).strftime("%Y-%m-%d")


def medicine(dice: random.Random, segment: Segment, coding: str, products: Products) -> dict[str, Any]:
    """medicationCodeableConcept in one habit of naming."""
    row = segment.product
    if coding == "product":
        return _coded((segment.brand or row) if dice.random() < 0.5 else row)
    if coding == "brand":
        return _coded(segment.brand or row)
    if coding == "ingredient" and len(row.ingredients) == 1:
        code = row.ingredients[0]
        if code in products.unii and dice.random() < 0.5:
            text = typed(dice, segment, products)
            return {"coding": [_coding(UNII, products.unii[code], products.names[code])], "text": text}
        return {"coding": [_coding(RXNORM, code, products.names[code])], "text": typed(dice, segment, products)}
    if coding == "retired":
        old = [drug for drug in products.retired.get(row.ingredients, []) if _alike(drug, row)]
        if old:
            return _coded(dice.choice(old))
    if coding == "name":
        return {"text": (segment.brand or row).name}
    if coding == "local":
        text = typed(dice, segment, products)
        number = str(sum(map(ord, row.code + row.name)) * 7919 % 100_000)
        return {"coding": [_coding(LOCAL, number, text)], "text": text}
    return {"text": typed(dice, segment, products)}


def _coded(row: Drug) -> dict[str, Any]:
    return {"coding": [_coding(RXNORM, row.code, row.name)], "text": row.name}


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _alike(old: Drug, row: Drug) -> bool:
    """A retired product that is the same medicine in the same form."""
    return old.form.lower() == row.form.lower() and old.strengths == row.strengths


_BRACKETS = re.compile(r"\[([^\[\]]+)\]")


def brand_in(words: dict[str, Any], segment: Segment, products: Products) -> str:
    """The brand that was written, in small letters; empty where none was. A code's own name has it in brackets."""
    said = [words.get("text", ""), *(coding["display"] for coding in words.get("coding", []))]
    every = " ".join(said).lower()
    inside = _BRACKETS.search(every)
    if inside is not None:
        return inside[1].strip()
    brand = segment.brand.brand.lower() if segment.brand is not None else ""
    names = [name for code in segment.product.ingredients for name in products.typed.get(products.names[code], ())]
    known = [brand, *(name.lower() for name in names if name.lower() in products.brands)]
    # A whole word: "toprol" stands in "metoprolol", too.
    return next((name for name in known if name and re.search(rf"\b{re.escape(name)}\b", every)), "")


def typed(dice: random.Random, segment: Segment, products: Products) -> str:
    """What somebody typed: a name or an abbreviation, a strength in some spelling, a form or none; now and then with
    a slip of the finger or in the wrong unit."""
    row = segment.product
    names = [products.names[code] for code in row.ingredients]
    said = [dice.choice(products.typed.get(name, (name,))[: None if len(names) == 1 else 2]) for name in names]
    if segment.brand is not None and segment.brand.brand and dice.random() < 0.6:
        said = [segment.brand.brand]
    strengths = {strength.ingredient: (strength.value, strength.unit) for strength in row.strengths}
    amounts = [strengths.get(code, ("", "")) for code in row.ingredients]
    name = dice.choice(("/", " / ", "-", " and ") if len(said) > 1 else ("",)).join(said)
    name = dice.choice((name, name, name.title(), name.upper(), name.capitalize()))
    if dice.random() < 0.015:
        at = dice.randrange(1, len(name) - 1)
        name = name[:at] + name[at + 1 :]
    form = dice.choice(_FORMS.get(row.form, ("",)))
    strength = "" if dice.random() < 0.12 else _strength(dice, amounts)
    return " ".join(part for part in (name, strength, form) if part)


def _strength(dice: random.Random, amounts: list[tuple[str, str]]) -> str:
    values, unit = [value for value, _ in amounts], amounts[0][1]
    if not values[0]:
        return ""
    if len(values) > 1:
        return dice.choice(("-", "/")).join(values) + dice.choice((" mg", "mg", ""))
    if unit != "mg":
        return f"{values[0]} {unit}" if "/" in unit and "[" not in unit else ""
    value = float(values[0])
    if value < 1 and dice.random() < 0.6:
        return f"{value * 1000:g} {dice.choice(('mcg', 'mg', 'mcg', 'mcg') if dice.random() < 0.1 else ('mcg',))}"
    return f"{values[0]}{dice.choice((' mg', 'mg', ' MG', ' mg'))}"


def directions(dice: random.Random, segment: Segment, plan: Plan) -> dict[str, Any] | None:
    """A Dosage: coded, in words, both, or none at all."""
    kind = dice.random()
    if kind < 0.15:
        return None
    needed = plan.manner == "needed"
    piece = _PIECES.get(segment.product.form, "tab" if "Tablet" in segment.product.form else "cap")
    local = "Topical" in segment.product.form
    count = "apply" if local else _count(dice, segment, piece)
    often = dice.choice(_OFTEN[segment.times])
    if needed and segment.times > 1 and dice.random() < 0.5:
        often = {2: "q8-12h", 3: "q6-8h", 4: "q4-6h"}[segment.times]
    route = dice.choice(("po ", "by mouth ", "")) if "Oral" in segment.product.form else ""
    words = f"{dice.choice(('Take ', 'take ', ''))}{count} {route}{often}{' prn' if needed else ''}".strip()
    found: dict[str, Any] = {"text": words} if kind > 0.4 or local or needed else {}
    if (kind < 0.65 and not needed) or not found:
        found["timing"] = {"repeat": {"frequency": segment.times, "period": 1, "periodUnit": "d"}}
        if not local:
            unit = {"tab": "tablet", "cap": "capsule"}.get(piece, piece)
            value = int(segment.pieces) if segment.pieces.denominator == 1 else float(segment.pieces)
            found["doseAndRate"] = [{"doseQuantity": {"value": value, "unit": unit}}]
    if needed and dice.random() < 0.8:
        found["asNeededBoolean"] = True
    return found


_HALVES = {
    "1/2": ("0.5 {}", "½ {}", "1/2 {}", "half a {}", "0,5 {}"),
    "3/2": ("1.5 {}s", "1½ {}s", "1 1/2 {}s", "1 and 1/2 {}s", "one and a half {}s", "1,5 {}s"),
}


def _count(dice: random.Random, segment: Segment, piece: str) -> str:
    """How much at a time: pieces, halved ones in all the ways in which they are written; now and then by weight, with
    a comma for thousands or, as in Spanish, for decimals."""
    strength = segment.product.strengths[0] if len(segment.product.strengths) == 1 else None
    if strength is not None and strength.unit == "mg" and piece != "drop" and dice.random() < 0.08:
        weight = segment.pieces * Fraction(strength.value)
        written = f"{int(weight):,}" if weight.denominator == 1 else f"{float(weight):g}"
        return f"{written.replace('.', ',') if dice.random() < 0.4 else written} mg"
    forms = _HALVES.get(str(segment.pieces))
    if forms is not None:
        return dice.choice(forms).format(piece)
    return f"{segment.pieces} {piece}{'s' if segment.pieces > 1 and dice.random() < 0.6 else ''}"


def records_of(entry: Entry) -> list[tuple[str, str, dict[str, Any]]]:
    """The FHIR records of an entry: type, id, content."""
    base: dict[str, Any] = {
        "resourceType": entry.kind, "id": entry.id, "subject": {"reference": "Patient/p"}, "status": entry.status,
        "medicationCodeableConcept": entry.words, "meta": {"versionId": "1"},
    }  # fmt: skip
    dosage = [entry.dosage] if entry.dosage else []
    if entry.kind == "MedicationRequest":
        base |= {"intent": "order", "authoredOn": day(entry.authored)}
        if dosage:
            base["dosageInstruction"] = dosage
        if entry.until is not None and entry.dated_end:
            base["dispenseRequest"] = {"validityPeriod": {"start": day(entry.authored), "end": day(entry.until)}}
    elif entry.kind == "MedicationStatement":
        period = {"start": day(entry.started)}
        if entry.until is not None and entry.dated_end and entry.status != "not-taken":
            period["end"] = day(entry.until)
        base |= {"effectivePeriod": period, "dateAsserted": day(max(entry.recorded, entry.started))}
        if dosage:
            base["dosage"] = dosage
    elif entry.kind == "MedicationDispense":
        base |= {"whenHandedOver": day(entry.started), "daysSupply": {"value": 90, "unit": "days"}}
        if dosage:
            base["dosageInstruction"] = dosage
    else:
        base["effectiveDateTime"] = day(entry.started + DAY)
    if not dosage and entry.kind == "MedicationAdministration":
        base["dosage"] = {"text": "given on the ward"}
    if not entry.pointing:
        return [(entry.kind, entry.id, base)]
    # A pharmacy's own list: the order points at its Medication, and says nothing of it itself.
    concept = base.pop("medicationCodeableConcept")
    number = f"item-{entry.id}"
    base["medicationReference"] = {"reference": f"Medication/{number}"}
    listed = {"resourceType": "Medication", "id": number, "code": concept, "meta": {"versionId": "1"}}
    return [("Medication", number, listed), (entry.kind, entry.id, base)]
