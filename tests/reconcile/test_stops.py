"""What ends a medicine: what a place says of it as a whole, and what it says of one order alone."""

from typing import Any

import msgspec
import pytest

from medrec.core.manifests.acts import Act
from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists
from medrec.core.reconcile.rows import Conflict, MedicineRow
from medrec.core.reconcile.said import said
from medrec.core.records.canonical import canonical
from medrec.core.records.dates import clinical_date
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.node.terminology.shipped import shipped
from tests.reconcile.records_said import NOW
from tests.reconcile.test_apart import allergy, problem, refuted
from tests.reconcile.test_bad_input import order, read

HOUR_MS = 3_600_000


def warfarin(identifier: str, since: str, text: str = "warfarin 5 mg tablet", **more: Any) -> dict[str, Any]:
    return order(text, sig="1 tab daily", id=identifier, authoredOn=since, **more)


def ended(identifier: str, since: str, until: str, text: str = "warfarin 5 mg tablet") -> dict[str, Any]:
    timing = {"repeat": {"boundsPeriod": {"start": since, "end": until}}}
    how = [{"text": "1 tab daily", "timing": timing}]
    return warfarin(identifier, since, text, status="stopped") | {"dosageInstruction": how}


def statement(status: str, **more: Any) -> dict[str, Any]:
    base = {"resourceType": "MedicationStatement", "id": "said", "status": status}
    return base | {"medicationCodeableConcept": {"text": "warfarin 5 mg tablet"}} | more


def row_of(*records: dict[str, Any]) -> MedicineRow:
    (row,) = read(*records).medicines
    return row


@pytest.mark.parametrize(
    "stop",
    [
        statement("stopped", effectivePeriod={"start": "2025-03-01", "end": "2025-09-01"}),
        statement("not-taken", effectivePeriod={"start": "2025-03-01"}, dateAsserted="2025-09-01"),
        warfarin("no", "2025-09-01", doNotPerform=True),
    ],
)
@pytest.mark.parametrize("source", ["north", "south"])
def test_a_stop_after_a_refill_stops_wherever_it_is_said(stop: dict[str, Any], source: str) -> None:
    row = row_of(warfarin("refill", "2025-08-15"), stop | {"source": source})
    assert row.status == "stopped"


def test_an_order_of_its_own_takes_the_place_of_one_that_a_source_ends() -> None:
    """A new dose, and the old order closed on the day, or within the week."""
    for day in ("2025-09-01", "2025-09-05"):
        row = row_of(ended("old", "2025-03-01", day), warfarin("new", "2025-09-01", "warfarin 2 mg tablet"))
        assert (row.status, row.strength, row.conflicts) == ("active", "2 mg", ())
        assert "replaced-order" in row.rules
    # The same again, closed in the night after.
    row = row_of(ended("old", "2025-03-01", "2025-09-02"), warfarin("new", "2025-09-01"))
    assert row.status == "active" and row.conflicts == ()


def test_an_order_that_is_left_open_when_another_ends_is_not_known_to_go_on() -> None:
    row = row_of(warfarin("refill", "2025-09-20"), ended("old", "2025-03-01", "2025-10-05"))
    assert (row.status, row.conflicts) == ("unknown", (Conflict.STATUS,)) and "order-left-open" in row.rules
    # A stop elsewhere speaks of all orders, as before.
    elsewhere = ended("old", "2025-03-01", "2025-10-05") | {"source": "south"}
    assert row_of(warfarin("refill", "2025-09-20"), elsewhere).status == "stopped"


def test_a_statement_of_another_strength_is_a_change_of_dose() -> None:
    old = statement("stopped", effectivePeriod={"start": "2025-03-01", "end": "2025-09-03"})
    assert row_of(old, warfarin("new", "2025-09-01", "warfarin 2 mg tablet")).status == "active"
    assert row_of(old, warfarin("new", "2025-08-01", "warfarin 2 mg tablet")).status == "stopped"
    assert row_of(old, warfarin("new", "2025-09-01")).status == "stopped"


def test_no_order_takes_the_place_of_an_allergy_or_a_problem() -> None:
    found = read(
        allergy("penicillin", recordedDate="2025-08-15"),
        refuted("penicillin", recordedDate="2025-09-01", onsetDateTime="2010", id="r"),
        problem("gout", onsetDateTime="2010-01-01", recordedDate="2025-08-15"),
        problem("gout", clinical="resolved", onsetDateTime="2010-01-01", recordedDate="2025-09-01", id="g"),
    )
    assert [row.status for row in found.allergies] == ["stopped"] == [row.status for row in found.problems]
    assert not any("replaced-order" in row.rules for row in (*found.allergies, *found.problems))


def reviewed_at(hour: int, *records: dict[str, Any], updated: str = "", **subject: Any) -> MedicineRow:
    """The row after a review at this hour of 8 October."""
    day = clinical_date("2025-10-08")
    assert day is not None
    act = msgspec.convert(
        {
            "network": "00" * 32, "account": "x", "id": "11" * 16, "kind": "reviewed", "name": "Dr North",
            "time": day.start_ms + hour * HOUR_MS, "author": "clinician", "organisation": "north", "credential": {},
            "subjects": [{"key": "11289|body", "name": "warfarin", "ingredients": ["11289"], "form": "tablet",
                          "site": "body"} | subject],
        },
        Act,
    )  # fmt: skip
    changed = clinical_date(updated)
    held = said(act, "ab" * 32, act.time)
    for record in records:
        form = canonical(msgspec.json.encode(record))
        found = understand(form.value, Around(shipped(), NOW, None))
        mark = form.sha256.hex()
        held.append(Held("north", found, 1, mark, mark, NOW, updated=changed.start_ms if changed else None))
    (row,) = Lists(shipped(), NOW, held).read().medicines
    return row


def test_a_stop_of_the_day_is_not_overtaken_by_a_review_in_the_morning() -> None:
    stop = statement("stopped", effectivePeriod={"start": "2025-03-01", "end": "2025-10-08"})
    row = reviewed_at(9, warfarin("w", "2025-03-01"), stop)
    assert row.status == "stopped" and Conflict.STATUS in row.conflicts


def test_a_review_takes_up_nothing_that_was_stopped() -> None:
    """Whoever goes through a list after a stop, here or elsewhere, starts nothing again."""
    before = statement("stopped", effectivePeriod={"start": "2025-03-01", "end": "2025-10-07"})
    row = reviewed_at(9, warfarin("w", "2025-03-01"), before)
    assert row.status == "stopped" and row.conflicts == (Conflict.STATUS,)
    stopped = warfarin("w", "2025-03-01", status="stopped")
    for updated in ("2025-10-08T08:00:00Z", "2025-10-08T15:00:00Z"):
        assert reviewed_at(9, stopped, updated=updated).status == "stopped"


def test_a_review_makes_nothing_active_of_which_nobody_knows_whether_it_is_taken() -> None:
    for record in (warfarin("w", "2025-03-01", status="unknown"), warfarin("w", "2025-03-01", status="on-hold")):
        row = reviewed_at(9, record)
        assert row.status == reviewed_at(-24 * 900, record).status != "active"
    # What had not been confirmed for two years when she went through it is not known to be taken after it, either.
    assert reviewed_at(9, warfarin("w", "2023-09-01")).status == "unknown"
    # What was known then is confirmed by it.
    row = reviewed_at(9, warfarin("w", "2023-11-01"))
    assert row.status == "active" and row.confirmed is not None and row.confirmed.by == "Dr North"
    assert reviewed_at(-24 * 30, warfarin("w", "2023-09-15")).status == "active"


def test_how_a_row_is_called_and_taken_is_never_what_a_review_says() -> None:
    row = reviewed_at(9, warfarin("w", "2025-03-01"))
    assert (row.directions, row.strength, len(row.variants)) == ("1 tab daily", "5 mg", 1)
    unread = {**warfarin("w", "2025-03-01"), "medicationCodeableConcept": {"text": "warfarin unknown"}}
    assert (
        reviewed_at(9, unread, name="Nothing", ingredients=[], key="text:warfarin unknown").name == "warfarin unknown"
    )
