"""The clinical time of a record: all of it, in whatever order it stands there, or none."""

from typing import Any

import pytest

from medrec.core.consent.clinical import clinical_dates
from medrec.core.consent.times import Span, read_time


def dates(kind: str, **content: Any) -> Span | None:
    return clinical_dates({"resourceType": kind, **content})


def span(first: str, last: str) -> Span:
    start, end = read_time(first), read_time(last)
    assert start is not None and end is not None
    return Span(start.start, end.end)


@pytest.mark.parametrize(
    ("kind", "element"), [("Observation", "effectiveTiming"), ("ServiceRequest", "occurrenceTiming")]
)
def test_events_in_any_order_are_one_time(kind: str, element: str) -> None:
    whole = span("2019-06-01", "2025-01-01")
    for events in (["2025-01-01", "2019-06-01"], ["2019-06-01", "2025-01-01"], ["2020", "2025-01-01", "2019-06-01"]):
        assert dates(kind, **{element: {"event": events}}) == whole


@pytest.mark.parametrize(
    "timing",
    [
        {"event": ["2019-01-01"], "repeat": {"boundsPeriod": {"start": "2024-01-01"}}}, {"event": []},
        {"event": ["2019-01-01", "soon"]}, {"event": ["2019-01-01", None], "_event": [None, {"id": "x"}]},
        {"repeat": {"frequency": 1}},
    ],
)  # fmt: skip
def test_a_time_that_is_not_all_there_is_known_by_nobody(timing: dict[str, Any]) -> None:
    assert dates("Observation", effectiveTiming=timing, issued="2019-01-01T00:00:00Z") is None


def test_a_time_in_two_ways_is_none() -> None:
    two = {"effectiveDateTime": "2019", "effectivePeriod": {"start": "2025"}}
    assert dates("Observation", **two) is None


def test_a_document_is_of_the_time_that_it_tells_of() -> None:
    period = {"start": "2019-03-01", "end": "2019-03-02"}
    assert dates("DocumentReference", period=period, date="2025-01-01T00:00:00Z") == span("2019-03-01", "2019-03-02")
    assert dates("DocumentReference", context={"period": period}, date="2025") == span("2019-03-01", "2019-03-02")
    assert dates("DocumentReference", context=[{"reference": "Encounter/e"}], date="2025") == span("2025", "2025")


@pytest.mark.parametrize("kind", ["Claim", "ExplanationOfBenefit"])
def test_a_claim_whose_items_have_times_is_of_no_single_one(kind: str) -> None:
    for told in ({"servicedDate": "2019-03-01"}, {"servicedPeriod": {"start": "2019"}}, {"_servicedDate": {"id": "x"}}):
        assert dates(kind, created="2025-01-01", item=[{"sequence": 1}, told]) is None
    assert dates(kind, created="2025-01-01", item=[{"sequence": 1}]) == span("2025-01-01", "2025-01-01")
    assert dates(kind, created="2025-01-01") == span("2025-01-01", "2025-01-01")
