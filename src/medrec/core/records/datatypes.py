"""Reading FHIR's datatypes out of a raw tree: what is there as text, what is absent or of a strange shape as nothing.

A reader of records never raises: a record that a hospital signed is shown, however odd it is. Every function here
therefore takes any tree that `canonical` gives and answers with an empty value where the element is not as R4 has it.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

import msgspec

from medrec.core.records.canonical import Value
from medrec.core.records.dates import ClinicalDate, clinical_date
from medrec.core.records.understood import Amount, Coding

LINE_MAX = 400
_TAG = re.compile(r"<[^<>]{0,2000}>")
_MARKUP = (("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&"))


class Concept(NamedTuple):
    """A CodeableConcept: its codes, and the words beside them."""

    codings: tuple[Coding, ...]
    text: str

    @property
    def words(self) -> str:
        """What the record calls it: its text, else the first display, else nothing."""
        return self.text or next((coding.display for coding in self.codings if coding.display), "")

    @property
    def label(self) -> str:
        """The words, else the first code; empty when there is neither."""
        return self.words or next((coding.code for coding in self.codings if coding.code), "")


NOTHING = Concept((), "")


def text(value: Value, key: str) -> str:
    """A text without the spaces around it; empty when absent."""
    held = value.get(key) if type(value) is dict else None
    return held.strip() if type(held) is str else ""


def one(value: Value, key: str) -> dict[str, Value]:
    """An element that is an object; of a list its first object; empty when absent."""
    held = value.get(key) if type(value) is dict else None
    if type(held) is list:
        held = next((item for item in held if type(item) is dict), None)
    return held if type(held) is dict else {}


def many(value: Value, key: str) -> list[dict[str, Value]]:
    """The objects of a list; an object that stands where a list belongs counts as its only one."""
    held = value.get(key) if type(value) is dict else None
    if type(held) is dict:
        return [held]
    return [item for item in held if type(item) is dict] if type(held) is list else []


def texts(value: Value, key: str) -> tuple[str, ...]:
    """The texts of a list of texts, or the one text that stands there."""
    held = value.get(key) if type(value) is dict else None
    if type(held) is str:
        held = [held]
    return tuple(item.strip() for item in held if type(item) is str and item.strip()) if type(held) is list else ()


def decimal(value: Value, key: str) -> str:
    """A number as it was written; empty when absent or none."""
    held = value.get(key) if type(value) is dict else None
    if type(held) is msgspec.Raw:
        return bytes(held).decode()
    return str(held) if type(held) is int else ""


def flag(value: Value, key: str) -> bool | None:
    """A boolean; None when absent."""
    held = value.get(key) if type(value) is dict else None
    return held if type(held) is bool else None


def concept_in(held: Value) -> Concept:
    """A CodeableConcept, or a bare Coding, or a bare text."""
    if type(held) is str:
        return Concept((), held.strip())
    if type(held) is list:
        held = next((item for item in held if type(item) is dict), None)
    if type(held) is not dict:
        return NOTHING
    codings = many(held, "coding") or ([held] if "code" in held else [])
    found = tuple(Coding(text(item, "system"), text(item, "code"), text(item, "display")) for item in codings)
    return Concept(found, text(held, "text"))


def concept(value: Value, key: str) -> Concept:
    """The CodeableConcept under a key; of a list its first; NOTHING when absent."""
    return concept_in(value.get(key)) if type(value) is dict and key in value else NOTHING


def concepts(value: Value, key: str) -> tuple[Concept, ...]:
    """The CodeableConcepts of a list, those without any content left out."""
    found = (concept_in(item) for item in many(value, key))
    return tuple(item for item in found if item.codings or item.text)


def code_of(value: Value, key: str) -> str:
    """The first code of a CodeableConcept: for elements whose codes FHIR fixes (status, category)."""
    return next((coding.code for coding in concept(value, key).codings if coding.code), "")


def either(value: Value, key: str, there: Collection[str], over: Collection[str]) -> tuple[str, bool]:
    """The first code under a key, one of `there` before one of `over`; and whether it holds one of each."""
    codes = [coding.code for coding in concept(value, key).codings if coding.code]
    yes, no = [code for code in codes if code in there], [code for code in codes if code in over]
    return next(iter((*yes, *no, *codes)), ""), bool(yes and no)


def remarks(record: Value) -> str:
    """What was written beside a record: its notes, and the reason for its status."""
    found = [text(note, "text") for note in many(record, "note")]
    found += [reason.label for reason in concepts(record, "statusReason")]
    found.append(concept(record, "statusReasonCodeableConcept").label)
    return "; ".join({one_line(words): None for words in found if words})


def reference(value: Value, key: str) -> str:
    """The literal reference under a key; empty when absent."""
    return text(one(value, key), "reference")


NAMED = "identifier:"
"""Before the system and value of a business identifier, where a reference has no address."""


def pointed(held: Value) -> str:
    """What a Reference points at: its address, else its business identifier (a logical reference); empty for none."""
    address, named = text(held, "reference"), one(held, "identifier")
    value = text(named, "value")
    return address or (f"{NAMED}{text(named, 'system')}|{value}" if value else "")


def who(value: Value, key: str) -> str:
    """A person or organisation as a reader may be shown: the display, else the reference."""
    held = one(value, key)
    return text(held, "display") or text(held, "reference")


def date(value: Value, key: str) -> ClinicalDate | None:
    """The date under a key."""
    return clinical_date(value.get(key)) if type(value) is dict else None


def period(value: Value, key: str) -> tuple[ClinicalDate | None, ClinicalDate | None]:
    """Start and end of a Period."""
    held = one(value, key)
    return date(held, "start"), date(held, "end")


def quantity(held: Value) -> Amount | None:
    """A Quantity as an amount with one value; with its unit."""
    value = decimal(held, "value")
    return Amount(value, value, unit_of(held)) if value else None


def unit_of(held: Value) -> str:
    """The unit of a Quantity: its code, unless that is a number of SNOMED CT, which nobody reads; else its word."""
    code = text(held, "code")
    return text(held, "unit") or code if not code or code.isdigit() else code


def span(held: Value) -> Amount | None:
    """A Range as an amount; a side that is missing is empty text."""
    low, high = one(held, "low"), one(held, "high")
    unit = unit_of(high) or unit_of(low)
    found = Amount(decimal(low, "value"), decimal(high, "value"), unit)
    return found if found.low or found.high else None


def contained(record: Value, name: str) -> dict[str, Value]:
    """The contained resource that "#id" points at; empty when there is none."""
    return next((item for item in many(record, "contained") if text(item, "id") == name.removeprefix("#")), {})


def narrative(record: Value) -> str:
    """The words of the narrative without its markup, on one line."""
    return one_line(unmarked(text(one(record, "text"), "div")))


def unmarked(words: str) -> str:
    """Text without HTML's tags and escapes."""
    words = _TAG.sub(" ", words)
    for escape, sign in _MARKUP:
        words = words.replace(escape, sign)
    return words


def one_line(words: str) -> str:
    """Any words on one line of at most LINE_MAX characters; what is cut off is marked."""
    line = " ".join(words.split())
    return line if len(line) <= LINE_MAX else line[: LINE_MAX - 2].rstrip() + " …"


def cut(words: str, most: int) -> str:
    """Any words on one line of at most so many characters; what is cut off is a whole word, and is marked."""
    line = " ".join(words.split())
    if len(line) <= most:
        return line
    kept = line[: most - 1]
    return (kept.rpartition(" ")[0] or kept).rstrip(" ,;") + " …"


_TAGGED = re.compile(
    r"\s*\((?:product|substance|medicinal product|clinical drug|disorder|finding|procedure|situation|qualifier value"
    r"|observable entity|regime/therapy|morphologic abnormality|event)\)",
    re.IGNORECASE,
)


def untagged(name: str) -> str:
    """A display of SNOMED CT without its semantic tag: "Fever (finding)" is fever."""
    return _TAGGED.sub("", name).strip() if "(" in name else name


def joined(*words: str, by: str = ", ") -> str:
    """The words that are there, one after the other."""
    return by.join(word for word in words if word)
