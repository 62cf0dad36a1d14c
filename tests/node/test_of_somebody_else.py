"""What a record says of whose it is, beside its subject: a word of a name, its narrative and notes, its visit and
order, a merge, a second name. Each is held back where it is plain, and nothing of published people is."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.matching import Demographics, of_patient
from medrec.node.right_person import contradicting, holding
from medrec.node.right_person.contradicting import contradicts
from tests.node.test_list_swapped import Two
from tests.node.test_lists import order
from tests.node.test_right_person import ADA, BOB, demographics

HER = Demographics("Lovelace", "Ada Augusta", "1961-12-10", "female")


def named(display: str) -> dict[str, Any]:
    return {"resourceType": "Condition", "subject": {"reference": "Patient/x", "display": display}}


def noted(text: str, kind: str = "MedicationRequest") -> dict[str, Any]:
    return {"resourceType": kind, "note": [{"text": text}]}


def told(words: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "text": {"status": "generated", "div": f"<div>{words}</div>"}}


@pytest.mark.parametrize(
    ("display", "fields"),
    [
        ("Byron", ("family", "given")),
        ("ROBERT", ("family", "given")),
        ("Mr. Byron", ("family", "given")),
        # Hers, or like hers, or nobody's.
        ("Ada", ()),
        ("Lovelase", ()),
        ("Augusta", ()),
        ("A", ()),
        ("Patient", ()),
        ("Unknown", ()),
        ("Self", ()),
        ("", ()),
    ],
)
def test_a_word_alone_is_held_against_every_part_of_her_name(display: str, fields: tuple[str, ...]) -> None:
    assert contradicts(HER, named(display)) == fields


def test_a_name_that_is_written_in_one_word_is_hers() -> None:
    her = Demographics("王", "小明", "1980-03-05", "female")
    for display, fields in (("王小明", ()), ("小明王", ()), ("王 小明", ()), ("李小红", ("family", "given"))):
        assert contradicts(her, named(display)) == fields, display
    assert contradicts(Demographics("Byron", "Robert", "1948-01-02"), named("RobertByron")) == ()


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (told("Patient: Robert Byron DOB 1948-01-02"), ("family", "given", "birth")),
        (told("<p><b>patient</b>: <a href='Patient/x'>Robert Byron</a></p><p>x</p>"), ("family", "given")),
        (told("<p>Patient Name: BYRON, ROBERT</p>"), ("family", "given")),
        (told("<td>Date of birth: 01/02/1948</td>"), ("birth",)),
        (noted("Patient name: Robert Byron"), ("family", "given")),
        (noted("Patient: Peter Lovelace MRN 77"), ("given",)),
        (noted("WRONG CHART - belongs to Robert Byron"), ("family", "given", "words")),
        (noted("Wrong chart!"), ("words",)),
        (noted("This order belongs to Robert Byron."), ("family", "given")),
        (noted("entered on the wrong patient"), ("words",)),
        (noted("Result belongs to another patient"), ("words",)),
        (noted("Paciente equivocado"), ("words",)),
        ({"resourceType": "MedicationRequest", "statusReason": {"text": "Wrong patient"}}, ("words",)),
        # Hers, a relative's, a complaint, or what is denied.
        (told("Patient: Ada Lovelace DOB 1961-12-10"), ()),
        (told("Patient: Lovelace, Ada A. DOB 12/10/1961"), ()),
        (told("Date of birth: 12/01/1961"), ()),
        (told("Date of birth: 1961"), ()),
        (noted("Patient: Denies Chest Pain"), ()),
        (noted("Patient: doing well, no new complaints"), ()),
        (noted("Baby DOB 2020-01-01"), ()),
        (noted("Contact: husband Robert Byron, DOB 1948-01-02"), ()),
        (noted("checked: not in the wrong chart"), ()),
        (noted("plan belongs to Blue Cross"), ()),
        (noted("called the wrong patient line"), ()),
        (noted("father DOB 1930-01-01", "FamilyMemberHistory"), ()),
        (told("Patient: Robert Byron DOB 1948-01-02") | {"resourceType": "RelatedPerson"}, ()),
    ],
)  # fmt: skip
def test_the_words_of_a_record_are_held_against_her(record: dict[str, Any], fields: tuple[str, ...]) -> None:
    assert contradicts(HER, record) == fields


def test_a_version_that_is_silent_ends_no_hold_by_words() -> None:
    silent, hers = {"resourceType": "MedicationRequest"}, named("Ada Lovelace")
    for fields in (("words",), ("family", "given"), ("of-another",)):
        assert not contradicting.ends(HER, fields, silent) and contradicting.ends(HER, fields, hers)
    # What is of her own visit ends what was of another's, and no more than that.
    assert contradicting.ends(HER, ("of-another",), silent, of_hers=True)
    assert not contradicting.ends(HER, ("of-another", "words"), silent, of_hers=True)


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({"family": "Byron", "given": ["Robert"]}, ("other-name",)),
        ({"use": "usual", "family": "Byron", "given": ["Robert"]}, ("family", "given")),
        ({"use": "maiden", "family": "Byron", "given": ["Ada"]}, ()),
        ({"use": "old", "family": "Byron", "given": ["Anna"]}, ()),
        ({"family": "Byron", "given": ["Anna"], "period": {"end": "1980-01-01"}}, ()),
        ({"family": "King", "given": ["Ada"]}, ()),
        ({"family": "لوفلايس", "given": ["آدا"]}, ()),
        ({"family": "Byron"}, ()),
    ],
)
def test_a_patient_of_two_names_at_once_is_held_back(more: dict[str, Any], fields: tuple[str, ...]) -> None:
    patient = json.loads(demographics("ada", *ADA))
    assert contradicts(HER, patient | {"name": [*patient["name"], more]}) == fields


def test_of_published_people_nothing_names_somebody_else(shared: Path) -> None:
    """Synthea's 60 patients: none of their records is held back for whom it names, or points at another's."""
    seen, found = 0, []
    for file in sorted((shared / "data" / "synthea-r4" / "bundles").iterdir()):
        entries = json.loads(gzip.decompress(file.read_bytes()))["entry"]
        records = [entry["resource"] for entry in entries]
        (patient,) = [record for record in records if record["resourceType"] == "Patient"]
        seen += len(records)
        found += [(fields, record["id"]) for record in records if (fields := contradicts(of_patient(patient), record))]
    assert seen > 26_000 and found == []


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    yield made
    made.network.close()


def held(two: Two) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.type, one.id, one.fields) for one in holding.waiting(two.north)]


def bring(two: Two, *records: dict[str, Any]) -> None:
    two.network.time += 60_000
    for record in records:
        two.north.put(record["resourceType"], record["id"], json.dumps(record), origin="x")
    two.refresh()


def visit(whose: str) -> dict[str, Any]:
    return {"resourceType": "Encounter", "id": f"e-{whose}", "status": "finished", "class": {"code": "AMB"},
            "subject": {"reference": f"Patient/{whose}"}}  # fmt: skip


def test_what_is_of_another_patient_s_visit_or_order_is_held_back_until_it_is_of_hers(two: Two) -> None:
    warfarin = json.loads(order("w", "855332", "warfarin 5 mg"))
    fill = {"resourceType": "MedicationDispense", "id": "f", "status": "completed", "whenHandedOver": "2025-09-01",
            "subject": {"reference": "Patient/ada"}, "medicationCodeableConcept": {"text": "warfarin 5 mg"},
            "authorizingPrescription": [{"reference": "MedicationRequest/m-bob"}]}  # fmt: skip
    document = {"resourceType": "DocumentReference", "id": "d", "status": "current", "content": [],
                "subject": {"reference": "Patient/ada"},
                "context": {"encounter": [{"reference": "Encounter/e-bob"}]}}  # fmt: skip
    own = fill | {"id": "g", "authorizingPrescription": [{"reference": "MedicationRequest/m-ada"}]}
    nobodys = fill | {"id": "h", "authorizingPrescription": [{"reference": "MedicationRequest/m-nobody"}]}
    at_bobs = warfarin | {"encounter": {"reference": "Encounter/e-bob/_history/1"}}
    bring(two, visit("ada"), visit("bob"), at_bobs, fill, document, own, nobodys)
    assert sorted(held(two)) == [
        ("DocumentReference", "d", ("of-another",)),
        ("MedicationDispense", "f", ("of-another",)),
        ("MedicationRequest", "w", ("of-another",)),
    ]
    # Nothing of it is in any list; the fill of her own order and that of one which is not here stay.
    names = two.lists()
    assert names["north"] == names["guide"] == {"ada": ["lisinopril", "warfarin"], "bob": ["metformin"]}
    behind = two.north.lists.of(two.people["ada"].account).read.medicines[1].lines
    assert sorted(line.id for line in behind) == ["g", "h"]
    # A version that says nothing of a visit ends it as little as silence elsewhere; one of her own visit does.
    bring(two, warfarin)
    assert ("MedicationRequest", "w", ("of-another",)) in held(two)
    bring(two, warfarin | {"encounter": {"reference": "Encounter/e-ada"}})
    assert sorted(name for _, name, _ in held(two)) == ["d", "f"]


def test_a_patient_in_whose_place_another_linked_person_s_stood_is_held_back(two: Two) -> None:
    merged = json.loads(demographics("ada", *ADA))
    merged["link"] = [{"type": "replaces", "other": {"reference": "Patient/bob"}}]
    bring(two, merged)
    assert held(two) == [("Patient", "ada", ("replaces",))]
    assert two.lists()["north"]["ada"] == []
    # Somebody has looked and undone Bob's link: his Patient is nobody's whom it could be confused with.
    assert two.north.linker.unlink("bob")
    bring(two, merged | {"gender": "female"})
    assert held(two) == []
    assert two.lists()["north"]["ada"] == ["lisinopril"]


def test_a_second_name_that_somebody_has_called_hers_is_not_asked_about_again(two: Two) -> None:
    both = json.loads(demographics("ada", *ADA))
    both["name"].append({"family": BOB[0], "given": [BOB[1]]})
    bring(two, both)
    assert held(two) == [("Patient", "ada", ("other-name",))]
    assert holding.let_go(two.north, "Patient", "ada", "office", "her name on the stage")
    bring(two, both | {"gender": "female"})
    assert held(two) == [] and two.lists()["north"]["ada"] == ["lisinopril"]
