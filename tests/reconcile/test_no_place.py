"""A medicine of which neither form nor route is told, beside others of the same drug that name a place of action."""

import msgspec
import pytest

from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists, Read
from medrec.core.reconcile.notices import LabelChecker, NoticeRule, notices
from medrec.core.records.understood import NoteCode
from medrec.node.terminology.shipped import shipped
from tests.reconcile.records_said import NOW, TERMS, held, medicine

DROPS = "ophthalmic solution"


def placed(read: Read) -> dict[str, str]:
    return {row.key: row.status for row in read.medicines}


def test_drops_that_ran_out_do_not_draw_in_what_is_taken() -> None:
    taken = held("north", "a", medicine("7", form=""), when="2025-09-01")
    over = held("south", "b", medicine("7", form=DROPS), "stopped", reason="completed", when="2024-11-30")
    assert placed(Lists(TERMS, NOW, [taken]).read()) == {"7": "active"}
    assert placed(Lists(TERMS, NOW, [taken, over]).read()) == {"7": "active", "7|eye": "stopped"}
    mistake = held("south", "b", medicine("7", form=DROPS), when="2025-01-30", notes=(NoteCode.ENTERED_IN_ERROR,))
    assert placed(Lists(TERMS, NOW, [taken, mistake]).read())["7"] == "active"


@pytest.mark.parametrize(("form", "key"), [("tablet", "7|body"), (DROPS, "7|eye")])
def test_what_is_in_force_at_one_place_is_where_the_rest_belongs(form: str, key: str) -> None:
    taken = held("north", "a", medicine("7", form=""), when="2025-09-01")
    other = held("south", "b", medicine("7", form=form), when="2024-11-30")
    assert placed(Lists(TERMS, NOW, [taken, other]).read()) == {key: "active"}


def test_tablets_that_ran_out_are_of_the_medicine_that_is_taken() -> None:
    taken = held("north", "a", medicine("7", form=""), when="2025-09-01")
    over = held("south", "b", medicine("7"), "stopped", reason="completed", when="2024-11-30")
    assert placed(Lists(TERMS, NOW, [taken, over]).read()) == {"7|body": "active"}


def test_what_is_over_takes_no_notice_away() -> None:
    """Ketoconazole without a form beside simvastatin; a cream of it ran out at another place."""

    def real(identifier: str, code: str, form: str) -> Held:
        detail = msgspec.structs.replace(
            medicine("1", form=form, name=f"drug {code}"), ingredients=(code,), ingredient_names=(f"drug {code}",)
        )
        over = form == "topical cream"
        return held(
            "north", identifier, detail, "stopped" if over else "active", when="2025-09-01", reason="completed" * over
        )

    terms = shipped()
    pile = [real("a", "6135", ""), real("b", "36567", "tablet")]
    cream = real("c", "6135", "topical cream")
    for some in (pile, [*pile, cream]):
        told = notices(Lists(terms, NOW, some).read(), terms, [LabelChecker()])
        assert [item.rule for item in told] == [NoticeRule.PAIR]
