"""What people say of a line counts as a record in the same words would: it warns, and it can end what has no date."""

from typing import Any

import msgspec
import pytest

from medrec.core.manifests.acts import Act
from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists, Read
from medrec.core.reconcile.notices import LabelChecker, NoticeRule, notices
from medrec.core.reconcile.rows import Conflict, MedicineRow
from medrec.core.reconcile.said import said
from medrec.core.records.canonical import canonical
from medrec.core.records.dates import DAY_MS
from medrec.core.records.reading import Around
from medrec.core.records.sig import parsed
from medrec.core.records.table import understand
from medrec.core.records.understood import NoteCode
from medrec.node.terminology.shipped import shipped
from tests.reconcile.records_said import NOW
from tests.reconcile.test_apart import allergy
from tests.reconcile.test_bad_input import order


def act(kind: str, name: str, key: str, *ingredients: str, words: str = "", time: int = NOW - DAY_MS) -> Act:
    clinician = kind in ("stopped", "changed")
    subject = {"key": key, "name": name, "ingredients": list(ingredients)}
    return msgspec.convert(
        {
            "network": "00" * 32, "account": "x", "id": "11" * 16, "kind": kind, "name": "Ada", "time": time,
            "author": "clinician" if clinician else "patient", "organisation": "south" if clinician else "",
            "subjects": [subject], "words": words, "credential": {} if clinician else None,
        },
        Act,
    )  # fmt: skip


def read(*records: dict[str, Any], said_of: Act, signed: int = NOW - 10 * DAY_MS) -> Read:
    held = []
    for number, record in enumerate(records):
        form = canonical(msgspec.json.encode(record | {"id": f"r{number}"}))
        found = understand(form.value, Around(shipped(), NOW, None))
        held.append(Held("north", found, 1, form.sha256.hex(), form.sha256.hex(), signed))
    return Lists(shipped(), NOW, [*held, *said(said_of, "ab" * 32, said_of.time, shipped())]).read()


def test_what_a_person_also_takes_is_known_by_its_name() -> None:
    also = act("also-taking", "Aspirin 100 mg", "text:aspirin 100 mg", words="1 tablet daily")
    found = read(order("aspirin 81 mg tablet", sig="1 tab daily"), allergy("aspirin"), said_of=also)
    (row,) = found.medicines
    assert row.ingredients == ("1191",) and len(row.lines) == 2
    assert NoticeRule.ALLERGY in {notice.rule for notice in notices(found, shipped(), [LabelChecker()])}
    unknown = read(said_of=act("also-taking", "Auntie's drops", "text:auntie's drops"))
    assert [row.key for row in unknown.medicines] == ["text:auntie's drops"]


def test_a_dose_in_words_of_a_clinician_is_a_dose_of_the_ingredient() -> None:
    changed = act("changed", "warfarin", "11289|body", "11289", words="2.5 mg daily")
    (row,) = read(order("warfarin 5 mg tablet", sig="1 tab daily"), said_of=changed).medicines
    assert row.per_day == "2.5 mg" and Conflict.DOSE in row.conflicts


@pytest.mark.parametrize("dated", [{}, {"authoredOn": "2026-11-01"}])
@pytest.mark.parametrize("kind", ["stopped", "not-taking"])
def test_what_has_no_date_can_be_stopped_after_it_was_signed(dated: dict[str, str], kind: str) -> None:
    undated = {key: value for key, value in order("warfarin 5 mg tablet").items() if key != "authoredOn"} | dated
    (row,) = read(undated, said_of=act(kind, "warfarin", "11289|body", "11289")).medicines
    assert row.status == "stopped"
    # Signed after the stop it may have been ordered anew.
    (row,) = read(undated, said_of=act(kind, "warfarin", "11289|body", "11289"), signed=NOW).medicines
    assert row.status == "active"


def test_tablets_that_a_person_takes_are_a_weight_as_in_a_record() -> None:
    words = "2 tablets every 2 hours"
    also = act("also-taking", "acetaminophen 500 mg", "text:acetaminophen 500 mg", words=words)
    for found in (read(said_of=also), read(order("acetaminophen 500 mg tablet", sig=words), said_of=also)):
        (row,) = found.medicines
        assert row.per_day == "12000 mg" and Conflict.DOSE not in row.conflicts
        assert NoticeRule.DOSE in {notice.rule for notice in notices(found, shipped(), [LabelChecker()])}


@pytest.mark.parametrize(
    ("kind", "words"), [("changed", "3 tablets daily"), ("like-this", "1 tablet 3 (three) times daily")]
)
def test_tablets_of_a_row_are_of_its_one_strength(kind: str, words: str) -> None:
    said_of = act(kind, "warfarin", "11289|body", "11289", words=words)
    (row,) = read(order("warfarin 5 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    assert row.per_day == "15 mg"
    # With two strengths in the row nobody knows which tablets are meant.
    two = [order("warfarin 5 mg tablet", sig="1 tab daily"), order("warfarin 2 mg tablet", sig="1 tab daily")]
    (row,) = read(*two, said_of=said_of).medicines
    assert row.per_day == "3 tablets"


def test_unlike_units_are_not_compared_as_doses() -> None:
    also = act("also-taking", "Aspirin 100 mg", "text:aspirin 100 mg", words="1 tablet daily")
    found = read(order("aspirin 81 mg tablet", sig="1 tab daily"), said_of=also)
    (doubled,) = [one for one in notices(found, shipped(), [LabelChecker()]) if one.rule is NoticeRule.SAME_DRUG]
    assert "100 mg and 81 mg" in doubled.sentence


def test_a_ceiling_alone_is_no_other_dose_than_one_under_it() -> None:
    like = act("like-this", "warfarin", "11289|body", "11289", words="1 tablet up to 2 times a day")
    (row,) = read(order("warfarin 5 mg tablet", sig="2 tabs daily"), said_of=like).medicines
    assert row.per_day == "0 to 10 mg" and Conflict.DOSE not in row.conflicts


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("like-this", "I stopped it last week"),
        ("like-this", "Ya no lo tomo"),
        ("also-taking", "no longer"),
        ("changed", "Stop."),
    ],
)
def test_words_of_an_end_are_an_end_whichever_button_was_pressed(kind: str, words: str) -> None:
    said_of = act(kind, "warfarin", "11289|body", "11289", words=words)
    (row,) = read(order("warfarin 5 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    assert row.status == "stopped"
    said_of = act(kind, "warfarin", "11289|body", "11289", words="1 tab daily, stop if there is blood")
    (row,) = read(order("warfarin 5 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    assert row.status == "active"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("like-this", "half a tablet in the morning, stopped the evening one"),
        ("like-this", "1 tablet daily since I stopped glipizide"),
        ("like-this", "stopped glipizide"),
        ("like-this", "take 1 daily, discontinued the second one"),
        ("like-this", "I haven't stopped it, 1 tablet twice a day"),
        ("like-this", "I haven't stopped it"),
        ("like-this", "I have not stopped it"),
        ("like-this", "No lo he dejado"),
        ("also-taking", "1 tablet daily since I stopped glipizide"),
        ("changed", "discontinued the 20 mg, take 10 mg daily"),
    ],
)
def test_a_signed_word_is_not_turned_round_by_one_word_in_it(kind: str, words: str) -> None:
    """Who says that she takes it is not shown as one who does not; what may mislead is marked."""
    said_of = act(kind, "warfarin", "11289|body", "11289", words=words)
    (row,) = read(order("warfarin 5 mg tablet", sig="1 tab daily"), said_of=said_of).medicines
    (word,) = [line for line in row.lines if line.author != "record"]
    assert row.status == "active" and word.says == "taken"
    assert (NoteCode.STATUS_CONFLICT in word.notes) is (parsed(words).course == "over")


def test_what_she_put_right_outdoes_nobody() -> None:
    """ "I do not take this" by mistake, and a day later how she takes it: her own two words were a dispute for ever."""

    def after(*words: tuple[str, str]) -> MedicineRow:
        held = []
        for number, record in enumerate([order("lisinopril 20 mg tablet", sig="1 tab daily")]):
            form = canonical(msgspec.json.encode(record | {"id": f"r{number}"}))
            found = understand(form.value, Around(shipped(), NOW, None))
            held.append(Held("north", found, 1, form.sha256.hex(), form.sha256.hex(), NOW - 10 * DAY_MS))
        for number, (kind, text) in enumerate(words):
            one = act(kind, "lisinopril", "29046|body", "29046", words=text, time=NOW - (5 - number) * DAY_MS)
            one = msgspec.structs.replace(one, id=f"{number}" * 32)
            held += said(one, f"{number}" * 64, one.time, shipped())
        (row,) = Lists(shipped(), NOW, held).read().medicines
        assert row == Lists(shipped(), NOW, held[::-1]).read().medicines[0] and len(row.lines) == len(words) + 1
        return row

    row = after(("not-taking", ""), ("like-this", "1 tab daily"))
    assert row.status == "active" and Conflict.STATUS not in row.conflicts and "said-anew" in row.rules
    assert not any(line.outdone for line in row.lines)
    row = after(("not-taking", ""), ("like-this", "3 tabs daily"))
    assert row.status == "active" and {Conflict.DOSE, Conflict.PATIENT} <= {*row.conflicts}
    # The newest counts, whichever it is.
    row = after(("like-this", "1 tab daily"), ("not-taking", ""))
    assert row.status == "stopped" and Conflict.PATIENT in row.conflicts
    row = after(("not-taking", ""))
    assert row.status == "stopped" and "said-anew" not in row.rules
