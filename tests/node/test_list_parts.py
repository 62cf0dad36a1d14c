"""Who hears a word on the list hears what concerns it, and learns of nobody else: not by name, number or length."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medrec.core.manifests.act_parts import MARKS, OPENED_MAX, Against, Parts, mark_of, parted
from medrec.core.manifests.acts import Act, against_of, narrowed, recipients_of
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import store
from medrec.node.lists import acts, lists, stating
from medrec.node.lists.acts import payload_for
from medrec.node.refusals import Code, Refusal
from tests.node.test_lists import Clinic

PLACES = ("north", "south", "east")


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def word(clinic: Clinic, **more: Any) -> Act:
    """Ada does not take lisinopril, whatever north and south have written."""
    row = clinic.row("lisinopril")
    more.setdefault("against", lists.against(row, "not-taking"))
    key = clinic.ada.key.key_id
    act = stating.prepare(clinic.guide, clinic.ada.account, "not-taking", key, [lists.subject_of(row)], **more)
    return stating.signed(act, clinic.ada.sign)


def test_two_sources_of_one_word_do_not_learn_of_one_another(clinic: Clinic) -> None:
    act = word(clinic)
    assert {one.source for one in against_of(act)} == {"north", "south"} == recipients_of(act)
    assert stating.state(clinic.guide, act).taken == ("north", "south")
    sent = {
        row.organisation: bytes(row.payload) for row in clinic.guide.rows(store.outbox) if row.path == CORRECTIONS_PATH
    }
    assert set(sent) == {"north", "south"}
    clinic.story.settle()
    for node, other in ((clinic.north, "south"), (clinic.south, "north")):
        (kept,) = node.acts.of(clinic.ada.account)
        assert [one.source for one in against_of(kept.act)] == [node.organisation]
        for heard in (json.dumps(msgspec.to_builtins(kept.act)), sent[node.organisation].decode()):
            assert other not in heard and node.organisation in heard
        # Its own part counts as before: it is asked to look, and the word is on the list, signed.
        assert [row.code for row in node.rows(store.alarm)] == ["list-contradicted"]
        assert acts.acts_told.genuine(node, kept.act)


def test_a_copy_is_as_long_and_as_full_whoever_else_hears_it(clinic: Clinic) -> None:
    row = clinic.row("lisinopril")
    both = lists.against(row, "not-taking")
    alone = [one for one in both if one.source == "north"]
    wide, narrow = word(clinic), word(clinic, against=alone, recipients=["north"])
    shapes = []
    for act in (wide, narrow):
        copy = json.loads(payload_for(act, "north"))
        shapes.append({name: len(json.dumps(part)) for name, part in copy.items()})
    assert shapes[0] == shapes[1]


def test_what_is_told_beside_an_act_is_what_was_signed(clinic: Clinic) -> None:
    act, replace = word(clinic), msgspec.structs.replace
    stranger = parted([Against("north", "MedicationRequest", "z", "11" * 32)], ["north"], bytes(32))
    for bad in (
        replace(act, opened=stranger.opened),
        replace(act, to=stranger.to),
        replace(act, against=[Against("north", "MedicationRequest", "z", "11" * 32)]),
        replace(act, recipients=["north"]),
    ):
        with pytest.raises(Refusal) as no:
            clinic.north.acts.take("guide", bad)
        assert no.value.reason is Code.MALFORMED
    # Without the part that names it, a place has no word that is meant for it, whoever brings the copy.
    with pytest.raises(Refusal) as no:
        clinic.north.acts.take("south", narrowed(act, "south"))
    assert no.value.reason is Code.WRONG_ORGANISATION
    with pytest.raises(Refusal) as no:
        clinic.north.acts.take(
            "guide", replace(narrowed(act, "north"), marks=stranger.marks, to=stranger.to, opened=[])
        )
    assert no.value.reason is Code.BAD_SIGNATURE


def test_an_act_of_a_former_version_counts_as_it_was_signed(clinic: Clinic) -> None:
    """Its recipients and what it speaks against stand in it for all to read; what is signed cannot be taken out."""
    new = word(clinic)
    value = msgspec.to_builtins(new)
    for name in ("marks", "to", "opened"):
        del value[name]
    value |= {
        "recipients": ["north", "south"],
        "against": [msgspec.to_builtins(one) for one in lists.against(clinic.row("lisinopril"), "not-taking")],
    }
    old = stating.signed(msgspec.convert(value, Act), clinic.ada.sign)
    assert set(msgspec.to_builtins(old)) == set(value) and narrowed(old, "north") == old
    assert stating.state(clinic.guide, old).taken == ("north", "south")
    assert {one.source for one in against_of(old)} == recipients_of(old) == {"north", "south"}


@given(
    st.lists(st.sampled_from(PLACES), max_size=OPENED_MAX),
    st.sets(st.sampled_from(PLACES)),
    st.binary(min_size=32, max_size=32),
)
def test_marks_open_for_their_parts_alone(sources: list[str], to: set[str], secret: bytes) -> None:
    against = [Against(source, "Condition", f"r{number}", "22" * 32) for number, source in enumerate(sources)]
    parts: Parts = parted(against, sorted(to), secret)
    assert len(set(parts.marks)) == MARKS and parts.marks == sorted(parts.marks)
    marks = [mark_of(part) for part in (*parts.opened, *parts.to)]
    assert set(marks) <= set(parts.marks) and len(set(marks)) == len(sources) + len(to)
    assert [(one.source, one.id) for one in parts.opened] == [(one.source, one.id) for one in against]


def test_more_than_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="marks"):
        parted([Against("north", "Condition", f"r{n}", "22" * 32) for n in range(OPENED_MAX + 1)], [], bytes(32))
