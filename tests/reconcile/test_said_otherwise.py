"""What a person writes that denies her own word: no medicine of the name "nothing", and no directions "never"."""

import pytest

from medrec.core.reconcile.aloud import aloud, beside
from medrec.core.reconcile.rows import Conflict
from medrec.core.records.understood import NoteCode
from tests.reconcile.test_bad_input import order
from tests.reconcile.test_said_later import act, read


@pytest.mark.parametrize(
    "name",
    [
        *("-", "none", "Nothing", "nothing else", "I take nothing", "I don't take anything", "see list", "n/a", "no"),
        *("not lisinopril", "aspirin 81 mg (stopped)", "Nada", "no tomo nada", "ninguna", "لا شيء", "لا آخذ شيئًا"),
    ],
)
def test_what_names_no_medicine_is_never_active(name: str) -> None:
    (row,) = read(said_of=act("also-taking", name, f"text:{name.lower()}")).medicines
    assert row.status == "unknown"
    assert NoteCode.STATUS_CONFLICT in {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize("name", ["NoDoz", "No-Doz 200 mg", "lisinopril 20 mg", "Auntie's drops"])
def test_a_name_is_a_name(name: str) -> None:
    (row,) = read(said_of=act("also-taking", name, f"text:{name.lower()}")).medicines
    assert row.status == "active"
    assert [note for line in row.lines for note in line.notes] == []


@pytest.mark.parametrize(
    "words", ["never", "Never!", "I don't take it", "not any more", "no longer", "nunca", "أبدا", "0 mg", "0 tabs"]
)
def test_never_ends_it_whichever_button_was_pressed(words: str) -> None:
    said_of = act("like-this", "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    assert row.status == "stopped"
    assert {Conflict.PATIENT, Conflict.STATUS} <= {*row.conflicts}


@pytest.mark.parametrize(
    "words",
    ["no", "Not.", "none", "لا", "my wife takes it", "It's my son's medicine", "for my husband", "mi esposa la toma"],
)
def test_a_bare_no_and_somebody_else_confirm_nothing(words: str) -> None:
    said_of = act("like-this", "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    assert Conflict.PATIENT in row.conflicts and row.directions == "1 tab daily"
    assert NoteCode.STATUS_CONFLICT in {note for line in row.lines for note in line.notes}
    # Where nobody else says that it is taken it is not active by her word.
    assert [row.status for row in read(said_of=said_of).medicines] == ["unknown"]


@pytest.mark.parametrize(
    "words",
    ["never with food", "no more than 2 a day", "my wife gives it to me daily", "my daughter takes it out of the box"],
)
def test_directions_with_such_words_in_them_are_directions(words: str) -> None:
    said_of = act("like-this", "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    assert (row.status, row.directions) == ("active", words)
    assert NoteCode.STATUS_CONFLICT not in {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize(
    "words",
    [
        *("hold until Monday", "taper off", "wean", "wrong chart", "not for this patient", "0"),
        *("replaced by losartan 50", "switch to losartan 50 mg daily", "losartan 50 mg daily", "changed to losartan"),
        *("ran out", "can't afford it", "allergic to it", "my doctor told me to stop"),
    ],
)
def test_a_change_whose_words_end_it_or_are_of_another_medicine_confirms_nothing(words: str) -> None:
    for kind in ("changed", "like-this"):
        said_of = act(kind, "lisinopril", "29046|body", "29046", words=words)
        (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
        assert row.per_day in ("", "20 mg"), "another medicine's dose is not this one's"
        assert NoteCode.STATUS_CONFLICT in {note for line in row.lines for note in line.notes}
        assert [row.status for row in read(said_of=said_of).medicines] == ["unknown"]


@pytest.mark.parametrize("words", ["1 tab daily with my metformin", "40 mg daily", "half a tablet", "20 mg"])
def test_a_medicine_beside_a_dose_is_beside_it(words: str) -> None:
    said_of = act("changed", "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    assert row.status == "active" and row.directions == words
    assert NoteCode.STATUS_CONFLICT not in {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize(
    "words",
    [
        *("off it", "I'm off it now", "off it since May 2025", "finished", "I finished it", "done with it"),
        *("threw it away", "la suspendió el doctor", "el médico me lo suspendió", "me la quitaron", "توقفت", "أنهيته"),
    ],
)
@pytest.mark.parametrize("kind", ["like-this", "changed", "also-taking"])
def test_a_plain_end_in_everyday_words_ends_it(words: str, kind: str) -> None:
    said_of = act(kind, "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    assert row.status == "stopped"


@pytest.mark.parametrize(
    "words",
    [
        *("I used to", "used to take", "in the past", "off it on weekends", "finished my dinner then 1 tab", "done"),
        *("might start", "off it when I travel", "finished, 1 tab daily"),
    ],
)
def test_what_may_be_an_end_confirms_nothing(words: str) -> None:
    said_of = act("like-this", "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    assert row.status == "active" and row.directions == "1 tab daily"
    assert NoteCode.STATUS_CONFLICT in {note for line in row.lines for note in line.notes}
    assert [row.status for row in read(said_of=said_of).medicines] == ["unknown"]


@pytest.mark.parametrize("words", ["I was off it but take it again", "threw the old ones out, still take 1 daily"])
def test_what_was_over_and_goes_on_ends_nothing(words: str) -> None:
    said_of = act("also-taking", "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(said_of=said_of).medicines
    assert row.status == "active"
    assert NoteCode.STATUS_CONFLICT in {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize(
    "words", ["off and on", "take it off the shelf daily", "until finished", "1 tab daily when done eating"]
)
def test_such_words_in_directions_are_no_end(words: str) -> None:
    said_of = act("also-taking", "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(said_of=said_of).medicines
    assert row.status == "active"
    assert NoteCode.STATUS_CONFLICT not in {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize(
    "name",
    [
        *("might start lisinopril", "lisinopril (old)", "old lisinopril", "my husband's lisinopril", "lisinopril?"),
        *("used to take lisinopril", "nothing new", "all of the above", "none of the above", "everything", "lo mismo"),
        *("will start lisinopril", "lisinopril - finished", "lisinopril for my dog", "lisinopril, maybe"),
        *("nada nuevo", "todo lo anterior", "quizás empiece lisinopril", "لا جديد", "كل ما سبق"),
        *("Coumadin (lisinopril)", "warfarin (with enoxaparin 40 mg)"),
    ],
)
def test_what_may_be_no_medicine_of_hers_today_is_asked_about(name: str) -> None:
    (row,) = read(said_of=act("also-taking", name, f"text:{name.lower()}")).medicines
    assert row.status == "unknown"
    assert NoteCode.STATUS_CONFLICT in {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize("name", ["my lisinopril", "lisinopril (new)", "lisinopril as needed", "Norvasc (amlodipine)"])
def test_what_is_hers_today_is_taken(name: str) -> None:
    (row,) = read(said_of=act("also-taking", name, f"text:{name.lower()}")).medicines
    assert row.status == "active"
    assert NoteCode.STATUS_CONFLICT not in {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize(
    "words",
    [
        *("0", "none", "nothing", "no", "ran out in March", "allergic to it", "expired", "on hold for surgery"),
        *("doctor told me to stop but I have not", "la dejé", "1 tab daily until last week", "skip it mostly"),
    ],
)
def test_what_says_not_how_it_is_taken_stands_beside_the_row(words: str) -> None:
    said_of = act("like-this", "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab bid"), said_of=said_of).medicines
    assert row.status == "active" and row.directions != words and beside(row) == [words]
    assert Conflict.PATIENT in row.conflicts and NoteCode.STATUS_CONFLICT in aloud(row)
    assert [row.status for row in read(said_of=said_of).medicines] == ["unknown"]


def test_an_end_by_herself_is_a_plain_end() -> None:
    said_of = act("like-this", "lisinopril", "29046|body", "29046", words="stopped it myself")
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab bid"), said_of=said_of).medicines
    assert row.status == "stopped"
