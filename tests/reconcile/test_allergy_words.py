"""Allergies in words: what says that it is none is none, and Spanish names warn as English ones do."""

import pytest

from medrec.core.reconcile.notices import NoticeRule
from medrec.core.reconcile.rows import Conflict
from tests.reconcile.test_apart import AMOXICILLIN, allergy, rules
from tests.reconcile.test_bad_input import read

NONE = [
    "not allergic to penicillin", "Tolerates penicillin", "Penicillin - tolerated", "Penicillin (tolerates)",
    "no allergies to penicillin", "No known allergy to penicillin", "Patient is not allergic to penicillin",
    "Penicillin - not an allergy", "No es alérgica a la penicilina", "Tolera penicilina",
]  # fmt: skip

WARNS = {NoticeRule.ALLERGY, NoticeRule.ALLERGY_CLASS}


@pytest.mark.parametrize("words", NONE)
def test_what_says_that_it_is_none_is_kept_as_none_and_warns_of_nothing(words: str) -> None:
    found = read(allergy(words), allergy("NKDA", id="none"), AMOXICILLIN)
    row = next(row for row in found.allergies if not row.no_known)
    assert "enicil" in row.name and "toler" not in row.name.lower() and "allerg" not in row.name.lower()
    assert row.refuted and row.status == "stopped" and row.conflicts == ()
    assert not WARNS & rules(found)


@pytest.mark.parametrize("words", NONE)
def test_it_does_not_argue_an_allergy_away(words: str) -> None:
    found = read(allergy(words), allergy("Penicillin", id="real", source="south"), AMOXICILLIN)
    (row,) = found.allergies
    assert row.status == "active" and Conflict.REFUTED in row.conflicts and WARNS & rules(found)


@pytest.mark.parametrize(
    "words", ["Penicilina", "Alergia a la penicilina", "alérgico a penicilina", "Amoxicilina", "AMOXICILINA 500 mg"]
)
def test_a_spanish_name_warns(words: str) -> None:
    found = read(allergy(words), AMOXICILLIN)
    assert WARNS & rules(found)
    assert (
        len(read(allergy(words), allergy("Penicillin" if "penic" in words.lower() else "Amoxicillin")).allergies) == 1
    )
