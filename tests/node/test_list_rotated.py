"""An organisation's key is replaced: what its clinicians said of a list before that stands, and arrives."""

from typing import Any

import msgspec

from medrec.core import state
from medrec.core.manifests.acts import Act
from medrec.core.types import encode_body, encode_transaction, transaction_id
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.lists.acts_told import genuine
from medrec.node.peers.directory import Directory
from tests.node.test_clinician_corrections import Visit
from tests.node.test_list_taken_back import visit as visit


def rotate(visit: Visit) -> None:
    """North's keys are replaced on the ledger."""
    fresh = OrganisationKeys.from_seed("north", b"n" * 32)
    payload = {"keys": {field: bytes.fromhex(value) for field, value in fresh.public().items()}}
    keys, engine = visit.north.keys, visit.network.engine
    with engine.view() as view:
        nonce, height = state.read_integer(view, state.nonce_key("north")) + 1, view.tip.height
    body = encode_body(
        author="north", expires=height + 100, key=keys.key_id, kind="organisation/rotate",
        network=visit.north.network, nonce=nonce, payload=payload,
    )  # fmt: skip
    proof = ["ed25519", keys.sign_transaction_id(transaction_id(body))]
    engine.submit([encode_transaction(body, proof)])
    found = visit.guide.directory.find("north")
    assert found is not None and found.keys.ed25519 == bytes.fromhex(fresh.public()["ed25519"])


def status(visit: Visit, node: Any) -> str:
    rows = node.lists.of(visit.ada.account).read.medicines
    found: str = next(row.status for row in rows if row.name == "metformin")
    return found


def test_what_was_told_stands_and_what_waits_arrives(visit: Visit) -> None:
    act = visit.enter("stopped", "kidneys")
    visit.story.settle()
    assert status(visit, visit.guide) == "stopped"
    rotate(visit)
    assert status(visit, visit.guide) == "stopped"
    # What had not been brought yet is taken as before, the request with it.
    assert visit.bring(ACTS_PATH) == [True] and visit.bring(CORRECTIONS_PATH) == [True]
    assert status(visit, visit.south) == "stopped"
    assert [kept.act.id for kept in visit.guide.acts.of(visit.ada.account)] == [act.id]


def test_a_node_that_never_saw_the_former_key_takes_it_from_its_organisation_alone(visit: Visit) -> None:
    act: Act = visit.enter("stopped", "kidneys")
    rotate(visit)
    visit.south.directory = Directory(visit.network.engine)
    assert visit.south.directory.former_keys("north") == ()
    assert (
        genuine(visit.south, act, "north") and not genuine(visit.south, act, "east") and not genuine(visit.south, act)
    )
    # Her agent saw the key replaced, so it takes another's word for what was signed with it.
    assert genuine(visit.guide, act, "south")
    # Whoever brings it: without her own signature it is nobody's.
    other = msgspec.structs.replace(act, words="liver")
    assert not genuine(visit.south, other, "north") and not genuine(visit.guide, other, "south")
