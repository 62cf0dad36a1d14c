"""A hundred orders as people write them, through the reader, the list and the notices: each line was judged by eye."""

from pathlib import Path

import pytest

from medrec.core.reconcile.notices import LabelChecker, notices
from medrec.core.records.understood import NoteCode
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_bad_input import notes, order, read

FILE = Path(__file__).with_name("directions.txt")
LINES = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def judged(line: str) -> list[str]:
    return [part.strip() for part in f"{line} ".split("|")]


@pytest.mark.parametrize("line", LINES)
def test_what_is_written_is_read_as_a_careful_pharmacist_does(line: str) -> None:
    text, sig, *expected = judged(line)
    found = read(order(text, sig=sig, authoredOn="2025-10-07"))
    (row,) = found.medicines
    a_day = f"up to {row.per_day}" if row.as_needed and row.per_day else "as needed" if row.as_needed else row.per_day
    told = [note for note in notes(found) if note != NoteCode.TEXT_ONLY]
    told += [notice.rule for notice in notices(found, shipped(), [LabelChecker()])]
    assert [row.strength, row.site, a_day, ",".join(told)] == expected
    # A number of the name that nobody can place stands before them.
    before = "unit-not-understood" in told and row.directions.endswith(f"; {sig}")
    assert row.status == "active" and (row.directions == sig or before)


def test_the_table_is_whole() -> None:
    assert len(LINES) == len(set(LINES)) >= 100 and all(len(judged(line)) == 6 for line in LINES)
