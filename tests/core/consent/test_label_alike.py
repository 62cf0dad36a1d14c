"""One disease, one answer: by its code, by the code's title and by what people call it. What words say together."""

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent import labels as labelling
from medrec.core.consent.labels import Labeller
from medrec.core.consent.terms import SENSITIVITIES_ABOVE
from medrec.core.records.terms import ICD10CM, SNOMED
from medrec.node.release.labels import Labels

LABELLER = Labeller((Path(labelling.__file__).parent / "labels.json").read_bytes())
ICD9 = "http://hl7.org/fhir/sid/icd-9-cm"
TITLES_CLEAR = {"K00.9", "R83.8", "R84.8"}
"""Codes that are labelled for what WHO's edition has below them, or calls them; their titles here say nothing of it."""

COMMON = {
    "HIV": (
        (
            "B59",
            "136.3",
            "Pneumocystosis",
            "Pneumocystis pneumonia",
            "PCP pneumonia",
            "PJP",
            "neumonía por Pneumocystis",
        ),
        ("K13.3", "", "Hairy leukoplakia", "Oral hairy leukoplakia", "Oral hairy leucoplakia"),
        ("B45.1", "117.5", "Cerebral cryptococcosis", "Cryptococcal meningitis", "Meningitis criptocócica"),
        ("B58.2", "130.0", "Toxoplasma meningoencephalitis", "Toxoplasmosis", "Cerebral toxoplasmosis"),
        ("A31.2", "031.2", "Disseminated mycobacterium avium-intracellulare complex (DMAC)", "Disseminated MAC"),
        ("A81.2", "046.3", "Progressive multifocal leukoencephalopathy", "PML"),
        ("B37.81", "112.84", "Candidal esophagitis", "Esophageal candidiasis", "Candidiasis esofágica"),
        ("A07.2", "007.4", "Cryptosporidiosis", "Cryptosporidium diarrhea"),
        ("C46.0", "176.0", "Kaposi's sarcoma of skin", "Kaposi sarcoma"),
    ),
    "MH": (("R44.0", "", "Auditory hallucinations", "Hears voices", "Hearing voices", "Voices in the head"),),
    "STD": (
        ("B85.3", "132.2", "Phthiriasis", "Pubic lice", "Crab lice", "Pediculosis pubis", "Ladillas"),
        ("R36.9", "788.7", "Urethral discharge, unspecified", "Penile discharge", "Secreción uretral"),
    ),
    "DVD": (("R62.0", "", "Delayed milestone in childhood", "Delayed milestones"),),
    "PREGNANT": (("O02.0", "631.8", "Molar pregnancy", "Retained products of conception", "Blighted ovum pregnancy"),),
}


def of(concept: Any, kind: str = "Condition", element: str = "code") -> labelling.Labels:
    value = concept if element in ("code", "description") else [concept]
    return LABELLER.label({"resourceType": kind, "id": "x", element: value})


def test_what_a_code_tells_its_title_tells_or_is_a_doubt(shared: Path) -> None:
    """All of ICD-10-CM; `test_label_titles` has the other way round."""
    labels, clear, fewer = Labels(), set(), 0
    with gzip.open(shared / "data" / "terminology" / "icd10cm.csv.gz", "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            met = LABELLER.numbers_of_code(ICD10CM, row["code"])
            if not met:
                continue
            told = {label for number in met for label in LABELLER.rules[number].labels}
            found = labels.of({"resourceType": "Condition", "id": "x", "code": {"text": row["description"]}})
            if not found.codes and not found.may:
                clear.add(row["code"])
            named = {above for label in found.codes for above in SENSITIVITIES_ABOVE[label]}
            fewer += not found.may and not told <= named
    assert clear == TITLES_CLEAR
    # Of several topics a title may name one alone ("Poisoning by tricyclic antidepressants, assault").
    assert fewer < 330


@pytest.mark.parametrize(("label", "row"), [(label, row) for label, rows in COMMON.items() for row in rows])
def test_a_disease_is_told_by_code_title_and_common_names(label: str, row: tuple[str, ...]) -> None:
    code, old, *names = row
    for system, one in ((ICD10CM, code), (ICD9, old)):
        if one:
            for display in ({}, {"display": names[0]}):
                assert label in of({"coding": [{"system": system, "code": one, **display}]}).codes, (one, display)
    for name in names:
        assert label in of({"text": name}).codes, name
        assert label in of({"coding": [{"system": SNOMED, "code": "123", "display": name}]}).codes, name


SAID_TOGETHER = (
    "Hearing voices", "Voices in the head", "Infected by needle", "Crying daily", "Penile discharge",
    "Not safe at home", "Took all tablets at once", "Male to female", "Morning after pill", "Sore on penis",
    "Child at risk", "Dilation and evacuation", "Evacuation of uterus", "Uterine evacuation", "Uterine aspiration",
    "Medical evacuation of uterus", "Removal of products", "Retained products of conception", "Molar",
    "Cuts on both wrists", "Hanging by neck", "Carbohydrate deficient transferrin", "Breath test positive",
    "Overuse of pain medicine", "Leave home with children, safe place", "Stay clean for 90 days",
)  # fmt: skip


@pytest.mark.parametrize("name", SAID_TOGETHER)
def test_ordinary_words_that_say_something_together_are_labelled_or_a_doubt(name: str) -> None:
    for kind, element in (
        ("Condition", "code"), ("Observation", "code"), ("Procedure", "code"), ("Encounter", "reasonCode"),
        ("MedicationRequest", "reasonCode"), ("Goal", "description"),
    ):  # fmt: skip
        found = of({"text": name}, kind, element)
        assert found.codes or found.may, (kind, element)
    found = of({"coding": [{"system": SNOMED, "code": "123", "display": name}], "text": name})
    assert found.codes or found.may
    group = LABELLER.label({"resourceType": "Group", "id": "x", "name": name})
    assert group.codes or group.may


@pytest.mark.parametrize(
    "name",
    [
        "Asthma",
        "Shortness of breath",
        "Chest x-ray",
        "Hip replacement",
        "Knee pain",
        "Pneumonia",
        "Needle biopsy of liver",
    ],
)
def test_what_is_plainly_something_else_stays_clear(name: str) -> None:
    for kind, element in (("Condition", "code"), ("Procedure", "code"), ("Encounter", "reasonCode")):
        assert of({"text": name}, kind, element)[:2] == ((), ()), (kind, name)


def test_no_held_word_is_cleared_by_its_other_number() -> None:
    """ "voice" is the singular of a word that is held."""
    for word in ("voice", "voices", "cut", "cuts", "milestone", "milestones"):
        assert LABELLER.reads(f"{word} pain") == "strange", word


def narrated(words: str, status: str = "generated", **elements: Any) -> labelling.Labels:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p class="zelvatrix">{words}</p></div>'
    record = {"resourceType": "Condition", "id": "x", "code": {"text": "Asthma"}, **elements}
    return LABELLER.label({**record, "text": {"status": status, "div": div}})


@pytest.mark.parametrize(
    "words",
    [
        "Partner beat her up again", "Was paid for sex", "Used again last night, two bags", "Wants to end it all",
        "Cannot go home, he has a gun", "Sees a therapist weekly, stopped all tablets",
    ],
)  # fmt: skip
def test_a_narrative_that_calls_itself_generated_is_held_against_the_record(words: str) -> None:
    assert narrated(words).may == narrated(words, "additional").may == LABELLER.opaque


def test_a_narrative_of_what_the_record_says_is_no_doubt() -> None:
    her = {"subject": {"reference": "Patient/p", "display": "Ada Zelvatrix"}, "clinicalStatus": {"text": "active"}}
    words = "<b>Generated Narrative: Condition</b> <b>code</b>: Asthma <b>Clinical status</b>: active, of Ada Zelvatrix"
    assert narrated(words, **her)[:2] == ((), ())
    assert narrated(words).may == LABELLER.opaque
    assert narrated("Asthma in HIV")[:2] == (("HIV",), ())


PLAIN = (
    "Morning after pill", "Male to female", "Infected by needle", "Took all tablets at once", "Sore on penis",
    "Not safe at home", "PrEP", "Involuntary admission", "Coil fitted", "T cell count low", "Chest reconstruction",
    "Testosterone started", "Insomnio",
)  # fmt: skip
"""Plain words, each of which says what somebody would hide."""
HARMLESS = ("Chest pain", "Asthma", "Shortness of breath", "Knee pain")


@pytest.mark.parametrize(
    "element",
    [
        {"resourceType": "Encounter", "reasonReference": [{"display": "WORDS"}]},
        {"resourceType": "ServiceRequest", "code": {"text": "Blood count"}, "reasonReference": [{"display": "WORDS"}]},
        {"resourceType": "ServiceRequest", "code": {"text": "Blood count"}, "supportingInfo": [{"display": "WORDS"}]},
        {"resourceType": "CarePlan", "title": "WORDS"},
        {"resourceType": "List", "title": "WORDS"},
        {"resourceType": "Composition", "section": [{"title": "WORDS"}]},
        {"resourceType": "Condition", "code": {"text": "Asthma"}, "bodySite": [{"text": "WORDS"}]},
        {"resourceType": "Observation", "code": {"text": "Chest pain"}, "valueString": "WORDS"},
        {"resourceType": "MedicationRequest", "statusReason": {"text": "WORDS"}},
        {"resourceType": "DeviceRequest", "codeCodeableConcept": {"text": "WORDS"}},
        {"resourceType": "Basic", "whateverComes": {"text": "WORDS"}},
    ],
    ids=lambda one: f"{one['resourceType']}-{list(one)[-1]}",
)
def test_words_are_a_doubt_in_every_element_that_names(element: Any) -> None:
    def written(value: Any, words: str) -> Any:
        if isinstance(value, dict):
            return {key: written(one, words) for key, one in value.items()}
        if isinstance(value, list):
            return [written(one, words) for one in value]
        return value.replace("WORDS", words)

    for words in PLAIN:
        found = LABELLER.label(written(element, words))
        assert found.codes or found.may, words
    for words in HARMLESS:
        assert LABELLER.label(written(element, words))[:2] == ((), ()), words


def test_how_and_when_need_not_say_what_for_and_an_answer_may_be_a_number() -> None:
    dosage = {"resourceType": "MedicationRequest", "dosageInstruction": [{"text": "Take 1 tablet once a day"}]}
    assert LABELLER.label(dosage)[:2] == ((), ())
    answer = {"resourceType": "Observation", "code": {"text": "Chest pain"}}
    for words in ("7", "Positive", "1+"):
        assert LABELLER.label({**answer, "valueString": words})[:2] == ((), ()), words
    stopped = {"resourceType": "MedicationRequest", "statusReason": {"text": "Stopped on 2026-03-01"}}
    assert LABELLER.label(stopped)[:2] == ((), ())


TELLING = (
    "Gender clinic", "STI clinic", "Termination service", "Rehab", "Recovery centre", "Behavioral unit",
    "Women refuge", "Safe house", "Prison health", "HIV clinic", "Refugio", "Northfield Recovery Centre",
)  # fmt: skip
SAYING_NOTHING = (
    "Mercy Medical Ctr", "Emergency department", "Ward 9", "Radiology", "Outpatient clinic", "Main building",
    "St. Zelvatrix Hospital", "Room 4", "Medical center",
)  # fmt: skip


def at(element: str, name: str) -> Any:
    """A record that tells in this element where somebody was."""
    pointer: Any = {"display": name}
    if element == "location":
        return {"resourceType": "Encounter", "location": [{"location": pointer}]}
    if element == "name":
        return {"resourceType": "Location", "name": name}
    if element == "performer":
        pointer["reference"] = "Organization/1"
    kind = {"department": "Basic", "performer": "Observation", "custodian": "DocumentReference"}.get(element)
    return {"resourceType": kind or "Encounter", element: pointer}


PLACED = ("location", "serviceProvider", "department", "performer", "custodian", "encounter", "name")


@pytest.mark.parametrize("element", PLACED)
def test_where_somebody_was_may_tell_what_for(element: str) -> None:
    for name in TELLING:
        found = LABELLER.label(at(element, name))
        assert found.codes or found.may, name
    for name in SAYING_NOTHING:
        assert LABELLER.label(at(element, name))[:2] == ((), ()), name


def test_a_person_of_such_a_name_is_none_of_these_places() -> None:
    for pointer in ({"display": "Dr Grace Pride"}, {"display": "Ann Safe", "reference": "Practitioner/1"}):
        seen = {"resourceType": "Encounter", "participant": [{"individual": pointer}]}
        assert LABELLER.label(seen)[:2] == ((), ())


@pytest.mark.parametrize("words", PLAIN)
def test_plain_words_that_say_something_together_are_a_doubt_in_a_generated_narrative(words: str) -> None:
    for between in (". ", "</p><p>", " "):
        found = narrated(f"Asthma{between}{words}")
        assert found.codes or found.may, between
    assert narrated("Asthma of the chest")[:2] == ((), ())
