"""What stands behind a list at a node: medicines that a record points at, and what its place holds back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.reconcile.rows import Conflict
from medrec.node.keeping import store
from medrec.node.lists import acts, lists, stating
from medrec.node.lists.sources import Source
from medrec.node.release.pointed import Pointers
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.right_person import holding
from tests.node.test_lists import Clinic, allergy, order
from tests.node.test_right_person import ADA, BOB, demographics


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def medication(name: str, text: str, **more: Any) -> str:
    return json.dumps({"resourceType": "Medication", "id": name, "code": {"text": text}} | more)


def pointing(identifier: str, reference: str, **beside: str) -> str:
    record = json.loads(order(identifier, "0", ""))
    del record["medicationCodeableConcept"]
    return json.dumps(record | {"medicationReference": {"reference": reference} | beside})


def names(node: Any, account: str) -> set[str]:
    return {row.name for row in node.lists.of(account).read.medicines}


@pytest.mark.parametrize("reference", ["Medication/1", "Medication/1/_history/3"])
@pytest.mark.parametrize("first", ["the medicine", "the order"])
def test_an_order_that_points_at_a_medicine_bears_its_name_at_its_own_place(
    clinic: Clinic, reference: str, first: str
) -> None:
    third = {"meta": {"versionId": "3"}}
    both = [("Medication", "1", medication("1", "digoxin 0.25 mg tablet", **third)), ("MedicationRequest", "n",
             pointing("n", reference))]  # fmt: skip
    for kind, identifier, content in both if first == "the medicine" else both[::-1]:
        clinic.south.put(kind, identifier, content)
    row = next(row for row in clinic.south.lists.of(clinic.ada.account).read.medicines if "digoxin" in row.name)
    assert [line.id for line in row.lines] == ["n"]
    # A new version of the medicine says what the order says from then on.
    clinic.south.put("Medication", "1", medication("1", "warfarin 5 mg tablet", **third), origin="second")
    found = names(clinic.south, clinic.ada.account)
    assert any("warfarin" in name for name in found) and not any("digoxin" in name for name in found)


def test_a_birth_date_that_comes_and_goes_leaves_the_lists_as_if_read_anew(clinic: Clinic) -> None:
    """An onset at an age is a date only beside a birth date: the same version is read otherwise."""
    aged = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/ada"},
        "recordedDate": "2024-01-01",
    }
    onset = {"onsetAge": {"value": 10, "unit": "a", "system": "http://unitsofmeasure.org", "code": "a"}}
    north, account = clinic.north, clinic.ada.account
    coding = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J45.909"}
    north.put("Condition", "c", json.dumps(aged | onset | {"code": {"coding": [coding]}}))
    north.put("AllergyIntolerance", "n", allergy("n", "peanut"))
    seen = []
    for born in ("", "1980-05-01", "1982-05-01", ""):
        person = {"resourceType": "Patient", "id": "ada"} | ({"birthDate": born} if born else {})
        north.put("Patient", "ada", json.dumps(person), origin=f"of {born}")
        kept = north.lists.of(account).read
        north.lists.forget(account)
        assert kept == north.lists.of(account).read
        seen.append(kept.problems[0].onset)
    assert seen[1] != seen[2] and seen[0] == seen[3] != seen[1]


def test_the_same_id_at_two_places_is_two_medicines(clinic: Clinic) -> None:
    found = [
        Source(place, kind, identifier, 1, content.encode(), place.encode().ljust(32, b"."), clinic.network.time)
        for place, text in (("north", "warfarin 5 mg tablet"), ("south", "digoxin 0.25 mg tablet"))
        for kind, identifier, content in (
            ("Medication", "1", medication("1", text)), ("MedicationRequest", place, pointing(place, "Medication/1")),
        )
    ]  # fmt: skip
    pointers = Pointers(found, clinic.guide.lists.terms, clinic.network.time)
    around = {place: pointers.around(place) for place in ("north", "south")}
    for place, name in (("north", "warfarin"), ("south", "digoxin")):
        assert name in json.dumps(around[place].resolve("Medication/1"))
        assert around[place].resolve("Medication/2") is None and around[place].resolve("Patient/1") is None


def by_identifier(value: str, system: str = "urn:pharmacy", **more: Any) -> str:
    record = json.loads(pointing("n", ""))
    return json.dumps(record | {"medicationReference": {"identifier": {"system": system, "value": value}} | more})


ITEM = [{"system": "urn:pharmacy", "value": "D-77"}]


def test_a_medicine_named_by_its_business_identifier_is_named_in_the_lines(clinic: Clinic) -> None:
    """At its own place, at the person's agent, and on a page of some kinds of records alone."""
    clinic.south.put("Medication", "1", medication("1", "digoxin 0.25 mg tablet", identifier=ITEM))
    clinic.south.put("Medication", "2", medication("2", "warfarin 5 mg tablet", identifier=[{"value": "D-78"}]))
    clinic.south.put("MedicationRequest", "n", by_identifier("D-77"))
    clinic.refresh()
    account = clinic.ada.account
    of_kinds = {row.name for row in clinic.guide.lists.of_kinds(account, ["MedicationRequest"]).read.medicines}
    for found in (names(clinic.south, account), names(clinic.guide, account), of_kinds):
        assert any("digoxin" in name for name in found) and not any("warfarin" in name for name in found)


def test_an_identifier_that_two_medicines_have_or_none_names_neither(clinic: Clinic) -> None:
    for number, text in (("1", "digoxin 0.25 mg tablet"), ("2", "warfarin 5 mg tablet")):
        clinic.south.put("Medication", number, medication(number, text, identifier=ITEM))
    clinic.south.put("MedicationRequest", "n", by_identifier("D-77"))
    found = names(clinic.south, clinic.ada.account)
    assert "D-77" in found and not any("warfarin" in name or "digoxin" in name for name in found)
    clinic.south.put("MedicationRequest", "n", by_identifier("D-99", display="Digoxin tablets"), origin="second")
    assert any("digoxin" in name.lower() for name in names(clinic.south, clinic.ada.account))


def test_an_altered_medicine_says_nothing(clinic: Clinic) -> None:
    clinic.south.put("Medication", "1", medication("1", "digoxin 0.25 mg tablet"))
    clinic.south.put("MedicationRequest", "n", pointing("n", "Medication/1"))
    clinic.south.source.raw["Medication", "1"] = medication("1", "warfarin").encode()
    found = names(clinic.south, clinic.ada.account)
    assert not any("warfarin" in name or "digoxin" in name for name in found)


def test_what_a_place_holds_back_leaves_her_list_until_somebody_has_looked(clinic: Clinic) -> None:
    clinic.north.put("Patient", "ada", demographics("ada", *ADA))
    with clinic.north.store.read() as connection:
        person = clinic.north.journal.person_of_account(connection, clinic.ada.account)
    who = holding.matching.Demographics(*ADA)
    clinic.north.store.write(
        lambda connection: holding.remember(connection, clinic.north.vault, person.id, who, "desk", clinic.network.time)
    )
    clinic.refresh()
    lines = {line.source for row in clinic.shown().read.medicines for line in row.lines}
    assert lines == {"north", "south"}
    clinic.north.put("Patient", "ada", demographics("ada", *BOB), origin="second")
    clinic.refresh()
    lines = {line.source for row in clinic.shown().read.medicines for line in row.lines}
    assert lines == {"south"}, "the copies from before are still kept, and merged with nothing"
    assert "north" in {copy.organisation for copy in clinic.guide.copies.all(clinic.ada.account)}
    assert holding.let_go(clinic.north, "Patient", "ada", "clerk", "I looked at the papers.")
    clinic.refresh()
    assert {line.source for row in clinic.shown().read.medicines for line in row.lines} == {"north", "south"}
    # One record by itself: only that leaves.
    clinic.north.put("MedicationRequest", "z", order("z", "861007", "metformin 500 mg"))
    clinic.refresh()
    assert "z" in {line.id for line in clinic.row("metformin").lines}
    other = {"reference": "Patient/ada", "display": "Grace Hopper"}
    clinic.north.put("MedicationRequest", "z", order("z", "861007", "metformin 500 mg", subject=other), origin="second")
    clinic.story.settle()
    assert "z" in {copy.id for copy in clinic.guide.copies.all(clinic.ada.account)}
    assert "z" not in {line.id for line in clinic.row("metformin").lines}
    assert {line.source for line in clinic.row("lisinopril").lines} == {"north", "south"}


def test_an_act_waits_for_its_hearers_from_the_moment_it_is_written_down(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dies(BaseException):
        pass

    def dies(*_: Any) -> bytes:
        raise Dies

    with monkeypatch.context() as patch:
        patch.setattr(stating, "heard", dies)
        patch.setattr(clinic.guide.peers, "call", dies)
        with pytest.raises(Dies):
            clinic.say("not-taking", clinic.row("metformin"))
    waiting = [row.organisation for row in clinic.guide.rows(store.outbox) if row.path == acts.ACTS_PATH]
    assert sorted(waiting) == ["north", "south"], "her list says it, and it is on its way"
    said = clinic.say("not-taking", clinic.row("lisinopril"))
    assert sorted(said.taken) == ["north", "south"]
    waiting = [row.organisation for row in clinic.guide.rows(store.outbox) if row.path == acts.ACTS_PATH]
    assert sorted(waiting) == ["north", "south"], "what was taken waits no more"


FOREIGN = "https://other-hospital.example/fhir/Medication/1"


@pytest.mark.parametrize("reference", [FOREIGN, "Medication/1/_history/1", FOREIGN + "/_history/2"])
@pytest.mark.parametrize("display", ["warfarin 5 mg tablet", ""])
def test_what_points_elsewhere_or_at_another_version_is_not_of_the_medicine_here(
    clinic: Clinic, reference: str, display: str
) -> None:
    beside = {"display": display} if display else {}
    clinic.south.put("Medication", "1", medication("1", "digoxin 0.25 mg tablet", meta={"versionId": "2"}))
    clinic.south.put("MedicationRequest", "n", pointing("n", reference, **beside))
    (row,) = [row for row in medicines(clinic) if "n" in {line.id for line in row.lines}]
    (line,) = row.lines
    assert row.name == ("warfarin" if display else row.name) and "digoxin" not in row.name
    assert "reference-missing" in line.notes and line.medicine is None


EHR = "https://ehr.south.example/r4"
UUID = "0b1e2f3a-1111-4222-8333-944445555666"


def test_an_address_of_the_sources_own_server_is_followed_once_the_members_said_so(clinic: Clinic) -> None:
    clinic.south.put("Medication", "1", medication("1", "digoxin 0.25 mg tablet"))
    clinic.south.put("Medication", UUID, medication(UUID, "warfarin 5 mg tablet"))
    clinic.south.put("MedicationRequest", "n", pointing("n", f"{EHR}/Medication/1"))
    clinic.south.put("MedicationRequest", "u", pointing("u", f"urn:uuid:{UUID}"))

    def named(node: Any, which: str) -> str:
        node.lists.forget(clinic.ada.account)
        rows = node.lists.of(clinic.ada.account).read.medicines
        return next(row.name for row in rows if which in {line.id for line in row.lines})

    clinic.network.call("north", servers=[EHR + "0"])
    clinic.refresh()
    for node in (clinic.south, clinic.guide):
        assert "digoxin" not in named(node, "n") and named(node, "u") == "warfarin"
    clinic.network.call("south", servers=[EHR])
    clinic.refresh()
    for node in (clinic.south, clinic.guide):
        assert named(node, "n") == "digoxin"
        (line,) = [
            one for row in node.lists.of(clinic.ada.account).read.medicines for one in row.lines if one.id == "n"
        ]
        assert line.medicine is not None and "reference-missing" not in line.notes
    clinic.south.put("MedicationRequest", "x", pointing("x", f"{EHR}0/Medication/1"))
    assert "digoxin" not in named(clinic.south, "x")


def test_a_reference_that_names_another_medicine_than_it_points_at_is_not_believed(clinic: Clinic) -> None:
    clinic.south.put("Medication", "1", medication("1", "digoxin 0.25 mg tablet"))
    whole = {"itemCodeableConcept": {"text": "digoxin"}}
    clinic.south.put("Medication", "2", json.dumps({"resourceType": "Medication", "id": "2", "ingredient": [whole]}))
    for place in ("1", "2"):
        reference = f"Medication/{place}"
        clinic.south.put("MedicationRequest", f"o{place}", pointing(f"o{place}", reference, display="warfarin 5 mg"))
    clinic.south.put("MedicationRequest", "same", pointing("same", "Medication/1", display="Digoxin tablet"))
    rows = {line.id: (row, line) for row in medicines(clinic) for line in row.lines}
    for name in ("o1", "o2"):
        row, line = rows[name]
        assert row.ingredients == () and "name-differs" in line.notes and Conflict.CODE_NAME in row.conflicts
        assert "digoxin" in row.name and "warfarin" in row.name
    assert rows["same"][0].name == "digoxin" and "name-differs" not in rows["same"][1].notes


def medicines(clinic: Clinic) -> Any:
    return clinic.south.lists.of(clinic.ada.account).read.medicines


def test_when_the_medicine_of_an_order_becomes_another_it_is_new_and_noticed_again(clinic: Clinic) -> None:
    """The order stays as it was signed: what it points at says which drug it is of."""
    south, account = clinic.south, clinic.ada.account
    south.put("AllergyIntolerance", "al", allergy("al", "aspirin"))
    south.put("Medication", "1", medication("1", "aspirin 81 mg tablet"))
    south.put("MedicationRequest", "m", pointing("m", "Medication/1"))
    clinic.refresh()
    clinic.network.time += 60_000
    doctor = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    rows = south.lists.of(account).read.medicines
    south.acts.enter(account, doctor, "reviewed", [lists.subject_of(row) for row in rows])
    (notice,) = [one for one in south.lists.of(account).notices if one.rule == "allergy"]
    south.acts.enter(account, doctor, "dismissed", [], "low dose agreed", notice=notice.id)
    clinic.refresh()
    shown = south.lists.of(account)
    assert shown.new == {} and "allergy" not in [one.rule for one in shown.notices]
    assert clinic.row("aspirin").key not in clinic.shown().new
    (before,) = [line for row in medicines(clinic) for line in row.lines if line.id == "m"]
    clinic.network.time += 600_000
    south.put("Medication", "1", medication("1", "aspirin 500 mg tablet"), origin="second")
    clinic.refresh()
    (row,) = [row for row in medicines(clinic) if row.name == "aspirin"]
    (after,) = [line for line in row.lines if line.author == "record"]
    shown = south.lists.of(account)
    assert shown.new == {row.key: 1} and "allergy" in [one.rule for one in shown.notices]
    assert (after.manifest, after.version) == (before.manifest, before.version)
    assert after.medicine.manifest != before.medicine.manifest and after.medicine.version == 2
    # So it is on her own page, where the agent was given the other medicine after the review.
    own = clinic.row("aspirin")
    assert clinic.shown().new[own.key] == 1
    (line,) = [line for line in own.lines if line.author == "record"]
    assert line.medicine is not None and line.medicine.sha256 == after.medicine.sha256


def test_one_altered_record_takes_no_earlier_copy_of_its_kind_away(clinic: Clinic) -> None:
    """Its place refuses the whole kind until that is mended; what was read before was signed, and stays."""
    south, guide, account = clinic.south, clinic.guide, clinic.ada.account
    south.put("Medication", "1", medication("1", "digoxin 0.25 mg tablet"))
    south.put("MedicationRequest", "n", pointing("n", "Medication/1"))
    clinic.refresh()

    def kept() -> dict[str, str]:
        return {
            f"{one.type}/{one.id}": one.content.decode()
            for one in guide.copies.all(account)
            if one.organisation == "south"
        }

    first, names_first = kept(), names(guide, account)
    assert {"MedicationRequest/b", "MedicationRequest/c", "Medication/1"} <= set(first)
    true = south.source.raw["MedicationRequest", "b"]
    south.source.raw["MedicationRequest", "b"] = true.replace(b"lisinopril", b"warfarin").replace(b"Lisinopril", b"W")
    south.put("AllergyIntolerance", "x", allergy("x", "penicillin"))
    clinic.refresh()
    (reading,) = [one for one in guide.copies.readings(account) if one.organisation == "south"]
    assert reading.code == "record-altered" and reading.records == len(first) + 1
    assert kept() == first | {"AllergyIntolerance/x": kept()["AllergyIntolerance/x"]}
    assert names(guide, account) == names_first
    # Every line is still proven, that of the medicine too.
    (line,) = [one for row in guide.lists.of(account).read.medicines for one in row.lines if one.id == "n"]
    assert line.medicine is not None and {line.manifest, line.medicine.manifest} <= set(guide.lists.tags(account))
    south.put("MedicationRequest", "b", true.decode().replace("2 tabs", "3 tabs"), origin="second")
    clinic.refresh()
    assert "3 tabs" in kept()["MedicationRequest/b"]
    assert [one.code for one in guide.copies.readings(account) if one.organisation == "south"] == [""]
