"""What many names that nobody knows cost: each is looked at once, and none is held against every other."""

from typing import Any

import pytest

from medrec.core.reconcile import notices as told
from medrec.core.reconcile.notices import LabelChecker, notices
from medrec.core.records import near_names
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


def _word(length: int) -> str:
    return "".join("aeicsphtvxyzbdflmn"[(7 * at * at + at) % 18] for at in range(length))


@pytest.mark.parametrize(
    "text", [_word(300), _word(40), " ".join(_word(36)[at:] for at in range(8)), "Amoxi" + "q" * 295]
)
def test_what_a_name_may_be_misspelled_for_is_asked_of_few_guesses(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    before = near_names._is_name
    monkeypatch.setattr(near_names, "_is_name", lambda *of: asked.append(of[0]) or before(*of))  # type: ignore[func-returns-value]
    assert near_names.near(text, shipped()) == {}
    assert len(asked) < 10_000 and near_names.letters(text, shipped()) <= 80
    (row,) = read(allergy(text, 1)).allergies
    assert "name-not-known" in row.lines[0].notes and len(asked) < 20_000


def test_a_long_name_with_a_slip_is_found_still() -> None:
    for name in ("methylprednisolone", "sulfamethoxazole", "dimethyldodecylbenzylammonium"):
        assert name in near_names.near(name[:5] + name[6:], shipped()), name


def test_of_names_with_very_many_letters_it_is_said_that_not_all_were_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(told, "LETTERS_MAX", 20)
    few = [allergy("penicilin", 1), order("amoxicillin 500 mg")]
    looked = notices(read(*few), shipped(), [LabelChecker()])
    assert len(looked) == 1 and told.UNSEEN not in looked[0].sentence
    many = read(*few, *(allergy(_word(30)[at:], at + 10) for at in range(5)), allergy(_word(300), 9))
    said = [one.sentence for one in notices(many, shipped(), [LabelChecker()])]
    assert told.UNSEEN in said
    # A word that is no slip of any name costs nothing, and nothing is said of it.
    long = read(*few, allergy(_word(300), 9))
    assert [one.id for one in notices(long, shipped(), [LabelChecker()])] == [looked[0].id]
