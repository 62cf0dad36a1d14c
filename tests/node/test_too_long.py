"""Words longer than their manifest allows are written nowhere: what is owed stays owed, and can be answered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import manifests, state
from medrec.core.manifests import UnwritableError
from medrec.core.state import Obligation
from medrec.node.keeping import store
from medrec.node.looks import answering
from medrec.node.looks.disputes import DISPUTED_PATH
from medrec.node.looks.disputing import dispute
from tests.node import test_corrections as correcting
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_disputes import carry
from tests.node.test_emergency import declare
from tests.node.test_gate import get

LONG = "w" * 5000


def made(network: Network) -> None:
    network["north"].put("Condition", "c", correcting.content("Diabetes"))


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def settled(network: Network, source: str, identifier: bytes) -> bool:
    network.anchor()
    with network.engine.view() as view:
        found = state.read(view, state.obligation_key(source, identifier), Obligation)
    assert found is not None
    return not found.unsettled


def all_read(network: Network) -> bool:
    """Whether every manifest that anybody wrote can be read."""
    for node in network.nodes.values():
        with node.store.read() as connection:
            for row in connection.execute(store.manifest.select()).all():
                kept = node.journal.manifest(connection, bytes(row.hash))
                assert kept is not None and manifests.decode(kept[1])
    return True


def test_a_review(network: Network, ada: Patient) -> None:
    south: Any = network["south"]
    declared = declare(network, ada.account)
    for name, words in (("P. Officer", LONG), ("O" * 300, "it was right")):
        with pytest.raises(UnwritableError):
            south.emergency_reviews.review(declared.id, "privacy", name, "justified", words)
        assert not settled(network, "north", declared.id) and all_read(network)
    south.emergency_reviews.review(declared.id, "privacy", "P. Officer", "justified", "w" * 1000)
    assert settled(network, "north", declared.id) and all_read(network)


def test_an_answer_to_a_correction(network: Network, ada: Patient) -> None:
    guide: Any = network["guide"]
    identifier = guide.corrections.ask(correcting.signed(network, ada))
    correcting.deliver(network)
    north: Any = network["north"]
    with pytest.raises(UnwritableError):
        north.corrections.answer(identifier, "refused", f"It is right. {LONG}")
    north.corrections.answer(identifier, "refused", "It is right.")
    network.anchor()
    assert correcting.told(network, ada).answer == "It is right." and all_read(network)


def test_an_answer_to_a_dispute_and_the_dispute(network: Network, ada: Patient) -> None:
    guide, south = network["guide"], network["south"]
    network.consent(ada, "north", "south")
    get(network, ada.account)
    network.anchor()
    about: Any = (guide, ada.account, "south", "north", ada.sign, ada.key.key_id)
    with pytest.raises(UnwritableError):
        dispute(*about, words=LONG)
    dispute(*about, words="Why?")
    network.anchor()
    carry(network, DISPUTED_PATH)
    asked: Any = south
    (owed,) = answering.about_us(asked)
    with pytest.raises(UnwritableError):
        answering.answer(asked, "north", owed.id, "explained", LONG)
    answering.answer(asked, "north", owed.id, "explained", "She was referred to us.")
    assert all_read(network) and [one.status for one in answering.about_us(asked)] == ["answered"]


def test_the_words_of_an_erasure_and_the_reason_of_a_request(network: Network, ada: Patient) -> None:
    north: Any = network["north"]
    north.source.raw.clear()
    with pytest.raises(UnwritableError):
        north.erasures.erase_person("ada", "patient-request", LONG)
    with pytest.raises(UnwritableError):
        north.referrals.refer(ada.account, "south", practitioner=north.doctor("Dr North"), reason=LONG)
    assert all_read(network) and network.deliver() >= 0
