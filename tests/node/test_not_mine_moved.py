"""What she said is not about her moves with her to another agent, though its place has called it hers meanwhile."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import manifests
from medrec.core.manifests.correction import CorrectionRequestManifest
from medrec.node.agent.moving import adopt
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.right_person import holding, not_hers, said_before
from tests.core.ledger_world import hash_of
from tests.node.test_list_corrections import bring_corrections
from tests.node.test_list_not_mine import claim
from tests.node.test_lists import Clinic
from tests.node.test_moving import admit


def moved(clinic: Clinic, burnt: bool) -> Any:
    """Another agent serves her; the one before told it what it knows, or is gone."""
    network = clinic.network
    if burnt:
        network.wires.leave("guide")
    network.AGENT = "helper"  # type: ignore[misc]
    network.keys["helper"] = OrganisationKeys.from_seed("helper", hash_of("helper"))
    admit(clinic, network.keys["helper"])  # type: ignore[arg-type]
    helper: Any = network.open("helper")
    adopt(helper, clinic.ada.account, "Ada", clinic.ada.view_secret, clinic.ada.sign)
    clinic.guide = helper
    clinic.story.settle()
    for place in ("north", "south"):
        network.consent(clinic.ada, place, "helper")
    clinic.refresh()
    return helper


@pytest.mark.parametrize("burnt", [False, True])
def test_her_word_stands_at_the_new_agent_until_she_takes_it_back(tmp_path: Path, burnt: bool) -> None:
    clinic = Clinic(tmp_path)
    claim(clinic, "not-mine")
    clinic.story.settle()
    bring_corrections(clinic)
    assert holding.let_go(clinic.south, "MedicationRequest", "c", "clerk", "I asked her doctor.")
    clinic.story.settle()
    helper = moved(clinic, burnt)
    assert "c" in {copy.id for copy in helper.copies.all(clinic.ada.account)}, "its place gives it again"
    assert [one.name for one in not_hers.said(helper, clinic.ada.account)] == ["MedicationRequest/c"]
    assert "metformin" not in [row.name for row in clinic.shown().read.medicines]
    clinic.network.time += 60_000
    claim(clinic, "mine")
    assert not_hers.said(helper, clinic.ada.account) == []
    assert "metformin" in [row.name for row in clinic.shown().read.medicines]
    clinic.network.close()


@pytest.mark.parametrize("burnt", [False, True])
def test_what_she_took_back_before_she_moved_is_hers(tmp_path: Path, burnt: bool) -> None:
    clinic = Clinic(tmp_path)
    for kind in ("not-mine", "mine"):
        claim(clinic, kind)
        clinic.story.settle()
        bring_corrections(clinic)
        clinic.network.time += 60_000
    clinic.story.settle()
    helper = moved(clinic, burnt)
    assert not_hers.said(helper, clinic.ada.account) == []
    assert "metformin" in [row.name for row in clinic.shown().read.medicines]
    clinic.network.close()


def test_a_place_says_it_for_her_about_no_other_place_and_takes_nothing_back(tmp_path: Path) -> None:
    """North writes lines in which she is said to claim what she did not sign."""
    clinic = Clinic(tmp_path)
    claim(clinic, "not-mine")
    clinic.story.settle()
    bring_corrections(clinic)
    assert holding.let_go(clinic.south, "MedicationRequest", "c", "clerk", "I asked her doctor.")
    (asked,) = [
        one.statement
        for one in (_request(clinic.guide, row.request) for row in clinic.guide.rows(said_before.correction_asked))
    ]
    clinic.network.time += 60_000
    replace = msgspec.structs.replace
    for forged in (
        replace(asked, claim="mine", time=clinic.network.time, id="11" * 16),
        replace(asked, source="south", record="b", id="22" * 16, time=clinic.network.time),
    ):
        _write(clinic.north, clinic.ada.account, forged)
    clinic.story.settle()
    helper = moved(clinic, True)
    assert [one.name for one in not_hers.said(helper, clinic.ada.account)] == ["MedicationRequest/c"]
    clinic.network.close()


def test_an_older_word_of_hers_that_somebody_kept_takes_nothing_back(tmp_path: Path) -> None:
    """She said that it is hers, and then that it is not; north has kept the first, and tells it to the new agent."""
    clinic = Clinic(tmp_path)
    for kind in ("not-mine", "mine", "not-mine"):
        claim(clinic, kind)
        clinic.story.settle()
        bring_corrections(clinic)
        clinic.story.settle()
        clinic.network.time += 60_000
    requests = [_request(clinic.guide, row.request) for row in clinic.guide.rows(said_before.correction_asked)]
    (older,) = [one.statement for one in requests if one.statement.claim == "mine"]
    _write(clinic.north, clinic.ada.account, older)
    assert holding.let_go(clinic.south, "MedicationRequest", "c", "clerk", "I asked her doctor.")
    clinic.story.settle()
    helper = moved(clinic, True)
    assert [one.name for one in not_hers.said(helper, clinic.ada.account)] == ["MedicationRequest/c"]
    clinic.network.close()


def _request(node: Any, digest: bytes) -> CorrectionRequestManifest:
    with node.store.read() as connection:
        found: CorrectionRequestManifest = manifests.decode(node.journal.manifest(connection, bytes(digest))[1])
    return found


def _write(node: Any, account: str, statement: Any) -> None:
    """A line about her in the journal of a place, as it comes to her agent."""
    now = node.clock()
    manifest = manifests.encode(
        CorrectionRequestManifest(
            "correction-request/1", node.network.hex(), node.organisation, account, now, statement, "33" * 16, now, None
        )
    )

    def write(connection: Any) -> None:
        person = node.journal.person_of_account(connection, account)
        summary = [26, now, statement.source, statement.type, statement.record, bytes.fromhex(statement.id)]
        node.journal.append(connection, [Draft("correction-request/1", manifest, person.id, None, summary)])

    node.store.write(write)
