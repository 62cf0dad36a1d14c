"""The hashes of a store that is a copy from before an erasure: their secret was destroyed, and they are made again.

A statement says its own hash, and a record's statement that of the record. So whatever still opens with the keys of its
person gets its hash back, under a new secret. What does not open, because it or its person was erased since, or because
it is about nobody, is left as an erasure would have left it: an empty place in the journal, and no record.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import sqlalchemy as sql
from sqlalchemy import LargeBinary

from medrec.core import manifests
from medrec.core.commitment import SALT_BYTES
from medrec.core.manifests.record import RecordManifest
from medrec.node.keeping import store
from medrec.node.keeping.vault import Vault, VaultError

HASH_BYTES = 32
GONE = b""


def restore(kept: store.Store, vault: Vault, under: Callable[[sql.Connection], None]) -> None:
    """Make the hashes of such a store again, all of them or none. `under` brings the store under a new secret, in
    the same write. Raises StoreError; VaultError if no person's keys open: then the ring is another's."""

    def write(connection: sql.Connection) -> None:
        keys = _keys(connection, vault)
        if not keys and connection.execute(sql.select(store.person.c.id).limit(1)).first() is not None:
            raise VaultError("the key ring opens nobody's keys")
        under(connection)
        known = _lines(connection, vault, keys)
        for table in (store.record, store.version):
            _records(connection, table, known)

    kept.write(write)


def _keys(connection: sql.Connection, vault: Vault) -> dict[int, bytes]:
    """The key `lines` of every person whose secret is still there."""
    found = {}
    for row in connection.execute(sql.select(store.person.c.id, store.person.c["keys"])).all():
        try:
            found[row.id] = vault.unwrap(bytes(row._mapping["keys"])).lines
        except VaultError:
            continue
    return found


def _lines(connection: sql.Connection, vault: Vault, keys: dict[int, bytes]) -> dict[bytes, tuple[bytes, bytes | None]]:
    """Give every line its hash again; what is known by the sealed hash of before: the hash, and a record's own."""
    column, known = store.manifest.c, {}
    lying = sql.type_coerce(column.hash, LargeBinary).label("lying")
    rows = connection.execute(sql.select(column.seq, column.person, column.sealed, lying)).all()
    for row in rows:
        opened = _opened(vault, keys.get(row.person), bytes(row.sealed))
        values: dict[str, Any] = {"hash": vault.random(HASH_BYTES), "sealed": GONE}
        if opened is not None:
            stated = manifests.decode(opened)
            digest = hashlib.sha256(opened).digest()
            said = stated.record.sha256 if isinstance(stated, RecordManifest) else None
            known[bytes(row.lying)] = (digest, bytes.fromhex(said) if said is not None else None)
            values = {"hash": digest}
        connection.execute(sql.update(store.manifest).where(column.seq == row.seq).values(**values))
        line = sql.update(store.line).where(store.line.c.seq == row.seq)
        connection.execute(line.values(manifest=values["hash"]))
    return known


def _opened(vault: Vault, key: bytes | None, sealed: bytes) -> bytes | None:
    if key is None or sealed == GONE:
        return None
    try:
        opened = vault.open_named(key, sealed, lambda text: hashlib.sha256(text[SALT_BYTES:]).digest())
    except VaultError:
        return None
    return opened[SALT_BYTES:]


def _records(connection: sql.Connection, table: sql.Table, known: dict[bytes, tuple[bytes, bytes | None]]) -> None:
    """Give the rows of records their hashes again; those of which nothing is known go."""
    lying = sql.type_coerce(table.c.manifest, LargeBinary).label("lying")
    names = list(table.primary_key.columns)
    for row in connection.execute(sql.select(*names, lying)).all():
        same = sql.and_(*(name == row._mapping[name.name] for name in names))
        found = known.get(bytes(row.lying))
        if found is None:
            connection.execute(sql.delete(table).where(same))
        else:
            connection.execute(sql.update(table).where(same).values(manifest=found[0], sha256=found[1]))
