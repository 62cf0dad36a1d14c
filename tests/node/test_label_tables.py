"""What a medicine tells by its ingredients: codes and brands at a node; a site's own rules."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec import wiring
from medrec.core.records.terms import NDC, RXNORM, UNII, Drug, Table
from medrec.node.release.labels import Labels
from medrec.node.settings import SettingsError, decode_settings
from medrec.node.terminology.shipped import digest, shipped
from tests.node.network import Network, Patient
from tests.node.test_labels import ada, everything_but, network, put, seen

__all__ = ["ada", "network"]
BUPRENORPHINE, RITONAVIR, NIRMATRELVIR = "1819", "85762", "2587892"


def medicine(**concept: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "id": "m", "status": "active", "medicationCodeableConcept": concept}


def coded(system: str, code: str) -> dict[str, Any]:
    return medicine(coding=[{"system": system, "code": code}])


def products(*ingredients: str) -> Iterator[Drug]:
    wanted = tuple(sorted(ingredients))
    return (drug for drug in shipped().all_drugs() if drug.ingredients == wanted and drug.kind not in ("IN", "BN"))


def test_a_brand_or_a_code_tells_what_its_ingredients_tell() -> None:
    labels = Labels()
    assert labels.of(medicine(text="Belbuca 75 mcg film")).codes == ("OPIOIDUD",)
    of_codes = [labels.of(coded(RXNORM, drug.code)) for drug in products(BUPRENORPHINE, "7242")]
    assert len(of_codes) > 3 and {found[:2] for found in of_codes} == {(("OPIOIDUD",), ())}
    uniis = [code for (system, code), drug in shipped()._same.items() if system == UNII and drug == BUPRENORPHINE]
    assert uniis and {labels.of(coded(UNII, code)).codes for code in uniis} == {("OPIOIDUD",)}
    # No NDC ships: a site loads them, and they are read with hyphens and without.
    ndc, product = "12496120803", next(products(BUPRENORPHINE, "7242"))
    loaded = Labels(terms=Table(shipped().all_drugs(), same=[(NDC, ndc, product.code)]), tables="loaded")
    for written in (ndc, "12496-1208-03"):
        assert loaded.of(coded(NDC, written))[:2] == (("OPIOIDUD",), ())
    # A brand is one where a medicine is named, not in the name of who prescribed it.
    assert labels.of(medicine(text="Ella 30 mg")).codes == ("PREGNANT", "SEX")
    assert labels.of({**medicine(text="Lisinopril 10 MG"), "requester": {"display": "Dr. Ella Berg"}})[:2] == ((), ())
    assert labels.of({"resourceType": "Medication", "code": {"text": "Sustiva"}}).codes == ("HIV",)
    # Without the table the brand tells nothing, and the code may be anything but what its product tells.
    assert Labels(terms=Table()).of(medicine(text="Belbuca 75 mcg film")).codes == ()
    assert Labels(terms=Table()).of(coded(NDC, ndc)).may != ()
    icd9 = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-9-cm", "code": "042"}]}
    assert labels.of({"resourceType": "Condition", "code": icd9})[:2] == (("HIV",), ())
    cvx = {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140"}]}
    assert labels.of({"resourceType": "Immunization", "vaccineCode": cvx})[:2] == ((), ())


@pytest.mark.parametrize(
    ("kind", "system", "code", "name", "label"),
    [
        ("MedicationRequest", NDC, "12496120803", "Aspirin", "OPIOIDUD"),
        ("MedicationRequest", NDC, "12496-1208-03", "Vitamin D", "OPIOIDUD"),
        ("MedicationRequest", NDC, "1249612083", "Aspirin", "OPIOIDUD"),
        ("MedicationRequest", NDC, "61958250101", "Aspirin", "HIV"),
        ("MedicationRequest", RXNORM, "1010606", "Aspirin", "OPIOIDUD"),
        ("MedicationRequest", RXNORM, "1191", "Suboxone", "OPIOIDUD"),
        ("MedicationRequest", UNII, "40D3SCR4GZ", "Aspirin", "OPIOIDUD"),
        ("Condition", "http://hl7.org/fhir/sid/icd-10-cm", "B20", "Asthma", "HIV"),
        ("Condition", "http://hl7.org/fhir/sid/icd-10-cm", "J45.909", "HIV", "HIV"),
        ("Condition", "http://hl7.org/fhir/sid/icd-9-cm", "042", "Asthma", "HIV"),
        ("Observation", "http://loinc.org", "20447-9", "Glucose", "HIV"),
        ("Procedure", "http://www.ama-assn.org/go/cpt", "59840", "Colonoscopy", "PREGNANT"),
        ("Immunization", "http://hl7.org/fhir/sid/cvx", "140", "Cabotegravir", "HIV"),
    ],
)
def test_a_code_that_is_known_tells_what_it_is_beside_the_name_of_another(
    kind: str, system: str, code: str, name: str, label: str
) -> None:
    concept = {"coding": [{"system": system, "code": code}], "text": name}
    element = {"MedicationRequest": "medicationCodeableConcept", "Immunization": "vaccineCode"}.get(kind, "code")
    assert label in Labels().of({"resourceType": kind, "id": "x", element: concept}).codes


def test_ritonavir_tells_of_hiv_but_not_in_paxlovid() -> None:
    labels = Labels()
    alone = [drug.code for drug in products(RITONAVIR)]
    together = [drug.code for drug in products(RITONAVIR, NIRMATRELVIR)]
    assert alone and together
    assert {labels.of(coded(RXNORM, code)).codes for code in alone} == {("HIV",)}
    assert {labels.of(coded(RXNORM, code))[:2] for code in together} == {((), ())}
    assert labels.of(medicine(text="nirmatrelvir/ritonavir"))[:2] == ((), ())
    assert labels.of(medicine(text="Norvir 100 mg")).codes == ("HIV",)
    # Somebody who takes both has a record of the other one, and it tells.
    both = labels.of({**coded(RXNORM, together[0]), "reasonCode": [{"text": "B20"}], "note": [{"text": "on Norvir"}]})
    assert both.codes == ("HIV",)


def test_a_medicine_by_its_brand_stays_at_home(network: Network, ada: Patient) -> None:
    put(network, "MedicationRequest", "plain", medicationCodeableConcept={"text": "Lisinopril 10 MG"})
    put(network, "MedicationRequest", "brand", medicationCodeableConcept={"text": "Belbuca"})
    put(network, "MedicationRequest", "covid", medicationCodeableConcept={"text": "nirmatrelvir / ritonavir"})
    everything_but(network, ada, "SUD", "HIV")
    assert seen(network, ada) == ["covid", "plain"]


def test_the_version_names_the_table_of_medicines() -> None:
    assert Labels().version.endswith(f"/{digest()}") and Labels().version != Labels(terms=Table(), tables="x").version


OWN = {
    "format": "medrec/labels/1", "version": "site-1", "about": "The site's own.", "credits": [], "opaque": [],
    "rules": [{"id": "house-code", "labels": ["SUD"], "basis": "stated", "why": "a code of the house",
               "codes": ["urn:house|77"]}],
}  # fmt: skip


def test_a_site_adds_rules_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    place = decode_settings(b'organisation = "north"\nlabels = "rules.json"', tmp_path / "medrec.toml")
    assert place.labels == file and decode_settings(b'organisation = "n"', tmp_path / "medrec.toml").labels is None
    with pytest.raises(SettingsError, match=r"rules\.json cannot be read"):
        wiring._own_rules(place.labels)
    file.write_text(json.dumps(OWN))
    labels = Labels(wiring._own_rules(place.labels))
    assert labels.of({"resourceType": "Condition", "code": {"coding": [{"system": "urn:house", "code": "77"}]}}).codes
    assert labels.version.startswith(f"{Labels().version.split('/')[0]}+site-1/")
    file.write_text(json.dumps({**OWN, "opaque": ["NONSENSE"]}))
    broken = Labels(wiring._own_rules(place.labels))
    assert "NONSENSE" in broken.trouble and broken.labeller is None
