"""Medicines as people type them into a list: the directions behind the name, a number alone, where words put it, words
for what something is for."""

import pytest

from medrec.core.reconcile.notices import LabelChecker, NoticeRule, notices
from medrec.core.reconcile.rows import Conflict
from medrec.core.records import drug_names
from medrec.core.records.typed_sig import parted
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_bad_input import order, read

TERMS = shipped()


@pytest.mark.parametrize(
    ("typed", "name", "directions"),
    [
        ("warfarin 5mg qhs", "warfarin 5mg", "5mg qhs"),
        ("metformin 500 mg BID", "metformin 500 mg", "500 mg BID"),
        ("metformin 500 mg tab BID", "metformin 500 mg tab", "BID"),
        ("Tylenol PRN", "Tylenol", "PRN"),
        ("ibuprofen prn for back pain", "ibuprofen", "prn for back pain"),
        ("lisinopril 20 mg #30 RF 3", "lisinopril 20 mg", ""),
        ("Novolog sliding scale", "Novolog", "sliding scale"),
        ("fentanyl 25 mcg/hr q72h", "fentanyl 25 mcg/hr", "q72h"),
        ("albuterol HFA 2 puffs q4-6h prn", "albuterol HFA", "2 puffs q4-6h prn"),
        ("Lantus 10 units qHS (home)", "Lantus (home)", "10 units qHS"),
        ("amoxicillin x10 days", "amoxicillin", "x10 days"),
        # Not directions: a number of units alone, a name, another medicine, words that nobody knows.
        ("NPH 10u", "NPH 10u", ""),
        ("daily", "daily", ""),
        ("Tylenol prn lisinopril", "Tylenol prn lisinopril", ""),
        ("lisinopril 20 mg daily per cardiology", "lisinopril 20 mg daily per cardiology", ""),
        ("lisinopril bid, metformin bid", "lisinopril bid, metformin", "bid"),
    ],
)
def test_the_directions_behind_a_name_are_no_part_of_it(typed: str, name: str, directions: str) -> None:
    assert parted(typed, TERMS) == (name, directions)


def test_very_long_words_are_looked_through_once() -> None:
    assert parted("x " + "prn " * 2000 + "1", TERMS).directions == ""


def test_a_typed_list_is_read_as_what_it_says() -> None:
    [row] = read(order("warfarin 5mg qhs"), order("Coumadin 5 mg", id="b", source="south")).medicines
    assert (row.name, row.strength, row.per_day, len(row.lines)) == ("warfarin", "5 mg", "5 mg", 2)
    # What the record says itself stands before what is typed behind the name.
    [row] = read(order("warfarin 5 mg qhs", sig="2 tabs in the morning")).medicines
    assert (row.directions, row.per_day) == ("2 tabs in the morning", "10 mg")
    [stopped] = read(
        order("lisinopril 20mg qd"),
        order("lisinopril 20 mg", id="b", source="south", status="stopped", authoredOn="2025-09-20"),
    ).medicines
    assert stopped.status == "stopped" and stopped.conflicts == (Conflict.STATUS,)


def test_what_must_not_be_together_is_told_of_typed_names() -> None:
    typed = read(order("simvastatin 40 mg qhs"), order("clarithromycin 500 mg bid", id="b", authoredOn="2025-10-05"))
    [notice] = notices(typed, TERMS, [LabelChecker()])
    assert "simvastatin and clarithromycin" in notice.sentence


@pytest.mark.parametrize(
    ("typed", "strengths"),
    [
        ("Norvasc 5", (("5", "mg"),)), ("levothyroxine 88", (("88", "ug"),)), ("ASA 81", (("81", "mg"),)),
        ("fentanyl patch 25", (("25", "ug/h"),)), ("metoprolol succ ER 50", (("50", "mg"),)),
        # No product has it, two numbers, many pieces, a part of another word's meaning, a combination.
        ("Norvasc 7", ()), ("Norvasc 5 10", ()), ("lisinopril 30 tabs", ()), ("prednisone 5 day taper", ()),
        ("Percocet 5", ()), ("1 lisinopril", ()), ("Norvasc", ()), ("Norvasc 5 mg", (("5", "mg"),)),
    ],
)  # fmt: skip
def test_a_number_alone_behind_a_known_name_is_a_strength(typed: str, strengths: tuple[tuple[str, str], ...]) -> None:
    assert drug_names.named(typed, TERMS).strengths == strengths


def test_two_numbers_of_one_brand_are_two_doses() -> None:
    [row] = read(
        order("Norvasc 5", sig="1 daily"), order("Norvasc 10", id="b", source="south", sig="1 daily")
    ).medicines
    assert row.conflicts == (Conflict.DOSE,) and len(row.variants) == 2


@pytest.mark.parametrize(
    ("sig", "site"),
    [
        ("apply thin layer bid", "skin"), ("1 drop in both eyes bid", "eye"), ("4 gtt AD bid x7d", "ear"),
        ("2 gtts OU qid", "eye"), ("insert 1 vaginally twice weekly", "vaginal"), ("insert 1 rectally", "rectal"),
        ("1 spray in each nostril", "nose"), ("apply 1 patch weekly", "body"), ("aplicar 2 veces al día", "skin"),
        ("take 1 daily AS DIRECTED", ""), ("2 drops as directed", ""), ("1 daily", ""), ("2 DROPS AS NEEDED", ""),
        ("1 daily for nose bleeds", ""), ("once a day, watch eyes", ""),
    ],
)  # fmt: skip
def test_words_of_place_part_a_cream_from_a_tablet(sig: str, site: str) -> None:
    tablet = order("hydrocortisone 10 mg tablet", id="tablet", source="south", sig="1 daily")
    rows = read(order("hydrocortisone", sig=sig), tablet).medicines
    assert {row.site for row in rows} == ({site, "body"} if site else {"body"})
    assert len(rows) == (2 if site not in ("", "body") else 1)
    # The form of the product stands before words.
    [row] = read(order("hydrocortisone 10 mg tablet", sig=sig)).medicines
    assert row.site == "body"


def test_what_a_pill_is_for_is_no_name_of_one() -> None:
    for typed in ("water pill", "my water pills", "sugar pill", "allergy pill"):
        [row] = read(order(typed, sig="1 every morning")).medicines
        assert row.ingredients == () and row.name == typed and row.status == "active", typed
    [iron] = read(order("iron pill")).medicines
    assert iron.ingredients
    [none] = read(order("allergy to penicillin")).medicines
    assert none.status == "unknown"


def test_an_order_in_whose_place_another_stands_is_in_force_no_more() -> None:
    first = order("lisinopril 20 mg tablet", sig="1 daily", id="first", authoredOn="2025-02-01")
    new = order("lisinopril 40 mg tablet", sig="1 daily", id="new", authoredOn="2025-09-01")
    new["priorPrescription"] = {"reference": "MedicationRequest/first"}
    [row] = read(first, new).medicines
    assert (row.status, row.per_day, row.doubled) == ("active", "40 mg", ()) and "replaced-order" in row.rules
    assert not notices(read(first, new), TERMS, [LabelChecker()])
    assert read(new, first).medicines == read(first, new).medicines
    # Another source's of that number, an older one, and one that is over itself take nobody's place.
    for other in (new | {"source": "south"}, new | {"authoredOn": "2025-01-01"}, new | {"status": "stopped"}):
        [row] = read(first, other).medicines
        assert "replaced-order" not in row.rules or other.get("status") == "stopped"
    back = first | {"priorPrescription": {"reference": "MedicationRequest/new"}, "authoredOn": "2025-09-01"}
    [row] = read(back, new).medicines
    assert row.status == "active", "two that point at each other say nothing"


def test_directions_that_are_said_twice_are_no_double_dose() -> None:
    once = {"text": "1 tab daily"}
    for twice in ([once, once], [once, once | {"id": "b"}]):
        [row] = read(order("lisinopril 20 mg tablet", dosageInstruction=twice)).medicines
        assert (row.directions, row.per_day) == ("1 tab daily", "")
        assert "dose-partly-understood" in [note for line in row.lines for note in line.notes]
    [row] = read(order("lisinopril 20 mg tablet", dosageInstruction=[once, {"text": "1 tab at bedtime"}])).medicines
    assert row.directions == "1 tab daily; 1 tab at bedtime"


def test_directions_that_begin_in_the_future_are_marked() -> None:
    bounds = {"timing": {"repeat": {"boundsPeriod": {"start": "2027-02-01"}}}}
    [row] = read(order("apixaban 5 mg", dosageInstruction=[{"text": "1 tab bid"} | bounds])).medicines
    assert "future-date" in [note for line in row.lines for note in line.notes]


@pytest.mark.parametrize(
    "typed", ["home: lisinopril", "lisinopril 20 mg per cardiology", "lisinopril?", "Rx lisinopril new"]
)
def test_what_is_known_in_part_warns_of_what_it_mentions(typed: str) -> None:
    unknown = order(typed, sig="1 daily", authoredOn="2025-10-05")
    [double] = notices(read(unknown, order("Zestril 10 mg", id="b", source="south")), TERMS, [LabelChecker()])
    assert (double.rule, "(lisinopril?)" in double.sentence) == (NoticeRule.SAME_DRUG, True)
    [pair] = notices(read(unknown, order("Entresto 24-26 mg", id="b", source="south")), TERMS, [LabelChecker()])
    assert (pair.rule, "(lisinopril?)" in pair.sentence) == (NoticeRule.PAIR, True)
    assert not notices(read(unknown, order("metformin 500 mg", id="b")), TERMS, [LabelChecker()])
    # It is no row of the drug: nothing is merged by a mention.
    assert len(read(unknown, order("Zestril 10 mg", id="b", source="south")).medicines) == 2


def test_a_name_of_which_nothing_is_known_says_so() -> None:
    for typed, known in (("CPAP", False), ("glorbozine 5 mg", False), ("lisinopril?", True), ("lisinopril", True)):
        [row] = read(order(typed)).medicines
        assert ("name-not-known" not in [note for line in row.lines for note in line.notes]) == known, typed


@pytest.mark.parametrize(
    ("typed", "strengths"),
    [
        ("clonazepam 0,5 mg", (("0.5", "mg"),)), ("alprazolam 0,25mg", (("0.25", "mg"),)),
        ("warfarin 2,5 mg", (("2.5", "mg"),)), ("morphine 2,5 mg/mL", (("2.5", "mg/mL"),)),
        ("levothyroxine 0,088 mg", (("0.088", "mg"),)), ("Norvasc 2,5", (("2.5", "mg"),)),
        ("losartan/HCTZ 50/12,5 mg", (("50", "mg"), ("12.5", "mg"))),
        # A thousand keeps its comma, and a comma that parts words parts them.
        ("metformin 1,000 mg", (("1000", "mg"),)), ("vitamin D3 50,000 units", (("50000", "[iU]"),)),
        ("lisinopril,20 mg", (("20", "mg"),)), ("clonazepam .5 mg", (("0.5", "mg"),)),
        # What can be both is neither.
        ("heparin 25.000 units", ()), ("warfarin 2 .5 mg", ()),
    ],
)  # fmt: skip
def test_a_comma_before_decimals_is_a_point(typed: str, strengths: tuple[tuple[str, str], ...]) -> None:
    found = drug_names.named(typed, TERMS)
    assert found.strengths == strengths and found.ingredients


def test_a_dose_with_a_decimal_comma_is_no_tenfold_one() -> None:
    [row] = read(order("clonazepam 0,5 mg", sig="1 tab daily")).medicines
    assert row.per_day == "0.5 mg"
    [row] = read(order("warfarin 2,5 mg qhs")).medicines
    assert (row.strength, row.per_day) == ("2.5 mg", "2.5 mg")
    for typed in ("heparin 25.000 units bid", "warfarin 2 .5 mg qhs"):
        [row] = read(order(typed)).medicines
        assert row.per_day == row.strength == "" and row.ingredients, typed
        assert "strength-differs" in [note for line in row.lines for note in line.notes], typed


@pytest.mark.parametrize(
    "sig",
    [
        *("switch to losartan 50 mg daily", "losartan 50 mg daily", "take with metformin 500 mg twice daily"),
        *("in place of enalapril 5 mg daily", "replace with 50 mg losartan daily", "prednisone 5 mg daily"),
    ],
)
def test_the_dose_of_another_medicine_is_not_this_one_s(sig: str) -> None:
    found = read(order("lisinopril 20 mg tablet", sig=sig))
    [row] = found.medicines
    assert (row.per_day, row.directions) == ("", sig)
    assert "dose-partly-understood" in [note for line in row.lines for note in line.notes]


@pytest.mark.parametrize(
    ("sig", "a_day"),
    [
        ("1 tab daily, apart from calcium", "20 mg"), ("take with 8 oz of water 1 tab daily", "20 mg"),
        ("lisinopril 40 mg daily", "40 mg"), ("Zestril 20 mg daily", "20 mg"), ("1 tab daily in orange juice", "20 mg"),
    ],
)  # fmt: skip
def test_a_medicine_behind_the_dose_is_beside_it(sig: str, a_day: str) -> None:
    assert read(order("lisinopril 20 mg tablet", sig=sig)).medicines[0].per_day == a_day


@pytest.mark.parametrize(
    "sig",
    [
        *("previously 1 tab daily", "used to take 1 tab daily", "was on 1 tab daily", "last year 1 tab daily"),
        *("NOT 1 tab daily", "instead of 1 tab daily", "wife takes 1 tab daily", "considering 1 tab daily"),
        *("if BP high 1 tab daily", "rarely 1 tab daily", "starting next month 1 tab daily", "first week 1 tab daily"),
        *("1 tab daily on dialysis days", "dog: 1 tab daily"),
    ],
)
def test_a_dose_of_another_time_person_or_case_gives_no_amount(sig: str) -> None:
    [row] = read(order("lisinopril 20 mg tablet", sig=sig)).medicines
    assert row.per_day == "" and "dose-partly-understood" in [note for line in row.lines for note in line.notes]


def test_suspend_in_spanish_is_a_stop() -> None:
    [row] = read(order("lisinopril 20 mg tablet", sig="suspender")).medicines
    assert row.status == "unknown"


@pytest.mark.parametrize(
    ("typed", "name", "strength"),
    [
        ("enalapril 10 mg comprimidos", "enalapril", "10 mg"), ("amoxicilina 500 mg cápsulas", "amoxicillin", "500 mg"),
        ("losartán 50 mg", "losartan", "50 mg"), ("salbutamol inhalador", "albuterol", ""),
        ("comprimidos de losartán 50 mg", "losartan", "50 mg"),
    ],
)  # fmt: skip
def test_spanish_forms_and_accents_are_no_part_of_a_name(typed: str, name: str, strength: str) -> None:
    [row] = read(order(typed)).medicines
    assert (row.name, row.strength) == (name, strength)


@pytest.mark.parametrize(
    ("sig", "a_day"),
    [
        ("medio comprimido por la noche", "5 mg"), ("1 cp c/12h", "20 mg"), ("una cada 24 h", "10 mg"),
        ("1 comprimido c/ 8 horas", "30 mg"),
    ],
)  # fmt: skip
def test_spanish_directions_as_they_are_abbreviated(sig: str, a_day: str) -> None:
    assert read(order("enalapril 10 mg comprimidos", sig=sig)).medicines[0].per_day == a_day


def test_colchicine_is_told_of_far_above_its_label_and_not_within_it() -> None:
    for sig, far in (("4 tabs bid", True), ("2 tabs bid", False), ("1 tab daily", False)):
        found = notices(read(order("colchicine 0.6 mg tablet", sig=sig)), TERMS, [LabelChecker()])
        assert [item.rule for item in found] == ([NoticeRule.DOSE] if far else []), sig
