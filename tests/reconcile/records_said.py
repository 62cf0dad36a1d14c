"""Understood records written by hand, and a small table of drugs, for the tests of reconciliation.

The codes of the table are its own; the shapes are RxNorm's.
"""

import hashlib
from typing import Any

from medrec.core.reconcile.held import Held
from medrec.core.records.dates import DAY_MS, clinical_date
from medrec.core.records.terms import Drug, DrugClass, Table
from medrec.core.records.understood import (
    AllergyDetail,
    Amount,
    Coding,
    MedicineDetail,
    Note,
    NoteCode,
    PerDay,
    ProblemDetail,
    Reaction,
    Status,
    Strength,
    Understood,
)

NOW = 1_760_000_000_000  # 9 October 2025
TODAY = "2025-10-09"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"

ACE = DrugClass("XG:ace", "ACE inhibitors", "GROUP", "allergy;duplicate")
STATIN = DrugClass("XG:statins", "Statins", "GROUP", "allergy;duplicate")
PENICILLIN = DrugClass("XG:penicillins", "Penicillins", "GROUP", "allergy;duplicate")
NAMES = {
    "1": "lisinopril", "2": "enalapril", "3": "hydrochlorothiazide", "4": "simvastatin", "5": "atorvastatin",
    "6": "amoxicillin", "7": "timolol", "8": "metformin", "9": "gemfibrozil",
}  # fmt: skip
TERMS = Table(
    drugs=[Drug(code, "IN", name, (code,)) for code, name in NAMES.items()],
    classes=[("1", ACE), ("2", ACE), ("4", STATIN), ("5", STATIN), ("6", PENICILLIN)],
)


def medicine(
    *ingredients: str,
    mg: str = "",
    times: str = "",
    form: str = "tablet",
    name: str = "",
    kind: Any = "order",
    brand: str = "",
    sig: str = "",
    as_needed: bool = False,
    **more: Any,
) -> MedicineDetail:
    """A medicine; `mg` is the strength of the first ingredient, `times` how many are taken in a day."""
    called = name or " / ".join(NAMES[code] for code in ingredients)
    strengths = (Strength(ingredients[0], mg, "mg"),) if mg and ingredients else ()
    day = None
    if times and strengths:
        low, _, high = times.partition("-")
        total = [str(int(mg) * int(end)) for end in (low, high or low)]
        day = PerDay(
            Amount(low, high or low, "tablet"),
            (Strength(ingredients[0], total[0], "mg"),),
            (Strength(ingredients[0], total[1], "mg"),),
            as_needed,
        )
    return MedicineDetail(
        kind=kind,
        name=called,
        name_cleaned=called.lower(),
        basis="code" if ingredients else "text",
        ingredients=tuple(sorted(ingredients)),
        ingredient_names=tuple(NAMES[code] for code in sorted(ingredients)),
        strengths=strengths,
        form=form,
        brand=brand,
        sig=sig or (f"{times} a day" if times else ""),
        per_day=day,
        as_needed=as_needed,
        **more,
    )


def problem(name: str, *codes: str, **more: Any) -> ProblemDetail:
    """A problem with ICD-10-CM codes; their categories are its families."""
    families = tuple(dict.fromkeys(f"icd10cm|{code[:3]}" for code in codes))
    return ProblemDetail(name, name.lower(), tuple(Coding(ICD, code, "") for code in codes), families, **more)


def allergy(name: str, *ingredients: str, **more: Any) -> AllergyDetail:
    """An allergy to a substance."""
    coded = tuple(Coding(RXNORM, code, "") for code in ingredients)
    return AllergyDetail(name, name.lower(), coded, tuple(ingredients), **more)


def reaction(*manifestations: str, severity: str = "") -> Reaction:
    """A reaction."""
    return Reaction(manifestations, severity)


_TYPES = {MedicineDetail: "MedicationRequest", ProblemDetail: "Condition", AllergyDetail: "AllergyIntolerance"}
_KINDS = {
    "statement": "MedicationStatement",
    "dispense": "MedicationDispense",
    "administration": "MedicationAdministration",
}


def held(
    source: str,
    identifier: str,
    detail: Any,
    status: Status = "active",
    *,
    when: str = "",
    until: str = "",
    recorded: str = "",
    reason: str = "",
    version: int = 1,
    signed: int = NOW - DAY_MS,
    author: Any = "record",
    notes: tuple[NoteCode, ...] = (),
) -> Held:
    """A record version as the lists take it. The hashes follow from what it is called."""
    kind = _KINDS.get(getattr(detail, "kind", ""), _TYPES.get(type(detail), "Observation"))
    record = Understood(
        kind, identifier, "Patient/p", getattr(detail, "codes", ()), clinical_date(when), clinical_date(until),
        clinical_date(recorded), status, reason, "key", getattr(detail, "name", "a result"),
        getattr(detail, "name", "a result"), True, "", tuple(Note(code, code) for code in notes), detail,
    )  # fmt: skip
    mark = hashlib.sha256(repr((source, kind, identifier, version, record)).encode()).hexdigest()
    return Held(source, record, version, mark, mark, signed, author)
