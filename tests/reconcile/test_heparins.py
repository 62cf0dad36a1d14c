"""Heparin and what is made of it: who is allergic to one, or lost platelets by it, is warned of all of them."""

import pytest

from medrec.core.reconcile.label_facts import CROSSINGS
from medrec.core.reconcile.notices import LabelChecker, NoticeRule, notices
from medrec.core.records.terms import RXNORM
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_apart import allergy, icd, problem
from tests.reconcile.test_bad_input import order, read

ENOXAPARIN = order("enoxaparin 40 mg/0.4 mL syringe", sig="40 mg subq daily", id="e")
HEPARIN = order("heparin 5000 unit/mL injection", sig="5000 units subq q8h", id="h")
ALLERGIES = (NoticeRule.ALLERGY, NoticeRule.ALLERGY_CLASS)


def told(*records: object) -> list[tuple[str, str]]:
    """The notices of allergies, by rule and source."""
    found = notices(read(*records), shipped(), [LabelChecker()])  # type: ignore[arg-type]
    return [(item.rule.value, item.source) for item in found if item.rule in ALLERGIES]


@pytest.mark.parametrize(
    ("words", "medicine"),
    [("heparin", ENOXAPARIN), ("heparins", ENOXAPARIN), ("enoxaparin", HEPARIN), ("Lovenox", HEPARIN),
     ("HIT", ENOXAPARIN),
     ("Heparin-induced thrombocytopenia", ENOXAPARIN), ("low molecular weight heparin", HEPARIN), ("LMWH", HEPARIN)],
)  # fmt: skip
def test_an_allergy_to_one_warns_of_the_others(words: str, medicine: object) -> None:
    assert told(allergy(words), medicine) == [("allergy-to-the-class", "enoxaparin, label, section 4")]


@pytest.mark.parametrize(
    "loss",
    [
        problem("Heparin-induced thrombocytopenia"), problem("HIT"), problem("", icd("D75.82")),
        problem("", icd("D75.829")),
        problem("h/o heparin induced thrombocytopenia"), problem("Low platelets", icd("D75.822")),
    ],
)  # fmt: skip
def test_a_loss_of_platelets_by_heparin_warns_like_an_allergy(loss: dict[str, object]) -> None:
    assert [rule for rule, _ in told(loss, HEPARIN)] == ["allergy"]
    assert [rule for rule, _ in told(loss, ENOXAPARIN)] == ["allergy-to-the-class"]


def test_what_is_given_instead_and_what_is_not_immune_warns_of_nothing() -> None:
    assert told(allergy("heparin"), order("fondaparinux 2.5 mg/0.5 mL", id="f")) == []
    assert told(problem("", icd("D75.821")), HEPARIN) == [] and told(problem("Thrombocytopenia"), HEPARIN) == []
    assert told(problem("Non-immune heparin-induced thrombocytopenia"), HEPARIN) == []


def test_two_heparins_are_of_one_class() -> None:
    found = notices(read(HEPARIN, ENOXAPARIN), shipped(), [LabelChecker()])
    assert [item.rule for item in found] == [NoticeRule.SAME_CLASS]


def test_every_crossing_names_what_the_terminology_has_and_where_it_is_from() -> None:
    for crossing in CROSSINGS:
        assert all(shipped().name(RXNORM, code) for code in crossing.ingredients) and "label" in crossing.source
