"""Codes that are written as addresses, and answers whose questions do not stand beside them."""

from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent import labels as labelling
from medrec.core.consent.addresses import codes_in
from medrec.core.consent.labels import Labeller
from medrec.core.records.terms import ICD10CM, LOINC, SNOMED

LABELLER = Labeller((Path(labelling.__file__).parent / "labels.json").read_bytes())
PRESSURE = {"coding": [{"system": LOINC, "code": "8480-6", "display": "Systolic blood pressure"}]}
ASKED = {"linkId": "1", "text": "Systolic blood pressure", "answer": [{"valueInteger": 120}]}


def form(*items: dict[str, Any], **elements: Any) -> labelling.Labels:
    whole = {"resourceType": "QuestionnaireResponse", "id": "x", "status": "completed", **elements}
    return LABELLER.label({**whole, "item": list(items)} if items else whole)


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("http://loinc.org/q/44249-1", [(LOINC, "44249-1")]),
        ("HTTPS://www.LOINC.org/q/44249-1|2.77", [(LOINC, "44249-1")]),
        ("http://loinc.org/44249-1/44250-9#x", [(LOINC, "44249-1"), (LOINC, "44250-9")]),
        ("https://fhir.loinc.org/Questionnaire/?url=http%3A%2F%2Floinc.org%2Fq%2F44249-1", [(LOINC, "44249-1")]),
        ("http://loinc.org/vs/LL358-3", [(LOINC, "LL358-3")]),
        ("http://loinc.org", []),
        ("http://snomed.info/id/86406008", [(SNOMED, "86406008")]),
        ("http://snomed.info/sct/86406008", [(SNOMED, "86406008")]),
        ("http://snomed.info/sct#86406008", [(SNOMED, "86406008")]),
        ("http://snomed.info/sct?fhir_vs=ecl/%3C86406008", [(SNOMED, "86406008")]),
        ("http://snomed.info/sct/731000124108/version/20250301/id/86406008", [(SNOMED, "86406008")]),
        ("http://snomed.info/sct/731000124108/version/20250301", []),
        ("http://snomed.info/sct/900000000000207008", []),
        ("see http://hl7.org/fhir/sid/icd-10-cm/B20, or urn:oid:2.16.840.1.113883.6.90.B20.", [(ICD10CM, "B20")]),
        ("http://hl7.org/fhir/sid/icd-10-cm", []),
        ("urn:oid:2.16.840.1.113883.6.90", []),
        ("http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|6.1.0", []),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", []),
        ("http://north.example/q/44249-1", []),
    ],
)
def test_the_codes_that_an_address_is(address: str, codes: list[tuple[str, str]]) -> None:
    assert list(codes_in(address)) == codes


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("44249-1", "MH"), ("69737-5", "MH"), ("71354-5", "MH"), ("93373-9", "MH"), ("72109-2", "ETHUD"),
        ("82666-9", "SUD"), ("76499-3", "SDV"),
    ],
)  # fmt: skip
def test_a_form_is_told_by_its_canonical_address(code: str, label: str) -> None:
    for address in (f"http://loinc.org/q/{code}", f"https://loinc.org/q/{code}/|2.77"):
        assert label in form(ASKED, questionnaire=address).codes
    for item in ({**ASKED, "linkId": f"/{code}"}, {**ASKED, "definition": f"http://loinc.org/{code}"}):
        assert label in form(item).codes
        assert label in form({"linkId": "g", "item": [{**ASKED, "answer": [{"item": [item]}]}]}).codes


def test_a_form_that_no_rule_knows_may_be_any() -> None:
    assert form(ASKED, questionnaire="http://loinc.org/q/93025-5").may == LABELLER.opaque
    assert form(ASKED, questionnaire="http://north.example/q/1")[:2] == ((), ())
    assert form(questionnaire="http://north.example/q/1")[:2] == ((), ())


def test_an_answer_without_its_question_is_a_doubt_wherever_it_stands() -> None:
    bare = {"linkId": "1", "answer": [{"valueInteger": 3}]}
    group = {"linkId": "g", "text": "Vital signs", "item": [bare]}
    for item in (bare, {**bare, "text": None}, {**bare, "text": "1."}, group, {**ASKED, "answer": [{"item": [bare]}]}):
        assert form(item).may == LABELLER.opaque, item
    assert form(ASKED, bare, identifier={"value": "PHQ9-123"}).may == LABELLER.opaque
    # What was asked and not answered says nothing, and neither does a group of questions by itself.
    assert form({"linkId": "1"}, {"linkId": "g", "item": [ASKED]})[:2] == ((), ())


def test_the_address_of_a_concept_is_its_code_in_every_element() -> None:
    def of(**elements: Any) -> labelling.Labels:
        return LABELLER.label({"resourceType": "Observation", "id": "x", "code": PRESSURE, **elements})

    hiv = "http://snomed.info/id/86406008"
    for name in ("valueUri", "valueUrl", "valueCanonical", "valueString"):
        assert of(extension=[{"url": "http://x/y", name: hiv}]).codes == ("HIV",), name
    assert of(instantiatesCanonical=hiv).codes == ("HIV",)
    assert "HIV" in form({**ASKED, "answer": [{"valueUri": hiv}]}).codes
    unknown = of(extension=[{"url": "http://x/y", "valueUri": "http://snomed.info/id/900000000123456789"}])
    assert unknown.may == LABELLER.opaque and not unknown.codes
    # Where a code says nothing by itself its address does not, and an edition is no concept.
    assert of(extension=[{"url": "u", "valueUri": "http://hl7.org/fhir/sid/icd-10-cm/E11.9"}])[:2] == ((), ())
    edition = "http://snomed.info/sct/731000124108/version/20250301"
    assert of(method={"coding": [{"system": SNOMED, "version": edition, "code": "1", "display": "Auscultation"}]}) == (
        of(method={"coding": [{"system": SNOMED, "code": "1", "display": "Auscultation"}]})
    )


def test_a_link_in_a_narrative_that_a_program_wrote_is_read_by_the_rules() -> None:
    def of(code: str) -> labelling.Labels:
        div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="http://snomed.info/id/{code}">Pressure</a></div>'
        return LABELLER.label(
            {"resourceType": "Observation", "id": "x", "code": PRESSURE, "text": {"status": "generated", "div": div}}
        )

    assert of("86406008").codes == ("HIV",)
