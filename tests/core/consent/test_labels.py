"""The labelling service: its rules, its vectors, and what it may never miss."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medrec.core.consent import labels as labelling
from medrec.core.consent.facts import INLINE_LABEL, facts
from medrec.core.consent.label_rules import LabelRulesError
from medrec.core.consent.labels import Labeller
from medrec.core.consent.labels_together import label_all
from medrec.core.consent.systems import token
from medrec.core.consent.terms import SENSITIVITIES_ABOVE, rank
from medrec.core.records.terms import NDC, RXNORM, SNOMED, Drug, Table

REPOSITORY = Path(__file__).resolve().parents[3]
RULES = (Path(labelling.__file__).parent / "labels.json").read_bytes()
VECTORS = json.loads((REPOSITORY / "tests" / "vectors" / "labels" / "labels.json").read_text(encoding="utf-8"))
LABELLER = Labeller(RULES)
FILE = {**json.loads(RULES), "products": {}, "titles": {}}
Json = dict[str, Any]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_a_record_is_labelled(case: Json) -> None:
    found = LABELLER.label(case["resource"])
    assert list(found.codes) == case["labels"]
    assert found.may == (LABELLER.opaque if case["opaque"] else ())
    assert {cause.label for cause in found.causes} == set(case["labels"])


def test_the_vectors_reach_every_sensitivity_and_both_answers() -> None:
    reached = {label for case in VECTORS["cases"] for label in case["labels"]}
    assert reached == {label for rule in FILE["rules"] for label in rule["labels"]}
    assert any(case["opaque"] for case in VECTORS["cases"]) and any(not case["labels"] for case in VECTORS["cases"])


def test_the_shipped_rules_cover_what_they_must() -> None:
    codes = sum(len(rule.get(name, ())) for rule in FILE["rules"] for name in ("icd10", "ingredients", "loinc"))
    assert codes >= 300 and len(FILE["rules"]) >= 20
    assert set(LABELLER.opaque) <= set(SENSITIVITIES_ABOVE) and "PSYTHPN" not in LABELLER.opaque
    # SNOMED CT belongs to SNOMED International: a few codes that everybody knows; a site with a licence adds the rest.
    assert sum(len(rule.get("snomed", ())) for rule in FILE["rules"]) <= 40


def test_why_is_said() -> None:
    found = LABELLER.label({"resourceType": "MedicationRequest", "reasonCode": [{"text": "cough"}, {"text": "heroin"}],
                            "medicationCodeableConcept": {"text": "buprenorphine"}})  # fmt: skip
    said = {(cause.rule, cause.path, cause.basis) for cause in found.causes}
    assert said == {
        ("substance-opioid", "reasonCode[1]", "stated"),
        ("substance-opioid-medicine", "medicationCodeableConcept", "inferred"),
    }


def test_what_is_remembered_of_a_name_or_a_code_is_read_once_and_by_these_rules_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []
    words_of = labelling.words_of
    monkeypatch.setattr(labelling, "words_of", lambda text: [read.append(text), words_of(text)][1])
    order = {"resourceType": "MedicationRequest", "medicationCodeableConcept": {
        "text": "Buprenorphine", "coding": [{"system": RXNORM, "code": "of-nobody"}]}}  # fmt: skip
    knows, other = Labeller(RULES, terms=Table([Drug("1819", "IN", "buprenorphine", ("1819",))])), Labeller(RULES)
    first = knows.label(order)
    assert first.codes and read
    read.clear()
    assert knows.label(order) == first and not read
    # Another one has its own rules and its own medicines, and remembers nothing of this one.
    assert other.label(order).codes and read
    assert knows.knows_whole(RXNORM, "1819") and not other.knows_whole(RXNORM, "1819")


def test_products_are_read_by_their_ingredients() -> None:
    table = Table(
        [Drug("351266", "SCD", "x", ("1819", "7242")), Drug("7", "SCD", "y", ("29046",))],
        same=[(NDC, "00054017613", "351266")],
    )
    labeller = Labeller(RULES, terms=table)

    def medicine(system: str, code: str) -> labelling.Labels:
        coding = {"coding": [{"system": system, "code": code}]}
        return labeller.label({"resourceType": "MedicationRequest", "medicationCodeableConcept": coding})

    assert medicine(RXNORM, "351266")[:2] == (("OPIOIDUD",), ())
    assert medicine(NDC, "00054017613").codes == ("OPIOIDUD",)
    assert medicine(RXNORM, "7")[:2] == ((), ())
    assert medicine(RXNORM, "8").may == labeller.opaque

    def pointed(system: str, code: str, **more: str) -> labelling.Labels:
        pointer = {"type": "Medication", "identifier": {"system": system, "value": code}, **more}
        return labeller.label({"resourceType": "MedicationRequest", "medicationReference": pointer})

    # An identifier may be the code itself; a number of a pharmacy's own says nothing.
    assert pointed(NDC, "00054017613").codes == pointed(RXNORM, "351266").codes == ("OPIOIDUD",)
    assert pointed(RXNORM, "8").may == pointed(SNOMED, "1").may == labeller.opaque
    assert pointed(RXNORM, "7")[:2] == pointed("urn:pharmacy", "8")[:2] == ((), ())
    assert pointed(RXNORM, "8", display="Lisinopril")[:2] == ((), ())


def named(text: str) -> labelling.Labels:
    return LABELLER.label({"resourceType": "Condition", "code": {"text": text}})


def coded(system: str, code: str, **more: Any) -> labelling.Labels:
    return LABELLER.label({"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code, **more}]}})


@pytest.mark.parametrize("code", ["B20", "b20", " B20", "B 20", "B20\u200b", "Ｂ２０", "b.20"])
@pytest.mark.parametrize("system", ["http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.3"])
def test_a_code_is_met_however_it_is_written(system: str, code: str) -> None:
    assert coded(system, code)[:2] == (("HIV",), ())
    own = {
        **FILE,
        "products": {},
        "rules": [{"id": "own", "labels": ["HIV"], "basis": "stated", "why": "x", "icd10": [code]}],
    }
    labeller = Labeller(json.dumps(own).encode())
    assert labeller.numbers_of_code(system, "B20.1") == (0,)


@pytest.mark.parametrize("code", ["F00-F99", "HIV", "B", "20", "B20 HIV positive", "", "Ж20"])
def test_what_is_no_code_of_its_system_may_be_anything(code: str) -> None:
    assert coded("http://hl7.org/fhir/sid/icd-10-cm", code).may == LABELLER.opaque


def test_national_editions_have_the_same_blocks_and_codes_of_their_own() -> None:
    german = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
    assert coded(german, "f11.2", display="Abhängigkeitssyndrom").codes == ("OPIOIDUD",)
    assert coded(german, "U69.40").may == LABELLER.opaque


@pytest.mark.parametrize("system", ["http://www.cms.gov/Medicare/Coding/ICD10", "urn:oid:2.16.840.1.113883.6.4"])
def test_procedures_of_icd_10_are_no_illnesses_of_it(system: str) -> None:
    """HL7 gives the address of CMS to ICD-10-PCS: HZ2ZZZZ is detoxification."""
    assert coded(system, "HZ2ZZZZ").may == LABELLER.opaque
    assert token(system, "HZ2ZZZZ") == token("http://hl7.org/fhir/sid/icd-10-pcs", "HZ2ZZZZ")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Buprénorphine 8 mg, comprimé", "OPIOIDUD"), ("Clozapin 100 mg", "MH"), ("bupre\u00adnorphine", "OPIOIDUD"),
        ("BUPRE\u0301NORPHINE", "OPIOIDUD"), ("ｃｌｏｚａｐｉｎｅ", "MH"), ("Quetiapin", "MH"), ("Olanzapin", "MH"),
        ("Risperidon", "MH"), ("Aripiprazol", "MH"), ("Méthadone", "OPIOIDUD"), ("Methadonhydrochlorid", "OPIOIDUD"),
        ("Metadon", "OPIOIDUD"), ("Lévométhadone", "OPIOIDUD"),
        ("Naltrexon", "SUD"), ("Fluoxetin", "MH"), ("Sertralin", "MH"), ("Lamivudin", "HIV"),
        ("Zidovudin", "HIV"), ("Névirapine", "HIV"), ("Éfavirenz", "HIV"), ("lithiumcarbonat", "MH"),
        ("H.I.V. infection", "HIV"), ("Leponex", "MH"), ("Polamidon", "OPIOIDUD"), ("Antabus", "ETHUD"),
        ("depresion", "MH"), ("Déficit de atencion", "MH"),
    ],
)  # fmt: skip
def test_accents_hidden_letters_and_languages_hide_nothing(text: str, label: str) -> None:
    assert label in named(text).codes


def test_what_is_like_a_medicine_is_not_it() -> None:
    for text in ("paracetamol", "Ibuprofen 400 mg", "nicotinamide", "lisinopril", "metformine", "2.5 mg p.o."):
        assert named(text).codes == (), text


def test_a_text_in_another_script_is_read_by_nobody() -> None:
    assert named("فيروس نقص المناعة البشرية").may == named("ВИЧ-инфекция").may == LABELLER.opaque
    assert named("β globulin, 5 µg")[:2] == named("Ménière")[:2] == ((), ())


def test_a_medicine_of_which_nobody_knows_what_is_in_it_may_be_anything() -> None:
    labeller = Labeller(RULES, terms=Table([Drug("29046", "IN", "lisinopril", ("29046",))]))

    def medicine(text: str, **more: Any) -> labelling.Labels:
        return labeller.label(
            {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": text}, **more}
        )

    assert medicine("Adumbran 10 mg").may == labeller.opaque
    assert medicine("Lisinopril 10 mg tablet")[:2] == ((), ())
    assert medicine("Lisinopril", dosageInstruction=[{"route": {"text": "by mouth"}}])[:2] == ((), ())
    held = {"resourceType": "Medication", "code": {"text": "Lisinopril"}, "form": {"text": "tablet"}}
    assert labeller.label(held)[:2] == ((), ())
    assert labeller.label({**held, "ingredient": [{"itemCodeableConcept": {"text": "x 5"}}]}).may == labeller.opaque


@pytest.mark.parametrize(
    ("system", "code"),
    [("service-category", "22"), ("service-category", "12"), ("service-type", "141"), ("v3-RoleCode", "PSYCHF"),
     ("v3-ActCode", "SUBPOL"), ("v2-0074", "GE"), ("discharge-disposition", "psy")],
)  # fmt: skip
def test_a_code_of_hl7_may_say_what_somebody_has(system: str, code: str) -> None:
    assert coded(f"http://terminology.hl7.org/CodeSystem/{system}", code).may == LABELLER.opaque


@pytest.mark.parametrize(
    ("system", "code"),
    [("http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB"), ("http://hl7.org/fhir/observation-status", "final"),
     ("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"), ("http://unitsofmeasure.org", "mg"),
     ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH"), ("urn:ietf:bcp:47", "es")],
)  # fmt: skip
def test_what_says_nothing_of_an_illness_is_no_doubt(system: str, code: str) -> None:
    assert coded(system, code)[:2] == ((), ())


def test_tags_and_sources_of_a_record_are_read() -> None:
    def labelled(**meta: Any) -> labelling.Labels:
        return LABELLER.label({"resourceType": "Observation", "code": {"text": "weight"}, "meta": meta})

    assert labelled(tag=[{"system": "urn:dept", "code": "17", "display": "HIV clinic"}]).codes == ("HIV",)
    assert labelled(tag=[{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "b20"}]).codes == ("HIV",)
    assert labelled(tag=[{"system": "urn:dept", "code": "hiv-clinic"}]).codes == ("HIV",)
    # Whole systems tag every record with a code of their own: by itself it is no doubt.
    assert labelled(tag=[{"system": "https://smarthealthit.org/tags", "code": "synthea-5-2019"}])[:2] == ((), ())
    assert labelled(source="http://h.example/hiv-clinic").codes == ("HIV",)
    assert labelled(lastUpdated="2025-01-01T00:00:00Z", security=[{"system": "urn:own", "code": "x"}])[:2] == ((), ())


@pytest.mark.parametrize("fifth", [False, True])
def test_a_denial_of_a_code_meets_the_identifier_of_a_medicine(fifth: bool) -> None:
    pointer: Json = {"identifier": {"system": RXNORM, "value": "195085"}}
    medicine: Json = {"medication": {"reference": pointer}} if fifth else {"medicationReference": pointer}
    found = facts(
        {"resourceType": "MedicationRequest", "id": "o", "requester": {"identifier": {"system": "n", "value": "1"}}}
        | medicine
    )
    assert found.codes == {f"{RXNORM}|195085"}


def test_labels_go_along_clinical_references_only() -> None:
    records: list[Json] = [
        {"resourceType": "Condition", "id": "hiv", "code": {"text": "HIV"}, "encounter": {"reference": "Encounter/e"}},
        {"resourceType": "Encounter", "id": "e", "class": {"code": "AMB"}},
        {
            "resourceType": "CarePlan",
            "id": "plan",
            "addresses": [{"reference": "https://h.example/fhir/Condition/hiv"}],
        },
        {"resourceType": "Goal", "id": "goal", "addresses": [{"reference": "CarePlan/plan/_history/2"}]},
        {"resourceType": "Observation", "id": "o", "encounter": {"reference": "Encounter/e"}, "code": {"text": "BMI"}},
    ]
    found = label_all(LABELLER, records)
    assert found["CarePlan/plan"].codes == found["Goal/goal"].codes == ("HIV",)
    assert found["Encounter/e"].codes == found["Observation/o"].codes == ()
    assert label_all(LABELLER, records[::-1]) == found


def test_a_circle_of_references_ends() -> None:
    circle: list[Json] = [
        {"resourceType": "Observation", "id": "a", "hasMember": [{"reference": "Observation/b"}]},
        {"resourceType": "Observation", "id": "b", "partOf": [{"reference": "Observation/a"}], "code": {"text": "hiv"}},
    ]
    assert {labels.codes for labels in label_all(LABELLER, circle).values()} == {("HIV",)}


SENSITIVE = ({"text": "HIV"}, {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F11.2"}]})
plain = st.sampled_from(("Observation", "blood pressure", "2020-01-01", "final"))
shapes = st.recursive(
    plain | st.integers(0, 5) | st.booleans() | st.none(),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(("a", "code", "item", "detail")), below)
    ),
    max_leaves=8,
)


@given(shapes, st.sampled_from(SENSITIVE), st.lists(st.sampled_from(("a", "code", "item", "part")), max_size=6))
def test_nothing_sensitive_is_missed_however_deep(shape: Any, sensitive: Json, way: list[str]) -> None:
    value: Any = sensitive
    for at, name in enumerate(way):
        value = {name: value} if at % 2 else {name: [shape, value]}
    found = LABELLER.label({"resourceType": "Basic", "id": "b", "thing": value, "other": shape})
    assert "HIV" in found.codes or "OPIOIDUD" in found.codes


@example("<", ">")
@example("<p>", "</p>")
@example("<a", ">")
@given(st.text(max_size=50), st.text(max_size=50))
def test_more_text_never_takes_a_label_away(before: str, after: str) -> None:
    found = LABELLER.label({"resourceType": "Basic", "code": {"text": f"{before} heroin {after}"}})
    assert "OPIOIDUD" in found.codes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: "{", "cannot be read"),
        (lambda file: {**file, "format": "medrec/labels/2"}, "cannot be read"),
        (lambda file: {**file, "more": 1}, "cannot be read"),
        (lambda file: {**file, "opaque": ["XX"]}, "opaque: XX"),
        (lambda file: {**file, "rules": [file["rules"][0]] * 2}, "an id of its own"),
        (lambda file: {**file, "rules": [{**file["rules"][0], "labels": []}]}, "its labels"),
        (lambda file: {**file, "rules": [{**file["rules"][0], "labels": ["N"]}]}, "its labels"),
        (
            lambda file: {**file, "rules": [{"id": "x", "labels": ["MH"], "basis": "stated", "why": ""}]},
            "neither codes",
        ),
        (lambda file: {**file, "rules": [{**file["rules"][0], "names": ["ab*"]}]}, "too short"),
        (lambda file: {**file, "rules": [{**file["rules"][0], "icd10": [""]}]}, "a code is empty"),
    ],
)
def test_a_broken_file_is_named(change: Any, said: str) -> None:
    made = change(FILE)
    with pytest.raises(LabelRulesError, match=said):
        Labeller(made.encode() if isinstance(made, str) else json.dumps(made).encode())
    with pytest.raises(LabelRulesError):
        Labeller()


def test_a_site_adds_rules_of_its_own() -> None:
    rule = {"id": "site", "labels": ["SDV"], "basis": "stated", "why": "local", "snomed": ["1"], "codes": ["urn:x|9"]}
    own = {**FILE, "version": "site-1", "opaque": [], "rules": [rule]}
    both = Labeller(RULES, json.dumps(own).encode())
    coding = {"coding": [{"system": "urn:x", "code": "9", "display": "y"}]}
    assert both.label({"resourceType": "Basic", "code": coding}).codes == ("SDV",)
    assert both.version.endswith("+site-1") and both.digest != LABELLER.digest
    assert both.opaque == LABELLER.opaque


SUD = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SUD"}
VERY = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}


@pytest.mark.parametrize(
    "part",
    [
        {"contained": [{"resourceType": "Condition", "id": "c", "meta": {"security": [SUD]}}]},
        {"entry": [{"resource": {"resourceType": "Condition", "id": "c", "meta": {"security": [SUD]}}}]},
        {"component": [{"valueString": "7", "extension": [{"url": INLINE_LABEL, "valueCoding": SUD}]}]},
        {"code": {"text": "x", "extension": [{"url": INLINE_LABEL, "valueCodeableConcept": {"coding": [SUD]}}]}},
        {"_status": {"extension": [{"url": INLINE_LABEL, "valueCoding": SUD}]}},
    ],
    ids=["contained", "bundle", "inline", "concept", "primitive"],
)
def test_a_label_on_a_part_is_one_on_the_whole(part: Json) -> None:
    assert "SUD" in (facts({"resourceType": "Observation", "id": "o", **part}).labels or ())
    very = json.loads(json.dumps(part).replace(json.dumps(SUD), json.dumps(VERY)))
    assert facts({"resourceType": "Observation", "id": "o", **very}).level == rank("V")
    unknown = json.loads(json.dumps(part).replace('"SUD"', '"NO-SUCH-CODE"'))
    assert facts({"resourceType": "Observation", "id": "o", **unknown}).labels is None


def test_an_inline_label_without_a_label_may_be_any() -> None:
    part = {"component": [{"extension": [{"url": INLINE_LABEL}]}]}
    assert facts({"resourceType": "Observation", "id": "o", **part}).labels is None
