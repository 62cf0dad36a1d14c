"""Which records of problems are one: short names, sides that are not said, illnesses that pass and were left open."""

import pytest

from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists
from medrec.core.reconcile.rows import Conflict, ProblemRow
from medrec.core.records.dates import clinical_date
from medrec.core.records.official_names import official_keys
from medrec.core.records.problem_names import core_name, family_named, meanings, passing
from medrec.core.records.problem_words import spoken
from medrec.core.records.terms import ICD10CM
from medrec.core.records.understood import Laterality
from medrec.node.terminology.shipped import shipped
from tests.reconcile.records_said import NOW, TERMS, held, problem
from tests.reconcile.test_apart import icd, over
from tests.reconcile.test_apart import problem as condition
from tests.reconcile.test_bad_input import read


def rows(*pile: Held) -> list[ProblemRow]:
    return list(Lists(TERMS, NOW, pile).read().problems)


def parts(*pile: Held) -> set[frozenset[str]]:
    """Which records stand together, by their ids."""
    return {frozenset(line.id for line in row.lines) for row in rows(*pile)}


MS = held("north", "short", problem("MS"), recorded="2024-01-01")
SCLEROSIS = held("south", "sclerosis", problem("Multiple sclerosis", "G35"), recorded="2020-01-01")
STENOSIS = held("east", "stenosis", problem("Mitral stenosis", "I05.0"), recorded="2021-01-01")


def test_a_short_name_is_read_by_the_one_meaning_that_the_chart_has() -> None:
    [row] = rows(MS, SCLEROSIS)
    assert row.name == "Multiple sclerosis" and "short-name" in row.rules and len(row.lines) == 2
    [row] = rows(MS, STENOSIS)
    assert row.name == "Mitral stenosis" and "short-name" in row.rules


def test_with_two_meanings_in_the_chart_or_none_it_stays_alone() -> None:
    assert parts(MS, SCLEROSIS, STENOSIS) == {frozenset({"short"}), frozenset({"sclerosis"}), frozenset({"stenosis"})}
    asthma = held("south", "asthma", problem("Asthma", "J45.909"), recorded="2020-01-01")
    assert parts(MS, asthma) == {frozenset({"short"}), frozenset({"asthma"})}
    assert not any("short-name" in row.rules for row in rows(MS, SCLEROSIS, STENOSIS, asthma))


def test_a_short_name_never_joins_what_codes_keep_apart() -> None:
    """Two places type "MS" beside the codes of two illnesses: the words are no bridge."""
    one = held("north", "one", problem("MS", "G35"), recorded="2020-01-01")
    other = held("south", "other", problem("MS", "I05.0"), recorded="2020-01-01")
    assert parts(one, other) == {frozenset({"one"}), frozenset({"other"})}
    assert parts(one, other, MS) == {frozenset({"one"}), frozenset({"other"}), frozenset({"short"})}


def test_no_name_has_one_meaning_and_several() -> None:
    several = [name for name in ("ms", "ra", "pd", "af", "bronchitis", "diabetes", "mi", "cancer") if meanings(name)]
    assert len(several) == 8 and not any(family_named(name) for name in several)
    assert meanings(core_name("hypertension")) == ()


def knee(source: str, name: str, onset: str, side: Laterality = "") -> Held:
    code = {"left": "M17.12", "right": "M17.11"}.get(side, "M17.10")
    detail = problem("Knee OA", code, laterality=side, onset=clinical_date(onset))
    return held(source, name, detail, when=onset, recorded="2024-01-01")


LEFT = knee("north", "left", "2019-03-04", "left")
RIGHT = knee("south", "right", "2023-06-01", "right")


@pytest.mark.parametrize(
    ("onset", "joins"),
    [("2019-03-20", "left"), ("2023-06-01", "right"), ("2021-01-01", ""), ("", ""), ("2019", "left")],
)
def test_without_a_side_it_joins_the_side_that_began_when_it_did(onset: str, joins: str) -> None:
    together = parts(LEFT, RIGHT, knee("east", "plain", onset))
    assert frozenset({"plain", joins} - {""}) in together and len(together) == (2 if joins else 3)


def test_both_sides_of_one_time_leave_it_open() -> None:
    twin = knee("south", "right", "2019-03-01", "right")
    assert frozenset({"plain"}) in parts(LEFT, twin, knee("east", "plain", "2019-03-04"))


def test_the_only_side_takes_it_unless_both_say_another_time() -> None:
    assert parts(LEFT, knee("east", "plain", "")) == {frozenset({"left", "plain"})}
    assert parts(LEFT, knee("east", "plain", "2024-01-01")) == {frozenset({"left"}), frozenset({"plain"})}


def test_what_passes_by_itself_and_was_left_open_does_not_reach_the_next_time() -> None:
    first = held("north", "first", problem("Pneumonia", "J18.9"), when="2018-01-01", recorded="2018-01-02")
    again = held("south", "again", problem("Pneumonia", "J18.9"), when="2025-09-01", recorded="2025-09-02")
    old, new = sorted(rows(first, again), key=lambda row: row.lines[0].id, reverse=True)
    assert (old.status, new.status) == ("unknown", "active")
    assert "short-illness" in old.rules and "short-illness" not in new.rules
    # What does not pass is one, however long ago it was written down.
    one = held("north", "first", problem("Asthma", "J45.909"), when="2018-01-01")
    same = held("south", "again", problem("Asthma", "J45.909"), when="2025-09-01")
    [row] = rows(one, same)
    assert row.status == "active"


def test_what_was_written_down_again_lately_still_goes_on() -> None:
    again = held("north", "a", problem("Pneumonia", "J18.9"), when="2024-01-01", recorded="2025-08-01")
    [row] = rows(again)
    assert row.status == "active"


@pytest.mark.parametrize(
    ("code", "passes"),
    [("J18.9", True), ("N39.0", True), ("N39.3", False), ("S72.001A", True), ("S72.001S", False), ("I63.9", True),
     ("I69.3", False), ("I21.4", True), ("I25.2", False), ("I82.401", True), ("I82.501", False), ("J44.9", False),
     ("B20", False), ("J20.9", True), ("J42", False), ("Z87.01", False), ("C61", False), ("E11.9", False)],
)  # fmt: skip
def test_what_passes_by_itself(code: str, passes: bool) -> None:
    assert passing(code) is passes


E11 = {"system": ICD10CM, "code": "E11.9"}
NOT_HERS = [
    "FH: diabetes", "diabetes (mother)", "No diabetes", "Diabetes ruled out", "? diabetes", "r/o diabetes",
    "sister w/ diabetes", "padre diabetico", "MGM - DM", "not diabetic", "doesn't have diabetes", "DM neg",
    "prediabetes",
]  # fmt: skip


@pytest.mark.parametrize("name", NOT_HERS)
def test_what_is_a_relatives_denied_or_not_certain_neither_revives_nor_ends_a_problem(name: str) -> None:
    """Under the very code of the problem, whatever its clinical status says."""
    found = read(over("Type 2 diabetes", E11), condition(name, E11, id="said")).problems
    assert {row.name: row.status for row in found} == {
        "Type 2 diabetes": "stopped",
        name: "stopped" if spoken(name).standing == "denied" else "unknown",
    }
    found = read(condition("Type 2 diabetes", E11, id="real"), over(name, E11)).problems
    assert {row.name: row.status for row in found}["Type 2 diabetes"] == "active" and len(found) == 2
    assert all(row.conflicts == () or row.name == "prediabetes" for row in found)


@pytest.mark.parametrize("name", ["Diabetes, no hx of DKA", "Diabetes: hx DKA", "Diabetes s/p metformin failure"])
def test_what_its_second_clause_says_does_not_part_a_problem_from_itself(name: str) -> None:
    [row] = read(condition("Type 2 diabetes", E11, id="a"), condition(name, E11, id="b", source="south")).problems
    assert row.status == "active" and not row.history and len(row.lines) == 2


def test_it_is_said_how_each_stands_and_equals_go_together() -> None:
    names = ("Family history of diabetes", "FHx diabetes", "History of diabetes", "? diabetes", "No diabetes")
    found = read(*(condition(name, E11, id=f"c{n}", source=f"s{n}") for n, name in enumerate(names))).problems
    stands = {frozenset(line.id for line in row.lines): (row.standing, row.history, row.absent) for row in found}
    assert stands == {
        frozenset({"c0", "c1"}): ("family", True, False),
        frozenset({"c2"}): ("", True, False),
        frozenset({"c3"}): ("uncertain", False, False),
        frozenset({"c4"}): ("denied", False, True),
    }
    (active,) = read(condition("Diabetes - resolved", E11)).problems
    assert active.status == "unknown"


@pytest.mark.parametrize(("left", "right"), [
    ("Breast cancer, L", "Breast cancer, R"), ("L breast cancer", "R breast cancer"),
    ("Cáncer de mama izquierda", "Cáncer de mama derecha"), ("Breast cancer (L)", "Breast cancer (R)"),
])  # fmt: skip
def test_the_end_of_one_side_is_not_that_of_the_other(left: str, right: str) -> None:
    code = {"system": ICD10CM, "code": "C50.919"}
    found = read(condition(left, code, id="left"), over(right, code)).problems
    assert {row.laterality: row.status for row in found} == {"left": "active", "right": "stopped"}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Cáncer de mama izq.", "Cáncer de mama der."), ("Cáncer mama izqda", "Cáncer mama dcha"),
        ("L-breast cancer", "R-breast cancer"), ("L/breast ca", "R/breast ca"), ("breast cancer_L", "breast cancer_R"),
        ("Lft breast cancer", "Rgt breast cancer"), ("LUQ breast cancer", "RUQ breast cancer"),
        ("breast cancer, L > R", "breast cancer, R > L"), ("Breast cancer left", "Breast cancer"),
    ],
)  # fmt: skip
def test_the_end_of_one_line_of_a_source_is_not_silently_that_of_another_under_its_code(left: str, right: str) -> None:
    code = {"system": ICD10CM, "code": "C50.919"}
    going = condition(left, code, recordedDate="2024-01-01")
    ended = condition(right, code, clinical="resolved", id="ended", recordedDate="2025-01-01")
    found = read(going, ended).problems
    assert len(found) == 2 or Conflict.STATUS in found[0].conflicts


@pytest.mark.parametrize("words", ["Gout", "prediabetes", "Asthma"])
def test_words_of_one_illness_under_the_code_of_another_are_one_with_neither(words: str) -> None:
    """A template's code, or a slip: were both believed, the end of a gout would be that of a diabetes."""
    diabetes = condition("Type 2 diabetes", E11, id="diabetes", source="north")
    found = read(condition(words, E11, id="odd", source="west"), diabetes, over(words)).problems
    assert {frozenset(line.id for line in row.lines): (row.status, row.conflicts) for row in found} == {
        frozenset({"odd"}): ("unknown", (Conflict.CODE_NAME,)),
        frozenset({"diabetes"}): ("active", ()),
        frozenset({"over"}): ("stopped", ()),
    }


@pytest.mark.parametrize(
    ("words", "code"), [("CKD stage 3", "E11.22"), ("Hypertension", "I11.9"), ("Depression", "F33.1"), ("CKD", "I12.9")]
)
def test_words_for_a_part_of_what_the_code_is_called_agree_with_it(words: str, code: str) -> None:
    [row] = read(condition(words, {"system": ICD10CM, "code": code})).problems
    assert row.status == "active" and Conflict.CODE_NAME not in row.conflicts


def test_each_meaning_of_a_short_name_has_a_name_in_words() -> None:
    """Else the words beside it ("mitral stenosis") would not count as one of the meanings that the chart has."""
    terms = shipped()
    for words, code in (
        ("mitral stenosis", "I05"), ("mitral regurgitation", "I34"), ("multiple sclerosis", "G35"),
        ("altered mental status", "R41"), ("panic disorder", "F41"), ("peptic ulcer disease", "K27"),
        ("chronic bronchitis", "J42"), ("gestational diabetes", "O24"), ("osteoarthritis", "M19"),
        ("autoimmune hepatitis", "K75"), ("pernicious anemia", "D51"), ("sickle cell disease", "D57"),
        ("cerebral palsy", "G80"), ("chest pain", "R07"), ("Alzheimer's disease", "G30"), ("atopic dermatitis", "L20"),
        ("preeclampsia", "O14"), ("lung cancer", "C34"), ("ulcerative colitis", "K51"),
    ):  # fmt: skip
        own = family_named(core_name(words.lower())).removeprefix("icd10cm|")
        official = next((found for key in official_keys(words) if (found := terms.problem_named(key))), "")
        assert (own or official).startswith(code), (words, own, official)


def test_a_stop_by_a_short_name_ends_nothing_that_is_called_otherwise() -> None:
    ended = over("MS") | {"abatementDateTime": "2025-06-01"}
    found = read(condition("Multiple sclerosis"), ended, over("Mitral stenosis") | {"id": "valve"})
    assert {row.name: row.status for row in found.problems} == {
        "Multiple sclerosis": "active", "MS": "stopped", "Mitral stenosis": "stopped",
    }  # fmt: skip
    (row,) = read(condition("Multiple sclerosis"), ended).problems
    assert row.status == "active" and Conflict.STATUS in row.conflicts


def test_roman_numbers_are_numbers() -> None:
    names = ("Type II diabetes mellitus", "Type 2 diabetes mellitus", "type ii DM", "DM type 2")
    assert {family_named(core_name(name.lower())) for name in names} == {"icd10cm|E11"}
    assert core_name("von willebrand disease, type iii") == core_name("von willebrand disease, type 3")


def test_every_row_has_a_key_of_its_own_whatever_the_order() -> None:
    pile = [
        held("north", f"anxiety {begin}", problem("Anxiety", "F41.9", onset=clinical_date(f"2022-{begin}"),
             abatement=clinical_date(f"2022-{end}"), clinical="resolved"), status="stopped", recorded=f"2022-{begin}")
        for begin, end in (("01-03", "01-10"), ("06-03", "06-10"), ("11-03", "11-10"))
    ]  # fmt: skip
    found = rows(*pile)
    keys = [row.key for row in sorted(found, key=lambda row: row.onset or ())]
    assert len(found) == 3 and len(set(keys)) == 3 and [key.removeprefix(keys[0]) for key in keys] == ["", "|2", "|3"]
    assert rows(*reversed(pile)) == found
    assert [row.key for row in rows(pile[0], pile[2])] == keys[:2], "nothing tells of the one that is hidden"


def test_a_name_of_several_meanings_under_a_code_of_none_of_them_is_a_line_apart() -> None:
    """A place's "Diabetes" under I10 was ended by another's end of a hypertension, and stood in no row's name."""
    mistyped = condition("Diabetes", icd("I10"), id="mistyped")
    found = read(mistyped, over("Hypertension", icd("I10"))).problems
    assert {row.name: (row.status, row.standing) for row in found} == {
        "Diabetes": ("unknown", "uncertain"),
        "Hypertension": ("stopped", ""),
    }
    assert {row.name: row.conflicts for row in found} == {"Diabetes": (Conflict.CODE_NAME,), "Hypertension": ()}
    both = read(mistyped, condition("lung cancer", icd("I10"), id="cancer", source="south")).problems
    assert {row.name for row in both} == {"Diabetes", "lung cancer"}


@pytest.mark.parametrize(
    ("name", "code", "fits"),
    [
        ("Diabetes", "E11.9", True), ("Diabetes", "E03.9", False), ("DM", "O24.410", True), ("MI", "I10", False),
        ("MI", "I21.9", True), ("PE", "F32.9", False), ("PE", "J90", True), ("AD", "F41.9", True),
        ("AD", "I71.00", False),
        ("arthritis", "M10.9", True), ("cancer", "C43.9", True), ("cancer", "I10", False), ("hepatitis", "B19.9", True),
    ],
)  # fmt: skip
def test_what_a_name_of_several_meanings_may_stand_beside(name: str, code: str, fits: bool) -> None:
    [row] = read(condition(name, icd(code))).problems
    assert row.standing == ("" if fits else "uncertain") and (Conflict.CODE_NAME in row.conflicts) is not fits


@pytest.mark.parametrize("word", ["unconfirmed", "provisional", "differential"])
def test_a_diagnosis_that_its_source_does_not_confirm_is_a_line_apart_and_never_active(word: str) -> None:
    doubted = condition("lung cancer", id="doubted", verificationStatus={"coding": [{"code": word}]})
    found = read(doubted, over("lung cancer")).problems
    assert {(row.standing, row.status, row.conflicts) for row in found} == {
        ("uncertain", "unknown", ()),
        ("", "stopped", ()),
    }
    sure = read(doubted, condition("lung cancer", id="sure", source="south")).problems
    assert {(row.standing, row.status) for row in sure} == {("uncertain", "unknown"), ("", "active")}


def test_a_heart_attack_and_an_embolism_are_read_as_nothing_else() -> None:
    """ "MI" of this month stood in the row of a valve, which had no line of its own for it."""
    for short, other, code, own in (
        ("MI", "mitral regurgitation", "I34.0", "I21.9"), ("MI", "mitral insufficiency", "", "I21.9"),
        ("MI", "coronary artery disease", "I25.10", "I21.9"), ("PE", "preeclampsia", "O14.90", "I26.99"),
    ):  # fmt: skip
        brief = condition(short, id="short", onsetDateTime="2025-11-01")
        codes = [icd(code)] if code else []
        found = read(brief, condition(other, *codes, id="other", source="south", onsetDateTime="2025-11-10")).problems
        assert {row.name for row in found} == {short, other} and all(row.status == "active" for row in found)
        [row] = read(brief, condition("", icd(own), id="own", source="south", onsetDateTime="2025-11-01")).problems
        assert "short-name" in row.rules and len(row.lines) == 2


def test_a_short_name_is_no_bridge_to_what_began_at_another_time() -> None:
    lately = held("north", "short", problem("MS", onset=clinical_date("2025-11-01")), recorded="2025-11-01")
    for began, apart in (("2010-05-01", True), ("2025", False), ("2025-10-20", False)):
        code = problem("Mitral stenosis", "I05.0", onset=clinical_date(began))
        assert (len(rows(lately, held("east", "stenosis", code, recorded="2025-11-02"))) == 2) == apart, began
    # Of what it mostly means the time is no argument: places write when they first heard of it.
    sclerosis = problem("Multiple sclerosis", "G35", onset=clinical_date("2010-05-01"))
    assert len(rows(lately, held("south", "sclerosis", sclerosis, recorded="2020-01-01"))) == 1


def test_a_weak_heart_of_either_kind_is_a_row_of_its_own() -> None:
    for one, other in (
        (condition("HFpEF"), condition("HFrEF", id="b", source="south")),
        (condition("", icd("I50.32")), condition("", icd("I50.22"), id="b", source="south")),
        (
            condition("Heart failure with preserved ejection fraction"),
            condition("", icd("I50.20"), id="b", source="south"),
        ),
    ):
        assert [row.status for row in read(one, other).problems] == ["active", "active"]
    [row] = read(condition("CHF"), condition("HFrEF", id="b", source="south")).problems
    assert len(row.lines) == 2
    found = read(condition("HFpEF"), condition("HFrEF", id="b"), condition("", icd("I50.42"), id="c")).problems
    assert [len(row.lines) for row in found] == [1, 1, 1], "a code of both is no bridge"
