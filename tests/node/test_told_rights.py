"""Her agent takes what somebody said in her place only if she let that one, then: it asks what an honest place asks."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import manifests
from medrec.core.consent.plain import EVERYTHING, write
from medrec.core.manifests.consent import FhirConsentManifest, fhir_consent_message
from medrec.core.manifests.correction import CorrectionStatement, CorrectionTakenManifest, statement_message
from medrec.core.manifests.delegation import (
    ActingManifest,
    Clerk,
    DelegationEndManifest,
    DelegationManifest,
    ShareManifest,
    decode_delegation,
    delegation_end_message,
)
from medrec.node.account import heard
from medrec.node.account.attested import WAIT_MS
from medrec.node.account.parents import attest
from medrec.node.agent.known import Known
from medrec.node.agent.signed import is_signed
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from tests.node.helping import DAY, Help
from tests.node.network import Patient

MARK, HASH = "ab" * 16, "cd" * 32


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path)
    yield made
    made.close()


def tells(help_: Help, stated: Any, place: str = "north") -> bool:
    """A hostile place writes a line down and tells it; whether her agent has taken it."""
    node: Any = help_.network[place]
    (person,) = [row.id for row in node.rows(store.person) if row.account == help_.ada.account]
    draft = Draft(stated.manifest, manifests.encode(stated), person, None, None)
    node.store.write(lambda connection: node.journal.append(connection, [draft]))
    help_.story.settle()
    return stated in [one.manifest for one in help_.guide.agent.notices(help_.ada.account)]


def consent(help_: Help, by: Patient) -> FhirConsentManifest:
    """What somebody signs in Ada's place: everything to everybody."""
    ada, network = help_.ada, help_.network
    unsigned = FhirConsentManifest(
        "consent/2", network.id.hex(), "north", ada.account, network.time,
        write(EVERYTHING, ada.account, network.time).decode(), "delegate", by.account, None, os.urandom(32).hex(),
        by.key.key_id.hex(),
    )  # fmt: skip
    return msgspec.structs.replace(unsigned, signature=by.sign(fhir_consent_message(unsigned))[1].hex())


def test_a_consent_by_somebody_who_is_no_helper_of_hers_is_not_taken(help_: Help) -> None:
    eve = help_.network.patient("eve")
    assert not tells(help_, consent(help_, eve))
    # A right of another kind, and one to somebody else, carry it no more.
    help_.name_bo(rights=["look", "add", "correct"])
    help_.story.settle()
    assert not tells(help_, consent(help_, help_.bo))
    assert not tells(help_, consent(help_, eve))


def test_a_helper_s_consent_is_taken_while_she_may_give_it(help_: Help) -> None:
    secret = help_.name_bo(rights=["consent"])
    help_.story.settle()
    early = consent(help_, help_.bo)
    assert tells(help_, early)
    help_.end(secret)
    help_.story.settle()
    # What is dated back was said now all the same.
    assert not tells(help_, msgspec.structs.replace(consent(help_, help_.bo), time=early.time))
    assert early in [one.manifest for one in help_.guide.agent.notices(help_.ada.account)]


@pytest.mark.parametrize("whose", ["delegate", "attested"])
def test_an_end_that_nobody_signed_takes_no_right_away(help_: Help, whose: Any) -> None:
    """A place of hers says that Bo ended his right, or that somebody who never stated it did: what he gives
    elsewhere is taken all the same. With his signature it is over from when that came, whatever date it bears."""
    help_.name_bo(rights=["consent"])
    help_.story.settle()
    (held,) = help_.guide.delegates.of(help_.ada.account)
    head = (help_.network.id.hex(), "north", help_.ada.account, help_.network.time - DAY)
    key, nullifier = help_.bo.key.key_id.hex(), held.delegation.nullifier
    said = DelegationEndManifest("delegation-end/1", *head, whose, nullifier, key, "00" * 64)
    assert tells(help_, said)
    help_.network.time += DAY
    assert tells(help_, consent(help_, help_.bo))
    message = delegation_end_message(bytes.fromhex(nullifier))
    signed = msgspec.structs.replace(said, by="delegate", signature=help_.bo.sign(message)[1].hex())
    assert tells(help_, signed)
    help_.network.time += DAY
    assert not tells(help_, consent(help_, help_.bo))


def test_a_stated_right_ends_by_the_word_of_who_may_end_it(help_: Help) -> None:
    """What South stated, and her agent took: North ends it by nobody's signature, South by its own word."""
    unsigned = help_.delegation(os.urandom(32), basis="legal", attested="south", born=None)
    help_.guide.delegates.take(attest(help_.network["south"], unsigned))
    help_.network.time += WAIT_MS
    help_.story.settle()
    (held,) = help_.guide.delegates.of(help_.ada.account)
    key, nullifier = held.delegation.key, held.delegation.nullifier
    for place, by, ended in (("north", "delegate", False), ("north", "attested", False), ("south", "attested", True)):
        head = (help_.network.id.hex(), place, help_.ada.account, help_.network.time)
        assert tells(help_, DelegationEndManifest("delegation-end/1", *head, by, nullifier, key, "00" * 64), place)
        assert (nullifier in heard.heard(help_.guide, help_.ada.account).ended) is ended, (place, by)


def test_a_right_that_is_over_or_reaches_less_far_carries_nothing(help_: Help) -> None:
    help_.name_bo(rights=["consent"], types=["Observation"])
    help_.story.settle()
    assert not tells(help_, consent(help_, help_.bo))
    help_.name_bo(rights=["consent"], until=help_.network.time + DAY)
    help_.story.settle()
    assert tells(help_, consent(help_, help_.bo))
    help_.network.time += 2 * DAY
    assert not tells(help_, consent(help_, help_.bo))


def test_a_right_that_a_hospital_alone_states_carries_nothing(help_: Help) -> None:
    """North states that Bo is her guardian, and that Bo has consented."""
    unsigned = help_.delegation(os.urandom(32), rights=["consent"], basis="legal", attested="north")
    right = decode_delegation(attest(help_.north, unsigned))
    head = (help_.network.id.hex(), "north", help_.ada.account, help_.network.time)
    assert tells(help_, DelegationManifest("delegation/1", *head, right, Clerk("Kim", MARK, "")))
    help_.network.time += 2 * WAIT_MS
    assert not tells(help_, consent(help_, help_.bo))


def test_a_correction_by_somebody_without_that_right_is_not_taken(help_: Help) -> None:
    ada, bo, network = help_.ada, help_.bo, help_.network
    stated = CorrectionStatement(
        network=network.id.hex(), account=ada.account, source="north", id=MARK, time=network.time, type="Observation",
        record="bp", manifest=HASH, words="Wrong", proposed="", key=bo.key.key_id.hex(), acting=bo.account,
    )  # fmt: skip
    stated = msgspec.structs.replace(stated, signature=bo.sign(statement_message(stated))[1].hex())
    head = (network.id.hex(), "north", ada.account, network.time)
    said = CorrectionTakenManifest("correction-taken/1", *head, "guide", stated, HASH, MARK, network.time)
    assert not tells(help_, said)
    help_.name_bo(rights=["correct"], types=["Observation"])
    help_.story.settle()
    assert tells(help_, msgspec.structs.replace(said, time=network.time + 1))


def test_what_helpers_did_is_told_by_agents_alone(help_: Help) -> None:
    eve = help_.network.patient("eve")
    head = (help_.network.id.hex(), "north", help_.ada.account, help_.network.time)
    acted = ActingManifest("acting/1", *head, eve.account, "Bo Berg for Ada", HASH, "look", "read:looked", MARK)
    opened = ShareManifest("share/1", *head, "opened", MARK, MARK, "Dr Nobody", [], help_.network.time + DAY, 1)
    assert not tells(help_, acted) and not tells(help_, opened)
    # Her own agent's word of the same is taken, and so is that of one that she may have left.
    help_.name_bo()
    (held,) = help_.guide.delegates.of(help_.ada.account)
    help_.guide.delegates.record_act(held, "look", "Bo Berg", "Ada", "read:looked")
    assert [one.delegate for one in help_.told(help_.ada.account) if one.manifest == "acting/1"] == [help_.bo.account]
    with help_.network.engine.view() as view:
        for teller, taken in (("guide", True), ("north", False), ("nobody", False)):
            assert is_signed(view, help_.ada.account, acted, Known("another", teller)) is taken
