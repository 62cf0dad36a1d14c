"""Codes that are written as addresses: a form of LOINC's by its canonical address, a concept of SNOMED CT by its URI.

    codes_in("http://loinc.org/q/44249-1|2.77")                        (("http://loinc.org", "44249-1"),)
    codes_in("http://snomed.info/id/86406008")                         (("http://snomed.info/sct", "86406008"),)
    codes_in("http://hl7.org/fhir/sid/icd-10-cm/B20")                  (("http://hl7.org/fhir/sid/icd-10-cm", "B20"),)
    codes_in("http://snomed.info/sct/731000124108/version/20250301")   (), an edition

The forms are those of LOINC's FHIR service (loinc.org/fhir: canonical addresses of forms, lists and answers), of SNOMED
International's URI Standard, and, for each system that has a name here, that name with a code behind it.
"""

import re
from functools import lru_cache

from medrec.core.consent.systems import TABLE, system_name
from medrec.core.records.terms import LOINC, SNOMED

_ADDRESS = re.compile(r"(?i)(?:https?://|urn:oid:)[^\s<>\"']+")
_LOINC_HOST = re.compile(r"(?i)https?://(?:[\w-]+\.)*loinc\.org(?=[:/?#])")
_SNOMED_HOST = re.compile(r"(?i)https?://(?:[\w-]+\.)*snomed\.(?:info|org)(?=[:/?#])")
_LOINC_CODE = re.compile(r"(?<![\w-])(?:L[A-Z])?[0-9]{1,7}-[0-9](?![\w-])")
_SNOMED_CODE = re.compile(r"(?<![0-9])[0-9]{6,18}(?![0-9])")
_EDITION = re.compile(r"(?i)/sct/[0-9]{11,18}(?=[/?#|]|\Z)|/version/[0-9]*")
"""A module of SNOMED CT, whose number is as long as no concept's of the core that is not about terminology, and its
day."""
_ESCAPED = re.compile(r"%([0-7][0-9A-Fa-f])")
_MARKS = "/#=?"


@lru_cache(maxsize=10_000)
def codes_in(text: str) -> tuple[tuple[str, str], ...]:
    """The codes, each as its system's one name and itself, that the addresses in a text are."""
    return tuple(dict.fromkeys(one for found in _ADDRESS.finditer(text) for one in _codes_of(found[0])))


def loinc_codes(text: str) -> tuple[str, ...]:
    """The codes of LOINC in an address, or in what programs call a question by ("/44250-9"). A number of this form
    that LOINC never gave stands in no rule."""
    return tuple(dict.fromkeys(_LOINC_CODE.findall(text)))


def _codes_of(address: str) -> list[tuple[str, str]]:
    address = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), address)
    if _LOINC_HOST.match(address):
        return [(LOINC, code) for code in loinc_codes(address)]
    if _SNOMED_HOST.match(address):
        return [(SNOMED, code) for code in _SNOMED_CODE.findall(_EDITION.sub("", address))]
    plain = address.partition("|")[0].rstrip(f"{_MARKS}.,;)")
    if system_name(plain) in TABLE:
        return []
    at = max(plain.rfind(mark) for mark in (_MARKS if "://" in plain else "."))
    system = system_name(plain[: max(at, 0)])
    return [(system, plain[at + 1 :])] if system in TABLE else []
