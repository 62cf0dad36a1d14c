"""What people type around a medicine's name: numbers, cases, two names, what was once and what is another's."""

import pytest

from medrec.core.reconcile.notices import LabelChecker, NoticeRule, notices
from medrec.core.reconcile.rows import Conflict, MedicineRow
from medrec.core.records.drug_names import named, strengths_of
from medrec.core.records.sig import parsed
from medrec.core.records.understood import NoteCode
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_bad_input import order
from tests.reconcile.test_bad_input import read as read_all
from tests.reconcile.test_said_later import act, read


def row_of(name: str, sig: str = "") -> MedicineRow:
    (row,) = read_all(order(name, sig=sig)).medicines
    return row


def noted(row: MedicineRow) -> set[str]:
    return {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize(
    ("name", "sig", "shown"),
    [("Norvasc 7", "", "7"), ("lisinopril 15", "1 tab daily", "15; 1 tab daily"), ("warfarin 11 qhs", "", "11; qhs")],
)
def test_a_number_that_no_product_has_is_shown_and_not_understood(name: str, sig: str, shown: str) -> None:
    row = row_of(name, sig)
    assert (row.strength, row.directions) == ("", shown) and NoteCode.UNIT_NOT_UNDERSTOOD in noted(row)
    assert row.per_day == "" or "mg" not in row.per_day


@pytest.mark.parametrize(
    "name",
    ["Norvasc 5", "levothyroxine 88", "vitamin B 12", "Humulin 70/30", "lisinopril 20 #30", "Tylenol #3", "Norvasc"],
)
def test_a_number_that_says_something_is_no_riddle(name: str) -> None:
    assert NoteCode.UNIT_NOT_UNDERSTOOD not in noted(row_of(name))


def test_a_number_that_she_types_is_shown_too() -> None:
    (row,) = read(said_of=act("also-taking", "Norvasc 7", "text:norvasc 7", words="1 tab daily")).medicines
    assert row.directions == "7; 1 tab daily" and NoteCode.UNIT_NOT_UNDERSTOOD in noted(row)


@pytest.mark.parametrize(
    "case",
    ["while traveling", "while on vacation", "during flares", "for flares", "when pain is bad", "if headache",
     "in winter", "during allergy season", "before flights", "prior to exercise", "whenever you travel",
     "while taking prednisone"],
)  # fmt: skip
def test_a_dose_for_some_case_is_none_of_every_day(case: str) -> None:
    told = parsed(f"1 tab daily {case}")
    assert (told.dose, told.times_per_day, told.course) == (None, None, "unsure")
    row = row_of("lisinopril 20 mg tablet", f"1 tab daily {case}")
    assert (row.per_day, row.daily, row.directions) == ("", (), f"1 tab daily {case}")


@pytest.mark.parametrize(
    "how",
    ["with food", "during meals", "during the day", "when you wake up", "after breakfast", "for pain", "if tolerated",
     "when needed", "while sitting upright", "before meals", "in the morning", "until gone"],
)  # fmt: skip
def test_how_it_is_taken_is_no_case(how: str) -> None:
    told = parsed(f"1 tab daily {how}")
    assert told.dose is not None and told.times_per_day is not None, how


@pytest.mark.parametrize(
    "name", ["Coumadin/lisinopril", "Coumadin / lisinopril 5 mg", "Klonopin/clonidine", "Lipitor/Zocor"]
)
def test_a_brand_beside_what_it_is_not_sold_with_is_two_medicines(name: str) -> None:
    row = row_of(name)
    assert Conflict.CODE_NAME in row.conflicts and row.ingredients == () and len(row.may_be) == 2


@pytest.mark.parametrize(
    "name", ["Zestril/lisinopril", "Tylenol/codeine", "lisinopril/hctz", "Coumadin/warfarin", "budesonide/formoterol"]
)  # fmt: skip
def test_what_is_sold_together_or_is_one_stays_one(name: str) -> None:
    row = row_of(name)
    assert row.conflicts == () and row.ingredients


def test_of_two_medicines_that_are_not_believed_both_are_warned_of() -> None:
    found = read_all(order("Coumadin/lisinopril"), order("lisinopril 20 mg", id="b", source="south"))
    assert NoticeRule.SAME_DRUG in {one.rule for one in notices(found, shipped(), [LabelChecker()])}


@pytest.mark.parametrize(
    "name",
    ["I used to take Xanax", "my wife's Xanax", "my wife’s Xanax", "Xanax, two years ago", "Xanax de mi esposa",
     "antes tomaba Xanax", "كنت آخذ زاناكس", "زاناكس زوجتي", "was on Xanax",
     "Xanax 0.5 mg, I used to take it"],
)  # fmt: skip
def test_what_was_once_or_is_anothers_is_asked_about_and_never_active(name: str) -> None:
    (row,) = read(said_of=act("also-taking", name, f"text:{name.lower()}")).medicines
    assert row.status == "unknown" and NoteCode.STATUS_CONFLICT in noted(row)


@pytest.mark.parametrize(
    "words", ["I used to take it", "I take my wife's", "my wife's pills", "I was on it", "lo tomaba"]
)
def test_so_do_the_words_beside_a_name(words: str) -> None:
    (row,) = read(said_of=act("also-taking", "Xanax", "text:xanax", words=words)).medicines
    assert row.status == "unknown" and NoteCode.STATUS_CONFLICT in noted(row)


def test_a_name_by_its_former_one_is_a_name() -> None:
    (row,) = read(said_of=act("also-taking", "lisinopril, formerly Zestril", "text:x")).medicines
    assert row.status == "active"


@pytest.mark.parametrize(
    "words", ["since two years ago", "I used to take 2, now 1 daily", "still 1 daily", "1 daily, used to take 2"]
)
def test_what_goes_on_goes_on(words: str) -> None:
    (row,) = read(said_of=act("also-taking", "Xanax", "text:xanax", words=words)).medicines
    assert row.status == "active"


@pytest.mark.parametrize(
    "words",
    ["they stopped it but I still take it", "it was stopped, I take it anyway", "stopped last week, started again",
     "I stopped it for a week but I am back on it", "quit in May but take it again since June", "had stopped; resumed",
     "stopped skipping it", "no longer crushed"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["like-this", "changed"])
def test_an_end_that_is_not_the_whole_of_a_word_ends_nothing(kind: str, words: str) -> None:
    said = act(kind, "lisinopril", "29046|body", "29046", words=words)
    (row,) = read(order("lisinopril 20 mg tablet", sig="1 tab daily"), said_of=said).medicines
    assert row.status != "stopped" and NoteCode.STATUS_CONFLICT in noted(row)


@pytest.mark.parametrize(
    "name",
    ["Novolog 70/30", "NovoLog 70-30", "Humalog 75/25", "Humalog 50/50", "insulin lispro 75/25", "Humalog 60/40"],
)
def test_a_mix_is_not_the_rapid_insulin_in_it(name: str) -> None:
    rapid = name.split()[0] if not name.startswith("insulin") else "insulin lispro"
    found = read_all(order(name, sig="20 units bid"), order(rapid, sig="20 units bid", id="b", source="south"))
    assert len(found.medicines) == 2 and all(row.likeness != "identical" for row in found.medicines)
    shares = name.split()[-1]
    assert any(shares in row.name or shares in row.directions for row in found.medicines)


def test_two_mixes_of_one_name_are_not_told_as_the_same() -> None:
    found = read_all(
        order("Humalog 75/25", sig="20 units bid"), order("Humalog 50/50", sig="20 units bid", id="b", source="south")
    )
    assert all(row.likeness != "identical" for row in found.medicines)


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        ("losartan/hctz 50/12.5", "52175 50, 5487 12.5"),
        ("losartan-hctz 100-25 #30", "52175 100, 5487 25"),
        ("carbidopa/levodopa 25/100", "2019 25, 6375 100"),
    ],
)
def test_the_amounts_of_a_combination_are_read_in_its_order(name: str, strength: str) -> None:
    row = row_of(name, "1 tab daily")
    tied = strengths_of(named(name, shipped()))
    assert ", ".join(f"{one.ingredient} {one.value}" for one in tied) == strength
    assert row.strength and row.directions == "1 tab daily"
    assert NoteCode.UNIT_NOT_UNDERSTOOD not in noted(row)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("losartan/hctz 77/13", "77/13"), ("losartan/hctz 50", "50"), ("aspirin/lisinopril 81/20", "81/20"),
     ("Advair 250/50", "250/50")],
)  # fmt: skip
def test_amounts_that_no_table_ties_to_a_combination_are_shown(name: str, shown: str) -> None:
    row = row_of(name, "1 daily")
    assert (row.strength, row.directions) == ("", f"{shown}; 1 daily") and NoteCode.UNIT_NOT_UNDERSTOOD in noted(row)


def test_a_number_of_another_thing_is_none_of_a_combination() -> None:
    assert NoteCode.UNIT_NOT_UNDERSTOOD not in noted(row_of("losartan/hctz (since 3/2020)"))
    assert NoteCode.UNIT_NOT_UNDERSTOOD not in noted(row_of("Bactrim DS #20"))


def test_a_makers_name_for_several_insulins_is_not_the_mix() -> None:
    found = read_all(
        order("Humulin 70/30", sig="20 units bid"), order("Humulin", sig="20 units bid", id="b", source="south")
    )
    assert len(found.medicines) == 2 and all(row.likeness != "identical" for row in found.medicines)
    vague = next(row for row in found.medicines if not row.ingredients)
    assert Conflict.CODE_NAME in vague.conflicts and len(vague.may_be) == 2
    # It may be in the mix: whoever takes both is warned.
    assert NoticeRule.SAME_DRUG in {one.rule for one in notices(found, shipped(), [LabelChecker()])}


def test_two_mixes_of_one_maker_are_two_products() -> None:
    found = read_all(
        order("Humulin 70/30", sig="20 units bid"), order("Humulin 50/50", sig="20 units bid", id="b", source="south")
    )
    assert all(row.likeness != "identical" for row in found.medicines)
    assert row_of("Humulin 70/30").strength == "70 units/mL / 30 units/mL"
