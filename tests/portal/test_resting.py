"""That a helper rests is heard everywhere: at a place that is down, and at one that meets the helper later."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core.consent import plain
from medrec.core.manifests.delegation import DelegationRest, delegation_rest_message, encode_delegation
from medrec.node.account import resting
from medrec.node.app import local_answer
from medrec.node.consent.consents import CONSENTS_PATH
from medrec.node.consent.policies import draft_consent, signed_consent
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code
from tests.node.helping import Help
from tests.node.network import Patient
from tests.portal.reading import text_of
from tests.portal.test_acting import page, signed_in


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path)
    yield made
    made.close()


def test_a_place_that_is_down_hears_of_the_rest_as_soon_as_it_is_back(help_: Help) -> None:
    """And one that does not know the helper yet keeps the word, for this person alone."""
    help_.name_bo(rights=["look", "consent"])
    (held,) = help_.guide.delegates.of(help_.ada.account)
    help_.guide.delegates.present("north", help_.ada.account, help_.bo.account, "consent", help_.bo.key.key_id)
    south: Any = help_.network["south"]
    help_.network.wires.leave("north")
    assert resting.send(help_.guide, word(help_, help_.ada, held.hash, "rest")) == ["north"]
    assert resting.unheard(help_.guide, help_.ada.account) == {held.hash.hex(): ["north"]}
    client = signed_in(help_, help_.ada)
    told = client.get(f"{page(help_.ada)}/helping").text
    assert "Not told yet" in text_of(told) and "North" in told.split("Not told yet")[1][:200]
    assert help_.north.delegates.may(help_.ada.account, help_.bo.account, "consent") is not None
    help_.network.wires.join("north", local_answer(help_.north))
    for _ in range(3):
        help_.network.time += 120_000
        help_.guide.deliverer.step(help_.network.time)
    assert help_.north.delegates.may(help_.ada.account, help_.bo.account, "consent") is None
    assert resting.unheard(help_.guide, help_.ada.account) == {}
    # South never met the helper: whoever shows it the delegation now finds that it rests.
    assert south.delegates.find(held.hash) is None
    south.delegates.take(encode_delegation(held.delegation))
    assert south.delegates.may(help_.ada.account, help_.bo.account, "look") is None


def test_nobody_lets_another_s_helper_rest_at_a_place_that_does_not_know_him(help_: Help) -> None:
    mallory = help_.network.patient("mallory", "south")
    help_.name_bo()
    (held,) = help_.guide.delegates.of(help_.ada.account)
    south: Any = help_.network["south"]
    stated = DelegationRest(
        help_.network.id.hex(), mallory.account, help_.network.time + 1, held.hash.hex(), "rest",
        mallory.key.key_id.hex(),
    )  # fmt: skip
    proof = mallory.key.sign_transaction_id(delegation_rest_message(stated))
    assert resting.let_rest(south, msgspec.structs.replace(stated, signature=proof.hex()))
    south.delegates.take(encode_delegation(held.delegation))
    assert south.delegates.may(help_.ada.account, help_.bo.account, "look") is not None
    assert resting.let_rest(south, word(help_, help_.ada, held.hash, "rest"))
    assert south.delegates.may(help_.ada.account, help_.bo.account, "look") is None


def test_what_a_helper_signed_is_taken_from_the_person_s_agent_alone(help_: Help) -> None:
    help_.name_bo(rights=["look", "consent"])
    help_.guide.delegates.present("north", help_.ada.account, help_.bo.account, "consent", help_.bo.key.key_id)
    text = plain.write(plain.EVERYTHING, help_.ada.account, help_.network.time)
    draft = draft_consent(
        help_.network.id, "north", help_.ada.account, help_.network.time, text, bytes(range(32)),
        help_.bo.key.key_id, help_.bo.account,
    )  # fmt: skip
    signed = signed_consent(draft, help_.bo.key.sign_transaction_id(draft.message))
    with pytest.raises(PeerError) as no:
        help_.network["south"].peers.call("north", CONSENTS_PATH, signed)
    assert no.value.code == Code.NOT_A_DELEGATE.value
    help_.guide.peers.call("north", CONSENTS_PATH, signed)


def word(help_: Help, who: Patient, digest: bytes, action: Any) -> DelegationRest:
    """What a person signs about a helper of hers."""
    stated = DelegationRest(
        help_.network.id.hex(), who.account, help_.network.time, digest.hex(), action, who.key.key_id.hex()
    )  # fmt: skip
    return msgspec.structs.replace(stated, signature=who.key.sign_transaction_id(delegation_rest_message(stated)).hex())
