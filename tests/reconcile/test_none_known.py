""" "None known" in codes and words, English and Spanish, and against what somebody does know."""

from typing import Any

import pytest

from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists, Read
from medrec.core.reconcile.rows import Conflict
from medrec.core.records.datatypes import Concept
from medrec.core.records.none_known import no_known_allergy, no_known_problem
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import ICD10CM, RXNORM
from medrec.core.records.understood import AllergyDetail, Coding, NoteCode
from medrec.node.terminology.shipped import shipped

NOW = 1_767_225_600_000
SNOMED, IPS = "http://snomed.info/sct", "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("Sin alergias conocidas", "any"),
        ("No conocidas", "any"),
        ("no referidas", "any"),
        ("Negadas", "any"),
        ("Negados", "any"),
        ("No alergias conocidas.", "any"),
        ("No se conocen alergias", "any"),
        ("Niega alergias", "any"),
        ("No refiere alergias", "any"),
        ("Alergias: ninguna", "any"),
        ("ALERGIAS NO CONOCIDAS", "any"),
        ("Ninguna conocida", "any"),
        ("Sin alergias conocidas (situación)", "any"),
        ("No alergias medicamentosas conocidas", "medicine"),
        ("sin alergias conocidas a fármacos", "medicine"),
        ("NAMC", "medicine"),
        ("Sin alergias alimentarias conocidas", "food"),
        ("Alergia a penicilina", ""),
        ("Sin alergia a penicilina", ""),
        ("Alergia no especificada", ""),
        ("Alergias desconocidas", ""),
        ("Alergia al polen", ""),
        ("none", "any"),
        ("NKDA", "medicine"),
    ],
)
def test_words_for_no_allergy(words: str, what: str) -> None:
    assert no_known_allergy(Concept((), words)) == what


@pytest.mark.parametrize(
    ("words", "none"),
    [
        ("Sin problemas conocidos", True),
        ("Ningún problema conocido", True),
        ("Sin problemas de salud conocidos", True),
        ("No presenta enfermedades conocidas", True),
        ("Sin patologías activas", True),
        ("Sin problemas o incapacidad actuales (situación)", True),
        ("No known problems", True),
        ("No current problems or disability", True),
        ("no known medical problems", True),
        ("Sin enfermedad renal", False),
        ("Problema de próstata", False),
        ("no problem with hearing", False),
    ],
)
def test_words_for_no_problem(words: str, none: bool) -> None:
    assert no_known_problem(Concept((), words)) is none


def test_a_code_says_it_in_every_language_and_only_in_its_own_system() -> None:
    for system, code, said in (
        (SNOMED, "160245001", True), (IPS, "no-known-problems", True), ("", "160245001", True),
        ("urn:oid:1.2.3.4", "160245001", False), (SNOMED, "38341003", False),
    ):  # fmt: skip
        assert no_known_problem(Concept((Coding(system, code, ""),), "situación")) is said, (system, code)
    for system, code, what in (
        (SNOMED, "716186003", "any"), (SNOMED, "409137002", "medicine"), (IPS, "no-known-food-allergies", "food"),
        ("urn:oid:1.2.3.4", "716186003", ""), (SNOMED, "91935009", ""),
    ):  # fmt: skip
        assert no_known_allergy(Concept((Coding(system, code, ""),), "situación")) == what, (system, code)


def read(*records: dict[str, Any]) -> Read:
    held = []
    for number, record in enumerate(records):
        subject = {
            "patient" if record["resourceType"] == "AllergyIntolerance" else "subject": {"reference": "Patient/p"}
        }
        known = understand(record | subject | {"id": f"r{number}"}, Around(shipped(), NOW))
        held.append(Held(f"place-{number}", known, 1, f"{number:064x}", f"{number:064x}", NOW))
    return Lists(shipped(), NOW, held).read()


def condition(text: str, *codes: tuple[str, str]) -> dict[str, Any]:
    coding = [{"system": system, "code": code} for system, code in codes]
    clinical = {"coding": [{"code": "active"}]}
    return {"resourceType": "Condition", "code": {"coding": coding, "text": text}, "clinicalStatus": clinical}


def test_none_known_in_any_language_against_a_problem_is_a_conflict_of_both() -> None:
    none = (condition("Sin problemas o incapacidad actuales", (SNOMED, "160245001")), condition("No known problems"))
    found = read(*none, condition("Asthma", ("http://hl7.org/fhir/sid/icd-10-cm", "J45.909")))
    assert len(found.problems) == 2, "two ways to say it are one row"
    assert all(Conflict.NONE_KNOWN in row.conflicts for row in found.problems)
    assert [row.none_known for row in sorted(found.problems, key=lambda row: row.none_known)] == [False, True]
    alone = read(*none)
    assert len(alone.problems) == 1 and alone.problems[0].conflicts == ()
    # Refuted: there are problems after all, and nobody says that there are none.
    refuted = condition("Sin problemas", (SNOMED, "160245001")) | {
        "verificationStatus": {"coding": [{"code": "refuted"}]}
    }
    rows = read(refuted, condition("Asthma")).problems
    assert not any(Conflict.NONE_KNOWN in row.conflicts or row.none_known for row in rows)


def test_a_spanish_none_against_an_allergy_is_a_conflict_of_both() -> None:
    active = {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "active"}]}}
    none, some = (
        active | {"code": {"text": "Sin alergias medicamentosas conocidas"}},
        active | {"code": {"text": "PCN"}},
    )
    found = read(none, some)
    assert all(row.conflicts == (Conflict.NONE_KNOWN,) for row in found.allergies) and len(found.allergies) == 2
    peanut = active | {"code": {"text": "Peanut"}}
    assert all(row.conflicts == () for row in read(none, peanut).allergies), "a food is no medicine"
    for words in ("No known food allergies", "No known environmental allergies"):
        found = read(active | {"code": {"text": words}}, peanut)
        assert all(row.conflicts == (Conflict.NONE_KNOWN,) for row in found.allergies), "of what kind it is is not said"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("allergy to none", "any"), ("Allergies: none", "any"), ("None reported", "any"),
        ("No known drug allergies (NKDA)", "medicine"), ("لا توجد حساسية", "any"), ("ليس لديه حساسية معروفة", "any"),
        ("Patient has no known drug allergies", "medicine"), ("NKA - confirmed", "any"), ("Pt denies allergies", "any"),
        ("Patient has asthma", ""), ("Not allergic to latex", ""), ("latex: none", ""), ("N/A", ""), ("unknown", ""),
    ],
)  # fmt: skip
def test_an_allergy_to_none_in_more_words(words: str, what: str) -> None:
    assert no_known_allergy(Concept((), words)) == what


@pytest.mark.parametrize("words", ["unknown", "Not asked", "-", "?", "N/A", "not on file.", "غير معروف", "Sin datos"])
def test_what_nobody_knows_is_neither_an_allergy_nor_none(words: str) -> None:
    """It stands in the list with its source, says that it does not say to what, and is no active allergy."""
    record = {
        "resourceType": "AllergyIntolerance", "id": "a", "code": {"text": words},
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }  # fmt: skip
    read = understand(record, Around(shipped()))
    assert (read.status, read.status_reason) == ("unknown", "does not say to what")
    assert isinstance(read.detail, AllergyDetail) and read.detail.no_known == ""
    assert NoteCode.NO_CODE in [note.code for note in read.notes]
    peanut = understand(record | {"code": {"text": "peanut"}}, Around(shipped()))
    assert peanut.status == "active"


def drug_of(record: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    (row,) = read(record).allergies
    return row.key, row.status, row.lines[0].notes


def test_a_code_for_none_beside_a_substance_is_of_the_substance() -> None:
    active = {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "active"}]}}
    none = {"system": SNOMED, "code": "716186003", "display": "No known allergy"}
    for words, key in (("Penicillin", "class:XG:penicillins"), ("amoxicillin", "723")):
        found, status, said = drug_of(active | {"code": {"coding": [none], "text": words}})
        assert (found, status) == (key, "unknown") and NoteCode.STATUS_CONFLICT in said
    for words in ("No known allergy", "Reviewed today", ""):
        found, status, said = drug_of(active | {"code": {"coding": [none], "text": words}})
        assert (found, status) == ("none:any", "active") and NoteCode.STATUS_CONFLICT not in said


def test_what_the_patient_denies_is_open_and_still_warned_of() -> None:
    active = {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "active"}]}}
    found, status, said = drug_of(active | {"code": {"text": "Penicillin - patient denies"}})
    assert (found, status) == ("class:XG:penicillins", "unknown") and NoteCode.STATUS_CONFLICT in said


def test_none_known_of_medicines_against_one_that_no_table_knows() -> None:
    active = {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "active"}]}}
    unheard = active | {"code": {"text": "gadoxx"}, "category": ["medication"]}
    assert all(
        row.conflicts == (Conflict.NONE_KNOWN,) for row in read(active | {"code": {"text": "NKDA"}}, unheard).allergies
    )


PENICILLIN = {"system": SNOMED, "code": "91936005", "display": "Allergy to penicillin"}
AMOXICILLIN = {"system": RXNORM, "code": "723"}


@pytest.mark.parametrize("words", ["none", "NKDA", "no known allergies", "nil", "denies"])
def test_words_for_none_do_not_argue_a_code_away(words: str) -> None:
    active = {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "active"}]}}
    for coding, key in ((PENICILLIN, "class:XG:penicillins"), (AMOXICILLIN, "723")):
        found, status, said = drug_of(active | {"code": {"coding": [coding], "text": words}})
        assert (found, status) == (key, "unknown") and NoteCode.STATUS_CONFLICT in said
    local = {"system": "https://place.example", "code": "NKDA", "display": "No known drug allergies"}
    found, status, said = drug_of(active | {"code": {"coding": [local], "text": words}})
    assert found.startswith("none:") and status == "active" and NoteCode.STATUS_CONFLICT not in said


@pytest.mark.parametrize("words", ["see note", "n/a", "unknown", "allergy"])
def test_words_that_say_nothing_leave_a_code_as_it_is(words: str) -> None:
    active = {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "active"}]}}
    for coding, key, name in ((PENICILLIN, "class:XG:penicillins", "penicillin"), (AMOXICILLIN, "723", "amoxicillin")):
        (row,) = read(active | {"code": {"coding": [coding], "text": words}}).allergies
        assert (row.key, row.status, row.lines[0].notes) == (key, "active", ()) and name in row.name.lower()


def test_no_problems_in_words_beside_a_problem_in_code() -> None:
    active = {"resourceType": "Condition", "clinicalStatus": {"coding": [{"code": "active"}]}}
    for words, code, name in (("none", "E11.9", "Type 2 diabetes"), ("no known problems", "I10", "hypertension")):
        coding = {"system": ICD10CM, "code": code}
        (row,) = read(active | {"code": {"coding": [coding], "text": words}}).problems
        assert name in row.name and row.status == "unknown" and not row.absent
        assert NoteCode.STATUS_CONFLICT in row.lines[0].notes
    (row,) = read(active | {"code": {"coding": [{"system": SNOMED, "code": "160245001"}], "text": "none"}}).problems
    assert row.absent
