"""What a record says that cannot be of the person it is filed under: of another sex, another age, before her birth, of
somebody who has died, of another blood group.

Two patients swapped at a source are noticed by this where no record names its subject. The rules are few and each is
explained in docs/spec/right-person.md; a human decides about what they find, and what a human has settled is not asked
again. Administrative sex is no anatomy: that is one of the reasons why nothing is ever refused by these rules.
"""

import re
from enum import StrEnum

from medrec.core.matching import Demographics
from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import Concept, concept
from medrec.core.records.dates import DAY_MS, ClinicalDate, clinical_date
from medrec.core.records.terms import CVX, ICD10CM, LOINC, SNOMED


class Impossible(StrEnum):
    """Why a record cannot be hers; each has a line in docs/spec/right-person.md."""

    SEX = "content-sex"
    AGE = "content-age"
    BIRTH = "before-birth"
    DEATH = "death"
    BLOOD = "blood-group"


_YEAR_MS = 365 * DAY_MS + DAY_MS // 4
_WOMB_MS = 300 * DAY_MS
"""What was done on an unborn child is filed under the child later."""
_PLACEHOLDER_YEAR = 1901
"""Systems write 1900-01-01 and the like where they know no date."""
_WOMENS = re.compile(r"O[0-9]|Z3[34679]|Z3A|N7[0-7]|N8[0-9]|N9[0-8]|C5[1-8]|D2[5-8]")
_MENS = re.compile(r"C6[0-3]|N4[0-9]|N5[0-3]|D29")
_PREGNANT = re.compile(r"O[0-9]|Z3[34]|Z3A")
_PREGNANT_SNOMED = frozenset({"72892002", "77386006", "19169002", "398254007", "47200007", "79586000", "237238006"})
_MENS_SNOMED = frozenset({"399068003", "126906006", "92691004", "266569009", "254900004"})
_PREGNANT_WORDS = re.compile(r"(?:normal |current |intrauterine )?pregnan(?:t|cy)")
_NEWBORNS = re.compile(r"P[0-9]|Z38")
_CHILDS = re.compile(r"Z001")
_OLD = re.compile(r"F0[0-3]|G30")
_CHILDS_VACCINES = frozenset(
    [
        "20",
        "28",
        "46",
        "47",
        "48",
        "49",
        "50",
        "51",
        "74",
        "100",
        "106",
        "107",
        "110",
        "116",
        "119",
        "120",
        "122",
        "130",
        "146",
        "170",
        "198",
    ]
)
"""CVX of vaccines that are given to small children alone: DTaP, Hib, rotavirus, PCV7 and what holds them."""
# Where a record says when something was done with or found of the person; not since when she has it.
_DONE = {
    "Immunization": ("occurrenceDateTime",), "Procedure": ("performedDateTime", "performedPeriod"),
    "Encounter": ("period",), "MedicationRequest": ("authoredOn",), "MedicationDispense": ("whenHandedOver",),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod"), "Condition": ("recordedDate",),
    "AllergyIntolerance": ("recordedDate",), "DocumentReference": ("date",),
}  # fmt: skip
_TAKEN_BACK = frozenset({"entered-in-error", "refuted"})


def impossible(who: Demographics, record: Value) -> tuple[Impossible, ...]:
    """By what a record cannot be of this person; empty when it can. Without a birth date or a sex less is known."""
    kind = datatypes.text(record, "resourceType")
    if kind == "Patient":
        dead = datatypes.flag(record, "deceasedBoolean") is True or bool(datatypes.text(record, "deceasedDateTime"))
        return (Impossible.DEATH,) if dead else ()
    if (
        datatypes.text(record, "status") in _TAKEN_BACK
        or datatypes.code_of(record, "verificationStatus") in _TAKEN_BACK
    ):
        return ()
    found = []
    birth, done = clinical_date(who.birth), _done(kind, record)
    before = birth is not None and done is not None and done.end_ms + _WOMB_MS <= birth.start_ms
    if before and done is not None and int(done.text[:4]) > _PLACEHOLDER_YEAR:
        found.append(Impossible.BIRTH)
    if kind == "Condition":
        code = concept(record, "code")
        if _of_other_sex(who.sex, code):
            found.append(Impossible.SEX)
        at = clinical_date(datatypes.text(record, "onsetDateTime"))
        if birth is not None and _of_other_age(code, _age(birth, at), _age(birth, at or done)):
            found.append(Impossible.AGE)
    elif kind == "Immunization" and datatypes.text(record, "status") == "completed" and birth is not None:
        vaccines = {coding.code for coding in concept(record, "vaccineCode").codings if coding.system == CVX}
        age = _age(birth, done)
        if age is not None and age >= 20 and vaccines and vaccines <= _CHILDS_VACCINES:
            found.append(Impossible.AGE)
    return tuple(found)


def _done(kind: str, record: Value) -> ClinicalDate | None:
    for key in _DONE.get(kind, ()):
        text = datatypes.text(datatypes.one(record, key), "start") if key.endswith("eriod") else ""
        found = clinical_date(text or datatypes.text(record, key))
        if found is not None:
            return found
    return None


def _age(birth: ClinicalDate, at: ClinicalDate | None) -> int | None:
    """Whole years, the least that the dates allow for the young and the old alike; None without a date."""
    return (at.start_ms - birth.start_ms) // _YEAR_MS if at is not None else None


def _icd(code: Concept) -> list[str]:
    return [coding.code.upper().replace(".", "") for coding in code.codings if coding.system == ICD10CM and coding.code]


def _snomed(code: Concept) -> set[str]:
    return {coding.code for coding in code.codings if coding.system == SNOMED}


def _pregnant(code: Concept) -> bool:
    if any(_PREGNANT.match(found) for found in _icd(code)) or _snomed(code) & _PREGNANT_SNOMED:
        return True
    return not code.codings and _PREGNANT_WORDS.fullmatch(code.text.strip().lower()) is not None


def _of_other_sex(sex: str, code: Concept) -> bool:
    icd, snomed = _icd(code), _snomed(code)
    if sex == "male":
        return _pregnant(code) or any(_WOMENS.match(found) for found in icd)
    if sex == "female":
        return any(_MENS.match(found) for found in icd) or bool(snomed & _MENS_SNOMED)
    return False


def _of_other_age(code: Concept, onset: int | None, age: int | None) -> bool:
    """`onset`: how old she was when it began, where that is said; `age`: then, or when it was written down."""
    icd = _icd(code)
    if age is not None and _pregnant(code) and not 9 <= age <= 60:
        return True
    if onset is not None and onset >= 2 and any(_NEWBORNS.match(found) for found in icd):
        return True
    if onset is not None and 0 <= onset < 18 and any(_OLD.match(found) for found in icd):
        return True
    return age is not None and age >= 22 and any(_CHILDS.match(found) for found in icd)


_ABO = {"112144000": "A", "112149005": "B", "165743006": "AB", "58460004": "O"}
_BOTH = {
    "278149003": "A+", "278152006": "A-", "278150003": "B+", "278153001": "B-", "278151004": "AB+", "278154007": "AB-",
    "278147001": "O+", "278148006": "O-",
}  # fmt: skip
_RHESUS = {"165747007": "+", "165746003": "-"}
_GROUP_CODES = frozenset({"882-1", "883-9", "10331-7"})
_WRITTEN = re.compile(
    r"(?:blood )?(?:group |type )?(ab|a|b|o)?[\s,]*(?:rh(?:\(?d\)?|esus)?\s*)?(\+|-|pos(?:itive)?|neg(?:ative)?)?",
    re.IGNORECASE,
)


def blood_group(record: Value) -> tuple[str, str]:
    """ABO group and Rh sign that an Observation of LOINC 882-1, 883-9 or 10331-7 gives; empty text where it gives
    none."""
    if datatypes.text(record, "resourceType") != "Observation" or datatypes.text(record, "status") in (
        "entered-in-error", "cancelled",
    ):  # fmt: skip
        return "", ""
    asked = {coding.code for coding in concept(record, "code").codings if coding.system == LOINC}
    if not asked & _GROUP_CODES:
        return "", ""
    value = concept(record, "valueCodeableConcept")
    for coding in value.codings:
        if coding.code in _BOTH:
            return _BOTH[coding.code][:-1], _BOTH[coding.code][-1]
        if coding.code in _ABO:
            return _ABO[coding.code], ""
        if coding.code in _RHESUS:
            return "", _RHESUS[coding.code]
    words = (datatypes.text(record, "valueString") or value.label).strip()
    found = _WRITTEN.fullmatch(words) if words else None
    if found is None:
        return "", ""
    sign = found[2].lower()[:1] if found[2] else ""
    return (found[1] or "").upper(), {"p": "+", "n": "-"}.get(sign, sign)


def other_blood(known: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether two blood groups cannot be of one person; what one of them does not say is no difference."""
    return any(one and other and one != other for one, other in zip(known, now, strict=True))
