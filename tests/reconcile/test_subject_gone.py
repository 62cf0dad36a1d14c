"""A word on how a medicine is taken starts none where nothing that it was said of is here any more."""

import pytest

from medrec.core.records.understood import NoteCode
from tests.reconcile.test_bad_input import order
from tests.reconcile.test_said_later import act, read

LISINOPRIL = ("lisinopril", "29046|body", "29046")


@pytest.mark.parametrize("kind", ["like-this", "changed"])
def test_a_word_about_a_record_that_is_gone_starts_nothing(kind: str) -> None:
    word = act(kind, *LISINOPRIL, words="2 tabs at night")
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab daily"), said_of=word).medicines
    assert row.status == "active" and "subject-gone" not in row.rules
    (alone,) = read(said_of=word).medicines
    assert alone.status == "unknown" and "subject-gone" in alone.rules
    assert NoteCode.SUBJECT_GONE in {note for line in alone.lines for note in line.notes}
    # What its source took back was never true.
    back = order("lisinopril 20 mg tablet", sig="1 tab daily", status="entered-in-error")
    (row,) = read(back, said_of=word).medicines
    assert row.status == "unknown"


def test_what_she_also_takes_is_hers() -> None:
    (row,) = read(said_of=act("also-taking", *LISINOPRIL)).medicines
    assert row.status == "active" and "subject-gone" not in row.rules


def test_a_stop_stays_a_stop() -> None:
    (row,) = read(said_of=act("not-taking", *LISINOPRIL)).medicines
    assert row.status == "stopped"
