"""A handful of drugs for tests of readers: names and codes as RxNorm has them (courtesy of the U.S. NLM)."""

from typing import Any

from medrec.core.records.canonical import canonical_of
from medrec.core.records.reading import Around
from medrec.core.records.terms import CVX, ICD10CM, NDC, RXNORM, UNII, Drug, DrugClass, Table
from medrec.core.records.understood import Strength, Understood

NOW_MS = 1_795_000_000_000  # November 2026

TABLE = Table(
    drugs=[
        Drug("1191", "IN", "aspirin", ("1191",)),
        Drug("10582", "IN", "levothyroxine", ("10582",)),
        Drug("83367", "IN", "atorvastatin", ("83367",)),
        Drug("153165", "BN", "Lipitor", ("83367",)),
        Drug(
            "259255",
            "SCD",
            "atorvastatin 80 MG Oral Tablet",
            ("83367",),
            (Strength("83367", "80", "mg"),),
            "Oral Tablet",
        ),
        Drug(
            "262095",
            "SBD",
            "atorvastatin 80 MG Oral Tablet [Lipitor]",
            ("83367",),
            (Strength("83367", "80", "mg"),),
            "Oral Tablet",
            "",
            "Lipitor",
            "259255",
        ),
        Drug("29046", "IN", "lisinopril", ("29046",)),
        Drug("5487", "IN", "hydrochlorothiazide", ("5487",)),
        Drug(
            "197885",
            "SCD",
            "hydrochlorothiazide 12.5 MG / lisinopril 10 MG Oral Tablet",
            ("29046", "5487"),
            (Strength("29046", "10", "mg"), Strength("5487", "12.5", "mg")),
            "Oral Tablet",
        ),
        Drug("7980", "IN", "penicillin G", ("7980",)),
        Drug("723", "IN", "amoxicillin", ("723",)),
        Drug("6809", "IN", "metformin", ("6809",)),
        Drug("7052", "IN", "morphine", ("7052",)),
        Drug("274783", "IN", "insulin glargine", ("274783",)),
        Drug("91692", "SBD", "Nifedipine 20 MG Oral Capsule [Adalat]", ("7417",), retired=True),
        Drug("7417", "IN", "nifedipine", ("7417",)),
    ],
    classes=[
        ("7980", DrugClass("XG:penicillins", "Penicillins", "GROUP", "allergy")),
        ("723", DrugClass("XG:penicillins", "Penicillins", "GROUP", "allergy")),
    ],
    concepts=[
        (ICD10CM, "I10", "Essential (primary) hypertension", False),
        (CVX, "140", "Influenza, seasonal, injectable, preservative free", False),
    ],
    same=[(NDC, "00071015523", "262095"), (UNII, "R16CO5Y76E", "1191")],
    complete=[RXNORM, ICD10CM, CVX],
)


def around(**more: Any) -> Around:
    """Surroundings with these drugs, in November 2026."""
    return Around(**({"terms": TABLE, "now_ms": NOW_MS} | more))


def reads(record: dict[str, Any], **more: Any) -> Understood:
    """A record understood; fractions are given as text with a leading "=" ("=0.5")."""
    from medrec.core.records.table import understand

    return understand(canonical_of(_literals(record)).value, around(**more))


def _literals(value: Any) -> Any:
    import msgspec

    if isinstance(value, dict):
        return {key: _literals(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literals(item) for item in value]
    return msgspec.Raw(value[1:].encode()) if isinstance(value, str) and value.startswith("=") else value


def coded(system: str, code: str, display: str = "") -> dict[str, Any]:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def request(medicine: dict[str, Any] | str, sig: str = "", **more: Any) -> dict[str, Any]:
    """An active prescription of 1 March 2026."""
    concept = {"text": medicine} if isinstance(medicine, str) else medicine
    base: dict[str, Any] = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "authoredOn": "2026-03-01",
        "medicationCodeableConcept": concept,
    }
    return base | ({"dosageInstruction": [{"text": sig}]} if sig else {}) | more
