"""A clinician changes and stops what is there: of what nobody here says that it is taken, nothing is written down."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.manifests.acts import Subject
from medrec.node.lists import lists
from medrec.node.lists.acts_kept import list_act
from medrec.node.refusals import Code, Refusal
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_list_later import for_all, look
from tests.node.test_lists import Clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    made.network.time += 60_000
    yield made
    made.network.close()


def says(clinic: Clinic, kind: Any, subject: Subject, words: str) -> None:
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    clinic.north.acts.enter(clinic.ada.account, doctor, kind, [subject], words)


@pytest.mark.parametrize("kind", ["stopped", "changed"])
def test_what_is_not_there_is_neither_stopped_nor_changed(clinic: Clinic, kind: Any) -> None:
    """Metformin is south's, of which north knows nothing."""
    metformin, hops = lists.subject_of(clinic.row("metformin")), Subject("text:hops", "Hops")
    for subject in (metformin, hops):
        with pytest.raises(Refusal) as no:
            says(clinic, kind, subject, "1 tab daily")
        assert no.value.reason is Code.NOT_ON_LIST and clinic.north.rows(list_act) == []
    says(clinic, kind, lists.subject_of(clinic.row("lisinopril")), "1 tab daily")
    # What she says that she takes is there, and so is what others gave for one screen, which is kept nowhere.
    for_all(clinic, "also-taking", hops)
    says(clinic, kind, hops, "1 tab daily")
    clinic.network.consent(clinic.ada, "south", "north")
    look(clinic, "north", "south")
    says(clinic, kind, metformin, "1 tab daily")
    assert len(clinic.north.rows(list_act)) == 4


def test_a_review_of_nothing_is_one(clinic: Clinic) -> None:
    """A list without a medicine was gone through, too."""
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    act = clinic.north.acts.enter(clinic.ada.account, doctor, "reviewed", [])
    assert act.subjects == [] and len(clinic.north.rows(list_act)) == 1
