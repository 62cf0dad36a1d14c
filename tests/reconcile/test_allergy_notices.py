"""Which medicines an allergy warns of: what may be taken still, however old and however it is written."""

import pytest

from medrec.core.reconcile.notices import NoticeRule
from tests.reconcile.records_said import allergy, held, medicine
from tests.reconcile.test_notices import found

LONG_AGO = "2019-03-01"
LISINOPRIL_ALLERGY = held("east", "all", allergy("lisinopril", "1"), recorded="2024-01-01")


@pytest.mark.parametrize(
    ("status", "reason", "warns"),
    [("active", "", True), ("stopped", "stopped", False), ("stopped", "completed", False), ("unknown", "draft", False)],
)
def test_an_order_of_long_ago_warns_if_its_source_calls_it_active(status: str, reason: str, warns: bool) -> None:
    order = held("north", "a", medicine("1", mg="20"), status, reason=reason, when=LONG_AGO)
    told = [item for item in found([order, LISINOPRIL_ALLERGY]) if item.rule is NoticeRule.ALLERGY]
    assert bool(told) is warns
    if warns:
        assert "is on the list" in told[0].sentence and order.manifest in told[0].evidence


def test_it_warns_of_the_class_too_and_not_once_it_was_stopped_elsewhere_later() -> None:
    order = held("north", "a", medicine("2", mg="5"), when=LONG_AGO)
    assert [item.rule for item in found([order, LISINOPRIL_ALLERGY])] == [NoticeRule.ALLERGY_CLASS]
    stop = held("south", "b", medicine("2", mg="5"), "stopped", reason="stopped", when="2020-01-01")
    assert found([order, stop, LISINOPRIL_ALLERGY]) == []


def test_a_short_course_of_long_ago_is_over() -> None:
    course = held("north", "a", medicine("6", mg="500"), when=LONG_AGO)
    assert found([course, held("east", "all", allergy("amoxicillin", "6"), recorded="2024-01-01")]) == []
