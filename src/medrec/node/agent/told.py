"""What an agent was told about a person, opened again: the statements of some kinds, in the order of their lines."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, manifests, state
from medrec.node.keeping import store
from medrec.node.keeping.vault import Vault
from medrec.node.ledger.on_ledger import Place

if TYPE_CHECKING:
    from medrec.node.node import Node


class Told(NamedTuple):
    """A statement: the tag of its line, who told it under which epoch of the link, its bytes, what it says, when it was
    written down there, when it was told here (ms), and the block it stands in (None: none yet)."""

    tag: bytes
    organisation: str
    epoch: int
    data: bytes
    manifest: Any
    time: int
    received: int
    height: int | None = None


def manifest_in(vault: Vault, row: Any) -> bytes:
    """The manifest in the row of a notice (its `sealed` and `tag`). Raises VaultError."""
    return bytes(codec.decode(vault.open_kept(bytes(row.sealed), bytes(row.tag)))[0])


def taken_back(node: "Node", consents: Iterable[Any]) -> set[str]:
    """The marks (hex) of those of a person's consents, as places told of them, that were taken back: by a revocation
    among what is told, or on the ledger alone. Raises EngineError."""
    every = list(consents)
    told_over = {one.nullifier for one in every if one.manifest == "revocation/1"}
    with node.engine.view() as view:
        return {
            one.nullifier
            for one in every
            if one.nullifier in told_over or view.get(state.nullifier_key(bytes.fromhex(one.nullifier))) is not None
        }


class Sealed(NamedTuple):
    """One line that an agent was told of, with what proves it: whose journal it stands in, the manifest, what opens its
    entry, the entry, and its place on the ledger (None: not there yet)."""

    organisation: str
    manifest: bytes
    salt: bytes
    entry: bytes
    place: Place | None


def sealed(node: "Node", account: str, tag: bytes) -> Sealed | None:
    """The line of a person with this tag, or of what one of her records points at; None where there is none, or it was
    never delivered. Raises StoreError, VaultError, EngineError."""
    notice, index = store.notice.c, store.entry_index.c
    with node.store.read() as connection:
        chosen = sql.select(store.notice).where(notice.tag == tag, notice.account == account)
        row = connection.execute(chosen).first()
        found = connection.execute(sql.select(store.entry_index).where(index.tag == tag)).one_or_none()
    if row is None:
        return node.copies.sealed(account, tag) if node.copies is not None else None
    if row.sealed is None:
        return None
    manifest, salt, entry, _ = codec.decode(node.vault.open_kept(bytes(row.sealed), tag))
    place = Place(found.height, found.place, found.position) if found is not None else None
    return Sealed(row.organisation, manifest, salt, entry, place)


def told(node: "Node", account: str, *kinds: str) -> list[Told]:
    """Everything of these kinds that could be opened, by place, epoch and line. Raises StoreError, VaultError."""
    column = store.notice.c
    chosen = (
        sql.select(column.tag, column.sealed, column.organisation, column.epoch, column.received, column.height)
        .where(column.account == account, column.kind.in_(kinds), column.sealed.is_not(None))
        .order_by(column.organisation, column.epoch, column.counter)
    )
    with node.store.read() as connection:
        rows = connection.execute(chosen).all()
    found = []
    for row in rows:
        data, _, _, time = codec.decode(node.vault.open_kept(bytes(row.sealed), bytes(row.tag)))
        said, received = manifests.decode(data), row.received or 0
        found.append(Told(bytes(row.tag), row.organisation, row.epoch, data, said, int(time), received, row.height))
    return found
