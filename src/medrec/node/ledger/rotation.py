"""Replacing an organisation's own keys, by its own decision. The order, and what a crash means at each step:

1. new keys are written, whole, to keys/next: the next call takes those that are there;
2. the ledger orders the change, signed with the keys that go, and from that block on knows the new ones alone: the node
   that still has the old ones writes and answers nothing, until it is opened anew, which a running node does by itself;
3. the change of members is signed with the keys that go (members.py), here or after step 4;
4. whoever opens the node next sees that the ledger has the keys in keys/next: the old ones are put aside as
   keys/former, the new ones take their place in one step, keys/next goes;
5. the certificate that the old keys vouched for is made anew, at each opening that finds it so;
6. once enough members have signed the change, nobody needs the old keys for anything: keys/former goes.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medrec.core import state
from medrec.engines.engine import Engine
from medrec.node.keeping.files import sync_folder
from medrec.node.keeping.keys import ORGANISATION_FILE, OrganisationKeys
from medrec.node.ledger import govern, invite

if TYPE_CHECKING:
    from medrec.node.node import Node

KEYS, NEXT, FORMER = "keys", "next", "former"


def rotate(node: "Node", data: str) -> dict[str, Any]:
    """Have the ledger take new keys of this organisation; `data` is the node's data folder. The height, the new key's
    id, and for whom there are invitations, which name the old key. Raises GovernError, KeyFileError, EngineError,
    StoreError.
    """
    folder = Path(data) / KEYS
    finish(node, Path(data))
    waits = node.checkpoints.members.sentence()
    if waits and (folder / FORMER / ORGANISATION_FILE).exists():
        raise govern.GovernError(
            "change-waits", f"The last change of keys still waits for signatures of the other members. {waits}"
        )
    if not (folder / NEXT / ORGANISATION_FILE).exists():
        OrganisationKeys.generate(node.organisation).save(folder / NEXT)
    fresh = OrganisationKeys.load(folder / NEXT)
    height = node.engine.tip().height if due(Path(data), node.engine) else govern.rotate(node, fresh)
    return {"height": height, "key": fresh.key_id.hex(), "invitations": invite.open_invitations(node)}


def due(data: Path, engine: Engine) -> bool:
    """Whether the ledger has the keys that lie ready, so that the node has to be opened with them."""
    folder = data / KEYS / NEXT
    if not (folder / ORGANISATION_FILE).exists():
        return False
    fresh = OrganisationKeys.load(folder)
    with engine.view() as view:
        known = state.organisation(view, fresh.organisation)
    return known is not None and {role: key.hex() for role, key in known.keys.by_role()} == fresh.public()


def settled(data: Path, engine: Engine) -> tuple[OrganisationKeys, OrganisationKeys | None]:
    """The keys to open the node with, after what a change of keys left to do with the files; and those before them, as
    long as they may have to sign. Raises KeyFileError, EngineError.
    """
    folder = data / KEYS
    keys = OrganisationKeys.load(folder)
    if due(data, engine):
        fresh = OrganisationKeys.load(folder / NEXT)
        if keys.public() != fresh.public():
            _drop(folder / FORMER)  # cut off before it was of use
            keys.save(folder / FORMER)
            fresh.save(folder, replace=True)
        for unfinished in folder.glob(f".{ORGANISATION_FILE}.*"):
            unfinished.unlink()
        _drop(folder / NEXT)
        keys = fresh
    former = folder / FORMER
    return keys, OrganisationKeys.load(former) if (former / ORGANISATION_FILE).exists() else None


def finish(node: "Node", data: Path) -> None:
    """Let the former keys go once no change of members needs them. Raises EngineError, StoreError."""
    members = node.checkpoints.members
    if members.former is None:
        return
    members.look()
    if not members.sentence():
        _drop(data / KEYS / FORMER)
        members.former = None


def _drop(folder: Path) -> None:
    if folder.exists():
        (folder / ORGANISATION_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)  # what looks after the node may be at it, too
        sync_folder(folder.parent)
