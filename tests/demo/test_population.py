"""The invented population: repeatable bytes, whole bundles, true codes, believable dates."""

from __future__ import annotations

import base64
import csv
import datetime
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from medrec.demo.clinical_tables import ALLERGIES, MEDICINES, RXNORM, VACCINES
from medrec.demo.population import Population, generate, to_json, updates, write
from medrec.demo.sample_illnesses import ILLNESSES

HOSPITALS = ("north-hill", "harbour-clinic", "saint-brigid")
TODAY = datetime.date(2026, 3, 2)
GOLDEN = "b3ead9f27af898958d1f528316b3ff55a491e8a0676b69b97d43e5d1420032a3"

REQUIRED = {
    "Organization": {"name"},
    "Practitioner": {"name"},
    "Patient": {"identifier", "name", "gender", "birthDate", "address"},
    "Encounter": {"status", "class", "subject", "period", "serviceProvider"},
    "Condition": {"code", "subject", "encounter", "clinicalStatus", "verificationStatus"},
    "MedicationRequest": {"status", "intent", "medicationCodeableConcept", "subject", "dosageInstruction"},
    "MedicationStatement": {"status", "medicationCodeableConcept", "subject", "effectivePeriod"},
    "AllergyIntolerance": {"patient", "code", "verificationStatus"},
    "Immunization": {"status", "vaccineCode", "patient", "occurrenceDateTime"},
    "Observation": {"status", "code", "subject", "effectiveDateTime"},
    "DiagnosticReport": {"status", "code", "subject", "result"},
    "Procedure": {"status", "code", "subject", "performedDateTime"},
    "DocumentReference": {"status", "content", "author", "authenticator", "date"},
    "FamilyMemberHistory": {"status", "patient", "relationship"},
}


@pytest.fixture(scope="module")
def population() -> Population:
    return generate(7, 60, HOSPITALS, TODAY)


def _digest(population: Population) -> str:
    digest = hashlib.sha256()
    for h in population.hospitals:
        for person in population.records[h.id]:
            digest.update(population.bundle(h.id, person))
    return digest.hexdigest()


def _records(population: Population) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for hospital, people in population.records.items():
        for person, records in people.items():
            for record in records:
                yield hospital, person, record


def _values(value: object, name: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == name:
                yield item
            yield from _values(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, name)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert _digest(generate(1, 5, HOSPITALS, TODAY)) == GOLDEN


def test_another_seed_changes_all_but_the_three_characters() -> None:
    one, two = generate(1, 8, HOSPITALS, TODAY), generate(2, 8, HOSPITALS, TODAY)
    for person in ("p0001", "p0002", "p0003"):
        for hospital in HOSPITALS:
            assert one.bundle(hospital, person) == two.bundle(hospital, person)
    assert [p.name for p in one.people[3:]] != [p.name for p in two.people[3:]]


def test_more_people_do_not_change_earlier_ones(population: Population) -> None:
    few = generate(7, 10, HOSPITALS, TODAY)
    assert few.people == population.people[:10]
    for hospital, people in few.records.items():
        for person in people:
            assert few.bundle(hospital, person) == population.bundle(hospital, person)


def test_bundles_are_written_as_they_are(tmp_path: Path) -> None:
    population = generate(3, 4, HOSPITALS, TODAY)
    paths = write(population, tmp_path)
    assert sorted(paths) == sorted(tmp_path.glob("*/*.json"))
    assert (tmp_path / "north-hill" / "p0001.json").read_bytes() == population.bundle("north-hill", "p0001")
    bundle = json.loads(paths[0].read_bytes())
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    for entry in bundle["entry"]:
        url = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        assert entry["request"] == {"method": "PUT", "url": url}
        assert entry["fullUrl"] == f"https://north-hill.example.org/fhir/{url}"


def test_ids_are_unique_and_references_resolve(population: Population) -> None:
    for hospital, people in population.records.items():
        owner: dict[str, tuple[str, bytes]] = {}
        for person, records in people.items():
            keys = {f"{r['resourceType']}/{r['id']}" for r in records}
            assert len(keys) == len(records)
            for record in records:
                assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", record["id"])
                key = f"{record['resourceType']}/{record['id']}"
                # Only the directory is shared between people, and then with the same content.
                mine = (
                    "" if record["resourceType"] in ("Organization", "Practitioner") else person,
                    to_json(record),
                )
                assert owner.setdefault(key, mine) == mine, (hospital, key)
                assert set(_values(record, "reference")) <= keys


def test_required_elements_are_there_and_nothing_is_empty(population: Population) -> None:
    kinds = set()
    for _, _, record in _records(population):
        kinds.add(record["resourceType"])
        assert REQUIRED[record["resourceType"]] <= set(record), record
        assert all(item not in (None, "", [], {}) for name in list(record) for item in _values(record, name))
        assert all(text.strip() for text in _strings(record))
    assert kinds == set(REQUIRED)


def test_most_people_are_seen_at_several_hospitals(population: Population) -> None:
    several = sum(len(p.hospitals) >= 2 for p in population.people)
    assert several * 100 >= 60 * len(population.people)
    assert all(len(set(p.mrn.values())) == len(p.mrn) for p in population.people)
    for hospital in HOSPITALS:
        numbers = [p.mrn[hospital] for p in population.people if hospital in p.mrn]
        assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("today", [TODAY, datetime.date(2024, 2, 29), datetime.date(2031, 12, 31)])
def test_dates_lie_between_birth_and_today(today: datetime.date) -> None:
    population = generate(11, 40, HOSPITALS, today)
    born = {p.key: p.birth_date for p in population.people}
    found = 0
    for _, person, record in _records(population):
        for text in _strings(record):
            if re.match(r"\d{4}-\d\d-\d\d(T|$)", text):
                found += 1
                assert born[person] <= datetime.date.fromisoformat(text[:10]) <= today, (person, record)
    assert found > 1000


def test_a_stop_is_after_its_start(population: Population) -> None:
    stopped = 0
    for _, _, record in _records(population):
        for period in (
            *_values(record, "period"),
            *_values(record, "boundsPeriod"),
            *_values(record, "effectivePeriod"),
        ):
            if isinstance(period, dict) and "end" in period:
                assert period["start"] < period["end"]
        stopped += record.get("status") == "stopped"
    assert stopped > 10


def test_decimals_keep_their_zeros(population: Population) -> None:
    text = b"".join(population.bundle("harbour-clinic", p) for p in population.records["harbour-clinic"])
    assert re.search(rb'"value":\d\.\d0,', text)
    assert to_json({"v": Decimal("7.10")}) == b'{"v":7.10}'


def test_notes_are_signed_text_that_names_the_patient(population: Population) -> None:
    names = {p.key: p.name for p in population.people}
    for hospital, person, record in _records(population):
        if record["resourceType"] != "DocumentReference":
            continue
        attachment = record["content"][0]["attachment"]
        text = base64.b64decode(attachment["data"], validate=True).decode()
        assert attachment["size"] == len(text.encode())
        assert names[person] in text and f"Signed: {record['authenticator']['display']}," in text, hospital


def _listed(population: Population, hospital: str, kind: str, person: str = "p0001") -> list[tuple[str, str]]:
    found = []
    for record in population.records[hospital][person]:
        if record["resourceType"] == kind:
            what = record.get("code") or record["medicationCodeableConcept"]
            found.append((what["text"], record.get("status", "")))
    return found


def test_the_first_character_carries_the_conflicts(population: Population) -> None:
    assert [p.name for p in population.people[:3]] == [
        "Amara Lindqvist-Osei", "Jonah Marchetti-Vale", "Pim Nakamura-Doyle",
    ]  # fmt: skip
    ages = [(TODAY - p.birth_date).days * 100 // 36525 for p in population.people[:3]]
    assert ages == [67, 34, 9]
    warfarin = "warfarin sodium 5 MG Oral Tablet"
    assert (warfarin, "active") in _listed(population, "north-hill", "MedicationStatement")
    assert (warfarin, "stopped") in _listed(population, "harbour-clinic", "MedicationRequest")
    assert ("No known allergy", "") in _listed(population, "harbour-clinic", "AllergyIntolerance")
    assert ("sulfamethoxazole", "") in _listed(population, "saint-brigid", "AllergyIntolerance")
    assert ("Allergy to peanuts", "") in _listed(population, "saint-brigid", "AllergyIntolerance", "p0003")
    assert ("No known allergy", "") in _listed(population, "harbour-clinic", "AllergyIntolerance", "p0003")


def test_hospitals_disagree_about_other_people_too() -> None:
    population = generate(5, 150, HOSPITALS, TODAY)
    products: dict[tuple[str, str], set[str]] = {}
    for hospital, person, record in _records(population):
        if record.get("status") == "active" and "medicationCodeableConcept" in record:
            products.setdefault((person, hospital), set()).add(record["medicationCodeableConcept"]["text"])
    branded = [key for key, names in products.items() if any("[" in name for name in names)]
    combined = [key for key, names in products.items() if any(" / " in name for name in names)]
    stopped_elsewhere = [
        (person, hospital)
        for hospital, person, record in _records(population)
        if record.get("status") == "stopped"
        for other in HOSPITALS
        if other != hospital and record["medicationCodeableConcept"]["text"] in products.get((person, other), ())
    ]
    assert len(branded) > 20 and len(combined) > 8 and len(stopped_elsewhere) > 8
    conditions = {r["code"]["text"] for _, _, r in _records(population) if r["resourceType"] == "Condition"}
    assert len(conditions) > 15


def test_updates_bring_new_changed_and_deleted_records(population: Population) -> None:
    before = {(h, f"{r['resourceType']}/{r['id']}"): to_json(r) for h, _, r in _records(population)}
    later = updates(population, 7)
    assert later == updates(population, 7)
    assert before == {(h, f"{r['resourceType']}/{r['id']}"): to_json(r) for h, _, r in _records(population)}
    actions: dict[str, list[str]] = {}
    for change in later.changes:
        actions.setdefault(change.action, []).append(change.type)
        key = (change.hospital, f"{change.type}/{change.id}")
        assert (key in before) == (change.action != "create"), key
        if change.resource is not None:
            assert (change.resource["resourceType"], change.resource["id"]) == (change.type, change.id)
            assert before.get(key) != to_json(change.resource)
            known = {k[1] for k in before if k[0] == change.hospital}
            known |= {f"{c.type}/{c.id}" for c in later.changes if c.hospital == change.hospital}
            assert set(_values(change.resource, "reference")) <= known
    assert actions["delete"] == ["Observation"]
    assert {"MedicationRequest", "MedicationStatement", "AllergyIntolerance"} == set(actions["update"])
    assert {"Encounter", "DocumentReference", "Observation", "DiagnosticReport"} <= set(actions["create"])
    slip = next(c for c in later.changes if c.action == "delete")
    assert json.loads(before[slip.hospital, f"Observation/{slip.id}"])["valueQuantity"]["value"] > 700
    bundle = json.loads(later.bundle(population.hospitals[1], "p0001"))
    assert bundle["entry"] == [{"request": {"method": "DELETE", "url": f"Observation/{slip.id}"}}]


def test_a_network_of_fewer_than_three_hospitals_is_refused() -> None:
    for hospitals in (("a", "b"), ("a", "b", "b")):
        with pytest.raises(ValueError, match="three"):
            generate(1, 1, hospitals, TODAY)
    with pytest.raises(ValueError, match="people"):
        generate(1, -1, HOSPITALS, TODAY)
    assert generate(1, 0, HOSPITALS, TODAY).people == ()
    assert updates(generate(1, 0, HOSPITALS, TODAY), 1).changes == ()


def test_every_code_is_the_one_its_agency_gives_that_name(shared: Path) -> None:
    folder = shared / "data" / "terminology"
    if not folder.is_dir():
        pytest.skip("shared test data (data/terminology) is not on this machine")
    with gzip.open(folder / "rxnorm.ndjson.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rxnorm = {row["rxcui"]: row for row in rows}
    for medicine in MEDICINES.values():
        row = rxnorm[medicine.code]
        assert (row["name"], row["status"]) == (medicine.name, "current")
        assert row["tty"] in ("SCD", "SBD")
    for allergy in ALLERGIES.values():
        if allergy.system == RXNORM:
            assert rxnorm[allergy.code]["name"] == allergy.name
    with gzip.open(folder / "icd10cm.csv.gz", "rt", encoding="utf-8") as file:
        icd = {row["code"]: row for row in csv.DictReader(file)}
    for illness in ILLNESSES.values():
        assert icd[illness.icd[0]]["description"] == illness.icd[1]
        assert icd[illness.icd[0]]["billable"] == "1"
    with (folder / "cvx.csv").open(encoding="utf-8") as file:
        cvx = {row["cvx"]: row["short"] for row in csv.DictReader(file)}
    for code, name, _ in VACCINES.values():
        assert cvx[code] == name
    with (folder / "allergy_substance.csv").open(encoding="utf-8") as file:
        substances = {row["snomed_code"]: row["snomed_display"] for row in csv.DictReader(file)}
    for allergy in ALLERGIES.values():
        if allergy.system != RXNORM:
            assert substances[allergy.code] == allergy.name


def test_treatments_name_known_medicines() -> None:
    for name, illness in ILLNESSES.items():
        for medicine in (*illness.treatment, illness.brand, illness.combination):
            assert not medicine or medicine in MEDICINES, name
    assert all(Decimal(m.dose) > 0 and m.sig for m in MEDICINES.values())
