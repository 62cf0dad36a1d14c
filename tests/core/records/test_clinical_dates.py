"""Dates of records: precision, spans, zones, and what is none."""

import datetime

import pytest

from medrec.core.records.dates import DAY_MS, clinical_date

DAYS = ["0001-01-01", "1900-02-28", "1969-12-31", "1970-01-01", "2000-02-29", "2024-02-29", "2026-11-24", "9999-12-31"]


@pytest.mark.parametrize("day", DAYS)
def test_a_day_covers_itself(day: str) -> None:
    found = clinical_date(day)
    ordinal = datetime.date.fromisoformat(day).toordinal() - datetime.date(1970, 1, 1).toordinal()
    assert found is not None and (found.start_ms, found.end_ms) == (ordinal * DAY_MS, (ordinal + 1) * DAY_MS)


@pytest.mark.parametrize(
    ("text", "precision", "first", "after"),
    [
        ("2012", "year", "2012-01-01", "2013-01-01"),
        ("1900", "year", "1900-01-01", "1901-01-01"),
        ("2012-02", "month", "2012-02-01", "2012-03-01"),
        ("2013-12", "month", "2013-12-01", "2014-01-01"),
        ("2012-02-29", "day", "2012-02-29", "2012-03-01"),
    ],
)
def test_a_partial_date_covers_all_that_it_may_mean(text: str, precision: str, first: str, after: str) -> None:
    found, start, end = clinical_date(text), clinical_date(first), clinical_date(after)
    assert found is not None and start is not None and end is not None
    assert (found.precision, found.start_ms, found.end_ms) == (precision, start.start_ms, end.start_ms)


@pytest.mark.parametrize(
    "text",
    ["2015-02-07T13:28:17Z", "2015-02-07T13:28:17.239-05:00", "2016-12-31T23:59:59+14:00", "2015-02-07T13:28:00+05:30"],
)
def test_an_instant_is_that_of_the_standard_library(text: str) -> None:
    found = clinical_date(text)
    moment = datetime.datetime.fromisoformat(text)
    assert found is not None and found.start_ms == round(moment.timestamp() * 1000) and found.precision == "time"


@pytest.mark.parametrize(
    "text",
    ["", "2012-13", "2011-02-29", "2012-00-01", "12", "2012-1-1", "0000", "2012-04-31", "2012-01-01T25:00:00Z",
     "2012-01-01 10:00", "yesterday", "٢٠١٢", None, 2012, ["2012"]],
)  # fmt: skip
def test_what_is_no_date_is_none(text: object) -> None:
    assert clinical_date(text) is None


@pytest.mark.parametrize(
    ("text", "said"), [("2012", "2012"), ("2012-03", "Mar 2012"), ("2012-03-04T10:00:00Z", "4 Mar 2012")]
)
def test_a_date_is_said_as_exactly_as_it_was_written(text: str, said: str) -> None:
    found = clinical_date(text)
    assert found is not None and found.plain == said
