"""The labels of records as hospitals write them: coded in SNOMED CT, with names in English; and of what has no name.

SNOMED CT codes are not shipped. These records are found by the names that stand beside their codes, which is what the
list below holds to; with the names taken away, every one of them may be anything.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from medrec.node.release.labels import Labels

SNOMED = "http://snomed.info/sct"
EXPECTED: dict[str, dict[str, tuple[str, ...]]] = {
    "mental health": {
        "Posttraumatic stress disorder": ("MH", "PSY"),
        "Child attention deficit disorder": ("MH", "PSY"),
        "Depression screening": ("MH", "PSY"),
        "Initial psychiatric interview with mental status and evaluation": ("MH",),
        "Psychological assessment": ("MH",),
        "Psychiatry care plan": ("MH",),
        "Overactivity/inattention behavior management": ("MH", "PSY"),
        "Counseling": ("MH",),
    },
    "substance use": {
        "Drug overdose": ("SUD",),
        "Drug rehabilitation and detoxification": ("SUD",),
        "Drug detoxification": ("SUD",),
        "Drug addiction therapy": ("SUD",),
        "Drug addiction counseling": ("MH", "SUD"),
    },
    "HIV": {"Human immunodeficiency virus antigen test": ("HIV",)},
    "sexual health": {
        "Chlamydia antigen test": ("SEX", "STD"),
        "Gonorrhea infection test": ("SEX", "STD"),
        "Syphilis infection test": ("SEX", "STD"),
        "Vasectomy": ("SEX",),
        "Recommendation to limit sexual activity": ("SEX",),
        "Normal pregnancy": ("PREGNANT", "SEX"),
        "Miscarriage in first trimester": ("PREGNANT", "SEX"),
        "Induced termination of pregnancy": ("PREGNANT", "SEX"),
        "Counseling for termination of pregnancy": ("MH", "PREGNANT", "SEX"),
        "Insertion of subcutaneous contraceptive": ("PREGNANT", "SEX"),
        "Cesarean section": ("PREGNANT", "SEX"),
        "Medical induction of labor": ("PREGNANT", "SEX"),
        "Physical examination of mother": ("PREGNANT", "SEX"),
        "Antepartum eclampsia": ("PREGNANT", "SEX"),
    },
    "genetics": {
        "Fetus with chromosomal abnormality": ("GDIS", "PREGNANT", "SEX"),
        "Familial Alzheimer's disease of early onset (disorder)": ("COGN", "GDIS"),
    },
    "violence": {"Bullet wound": ("VIO",)},
    "memory": {"Alzheimer's disease (disorder)": ("COGN",), "Demential management": ("COGN",)},
}
INNOCENT = (
    "Asthma", "Hypertension", "Fracture of ankle", "Streptococcal sore throat (disorder)", "Chest X-ray", "Colonoscopy",
    "Spirometry (procedure)", "Seizure disorder", "Diabetes", "Never smoker", "Wound care", "Myocardial Infarction",
)  # fmt: skip
WORDS = {
    "depresión mayor recurrente": "MH", "Trastorno de ansiedad": "MH", "Consulta de psiquiatría": "MH",
    "Clozapina 100 mg": "MH", "Intento de suicidio": "MH", "Dependencia de opioides": "OPIOIDUD",
    "Metadona 10 mg/ml": "OPIOIDUD", "Consumo de cocaína": "SUD", "Alcoholismo crónico": "ETHUD",
    "Infección por VIH": "HIV", "Tratamiento antirretroviral": "HIV", "Sífilis latente": "STD",
    "Disforia de género": "SEX", "Embarazo de 12 semanas": "PREGNANT", "Interrupción del embarazo": "PREGNANT",
    "Fibrosis quística": "GDIS", "Síndrome de Down": "GDIS", "Violencia de género": "SDV",
    "Víctima de maltrato": "SDV", "Demencia senil": "COGN",
}  # fmt: skip


def concepts(value: Any) -> list[dict[str, Any]]:
    """Every coding of SNOMED CT below a value."""
    if isinstance(value, list):
        return [found for item in value for found in concepts(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("system") == SNOMED and "code" in value else []
    return own + [found for item in value.values() for found in concepts(item)]


@pytest.fixture(scope="module")
def written(shared: Path) -> dict[str, list[dict[str, Any]]]:
    """Name -> the records in which it stands beside a code of SNOMED CT."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in sorted((shared / "data" / "synthea-r4" / "bundles").iterdir()):
        for entry in json.loads(gzip.decompress(file.read_bytes()))["entry"]:
            for coding in concepts(entry["resource"]):
                found.setdefault(coding.get("display", ""), []).append(entry["resource"])
    return found


def test_records_coded_in_snomed_are_found_by_their_names(written: dict[str, list[dict[str, Any]]]) -> None:
    labels = Labels()
    for topic, names in EXPECTED.items():
        for name, expected in names.items():
            records = written.get(name, [])
            assert records, f"{topic}: {name} is not among the test data"
            for record in records[:5]:
                assert set(expected) <= set(labels.of(record).codes), (topic, name, record["resourceType"])


def test_the_harmless_is_not_labelled(written: dict[str, list[dict[str, Any]]]) -> None:
    labels = Labels()
    for name in INNOCENT:
        [coding] = [found for found in concepts(written[name][0]) if found.get("display") == name][:1]
        assert labels.of({"resourceType": "Condition", "id": "c", "code": {"coding": [coding]}})[:2] == ((), ()), name


def test_without_their_names_they_may_be_anything(written: dict[str, list[dict[str, Any]]]) -> None:
    labels = Labels()
    opaque = labels.labeller.opaque if labels.labeller is not None else ()
    for names in EXPECTED.values():
        for name in names:
            [coding] = [found for found in concepts(written[name][0]) if found.get("display") == name][:1]
            alone = {"system": SNOMED, "code": coding["code"]}
            for one in (
                alone,
                {**alone, "display": coding["code"]},
                {**alone, "display": ""},
                {**alone, "display": "-"},
            ):
                for resource in (
                    {"resourceType": "Condition", "id": "c", "code": {"coding": [one]}},
                    {"resourceType": "Condition", "id": "c", "code": {"coding": [one], "text": coding["code"]}},
                    {"resourceType": "Observation", "id": "o", "code": {"text": "Finding"}, "valueCoding": one},
                ):
                    assert labels.of(resource).may == opaque, (name, resource)


def test_a_medicine_with_nothing_but_an_ndc_may_be_anything_and_is_what_its_product_tells() -> None:
    labels = Labels()
    for code, told in (("00054017613", ("OPIOIDUD",)), ("00071101368", ())):
        for display in ({}, {"display": code}, {"display": f"{code[1:5]}-{code[5:9]}-{code[9:]}"}):
            coding = {"system": "http://hl7.org/fhir/sid/ndc", "code": code, **display}
            found = labels.of({"resourceType": "MedicationRequest", "medicationCodeableConcept": {"coding": [coding]}})
            assert found.codes == told and found.may, display


@pytest.mark.parametrize("text", WORDS)
def test_spanish_words_are_read(text: str) -> None:
    found = Labels().of({"resourceType": "Condition", "id": "c", "code": {"text": text}})
    assert WORDS[text] in found.codes
