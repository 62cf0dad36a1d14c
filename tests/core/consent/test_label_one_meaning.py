"""Medicines, procedures and codes that are given or done for one thing alone: by code, by name and by brand."""

from typing import Any

import pytest

from medrec.core.records.terms import ICD10CM, NDC, RXNORM
from medrec.node.release.labels import Labels

LABELS = Labels()


def medicine(**concept: Any) -> tuple[str, ...]:
    whole = {"resourceType": "MedicationRequest", "id": "m", "medicationCodeableConcept": concept}
    return LABELS.of(whole).codes


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("PREGNANT", "Makena 250 mg injection; Pregnyl; Novarel; Ovidrel prefilled syringe; Endometrin; Diclegis"),
        ("PREGNANT", "choriogonadotropin alfa; chorionic gonadotropin; Bonjesta; RhoGAM; Rhophylac; HyperRHO"),
        ("PREGNANT", "doxylamine / pyridoxine; hydroxyprogesterone caproate 250 mg/mL"),
        ("GDIS", "tetrabenazine 25 mg; Xenazine 25 MG tablet; eteplirsen; Exondys 51; golodirsen; viltolarsen"),
        ("STD", "podofilox; Condylox; Veregen; sinecatechins 15 % ointment"),
        ("SEX", "Muse; alprostadil 500 mcg"),
        ("PSY", "Igalmi 120 mcg film"),
    ],
)  # fmt: skip
def test_a_medicine_that_has_one_meaning_tells_it(label: str, names: str) -> None:
    for name in names.split("; "):
        assert label in medicine(text=name), name


@pytest.mark.parametrize(
    ("code", "label"), [("5542", "PREGNANT"), ("35465", "PREGNANT"), ("10390", "GDIS"), ("8463", "STD"), ("598", "SEX")]
)
def test_its_code_tells_it_beside_another_name(code: str, label: str) -> None:
    assert label in medicine(coding=[{"system": RXNORM, "code": code, "display": "Aspirin"}])


def test_the_codes_of_its_products_tell_it() -> None:
    assert "STD" in medicine(coding=[{"system": NDC, "code": "00023611801", "display": "Aspirin"}])


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Penile prosthesis", "SEX"), ("Penile implant inflatable", "SEX"), ("Orchiectomy bilateral", "SEX"),
        ("Lumbar puncture for amyloid", "COGN"), ("Prótesis de pene", "SEX"),
    ],
)  # fmt: skip
def test_a_procedure_that_has_one_meaning_tells_it(name: str, label: str) -> None:
    assert label in LABELS.of({"resourceType": "Procedure", "id": "p", "code": {"text": name}}).codes


def test_codes_that_have_one_meaning_tell_it() -> None:
    for code in ("E34.5", "E34.51"):
        concept = {"coding": [{"system": ICD10CM, "code": code}]}
        assert {"GDIS", "SEX"} <= set(LABELS.of({"resourceType": "Condition", "id": "c", "code": concept}).codes)
    for cvx in ("156", "157", "159"):
        vaccine = {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": cvx}]}
        assert "PREGNANT" in LABELS.of({"resourceType": "Immunization", "id": "i", "vaccineCode": vaccine}).codes


def test_other_medicines_of_their_kin_tell_nothing() -> None:
    for name in ("progesterone 100 mg", "dexmedetomidine", "pyridoxine 50 mg", "doxylamine 25 mg", "Imiquimod"):
        assert medicine(text=name) == (), name
