"""Erased where much is kept of her: looks and their reviews, a dispute, corrections, an emergency, an undone link, a
move, readings of her log. In every order, with restarts, with backups from before.
"""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core.manifests.correction import statement_message
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import store
from medrec.node.ledger.audit import audit_journal
from medrec.node.looks import answering
from medrec.node.looks.access_log import staff_read
from medrec.node.looks.disputes import ANSWERS_PATH, DISPUTED_PATH
from medrec.node.looks.disputing import dispute
from medrec.node.refusals import Code, Refusal
from medrec.node.release.emergency import REVIEWS_PATH
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.network import Patient
from tests.node.test_disputes import carry
from tests.node.test_erasure_reach import Thief
from tests.node.test_erasure_strangers import naming
from tests.portal.story import Story, observation

RECORDS = 2
WORDS = (
    "Snoopreason", "Finewords", "Wrongwords", "Disputewords", "Answerwords", "Correctionwords", "Repliedwords",
    "Nightreason", "Reviewwords",
)  # fmt: skip
"""One word of each thing that is kept of her at north."""


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path)
    yield made
    made.network.close()


def north(story: Story) -> Any:
    return story.network["north"]


def linked(story: Story) -> Patient:
    """Ada, whose first link to north was undone, and who links again."""
    network = story.network
    ada = network.patient("ada", "north", "south")
    network.patient("bob", "north")
    for number in range(RECORDS):
        north(story).put("Observation", f"of-ada-{number}", observation(f"of-ada-{number}", "ada", f"{number}"))
    north(story).put("Observation", "of-bob", observation("of-bob", "bob", "9"))
    story.settle()
    north(story).linker.unlink("ada")
    story.settle()
    network.time += 1000
    guide: Any = network["guide"]
    guide.agent.link(ada.account, "north", north(story).linker.invite("ada"), ada.sign)
    network.consent(ada, "north", "south")
    story.settle()
    return ada


def correct(story: Story, ada: Patient) -> None:
    guide: Any = story.network["guide"]
    (wrong,) = [bytes(row.manifest) for row in north(story).rows(store.record) if row.id == "of-ada-0"]
    draft = guide.corrections.draft(
        ada.account, "north", "Observation", "of-ada-0", wrong.hex(), "Correctionwords", "", ada.key.key_id
    )
    _, signature = ada.sign(statement_message(draft))
    identifier = guide.corrections.ask(msgspec.structs.replace(draft, signature=signature.hex()))
    carry(story.network, CORRECTIONS_PATH)
    north(story).corrections.answer(identifier, "noted", "Repliedwords are here.")


def much(story: Story) -> Patient:
    """Everything that a place may keep of somebody."""
    ada, network = linked(story), story.network
    south: Any = network["south"]
    for reason in ("Snoopreason, a visit", "Snoopreason, a second visit"):
        story.ask(ada, "Dr Snoop", reason)
    story.settle()
    found: Any = ("fine", "wrong")
    for look, outcome in zip(north(story).watch.queue(), found, strict=False):
        north(story).watch.review(look.ranked.seen.id, outcome, "Pat Officer", f"{outcome.title()}words were found")
    staff_read(north(story), "Pat Officer", {row.id: 2 for row in north(story).rows(store.person) if row.account})
    doctor = south.practitioners.enter("night", "Dr Night", PHYSICIAN)
    declared = south.emergency_reviews.declare("north", ada.account, doctor, "unconscious", "Nightreason, at the bus")
    south.emergency_reviews.review(declared.id, "privacy", "P. Officer", "justified", "Reviewwords are here.")
    correct(story, ada)
    raised = dispute(
        network["guide"], ada.account, "south", "north", ada.sign, ada.key.key_id, words="Disputewords"  # type: ignore[arg-type]
    )  # fmt: skip
    story.settle()
    carry(network, DISPUTED_PATH, REVIEWS_PATH)
    answering.answer(south, "north", raised.id, "explained", "Answerwords are here.")
    carry(network, ANSWERS_PATH)
    story.settle()
    return ada


def erase(story: Story, ada: Patient, what: str) -> None:
    node = north(story)
    if what == "record":
        node.source.raw.pop(("Observation", "of-ada-0"), None)
        node.erasures.erase_record("Observation", "of-ada-0", "patient-request")
    elif what == "person":
        for name in [name for name in node.source.raw if name[1].startswith("of-ada")]:
            del node.source.raw[name]
        node.erasures.erase_person("ada", "patient-request")
    else:
        node.source.raw.pop(("Observation", "of-bob"), None)
        node.erasures.erase_person("bob", "patient-request")


def read_by(thief: Thief) -> list[str]:
    """Which of the words somebody reads with a backup of before, the store, and every key that is still allowed."""
    found = b"\n".join(thief.texts())
    return [word for word in WORDS if word.encode() in found]


@pytest.mark.parametrize(
    ("order", "restart"),
    [(order, bool(at % 2)) for at, order in enumerate(permutations(("record", "person", "another")))],
)
def test_nothing_of_her_is_left_whatever_went_before(
    story: Story, tmp_path: Path, order: tuple[str, ...], restart: bool
) -> None:
    ada = much(story)
    thief = Thief(story.network.folder, "north", tmp_path / "taken")
    for step, what in enumerate(order):
        if what == "record" and "person" in order[:step]:
            with pytest.raises(Refusal):
                erase(story, ada, what)
            continue
        erase(story, ada, what)
        if restart:
            story.network.crash("north")
        story.settle()
        assert audit_journal(north(story)) is None
    assert read_by(thief) == []
    assert naming(north(story), ada)[-1] == "erasure/1" and set(naming(north(story), ada)) == {"erasure/1"}
    for name in ("look_review", "broken_glass", "dispute_taken", "correction_here", "agent_left", "agent_since"):
        assert north(story).rows(store.metadata.tables[name]) == [], name
    with pytest.raises(Refusal) as no:
        north(story).erasures.erase_person("ada", "patient-request")
    assert no.value.reason is Code.UNKNOWN_PERSON


def test_what_is_looked_for_is_there_before(story: Story, tmp_path: Path) -> None:
    much(story)
    assert read_by(Thief(story.network.folder, "north", tmp_path / "taken")) == list(WORDS)
