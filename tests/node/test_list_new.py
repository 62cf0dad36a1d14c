"""What is new on a list: what the list that was gone through did not hold, however old it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.node.lists import lists, marks, reviews
from medrec.node.lists.acts_kept import list_put_away, list_seen
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_lists import Clinic, allergy, order


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def review(clinic: Clinic, node: Any, seen: list[bytes] | None = None) -> Any:
    clinic.network.time += 60_000
    doctor = node.practitioners.enter(f"dr-{node.organisation}", f"Dr {node.organisation.title()}", PHYSICIAN)
    rows = node.lists.of(clinic.ada.account).read.medicines
    node.acts.enter(clinic.ada.account, doctor, "reviewed", [lists.subject_of(row) for row in rows], seen=seen)
    clinic.network.time += 60_000
    clinic.story.settle()
    return doctor


def test_her_agent_counts_as_gone_through_what_the_review_was_of_and_not_what_came_before_it(clinic: Clinic) -> None:
    """A page stands open; an order and an allergy come, and reach her agent; then that page is gone through."""
    account, south = clinic.ada.account, clinic.south
    seen = marks.marks(south.lists.of(account).read.rows)
    south.put("MedicationRequest", "late", order("late", "855332", "warfarin sodium 5 mg tablet"))
    south.put("AllergyIntolerance", "x", allergy("x", "penicillin"))
    clinic.refresh()
    doctor = review(clinic, south, seen)
    shown = clinic.shown()
    named = {row.name for row in shown.read.rows if row.key in shown.new}
    assert {"warfarin", "penicillin"} <= named and "metformin" not in named
    # What she had before her is told to the person, and to nobody with her word.
    told = [one for one in clinic.guide.acts.of(account) if one.act.name == doctor.credential.name]
    (kept,) = [one for one in told if not one.act.subjects]
    assert kept.seen == frozenset(seen) and not hasattr(kept.act, "seen")
    # And the word on a medicine has no mark of what else stood there.
    assert len(told) > 1 and all(one.seen == frozenset() for one in told if one is not kept)


def test_what_does_not_say_what_it_was_of_counts_by_its_time(clinic: Clinic) -> None:
    """Reviews of former versions, as her agent was told of them."""
    review(clinic, clinic.south)
    account, told = clinic.ada.account, clinic.guide.acts.of(clinic.ada.account)
    former = [one._replace(seen=None) for one in told]
    found = reviews.last(clinic.guide, account, former)
    assert found is not None and found.places is not None and not found.places.told
    rows = clinic.shown().read.rows
    assert reviews.since(found, rows, {}) == {clinic.row("lisinopril").key: 1}, "north's, which south never saw"


def test_what_she_lets_them_have_later_is_new_however_old(clinic: Clinic) -> None:
    doctor, account = review(clinic, clinic.south), clinic.ada.account
    assert clinic.south.lists.of(account).new == {}
    clinic.network.consent(clinic.ada, "north", "south")
    page = receive.request_records(clinic.south, "north", account, practitioner=doctor, reason="a visit")
    shown = clinic.south.lists.with_received(account, [page])
    lisinopril = next(row for row in shown.read.medicines if row.name == "lisinopril")
    records = [line for line in lisinopril.lines if line.author == "record"]
    assert shown.reviewed is not None and {line.source for line in records} == {"north", "south"}
    assert all(line.signed < shown.reviewed.time for line in records)
    assert shown.new == {lisinopril.key: 1}
    # She goes through the page with both: nothing of it is new the next time, and what changes is.
    review(clinic, clinic.south, marks.marks(shown.read.rows))
    assert clinic.south.lists.with_received(account, [page]).new == {}
    clinic.north.put("MedicationRequest", "a", order("a", "314077", "lisinopril 20 mg", "2 tabs daily"))
    page = receive.request_records(clinic.south, "north", account, practitioner=doctor, reason="a visit")
    assert clinic.south.lists.with_received(account, [page]).new == {lisinopril.key: 1}


def test_what_others_went_through_is_no_visit_here(clinic: Clinic) -> None:
    review(clinic, clinic.north)
    clinic.refresh()
    account = clinic.ada.account
    at_south, at_north = clinic.south.lists.of(account), clinic.north.lists.of(account)
    assert at_south.reviewed is None and at_south.new == {}
    assert at_north.reviewed is not None and at_north.new == {}
    # Nobody who could see south's records went through the list: on her own page they are new since Dr North's visit.
    own = clinic.shown()
    assert own.reviewed is not None and own.reviewed.act.name == "Dr North"
    assert own.new == {clinic.row("lisinopril").key: 1, clinic.row("metformin").key: 1}
    review(clinic, clinic.south)
    assert clinic.shown().new == {}


def test_what_was_given_to_the_place_of_a_review_is_not_new_on_her_page(clinic: Clinic) -> None:
    account = clinic.ada.account
    clinic.network.consent(clinic.ada, "south", "north")
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    page = receive.request_records(clinic.north, "south", account, practitioner=doctor, reason="a visit")
    shown = clinic.north.lists.with_received(account, [page])
    review(clinic, clinic.north, marks.marks(shown.read.rows))
    clinic.refresh()
    assert clinic.shown().new == {}
    # Another version of it has not been given to anybody.
    clinic.south.put("MedicationRequest", "c", order("c", "861007", "metformin 500 mg", "2 tabs bid"))
    clinic.refresh()
    assert clinic.shown().new == {clinic.row("metformin").key: 1}


def test_what_her_agent_was_told_of_and_read_only_after_the_review_is_new_on_her_page(clinic: Clinic) -> None:
    review(clinic, clinic.south)
    assert clinic.shown().new == {clinic.row("lisinopril").key: 1}, "north's, which south never saw"
    clinic.south.put("MedicationRequest", "late", order("late", "855332", "warfarin sodium 5 mg tablet"))
    clinic.story.settle()
    review(clinic, clinic.south)
    review(clinic, clinic.north)
    assert clinic.shown().new == {}
    clinic.refresh()
    assert clinic.shown().new == {clinic.row("warfarin").key: 1}
    # Read again it is the same copy, and the next review is of it, too.
    review(clinic, clinic.south)
    clinic.network.time += 60_000
    clinic.refresh()
    assert clinic.shown().new == {}


def test_what_a_clinician_hears_of_after_her_review_is_new(clinic: Clinic) -> None:
    review(clinic, clinic.south)
    clinic.say("not-taking", clinic.row("metformin"))
    (row,) = [row for row in clinic.south.lists.of(clinic.ada.account).read.medicines if row.name == "metformin"]
    assert clinic.south.lists.of(clinic.ada.account).new == {row.key: 1}


def test_what_reaches_her_agent_late_is_new_on_her_page(clinic: Clinic) -> None:
    """South's line was signed before the review, and told only after it."""
    review(clinic, clinic.north)
    clinic.south.put("MedicationRequest", "d", order("d", "197361", "amlodipine 5 mg"))
    review(clinic, clinic.south)
    clinic.refresh()
    shown = clinic.shown()
    assert shown.new == {clinic.row("amlodipine").key: 1}


def test_what_a_list_held_tells_nothing_and_ends_with_the_link(clinic: Clinic) -> None:
    review(clinic, clinic.south)
    (row,) = clinic.south.rows(list_seen)
    assert row.account == clinic.ada.account and b"metformin" not in row.sealed
    (line,) = [line for line in clinic.row("metformin").lines if line.author == "record"]
    changed = msgspec.structs.replace(line, manifest="0" * 64, sha256="0" * 64, plain="other", signed=0)
    assert marks.mark(changed) == marks.mark(line), "a mark is of the name and version, not of what it says"
    assert clinic.south.linker.unlink("ada")
    assert clinic.south.rows(list_seen) == []


def allergies(notices: Any) -> list[Any]:
    return [notice for notice in notices if notice.rule == "allergy"]


def test_what_was_put_away_beside_others_records_stays_away_without_them(clinic: Clinic) -> None:
    south, account = clinic.south, clinic.ada.account
    south.put("AllergyIntolerance", "x", allergy("x", "lisinopril"))
    clinic.network.consent(clinic.ada, "north", "south")
    doctor = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    page = receive.request_records(south, "north", account, practitioner=doctor, reason="a visit")
    with_others = south.lists.with_received(account, [page])
    (seen,), (own,) = allergies(with_others.notices), allergies(south.lists.of(account).notices)
    assert seen.id != own.id and seen.about == own.about
    behind = reviews.behind(seen, with_others.read.rows)
    south.acts.enter(account, doctor, "dismissed", [], "It was a cough.", seen.id, seen=behind, about=seen.about)
    assert allergies(south.lists.with_received(account, [page]).notices) == []
    assert allergies(south.lists.of(account).notices) == []
    ((_, kept),) = [one for one in south.lists.of(account).put_away if one[0].rule == "allergy"]
    assert (kept.act.name, kept.act.words) == ("Dr South", "It was a cough.")
    # With a record more behind it, it is there again; hers is still on her own page.
    south.put("AllergyIntolerance", "y", allergy("y", "lisinopril"))
    assert len(allergies(south.lists.of(account).notices)) == 1
    clinic.refresh()
    assert len(allergies(clinic.shown().notices)) == 1


def test_what_was_put_away_without_others_records_comes_back_with_them(clinic: Clinic) -> None:
    south, account = clinic.south, clinic.ada.account
    south.put("AllergyIntolerance", "x", allergy("x", "lisinopril"))
    clinic.network.consent(clinic.ada, "north", "south")
    doctor = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    (own,) = allergies(south.lists.of(account).notices)
    south.acts.enter(account, doctor, "dismissed", [], "It was a cough.", own.id)
    assert allergies(south.lists.of(account).notices) == []
    page = receive.request_records(south, "north", account, practitioner=doctor, reason="a visit")
    assert len(allergies(south.lists.with_received(account, [page]).notices)) == 1
    assert south.linker.unlink("ada") and south.rows(list_put_away) == []


def test_what_does_not_open_any_more_takes_no_list_away(clinic: Clinic) -> None:
    south, account = clinic.south, clinic.ada.account
    south.put("AllergyIntolerance", "x", allergy("x", "lisinopril"))
    doctor = review(clinic, south)
    (own,) = allergies(south.lists.of(account).notices)
    south.acts.enter(account, doctor, "dismissed", [], "It was a cough.", own.id)
    other = south.vault.seal(bytes(32), b"", b"")
    for table in (list_seen, list_put_away):
        south.store.write(lambda connection, table=table: connection.execute(table.update().values(sealed=other)))
    shown = south.lists.of(account)
    assert shown.reviewed is not None and shown.new == {}
