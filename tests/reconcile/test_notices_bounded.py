"""What many names that nobody knows cost: each is looked at once, and none is held against every other."""

from typing import Any

import pytest

from medrec.core.reconcile import notices as told
from medrec.core.reconcile.notices import LabelChecker, notices
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_bad_input import order, read


def allergy(name: str, number: int) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "id": f"a{number}", "code": {"text": name}}


def test_names_that_mean_nothing_known_are_not_held_against_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [order(f"drug{number} {number} mg", id=f"m{number}") for number in range(60)]
    many += [allergy(f"thing{number}", number) for number in range(60)]
    found = read(*many, order("amoxicillin 500 mg", id="known"), allergy("penicilin", 99))
    held = []
    before = told._misspelled
    monkeypatch.setattr(told, "_misspelled", lambda *parts: held.append(parts) or before(*parts))  # type: ignore[func-returns-value]
    said = notices(found, shipped(), [LabelChecker()])
    assert len(held) == 1, "the one pair of which something is known"
    assert ["penicilin" in one.sentence and "amoxicillin" in one.sentence for one in said] == [True]


def test_of_very_many_unknown_names_it_is_said_that_not_all_were_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "NAMES_MAX", 2)
    few = [allergy("penicilin", 1), allergy("thing", 2), order("amoxicillin 500 mg")]
    looked = notices(read(*few), shipped(), [LabelChecker()])
    assert len(looked) == 1 and told.UNSEEN not in looked[0].sentence
    asked = []
    before = told.near
    monkeypatch.setattr(told, "near", lambda *parts: asked.append(parts) or before(*parts))  # type: ignore[func-returns-value]
    many = read(*few, *(allergy(f"other{number}", number) for number in range(10, 30)))
    said = [one.sentence for one in notices(many, shipped(), [LabelChecker()])]
    assert len(asked) == 2 and told.UNSEEN in said


def test_known_names_are_all_looked_at_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "NAMES_MAX", 0)
    (said,) = notices(read(allergy("penicillin", 1), order("amoxicillin 500 mg")), shipped(), [LabelChecker()])
    assert "penicillin" in said.sentence
