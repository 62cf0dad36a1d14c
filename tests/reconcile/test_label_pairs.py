"""What labels forbid together and the most that they give, by the words that people type."""

import pytest

from medrec.core.reconcile import label_facts, label_pairs
from medrec.core.reconcile.notices import LabelChecker, Notice, NoticeRule, notices
from medrec.core.records.terms import RXNORM, cleaned
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_bad_input import order, read

TERMS = shipped()


def told(*typed: str) -> list[Notice]:
    recent = [order(name, id=f"o{at}", authoredOn="2025-10-05") for at, name in enumerate(typed)]
    return notices(read(*recent), TERMS, [LabelChecker()])


@pytest.mark.parametrize(
    ("one", "other", "source"),
    [
        ("pimozide 2 mg", "clarithromycin 500 mg", "pimozide"), ("Orap", "Zithromax", "pimozide"),
        ("Cafergot", "ritonavir 100 mg", "ergotamine"), ("Migranal", "Biaxin", "ergotamine"),
        ("azathioprine 50 mg", "Uloric 40 mg", "febuxostat"),
        ("mercaptopurine 50 mg", "febuxostat 40 mg", "febuxostat"),
        ("selegiline 5 mg", "tramadol 50 mg", "tramadol"), ("Corlanor 5 mg", "ketoconazole 200 mg", "ivabradine"),
        ("Ranexa 500 mg", "rifampin 300 mg", "ranolazine"), ("Paxlovid", "amiodarone 200 mg", "Norvir"),
        ("metronidazole 500 mg", "disulfiram 250 mg", "metronidazole"),
        ("Latuda 40 mg", "phenytoin 100 mg", "lurasidone"),
        ("voriconazole 200 mg", "carbamazepine 200 mg", "voriconazole"),
        ("Zocor 40 mg", "danazol 200 mg", "simvastatin"),
        ("KCl 20 mEq", "amiloride 5 mg", "amiloride"), ("NyQuil", "phenelzine 15 mg", "dextromethorphan"),
        ("celexa 20 mg", "pimozide 1 mg", "citalopram"), ("Zofran 4 mg", "Apokyn", "apomorphine"),
        ("rizatriptan 10 mg", "phenelzine 15 mg", "rizatriptan"), ("Imitrex 50 mg", "Cafergot", "sumatriptan"),
    ],
)  # fmt: skip
def test_what_a_label_forbids_together_is_told_with_its_source(one: str, other: str, source: str) -> None:
    [pair] = [found for found in told(one, other) if found.rule is NoticeRule.PAIR]
    assert pair.source.startswith(source) and len(pair.rows) == 2
    [turned] = [found for found in told(other, one) if found.rule is NoticeRule.PAIR]
    assert turned.source == pair.source


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pimozide 2 mg", "amoxicillin 500 mg"),
        ("sertraline 50 mg", "tramadol 50 mg"), ("ketorolac 10 mg", "ketorolac"),
        ("phenelzine 15 mg", "Nardil 15 mg"), ("naratriptan 2.5 mg", "phenelzine 15 mg"), ("Zocor 40 mg", "Zithromax"),
        ("pravastatin 40 mg", "clarithromycin 500 mg"), ("allopurinol 300 mg", "colchicine 0.6 mg"),
    ],
)  # fmt: skip
def test_what_no_label_forbids_and_one_medicine_twice_are_no_pair(one: str, other: str) -> None:
    assert NoticeRule.PAIR not in [found.rule for found in told(one, other)]


def test_a_danger_is_told_once_whatever_rows_of_the_table_tell_it() -> None:
    """Ritonavir is a protease inhibitor and a strong inhibitor of CYP3A; Paxlovid holds it."""
    found = [item for item in told("Paxlovid", "rifampin 300 mg") if item.rule is NoticeRule.PAIR]
    assert len(found) == 1
    assert len({(item.rows, item.sentence) for item in found}) == len(found)


def test_the_table_means_the_medicines_that_it_names() -> None:
    for name, code in label_pairs.CODES.items():
        assert cleaned(TERMS.name(RXNORM, code)).replace(" ", "-") == name
    used = {side for pair in label_pairs.PAIRS for side in (pair.a, pair.b)}
    assert {f"RX:{code}" for code in label_pairs.CODES.values()} <= used
    assert all(side.startswith("RX:") or TERMS.class_named(side) is not None for side in used)
    sides = [(*sorted((pair.a, pair.b)), pair.effect) for pair in label_pairs.PAIRS]
    assert len(sides) == len(set(sides)), "a pair stands twice"


def test_the_ceilings_name_the_medicines_that_they_mean() -> None:
    for one in label_facts.CEILINGS:
        assert cleaned(TERMS.name(RXNORM, one.ingredient)) == one.name
    assert len({one.ingredient for one in label_facts.CEILINGS}) == len(label_facts.CEILINGS)


@pytest.mark.parametrize(
    ("typed", "sig", "far"),
    [
        ("citalopram 40 mg tablet", "3 tabs daily", True), ("citalopram 40 mg tablet", "1 tab daily", False),
        ("apixaban 5 mg tablet", "4 tabs bid", True), ("apixaban 5 mg tablet", "2 tabs bid", False),
        ("carvedilol 25 mg tablet", "4 tabs bid", True), ("carvedilol 25 mg tablet", "2 tabs bid", False),
        ("lorazepam 2 mg tablet", "2 tabs qid", True), ("tamsulosin 0.4 mg capsule", "2 caps daily", False),
        ("Xarelto 15 mg tablet", "1 tab bid", False), ("ciprofloxacin 750 mg tablet", "1 tab bid", False),
    ],
)  # fmt: skip
def test_a_dose_far_above_the_label(typed: str, sig: str, far: bool) -> None:
    found = notices(read(order(typed, sig=sig, authoredOn="2025-10-05")), TERMS, [LabelChecker()])
    assert [item.rule for item in found] == ([NoticeRule.DOSE] if far else [])


def test_a_thyroid_of_pigs_and_levothyroxine_are_one_therapy() -> None:
    for other in ("Armour Thyroid 60 mg", "NP Thyroid 30 mg", "Cytomel 5 mcg"):
        [double] = told("levothyroxine 100 mcg", other)
        assert double.rule is NoticeRule.SAME_CLASS and "Thyroid hormones" in double.sentence
    assert told("levothyroxine 100 mcg", "lisinopril 20 mg") == []
