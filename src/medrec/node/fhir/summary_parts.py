"""Parts of a summary out of what a source wrote: a part goes out only where it is as FHIR R4 has it.

The forms are those of R4's datatypes (hl7.org/fhir/R4/datatypes.html#primitive). What is not so is left out of its
element, and stands in words instead; a source's slip never makes a document that no other system can read.
"""

import re
from collections.abc import Mapping
from typing import Any

from medrec.core.records.datatypes import LINE_MAX, cut
from medrec.core.records.dates import ClinicalDate, clinical_date
from medrec.core.records.understood import Coding
from medrec.core.signs import seen

_USES = ("usual", "official", "temp", "nickname", "anonymous", "old", "maiden")
_FIRST = {"official": 0, "usual": 1, "": 2}
_SEXES = ("male", "female", "other", "unknown")
_CODE = re.compile(r"\S+(\s\S+)*")
_SYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_OID = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ZONED = re.compile(r".{10}T\d\d:[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))", re.ASCII)


def said(words: Any) -> str:
    """Words as somebody sees them, on one line of at most LINE_MAX characters; empty for what is no text."""
    return cut(seen(words), LINE_MAX) if isinstance(words, str) else ""


def coding(code: Coding) -> dict[str, str] | None:
    """A Coding; None where its system is no absolute address of a code system, or its code no code."""
    if not (_is_system(code.system) and _CODE.fullmatch(code.code) and seen(code.code) == code.code):
        return None
    display = said(code.display)
    return {"system": code.system, "code": code.code} | ({"display": display} if display else {})


def _is_system(system: str) -> bool:
    if system.startswith("urn:oid:"):
        return _OID.fullmatch(system) is not None
    if system.startswith("urn:uuid:"):
        return _UUID.fullmatch(system) is not None
    return _SYSTEM.fullmatch(system) is not None and seen(system) == system and "/ValueSet/" not in system


def odd_code(code: Coding) -> str:
    """A sentence about a code that is left out, with the code as its source wrote it."""
    written = said(f"{code.system} {code.code}")
    return f'A code of a source is not as FHIR writes codes, and stands in words alone: "{written}".'


def date_time(date: ClinicalDate) -> str:
    """A dateTime as exact as it was written; its day where the time of day has no seconds or no time zone."""
    return date.text if date.precision != "time" or _ZONED.fullmatch(date.text) else date.text[:10]


def names(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The HumanNames of a person that say something, the one that she goes by first: what is old or a maiden name is
    the last."""
    written = record.get("name")
    found = []
    for part in written if isinstance(written, list) else []:
        if not isinstance(part, dict):
            continue
        made: dict[str, Any] = {key: words for key in ("text", "family") if (words := said(part.get(key)))}
        given = part.get("given")
        forenames = [words for one in (given if isinstance(given, list) else [given]) if (words := said(one))]
        made |= {"given": forenames} if forenames else {}
        if made:
            found.append(({"use": part["use"]} if part.get("use") in _USES else {}) | made)
    return sorted(found, key=lambda name: _FIRST.get(name.get("use", ""), len(_FIRST)))


def called(record: Mapping[str, Any]) -> str:
    """What a person is called by her own record; empty where it has no name."""
    name = next(iter(names(record)), {})
    return str(" ".join((*name.get("given", ()), name.get("family", ""))).strip() or name.get("text", ""))


def birth(record: Mapping[str, Any]) -> str:
    """The day, month or year of birth; empty where what is written is none."""
    found = clinical_date(record.get("birthDate"))
    return found.text if found is not None and found.precision != "time" else ""


def sex(record: Mapping[str, Any]) -> str:
    """The administrative gender; empty where what is written is none of FHIR's codes."""
    written = record.get("gender")
    return written if isinstance(written, str) and written in _SEXES else ""


def left_out(record: Mapping[str, Any]) -> list[str]:
    """A sentence for each part of a Patient that is written and is not as FHIR has it."""
    odd = []
    if record.get("name") and not names(record):
        odd.append("The source's record of this person has a name that says nothing.")
    if record.get("birthDate") is not None and not birth(record):
        odd.append(f'The source\'s date of birth is no date: "{said(record["birthDate"])}".')
    if record.get("gender") is not None and not sex(record):
        odd.append(f"The source's sex is none of FHIR's codes: \"{said(record['gender'])}\".")
    return odd


def in_sight(value: Any) -> Any:
    """A resource without signs that nobody sees, and without what is empty then: R4 allows neither."""
    if isinstance(value, str):
        return seen(value).strip()
    if isinstance(value, dict):
        found = {key: in_sight(held) for key, held in value.items()}
        return {key: held for key, held in found.items() if held not in ("", {}, [])}
    if isinstance(value, list):
        return [held for held in map(in_sight, value) if held not in ("", {}, [])]
    return value
