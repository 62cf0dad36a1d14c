"""What statements about looks say of a record that is erased, where they are from before there were marks; and which
lines name a person who is erased without lying under a key of hers (`find`).

Such a half of a disclosure names the record by its plain hashes (decision 0090). The ledger has committed to it, so it
cannot be put otherwise and stay proven: its salt and its manifest go with the record, and what it said stays in their
place, with marks whose key is thrown away at once. Nothing proves that text any more, so it is never sent and has no
receipt; it is what the person reads of who looked.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.commitment import SALT_BYTES
from medrec.core.manifests.access import Disclosed, DisclosureManifest, ReceivedManifest, marked
from medrec.node.keeping import reduced, store
from medrec.node.keeping.journal import Person
from medrec.node.keeping.resealing import GONE
from medrec.node.keeping.vault import VaultError

if TYPE_CHECKING:
    from medrec.node.node import Node

_KINDS = ("disclosure/1", "disclosure-received/1")
_KEY_BYTES = 32
BATCH = 500
"""How many lines are opened before others are let in."""


def restate(node: "Node", connection: sql.Connection, person: Person, kind: str, identifier: str) -> list[Any]:
    """Put marks in the place of this record's hashes in the lines about looks at a person; the lines that changed: seq,
    the manifest's hash, the entry. Inside a write only."""
    column, line = store.manifest.c, store.line.c
    rows = connection.execute(
        sql.select(column.seq, column.hash, reduced.entry_on_ledger.label("entry"))
        .join_from(store.manifest, reduced.lines, line.seq == column.seq)
        .where(column.person == person.id, column.kind.in_(_KINDS))
        .order_by(column.seq)
    ).all()
    changed = []
    for row in rows:
        opened = node.journal.manifest(connection, row.hash)
        stated = manifests.decode(opened[1]) if opened is not None else None
        if not isinstance(stated, DisclosureManifest | ReceivedManifest):
            continue
        records = [_without(node, one) if (one.type, one.id) == (kind, identifier) else one for one in stated.records]
        if records == stated.records:
            continue
        text = manifests.encode(msgspec.structs.replace(stated, records=records))
        digest = hashlib.sha256(text).digest()
        sealed = node.journal.sealed(person, node.vault.random(SALT_BYTES) + text, digest)
        values = {"hash": digest, "sealed": sealed}
        connection.execute(sql.update(store.manifest).where(column.seq == row.seq).values(**values))
        connection.execute(sql.update(store.line).where(line.seq == row.seq).values(manifest=digest))
        changed.append(row)
    return changed


class Naming(NamedTuple):
    """The lines that name an account (None: nobody's) and lie under no key of hers, up to line `until`; `secret` is the
    number of the secret that the store's hashes lay under."""

    account: str | None
    lines: tuple[int, ...] = ()
    until: int = 0
    secret: int | None = None


class OutOfDateError(Exception):
    """What was found is no longer all: it has to be looked for once more."""


def find(node: "Node", account: str | None) -> Naming:
    """The lines that speak of a person and lie under no key of hers: from when she was no patient here, and what was
    found about looks at her. That something was erased is no such line. What opens them goes with every erasure.

    Every line about nobody is opened for it, BATCH at a time and outside any write, so that the node goes on; nothing
    is changed, and a crash leaves nothing behind.
    """
    secret, until, found = _secret(node), 0, list[int]()
    while account is not None:
        with node.store.read() as connection:
            rows = _next(connection, until)
        if not rows:
            break
        found += _of(node, rows, account)
        until = rows[-1].seq
    return Naming(account, tuple(found), until, secret)


def since(node: "Node", connection: sql.Connection, account: str | None, found: Naming) -> list[int]:
    """All that name the account: what was found, and what was written since. Inside `Store.write` only. Raises
    OutOfDateError where it was looked for under another account, or another erasure came between."""
    if account != found.account or _secret(node) != found.secret:
        raise OutOfDateError
    lines, until = list(found.lines), found.until
    while account is not None and (rows := _next(connection, until)):
        lines += _of(node, rows, account)
        until = rows[-1].seq
    return lines


def _secret(node: "Node") -> int | None:
    return node.store.hashes.number if node.store.hashes is not None else None


def _next(connection: sql.Connection, after: int) -> Sequence[Any]:
    """The next lines about nobody: seq, the manifest's hash, the manifest as it lies here."""
    column = store.manifest.c
    nobody = column.person.is_(None) & (column.kind != "erasure/1") & (column.sealed != GONE)
    chosen = sql.select(column.seq, column.hash, column.sealed).where(nobody, column.seq > after)
    return connection.execute(chosen.order_by(column.seq).limit(BATCH)).all()


def _of(node: "Node", rows: Sequence[Any], account: str) -> list[int]:
    """Those of these lines that name an account."""
    found = []
    for row in rows:
        with suppress(VaultError, manifests.ManifestError):
            opened = node.journal.unsealed(None, bytes(row.sealed), bytes(row.hash))
            # What does not name her need not be read.
            if account.encode() in opened and _account(manifests.decode(opened[SALT_BYTES:])) == account:
                found.append(row.seq)
    return found


def _account(stated: Any) -> Any:
    return getattr(stated, "account", None)


def _without(node: "Node", told: Disclosed) -> Disclosed:
    """The same record, named by marks that nobody has a key for."""
    if told.sha256 is None and told.manifest is None:
        return told
    key = node.vault.random(_KEY_BYTES)
    content, version = (
        marked(key, bytes.fromhex(one)) if one is not None else None for one in (told.sha256, told.manifest)
    )
    return msgspec.structs.replace(told, content=content, version=version, sha256=None, manifest=None)
