"""Names beside codes: which are read and which a doubt; what ICD-9-CM, HCPCS and CPT say by their numbers."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent import labels as labelling
from medrec.core.consent.label_rules import LabelRulesError
from medrec.core.consent.labels import Labeller
from medrec.core.records.terms import ICD10CM, LOINC, NDC, RXNORM, SNOMED, Drug, Table
from medrec.node.release.labels import Labels

Json = dict[str, Any]
REPOSITORY = Path(__file__).resolve().parents[3]
RULES = (Path(labelling.__file__).parent / "labels.json").read_bytes()
LABELLER = Labeller(RULES)
NAMES = json.loads((REPOSITORY / "tests" / "vectors" / "labels" / "names.json").read_text(encoding="utf-8"))["names"]
ICD9 = "http://hl7.org/fhir/sid/icd-9-cm"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


def coded(system: str, code: str, *names: str, kind: str = "Condition") -> labelling.Labels:
    coding = {"system": system, "code": code, **({"display": names[0]} if names else {})}
    concept = {"coding": [coding], **({"text": names[1]} if len(names) > 1 else {})}
    return LABELLER.label({"resourceType": kind, "id": "x", "code": concept})


def record(kind: str, system: str, code: str, name: str) -> Json:
    concept: Json = {"text": name} if not code else {"coding": [{"system": system, "code": code, "display": name}]}
    element = {"MedicationRequest": "medicationCodeableConcept", "Encounter": "serviceType"}.get(kind, "code")
    return {"resourceType": kind, "id": "x", element: concept}


def test_each_name_that_somebody_would_hide_is_labelled_or_a_doubt_or_clear_for_a_reason() -> None:
    labels = Labels()
    said = Counter[str]()
    for kind, system, code, name, verdict, *reason in NAMES:
        found = labels.of(record(kind, system, code, name))
        assert (" ".join(found.codes) or ("doubt" if found.may else "clear")) == verdict, (kind, name)
        assert bool(reason and reason[0]) == (verdict == "clear"), name
        said["label" if verdict not in ("doubt", "clear") else verdict] += 1
    assert said["label"] > 300 and said["clear"] < 20, said


@pytest.mark.parametrize(
    "name",
    [
        "Type 2 diabetes mellitus", "Essential hypertension", "Fracture of clavicle (disorder)", "Chest x-ray",
        "Systolic blood pressure", "Hemoglobin A1c/Hemoglobin.total in Blood", "Body mass index (BMI) [Ratio]",
        "Creatinine [Moles/volume] in Urine", "Peanut IgE Ab in Serum",
        "Hipertensión esencial", "Fractura de clavícula", "Knee replacement", "Alpha-1-Fetoprotein Ag [Presence]",
    ],
)  # fmt: skip
def test_ordinary_names_are_read_in_english_and_spanish(name: str) -> None:
    assert coded(SNOMED, "1", name)[:2] == ((), ())


@pytest.mark.parametrize(
    "name",
    [
        "Disorder", "Viral infection, other", "Disease, stage 4", "Surgical procedure", "D&C", "Service", "tablet", "-",
        "Problem", "Chronic disease under review", "Follow-up visit", "Blood test", "Laboratory test result",
        "Routine check", "Abnormal blood test", "Restricted diagnosis", "Physical examination", "Positive", "Line list",
        "Enfermedad crónica", "Prueba de sangre", "Revisión", "Otros trastornos especificados", "Skin disorder",
    ],
)  # fmt: skip
def test_a_name_that_would_stand_beside_any_code_says_nothing(name: str) -> None:
    assert coded(SNOMED, "86406008", name).may == LABELLER.opaque


@pytest.mark.parametrize("system", [SNOMED, LOINC, "http://hl7.org/fhir/sid/icd-11", "http://house/codes"])
def test_what_says_nothing_of_an_illness_clears_no_code_of_one(system: str) -> None:
    for kind in ("Condition", "Observation", "DiagnosticReport"):
        assert coded(system, "1C62", "Chronic disease under review", kind=kind).may == LABELLER.opaque
        assert coded(system, "1C62", "Problem", "Asthma", kind=kind)[:2] == ((), ())


def test_a_visit_an_answer_and_a_site_are_known_by_their_whole_names() -> None:
    def of(kind: str, **elements: Json) -> labelling.Labels:
        return LABELLER.label({"resourceType": kind, "id": "x", **elements})

    def named(name: str) -> Json:
        return {"coding": [{"system": SNOMED, "code": "1", "display": name}]}

    for name in ("Encounter for check up (procedure)", "Outpatient procedure (procedure)", "Office visit"):
        assert of("Encounter", type=named(name))[:2] == ((), ())
        assert of("Encounter", reasonCode=named(name)).may == of("Condition", code=named(name)).may == LABELLER.opaque
    code = {"text": "Glucose in urine"}
    assert of("Observation", code=code, valueCodeableConcept=named("Positive (qualifier value)"))[:2] == ((), ())
    assert of("Condition", code={"text": "Asthma"}, bodySite=[named("Left")])[:2] == ((), ())
    # Part of such a name, and one beside it, is none.
    assert of("Encounter", type=named("Special visit")).may == of("Encounter", type=named("Left visit")).may != ()


@pytest.mark.parametrize(
    "name",
    [
        "Hit by husband", "Sex worker", "MSM", "Chancre", "Wants to die", "Pot use", "Partner positive", "Termination",
        "Xyzzy qwrt", "Hears voices", "Undetectable", "Shakes",
    ],
)  # fmt: skip
def test_words_that_nothing_clears_are_a_doubt_without_a_code_as_well(name: str) -> None:
    for kind, element in (("Condition", "code"), ("Observation", "code"), ("Encounter", "reasonCode")):
        concept = {"text": name}
        found = LABELLER.label({"resourceType": kind, "id": "x", element: concept})
        assert found.codes or found.may == LABELLER.opaque, (kind, element)


@pytest.mark.parametrize("name", ["D&C", "Problem", "Reactive test"])
def test_what_a_record_is_about_has_to_be_named_and_so_has_its_reason(name: str) -> None:
    for kind in ("Condition", "Observation"):
        assert LABELLER.label({"resourceType": kind, "id": "x", "code": {"text": name}}).may == LABELLER.opaque
    for kind in ("MedicationRequest", "Encounter"):
        why = {"resourceType": kind, "id": "x", "reasonCode": [{"text": name}]}
        assert LABELLER.label(why).may == LABELLER.opaque


def test_values_titles_and_what_is_pointed_at_are_read_as_names_are() -> None:
    def of(**elements: Any) -> labelling.Labels:
        return LABELLER.label({"resourceType": "Observation", "id": "x", "code": {"text": "Glucose"}, **elements})

    for value in ("5.4", "positive", "3+", "yellow"):
        assert of(valueString=value)[:2] == ((), ()), value
    assert of(valueString="sleeps with men").may == LABELLER.opaque
    assert of(component=[{"code": {"text": "Glucose"}, "valueString": "Kokst"}]).may == LABELLER.opaque
    plan = {"resourceType": "CarePlan", "id": "x", "title": "Quitting weed"}
    assert LABELLER.label(plan).may == LABELLER.opaque
    goal = {"resourceType": "CarePlan", "id": "x", "addresses": [{"display": "Sleeps with men"}]}
    assert LABELLER.label(goal).may == LABELLER.opaque
    goal["addresses"] = [{"display": "Asthma"}]
    assert LABELLER.label(goal)[:2] == ((), ())


def test_who_somebody_is_and_how_a_medicine_is_taken_are_no_doubt() -> None:
    patient = {"resourceType": "Patient", "id": "p", "maritalStatus": {"text": "Verheiratet"}}
    assert LABELLER.label(patient)[:2] == ((), ())
    for text in ("Take 1 tab by mouth every day", "1 cap po q8-12h prn", "take 1 tab two times a day"):
        order = {"resourceType": "MedicationRequest", "id": "m", "dosageInstruction": [{"text": text}]}
        assert LABELLER.label(order)[:2] == ((), ()), text
    order["dosageInstruction"] = [{"text": "take 1 tab when craving"}]
    assert LABELLER.label(order).may == LABELLER.opaque


def test_what_a_person_says_of_herself_is_no_doubt() -> None:
    def of(**elements: Any) -> labelling.Labels:
        return LABELLER.label({"resourceType": "Patient", "id": "p", **elements})

    def said(url: str, value: Json) -> list[Json]:
        return [{"url": url, "valueCodeableConcept": {"coding": [value]}}]

    hl7 = "http://terminology.hl7.org/CodeSystem/v3-"
    church = {"system": f"{hl7}ReligiousAffiliation", "code": "1041", "display": "Roman Catholic Church"}
    tribe = {"system": f"{hl7}TribalEntityUS", "code": "91", "display": "Fort Mojave Indian Tribe of Arizona"}
    gender = {"system": SNOMED, "code": "446141000124107", "display": "Identifies as female gender (finding)"}
    assert of(photo=[{"contentType": "image/png", "data": "iVBORw0KGgo="}])[:2] == ((), ())
    assert of(extension=said("urn:religion", church))[:2] == of(extension=said("urn:tribe", tribe))[:2] == ((), ())
    assert of(extension=said("urn:gender", gender))[:2] == (("SEX",), ())
    assert of(identifier=[{"type": {"text": "Ryan White ID"}, "value": "1"}]).codes == ("HIV",)
    assert of(extension=[{"url": "urn:x", "valueAttachment": {"data": "QQ=="}}]).may == LABELLER.opaque
    wound = {"resourceType": "Condition", "id": "c", "photo": [{"data": "QQ=="}]}
    assert LABELLER.label(wound).may == LABELLER.opaque


def test_every_name_of_a_concept_has_to_be_read() -> None:
    assert coded(SNOMED, "1", "Asthma", "Asthma, mild")[:2] == ((), ())
    assert coded(SNOMED, "1", "Asthma", "Zwangsgedanken").may == LABELLER.opaque
    assert coded(SNOMED, "1", "Zwangsgedanken", "Asthma").may == LABELLER.opaque
    # A code that says itself what it is needs none of its names.
    icd = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J45.909"}
    both = {"coding": [icd, {"system": SNOMED, "code": "1", "display": "Belastungsasthma"}]}
    assert LABELLER.label({"resourceType": "Condition", "id": "x", "code": both})[:2] == ((), ())


def test_a_code_by_itself_is_read_like_one_in_a_concept() -> None:
    def answered(display: str) -> labelling.Labels:
        coding = {"system": LOINC, "code": "LA1-1", "display": display}
        return LABELLER.label({"resourceType": "Basic", "item": [{"answer": [{"valueCoding": coding}]}]})

    assert answered("Fracture of ankle")[:2] == ((), ())
    assert answered("Kokst am Wochenende").may == LABELLER.opaque


@pytest.mark.parametrize(
    ("code", "labels"),
    [
        ("042", "HIV"), ("V08", "HIV"), ("079.53", "HIV"), ("07953", "HIV"), ("295.30", "MH PSY"), ("303.90", "ETHUD"),
        ("304.01", "OPIOIDUD SUD"), ("305.20", "SUD"), ("290.0", "COGN"), ("635.90", "PREGNANT SEX"),
        ("V22.2", "PREGNANT SEX"), ("302.50", "SEX"), ("097.9", "SEX STD"), ("282.60", "GDIS SCA"), ("V84.01", "GDIS"),
        ("995.81", "SDV VIO"), ("E967.0", "SDV VIO"), ("E950.0", "MH PSY"), ("V62.84", "MH PSY"), ("299.00", "DVD"),
    ],
)  # fmt: skip
def test_a_diagnosis_of_icd_9_cm_says_itself_what_it_is(code: str, labels: str) -> None:
    found = coded(ICD9, code, "Krankheit")
    assert (" ".join(found.codes), found.may) == (labels, ())


@pytest.mark.parametrize("code", ["401.9", "250.00", "25000", "V70.0", "493", "305.1"])
def test_an_ordinary_diagnosis_of_icd_9_cm_goes_out_without_a_name(code: str) -> None:
    assert coded(ICD9, code)[:2] == ((), ())


def test_a_procedure_of_icd_9_cm_is_no_diagnosis_of_it() -> None:
    """30.3 is a laryngectomy, 303 is alcohol dependence; without its dot 9427 may be either, of 94.27 or 942.7."""
    assert coded(ICD9, "30.3", "Complete laryngectomy")[:2] == ((), ())
    assert coded(ICD9, "94.27").may == coded(ICD9, "9427").may == LABELLER.opaque


@pytest.mark.parametrize(
    ("system", "code", "labels"),
    [
        (HCPCS, "H0014", "MH SUD"), (HCPCS, "h0020", "MH OPIOIDUD SUD"), (HCPCS, "H2036", "MH SUD"),
        (HCPCS, "T1007", "SUD"), (HCPCS, "G2067", "OPIOIDUD"), (CPT, "90834", "MH"), (CPT, "90791", "MH"),
        (CPT, "80307", "SUD"), (CPT, "99408", "SUD"), (CPT, "59840", "PREGNANT SEX"), (CPT, "87536", "HIV"),
        (CPT, "81162", "GDIS"), (HCPCS, "90870", "MH"), (CPT, "99213", ""),
        # CMS's file has these one by one: care of one chronic disease and a loop recorder stand before the programmes.
        (HCPCS, "G2065", ""), (HCPCS, "G2066", ""), (HCPCS, "G2079", "OPIOIDUD"), (HCPCS, "G2081", ""),
        (HCPCS, "G2082", "MH PSY"), (HCPCS, "G2087", "OPIOIDUD"), (HCPCS, "S0109", "OPIOIDUD"), (HCPCS, "S0104", "HIV"),
        (HCPCS, "S0199", "PREGNANT SEX"), (HCPCS, "S4025", "PREGNANT SEX"), (HCPCS, "S4990", ""),
        # Drugs and screenings, by CMS's own words for each (groups J and G).
        (HCPCS, "J0570", "OPIOIDUD"), *((HCPCS, f"J057{n}", "OPIOIDUD") for n in range(1, 6)),
        (HCPCS, "J0592", "OPIOIDUD"), (HCPCS, "J2315", "SUD"), (HCPCS, "Q9991", "OPIOIDUD"), (HCPCS, "J0583", ""),
        (HCPCS, "G0396", "SUD"),
        (HCPCS, "G0397", "SUD"), (HCPCS, "G0398", ""), (HCPCS, "G0409", "MH"), (HCPCS, "G0410", "MH"),
        (HCPCS, "G0411", "MH"), (HCPCS, "G0412", ""), (HCPCS, "G0429", "HIV"), (HCPCS, "G0431", "SUD"),
        (HCPCS, "G0432", "HIV"), (HCPCS, "G0433", "HIV"), (HCPCS, "G0434", "SUD"), (HCPCS, "G0435", "HIV"),
        (HCPCS, "G0436", ""), (HCPCS, "G0439", ""), (HCPCS, "G0442", "ETHUD"), (HCPCS, "G0443", "ETHUD"),
        (HCPCS, "G0444", "MH"), (HCPCS, "G0445", "SEX STD"), (HCPCS, "G0446", ""), (HCPCS, "G0459", "MH"),
        (HCPCS, "G0470", "MH"), (HCPCS, "S3850", "GDIS"),
        (HCPCS, "H1011", "MH"), (HCPCS, "H1010", "PREGNANT SEX"), (HCPCS, "G2011", "SUD"),
    ],
)  # fmt: skip
def test_services_are_told_by_the_ranges_of_their_numbers(system: str, code: str, labels: str) -> None:
    assert " ".join(coded(system, code, "Service", kind="Procedure").codes) == labels
    assert coded(system, code, "Service", kind="Procedure").may == LABELLER.opaque


def test_the_name_of_a_medicine_is_read_by_the_table_where_a_medicine_or_an_allergy_is_named() -> None:
    labeller = Labeller(RULES, terms=Table([Drug("1", "IN", "zelvatrix", ("1",))]))
    concept = {"coding": [{"system": SNOMED, "code": "1", "display": "Zelvatrix allergy"}]}
    for kind in ("AllergyIntolerance", "Immunization"):
        assert labeller.label({"resourceType": kind, "id": "a", "code": concept})[:2] == ((), ())
    # In urine the same name may say what somebody takes.
    assert labeller.label({"resourceType": "Observation", "id": "a", "code": concept}).may == labeller.opaque
    assert coded(RXNORM, "1", "Zelvatrix").may == LABELLER.opaque


def test_a_file_may_add_ordinary_words_and_beginnings_of_codes() -> None:
    own: Json = {
        "format": "medrec/labels/1", "version": "site", "about": "", "credits": [], "opaque": [],
        "rules": [{"id": "own", "labels": ["SUD"], "basis": "stated", "why": "x", "begins": {"urn:house": ["7"]}}],
        "ordinary": ["Heuschnupfen Husten"],
    }  # fmt: skip
    labeller = Labeller(RULES, json.dumps(own).encode())
    concept = {"coding": [{"system": SNOMED, "code": "1", "display": "Heuschnupfen"}]}
    assert labeller.label({"resourceType": "Condition", "code": concept})[:2] == ((), ())
    assert labeller.numbers_of_code("urn:house", "71") != () and labeller.numbers_of_code("urn:house", "17") == ()
    own["products"] = {"own": ["123456789 12345"]}
    assert Labeller(json.dumps(own).encode()).numbers_of_code(NDC, "12345-6789-01") == (0, 0)
    for products in ({"other": ["1"]}, {"own": ["12-3"]}):
        with pytest.raises(LabelRulesError, match="products"):
            Labeller(json.dumps({**own, "products": products}).encode())
    for begins in ({"urn:house": []}, {"urn:house": [""]}, {"": ["7"]}):
        own["rules"][0]["begins"] = begins
        with pytest.raises(LabelRulesError, match="empty"):
            Labeller(RULES, json.dumps(own).encode())


PUBLIC = json.loads((REPOSITORY / "tests" / "vectors" / "labels" / "snomed.json").read_text(encoding="utf-8"))["codes"]


@pytest.mark.parametrize("beside", ["Asthma", "Essential hypertension", "Encounter for problem", ""])
def test_no_name_beside_it_clears_a_code_of_snomed_ct_that_is_known(beside: str) -> None:
    for code, _, labels in PUBLIC:
        found = coded(SNOMED, code, *([beside, beside] if beside else []))
        assert set(labels.split()) <= set(found.codes), (code, beside)
    assert coded(SNOMED, "195967001", "Asthma") == labelling.NONE, "what is known of other codes is left as it was"


def test_few_codes_of_snomed_ct_ship_and_each_says_what_its_name_says() -> None:
    ruled = {code for rule in LABELLER.rules for code in rule.snomed}
    # SNOMED CT belongs to SNOMED International: no table of it ships, and a site with a licence adds a file of its own.
    assert ruled == {code for code, _, _ in PUBLIC} and 20 <= len(ruled) <= 40
    for code, name, labels in PUBLIC:
        assert (
            set(coded(SNOMED, "123", name).codes) <= set(coded(SNOMED, code, "Asthma").codes) == set(labels.split())
        ), code


def test_no_name_clears_a_code_that_a_rule_lists() -> None:
    """Every code of every rule, in its system, beside a name of something else."""
    for rule in LABELLER.rules:
        listed = [(LOINC, rule.loinc), (SNOMED, rule.snomed), (ICD10CM, rule.icd10), *rule.begins.items()]
        for system, codes in listed:
            for code in codes:
                assert set(rule.labels) <= set(coded(system, code, "Asthma", "Asthma").codes), (rule.id, system, code)
