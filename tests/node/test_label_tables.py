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
    # Without the table the brand tells nothing, and the code may be anything.
    assert Labels(terms=Table()).of(medicine(text="Belbuca 75 mcg film")).codes == ()
    assert Labels(terms=Table()).of(coded(NDC, ndc)).may != ()
    icd9 = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-9-cm", "code": "042"}]}
    assert labels.of({"resourceType": "Condition", "code": icd9})[:2] == (("HIV",), ())
    cvx = {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140"}]}
    assert labels.of({"resourceType": "Immunization", "vaccineCode": cvx})[:2] == ((), ())


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
