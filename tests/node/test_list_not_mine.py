"""What is not about her: by her own word, or by what a place calls her, it is in none of her lists, and comes back."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core.manifests.correction import CLAIMED, statement_message
from medrec.node.agent import links
from medrec.node.agent.told import told
from medrec.node.fhir.summary_own import own_summary
from medrec.node.keeping import store
from medrec.node.refusals import Code, Refusal
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.right_person import holding, holding_said, not_hers
from medrec.portal.own.entries import entries
from tests.node.network import Network
from tests.node.test_list_corrections import bring_corrections
from tests.node.test_lists import LISINOPRIL_20, Clinic, allergy, order
from tests.node.test_right_person import ADA, BOB, demographics


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def claim(clinic: Clinic, kind: Any, record: str = "c", **more: Any) -> None:
    """Ada says of a record of south whose it is."""
    copies = clinic.guide.copies.all(clinic.ada.account)
    row = next(one for one in copies if one.organisation == "south" and one.id == record)
    tags = clinic.guide.lists.tags(clinic.ada.account)
    manifest = next(manifest for manifest, tag in tags.items() if tag == row.tag.hex())
    said: Any = CLAIMED
    version = ("south", row.type, record, manifest)
    key = clinic.ada.key.key_id
    draft = clinic.guide.corrections.draft(clinic.ada.account, *version, said[kind], "", key, claim=kind, **more)
    _, signature = clinic.ada.sign(statement_message(draft))
    clinic.guide.corrections.ask(msgspec.structs.replace(draft, signature=signature.hex()))


def names(clinic: Clinic) -> list[str]:
    return sorted(row.name for row in clinic.shown().read.rows)


def everywhere(clinic: Clinic) -> str:
    """All that is made of her records at her agent, and what south has and gives."""
    account, south = clinic.ada.account, clinic.south
    found: list[Any] = [entry.title for entry in entries(clinic.guide, account)]
    found += [row.name for node in (clinic.guide, south) for row in node.lists.of(account).read.rows]
    found += [notice.sentence for node in (clinic.guide, south) for notice in node.lists.of(account).notices]
    return json.dumps(found) + json.dumps(own_summary(clinic.guide, account), default=str).casefold()


def test_what_she_says_is_not_about_her_is_in_no_list_at_once_and_comes_back(clinic: Clinic) -> None:
    clinic.south.put("AllergyIntolerance", "x", allergy("x", "metformin"))
    clinic.network.consent(clinic.ada, "south", "north")
    clinic.refresh()
    before = names(clinic)
    assert "metformin" in everywhere(clinic)
    claim(clinic, "not-mine")
    claim(clinic, "not-mine", "x")
    # At her agent from that moment, whatever becomes of it on the way.
    assert names(clinic) == ["lisinopril"] and clinic.shown().notices[:1] != []
    assert [(one.organisation, one.name) for one in not_hers.said(clinic.guide, clinic.ada.account)] == [
        ("south", "AllergyIntolerance/x"),
        ("south", "MedicationRequest/c"),
    ]
    clinic.story.settle()
    assert bring_corrections(clinic) == [True, True]
    clinic.story.settle()
    # At the source it is held back until somebody has looked, from its own lists and from everybody who asks.
    assert {one.id: one.fields for one in holding.waiting(clinic.south)} == {"c": ("said",), "x": ("said",)}
    assert "metformin" not in everywhere(clinic) and holding_said.count(clinic.south, "ada").said == 2
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    page = receive.request_records(clinic.north, "south", clinic.ada.account, practitioner=doctor, reason="a visit")
    assert {record.id for record in page.records} & {"c", "x"} == set()
    assert {one.status for one in clinic.guide.corrections.asked(clinic.ada.account)} == {"open"}
    # A new version of it ends nothing.
    clinic.south.put("AllergyIntolerance", "x", allergy("x", "metformin 500"), origin="2")
    clinic.refresh()
    assert "metformin" not in everywhere(clinic)
    clinic.network.time += 60_000
    claim(clinic, "mine")
    claim(clinic, "mine", "x")
    clinic.story.settle()
    assert all(bring_corrections(clinic))
    clinic.refresh()
    assert [name.replace(" 500", "") for name in names(clinic)] == before and holding.waiting(clinic.south) == []
    # And nobody owes an answer any more.
    assert {one.status for one in clinic.guide.corrections.asked(clinic.ada.account)} == {"noted"}


def test_what_the_source_says_is_hers_stays_out_of_her_own_lists_until_she_says_so(clinic: Clinic) -> None:
    claim(clinic, "not-mine")
    clinic.story.settle()
    bring_corrections(clinic)
    assert holding.let_go(clinic.south, "MedicationRequest", "c", "clerk", "I asked her doctor.")
    clinic.refresh()
    assert names(clinic) == ["lisinopril"]
    assert "metformin" in [row.name for row in clinic.south.lists.of(clinic.ada.account).read.rows]
    clinic.network.time += 60_000
    claim(clinic, "mine")
    assert names(clinic) == ["lisinopril", "metformin"]


@pytest.mark.parametrize("way", ["she unlinks", "the desk unlinks", "the desk agrees"])
def test_a_link_made_again_is_no_look_at_what_she_said(clinic: Clinic, way: str) -> None:
    south, account = clinic.south, clinic.ada.account
    claim(clinic, "not-mine")
    clinic.story.settle()
    bring_corrections(clinic)
    if way == "she unlinks":
        clinic.guide.agent.unlink(account, "south", clinic.ada.sign)
    elif way == "the desk unlinks":
        assert south.linker.unlink("ada")
    else:
        assert holding.give_up(south, "MedicationRequest", "c", "clerk", "Somebody else's.")
    assert holding.waiting(south) == [], "nobody is linked of whom a record could be held back"
    clinic.story.settle()
    clinic.network.time += 60_000
    before = len(alarms(south))
    clinic.guide.agent.link(account, "south", south.linker.invite("ada"), clinic.ada.sign)
    (held,) = holding.waiting(south)
    assert (held.id, held.fields) == ("c", ("said",)) and len(alarms(south)) == before + 1
    assert "metformin" not in [row.name for row in south.lists.of(account).read.rows]
    for place in ("guide", "north"):
        clinic.network.consent(clinic.ada, "south", place)
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    page = receive.request_records(clinic.north, "south", account, practitioner=doctor, reason="a visit")
    assert "c" not in {record.id for record in page.records} and page.records
    # Somebody looks: it goes to her agent again, where her own word stands until she takes it back.
    assert holding.let_go(south, "MedicationRequest", "c", "clerk", "I asked her doctor.")
    clinic.refresh()
    assert "metformin" not in names(clinic)
    clinic.network.time += 60_000
    claim(clinic, "mine")
    assert "metformin" in names(clinic)


@pytest.mark.parametrize("names_another", [False, True])
def test_what_she_said_holds_nothing_back_from_whoever_is_linked_to_the_chart_next(
    clinic: Clinic, names_another: bool
) -> None:
    """The chart was Bob's all the time, and Ada was linked to it by mistake: it is not his word that it is not his."""
    south, network = clinic.south, clinic.network
    claim(clinic, "not-mine")
    clinic.story.settle()
    bring_corrections(clinic)
    if names_another:
        other = json.loads(order("c", LISINOPRIL_20, "lisinopril 20 mg"))
        other["subject"] = {"reference": "Patient/ada", "display": "Mary Shelley"}
        south.put("MedicationRequest", "c", json.dumps(other), origin="2")
    assert south.linker.unlink("ada")
    clinic.story.settle()
    network.time += 60_000
    south.put("Patient", "ada", demographics("ada", *BOB))
    bob = network.patient("bob")
    stated = {"family": BOB[0], "given": BOB[1], "birth": BOB[2]}
    clinic.guide.agent.link(bob.account, "south", south.linker.invite("ada"), bob.sign, stated)
    clinic.story.settle()
    held = [(one.id, one.fields) for one in holding.waiting(south)]
    assert held == ([("c", ("family", "given"))] if names_another else [])
    assert all("said" not in one.manifest.fields for one in told(clinic.guide, bob.account, "record-held/1"))
    if not names_another:
        assert "metformin" in [row.name for row in south.lists.of(bob.account).read.rows]
    # Ada's own word on it stands at her agent, and says nothing to him.
    assert [one.name for one in not_hers.said(clinic.guide, clinic.ada.account)] == ["MedicationRequest/c"]
    assert not_hers.said(clinic.guide, bob.account) == []


def test_her_word_holds_back_again_when_she_is_linked_after_somebody_else(clinic: Clinic) -> None:
    """A stranger's link in between lets nothing of the chart out that she said is not hers."""
    south, network = clinic.south, clinic.network
    claim(clinic, "not-mine")
    clinic.story.settle()
    bring_corrections(clinic)
    bob = network.patient("bob")
    for person in (bob, clinic.ada):
        assert south.linker.unlink("ada")
        clinic.story.settle()
        network.time += 60_000
        clinic.guide.agent.link(person.account, "south", south.linker.invite("ada"), person.sign)
        held = [(one.id, one.fields) for one in holding.waiting(south)]
        assert held == ([("c", ("said",))] if person is clinic.ada else [])
    clinic.story.settle()
    assert len(told(clinic.guide, clinic.ada.account, "record-held/1")) == 2, "she is told anew"
    assert "metformin" not in [row.name for row in south.lists.of(clinic.ada.account).read.rows]
    # Once somebody has looked, or she takes it back, no link brings it up again.
    assert holding.let_go(south, "MedicationRequest", "c", "clerk", "I asked her doctor.")
    assert south.linker.unlink("ada")
    clinic.story.settle()
    network.time += 60_000
    clinic.guide.agent.link(clinic.ada.account, "south", south.linker.invite("ada"), clinic.ada.sign)
    assert holding.waiting(south) == []


def alarms(node: Any) -> list[str]:
    return [row.subject for row in node.rows(store.alarm) if row.code == "record-held"]


def test_nobody_else_says_it_for_her_and_of_her_patient_record_it_says_nothing(clinic: Clinic) -> None:
    with pytest.raises(Refusal) as no:
        claim(clinic, "not-mine", acting="somebody")
    assert no.value.reason is Code.MALFORMED and not_hers.said(clinic.guide, clinic.ada.account) == []
    clinic.south.put("Patient", "ada", demographics("ada", *ADA))
    clinic.refresh()
    claim(clinic, "not-mine", "ada")
    clinic.story.settle()
    bring_corrections(clinic)
    assert holding.waiting(clinic.south) == []


def test_a_place_that_calls_her_otherwise_is_merged_with_nothing(clinic: Clinic) -> None:
    """North holds nothing back: it never knew who she is, or does not look."""
    account = clinic.ada.account
    clinic.south.put("Patient", "ada", demographics("ada", *ADA, gender="female"))
    clinic.north.put("Patient", "ada", demographics("ada", *BOB, gender="male"))
    clinic.refresh()
    (row,) = [row for row in clinic.shown().read.medicines if row.name == "lisinopril"]
    assert {line.source for line in row.lines} == {"south"}
    found = own_summary(clinic.guide, account)
    (patient,) = [e["resource"] for e in found["entry"] if e["resource"]["resourceType"] == "Patient"]
    assert patient["birthDate"] == ADA[2] and "Byron" not in json.dumps(found)
    assert set(not_hers.known(clinic.guide, account).strangers) == {"north"}
    # North puts it right.
    clinic.north.put("Patient", "ada", demographics("ada", *ADA, gender="female"), origin="2")
    clinic.refresh()
    (row,) = [row for row in clinic.shown().read.medicines if row.name == "lisinopril"]
    assert {line.source for line in row.lines} == {"north", "south"}


@pytest.mark.parametrize("names", [ADA[:2], BOB[:2]], ids=["both as she is called", "neither"])
def test_where_nobody_can_tell_which_place_is_wrong_nothing_is_left_out_and_she_is_asked(
    clinic: Clinic, names: tuple[str, str]
) -> None:
    """Two places have two dates of birth, both under her name, or both under another: a slip, or somebody else."""
    account = clinic.ada.account
    clinic.south.put("Patient", "ada", demographics("ada", *names, ADA[2]))
    clinic.refresh()
    before = not_hers.known(clinic.guide, account)
    assert before == ({}, {})
    clinic.north.put("Patient", "ada", demographics("ada", *names, BOB[2]))
    clinic.refresh()
    found = not_hers.known(clinic.guide, account)
    assert found.strangers == {} and {place: who.birth for place, who in found.unlike.items()} == {
        "south": ADA[2],
        "north": BOB[2],
    }
    (row,) = [row for row in clinic.shown().read.medicines if row.name == "lisinopril"]
    assert {line.source for line in row.lines} == {"north", "south"}


def shared(clinic: Clinic) -> str:
    """What a link that she shares would hand out."""
    return b"".join(links._chosen(clinic.guide, clinic.ada.account, frozenset())[0]).decode()


def test_a_link_that_she_shares_hands_out_nothing_that_may_be_another_persons(clinic: Clinic) -> None:
    before = shared(clinic)
    assert "metformin" in before and links.count(clinic.guide, clinic.ada.account, []) == 3
    claim(clinic, "not-mine")
    assert "metformin" not in shared(clinic) and links.count(clinic.guide, clinic.ada.account, []) == 2
    clinic.network.time += 60_000
    claim(clinic, "mine")
    assert shared(clinic) == before
    clinic.south.put("Patient", "ada", demographics("ada", *ADA, gender="female"))
    clinic.north.put("Patient", "ada", demographics("ada", *BOB, gender="male"))
    clinic.refresh()
    assert "Byron" not in shared(clinic) and ADA[0] in shared(clinic)


def test_whoever_reads_all_copies_is_named_here() -> None:
    """Everything else goes by `Copies.hers`: no new page or service gives out what may be another person's."""
    readers = {
        "node/lists/lists.py": "takes out what is not hers itself, by the account as a whole",
        "node/right_person/not_hers.py": "holds how places call her against each other",
        "portal/own/card.py": "asks whether there are any",
        "portal/line.py": "the Medication behind one line of hers",
        "portal/evidence.py": "what she signs of one line, named by its tag",
    }
    source = Path(links.__file__).parents[2]
    found = {
        str(path.relative_to(source)) for path in source.rglob("*.py") if re.search(r"copies\.all\(", path.read_text())
    }
    assert found == set(readers)


def test_a_doctor_is_shown_nothing_merged_that_was_given_under_another_name(tmp_path: Path) -> None:
    network = Network(tmp_path)
    south, north = network["south"], network["north"]
    south.put("Patient", "ada", demographics("ada", *ADA, gender="female"))
    for node in (south, north):
        node.put("MedicationRequest", "a", order("a", LISINOPRIL_20, "lisinopril 20 mg"))
    north.put("Patient", "ada", demographics("ada", *BOB, gender="male"))
    ada = network.patient("ada", "south", "north")
    network.consent(ada, "north", "south")
    network.anchor()
    doctor = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    page = receive.request_records(south, "north", ada.account, practitioner=doctor, reason="a visit")
    assert "Patient" in {record.type for record in page.records}
    shown = south.lists.with_received(ada.account, [page])
    assert shown.strangers == ("north",)
    assert {line.source for row in shown.read.medicines for line in row.lines} == {"south"}
    network.close()
