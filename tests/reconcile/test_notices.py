"""Safety notices: each rule fires on its case, stays silent beside it, is dismissed for its facts and no others."""

from typing import Any

import msgspec

from medrec.core.reconcile import label_pairs
from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists, Read
from medrec.core.reconcile.notices import LabelChecker, Notice, NoticeRule, notice, notices
from medrec.core.records.terms import Terms
from medrec.core.records.understood import Amount, MedicineDetail, PerDay, Status, Strength
from medrec.node.terminology.shipped import shipped
from tests.reconcile.records_said import NOW, TERMS, allergy, held, medicine, reaction

RECENT: dict[str, Any] = {"when": "2025-10-01"}


def found(pile: list[Held], dismissed: tuple[str, ...] = ()) -> list[Notice]:
    return notices(Lists(TERMS, NOW, pile).read(), TERMS, [LabelChecker()], dismissed)


def rules(pile: list[Held]) -> list[NoticeRule]:
    return [item.rule for item in found(pile)]


def test_the_same_drug_in_a_combination_and_alone() -> None:
    pile = [
        held("north", "a", medicine("1", "3", mg="20"), **RECENT),
        held("south", "b", medicine("3", mg="25"), **RECENT),
    ]
    (only,) = found(pile)
    assert only.rule is NoticeRule.SAME_DRUG and set(only.evidence) == {item.manifest for item in pile}
    assert rules(pile[:1]) == []
    stopped = held("south", "b", medicine("3", mg="25"), "stopped", reason="stopped", **RECENT)
    assert rules([pile[0], stopped]) == []


def test_different_doses_in_force() -> None:
    one = held("north", "a", medicine("8", mg="500", times="2"), **RECENT)
    assert rules([one, held("south", "b", medicine("8", mg="1000", times="2"), **RECENT)]) == [NoticeRule.SAME_DRUG]
    assert rules([one, held("south", "b", medicine("8", mg="500", times="2"), **RECENT)]) == []


def test_two_of_one_class() -> None:
    pile = [held("north", "a", medicine("1", mg="20"), **RECENT), held("south", "b", medicine("2", mg="5"), **RECENT)]
    (only,) = found(pile)
    assert only.rule is NoticeRule.SAME_CLASS and "ACE inhibitors" in only.sentence
    assert rules([pile[0], held("south", "b", medicine("8", mg="500"), **RECENT)]) == []


def test_a_medicine_of_which_no_form_is_said_is_taken_into_the_body() -> None:
    one = held("north", "a", medicine("1", mg="10", form=""), when="2025-10-05")
    for code, rule in (("2", NoticeRule.SAME_CLASS),):
        for form, warns in (("tablet", True), ("", True), ("ophthalmic solution", False)):
            other = held("south", "b", medicine(code, mg="10", form=form), when="2025-10-05")
            assert (rule in [item.rule for item in found([one, other])]) is warns, form


def test_an_allergy_against_a_prescription() -> None:
    drug = held("north", "a", medicine("6", mg="500"), when="2025-10-05")
    direct = held("south", "b", allergy("Amoxicillin", "6", criticality="high", reactions=(reaction("hives"),)))
    assert rules([drug, direct]) == [NoticeRule.ALLERGY]
    to_class = held("south", "b", allergy("Penicillins", classes=("XG:penicillins",)))
    assert rules([drug, to_class]) == [NoticeRule.ALLERGY_CLASS]
    refuted = held("south", "b", allergy("Amoxicillin", "6", refuted=True))
    assert rules([drug, refuted]) == []


def test_the_allergy_of_a_class_mate() -> None:
    pile = [held("north", "a", medicine("2", mg="5"), **RECENT), held("south", "b", allergy("Lisinopril", "1"))]
    assert rules(pile) == [NoticeRule.ALLERGY_CLASS]


def real(identifier: str, *codes: str, mg: str = "", times: str = "") -> Held:
    """A medicine of the terminology that ships."""
    detail = medicine(mg="", name="x")
    names = tuple(shipped().name("http://www.nlm.nih.gov/research/umls/rxnorm", code) for code in codes)
    day = None
    if mg:
        total = Strength(codes[0], str(int(mg) * int(times)), "mg")
        day = PerDay(Amount(times, times, "tablet"), (total,), (total,))
    detail = msgspec.structs.replace(
        detail, ingredients=codes, ingredient_names=names, form="Oral Tablet", per_day=day, name=" / ".join(names)
    )
    return held("north", identifier, detail, **RECENT)


def real_rules(*pile: Held) -> list[NoticeRule]:
    terms = shipped()
    return [item.rule for item in notices(Lists(terms, NOW, pile).read(), terms, [LabelChecker()])]


def test_pairs_that_a_label_says_not_to_take_together() -> None:
    assert real_rules(real("a", "36567"), real("b", "4719")) == [NoticeRule.PAIR]  # simvastatin, gemfibrozil
    assert real_rules(real("a", "36567"), real("b", "29046")) == []  # simvastatin, lisinopril


def test_a_pair_of_which_one_was_filled_and_nobody_says_that_it_is_taken() -> None:
    sildenafil, nitroglycerin = shipped().drug_named("sildenafil"), shipped().drug_named("nitroglycerin")
    assert sildenafil is not None and nitroglycerin is not None
    taken, of = real("a", sildenafil.code), real("b", nitroglycerin.code).record.detail
    assert isinstance(of, MedicineDetail)
    fill = msgspec.structs.replace(of, kind="dispense")
    for when, told in (("2025-10-01", True), ("2024-01-01", True), ("2022-01-01", False)):
        found = real_rules(taken, held("south", "b", fill, "unknown", when=when))
        assert (NoticeRule.PAIR in found) is told, when
    stopped = held("south", "b", of, "stopped", reason="stopped", **RECENT)
    assert real_rules(taken, stopped) == []


def test_what_was_taken_for_days_and_is_over_makes_no_pair() -> None:
    terms = shipped()
    short, long = terms.drug_named("clarithromycin"), terms.drug_named("simvastatin")
    assert short is not None and long is not None
    taken, of = real("a", long.code), real("b", short.code).record.detail
    assert isinstance(of, MedicineDetail)
    fill = msgspec.structs.replace(of, kind="dispense")
    pairs: tuple[tuple[MedicineDetail, Status], ...] = ((of, "active"), (fill, "unknown"))
    for detail, status in pairs:
        old = held("south", "b", detail, status, when="2025-03-01")
        assert real_rules(taken, old) == []
        assert real_rules(taken, held("south", "b", detail, status, **RECENT)) == [NoticeRule.PAIR]


def test_every_row_of_the_table_fires_and_names_its_source() -> None:
    terms = shipped()
    for pair in label_pairs.PAIRS:
        codes = []
        for side in (pair.a, pair.b):
            kind, _, code = side.partition(":")
            group = terms.class_named(side)
            codes.append([code] if kind == "RX" else list(group[1]) if group is not None else [])
        one, other = next((a, b) for a in codes[0] for b in codes[1] if a != b)
        read = Lists(terms, NOW, [real("a", one), real("b", other)]).read()
        got = notices(read, terms, [LabelChecker()])
        assert any(item.rule is NoticeRule.PAIR and item.source == pair.source for item in got), pair


def test_a_dose_far_above_the_label_and_the_sum_of_two_products() -> None:
    assert real_rules(real("a", "29046", mg="40", times="4")) == [NoticeRule.DOSE]  # 160 mg of lisinopril
    assert real_rules(real("a", "29046", mg="40", times="2")) == []
    together = [real("a", "161", mg="500", times="8"), real("b", "161", "5489", mg="325", times="8")]
    assert NoticeRule.DOSE in real_rules(*together)  # acetaminophen alone and in a combination


def test_dismissed_stays_away_until_the_facts_change() -> None:
    one = held("north", "a", medicine("8", mg="500", times="2"), **RECENT)
    other = held("south", "b", medicine("8", mg="1000", times="2"), **RECENT)
    (before,) = found([one, other])
    assert found([one, other], (before.id,)) == []
    again = held("south", "b", medicine("8", mg="1000", times="3"), version=2, **RECENT)
    assert [item.rule for item in found([one, other, again], (before.id,))] == [NoticeRule.SAME_DRUG]


def test_a_site_can_add_a_checker_of_its_own() -> None:
    class Licensed:
        def notices(self, read: Read, terms: Terms) -> list[Notice]:
            return [notice(NoticeRule.LICENSED, "Look at this.", read.medicines[:1], "a licensed table, row 7")]

    read = Lists(TERMS, NOW, [held("north", "a", medicine("1", mg="20"), **RECENT)]).read()
    (only,) = notices(read, TERMS, [LabelChecker(), Licensed()])
    assert only.source == "a licensed table, row 7" and only.rows == (read.medicines[0].key,)


def test_nothing_is_told_of_what_is_hidden() -> None:
    drug = held("north", "a", medicine("6", mg="500"), when="2025-10-05")
    hidden = held("south", "b", allergy("Amoxicillin", "6"))
    lists = Lists(TERMS, NOW, [drug, hidden])
    assert notices(lists.read(), TERMS, [LabelChecker()])
    lists.drop(hidden)
    assert notices(lists.read(), TERMS, [LabelChecker()]) == []
