"""What people said of the list of somebody who is erased goes with the rest; an erased record leaves the acts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.node.keeping import store
from medrec.node.lists import acts, lists, stating
from medrec.node.records.publish import Incoming
from medrec.node.refusals import Code, Refusal
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_lists import Clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


WORDS = "xyzzy-my-own-reason"


def said(clinic: Clinic) -> None:
    """She says a word against south's order, and a clinician of south one too that is still on its way."""
    clinic.network.time += 60_000
    row = clinic.row("metformin")
    clinic.say("not-taking", row, words=WORDS)
    clinic.network.time += 60_000
    doctor = clinic.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    clinic.network.consent(clinic.ada, "south", "guide")
    clinic.south.acts.enter(clinic.ada.account, doctor, "stopped", [lists.subject_of(row)], WORDS)
    clinic.network.anchor()
    clinic.network.deliver()


def gone_at_source(node: Any, kind: str, *identifiers: str) -> None:
    for identifier in identifiers:
        del node.source.raw[kind, identifier]
        node.publisher.publish([Incoming(kind, identifier, None, "gone")])


@pytest.mark.parametrize("sealed", [True, False], ids=["as now", "as it was queued before any was sealed"])
def test_the_acts_of_an_erased_person_are_deleted_with_the_rest(clinic: Clinic, sealed: bool) -> None:
    said(clinic)
    south, account = clinic.south, clinic.ada.account
    if not sealed:
        for row in south.rows(store.outbox):
            plain = store.outbox.update().where(store.outbox.c.id == row.id).values(payload=row.payload)
            south.store.write(lambda connection, plain=plain: connection.execute(plain))
    assert len(south.acts.of(account)) == 2 and len(south.rows(acts.list_act)) == 2
    assert [row.code for row in south.rows(store.alarm)] == ["list-contradicted"]
    assert [row.path for row in south.rows(store.outbox)].count(acts.ACTS_PATH) == 1
    (kept, _) = south.acts.of(account)
    gone_at_source(south, "MedicationRequest", "b", "c")
    assert south.lists.held(account), "her lists are remembered"
    south.erasures.erase_person("ada", "patient-request")
    assert south.rows(acts.list_act) == [] and south.acts.of(account) == []
    assert [row for row in south.rows(store.outbox) if row.path == acts.ACTS_PATH] == []
    assert south.rows(store.alarm) == []
    assert account not in south.lists._kept
    assert south.lists.of(account).read.medicines == ()
    files = b"".join(file.read_bytes() for file in sorted(clinic.network.folder.glob("south.db*")))
    assert WORDS.encode() not in files and bytes.fromhex(kept.act.id) not in files
    # What her agent brings again is not written down again.
    with pytest.raises(Refusal) as no:
        south.acts.take("guide", kept.act)
    assert no.value.reason is Code.NOT_LINKED
    # North, which was not asked to erase anything, has her word still; so has she.
    assert len(clinic.north.acts.of(account)) == 1 and len(clinic.guide.acts.of(account)) >= 1


def test_an_erased_record_leaves_the_acts_readable(clinic: Clinic) -> None:
    said(clinic)
    gone_at_source(clinic.south, "MedicationRequest", "b")
    clinic.south.erasures.erase_record("MedicationRequest", "b", "patient-request")
    kept = clinic.south.acts.of(clinic.ada.account)
    assert [found.act.words for found in kept] == [WORDS, WORDS]
    subject = acts.Subject("text:valerian", "Valerian")
    key = clinic.ada.key.key_id
    act = stating.prepare(clinic.guide, clinic.ada.account, "also-taking", key, [subject])
    stating.state(clinic.guide, stating.signed(act, clinic.ada.sign))
    assert len(clinic.south.acts.of(clinic.ada.account)) == 3
