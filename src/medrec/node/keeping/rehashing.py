"""Bringing a store's hashes under a secret of the key ring: at its first opening, and anew with every erasure.

All hashes change in one transaction, or none: the store names the secret in a setting, which changes with them. What
it takes grows with the store, as does the writing of its file anew that follows an erasure.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sql

from medrec.node.keeping import hashes_restored, store
from medrec.node.keeping.hashes import Hash, Hashes
from medrec.node.keeping.prepared import Prepared
from medrec.node.keeping.vault import MARK, NUMBER_BYTES, Vault, VaultError

NUMBER, REWRITTEN = "hashes-secret", "hashes-rewritten"
"""Settings: the number of the secret on the ring; and that no free page holds what was there before."""
UNSEALED = "backups-unsealed"
"""The code of the alarm that says which backups have to be destroyed."""
CHUNK = 5_000
_FUNCTION = "medrec_change"
_NUMBER = Prepared(sql.select(store.setting.c.value).where(store.setting.c.name == sql.bindparam("wanted")))


def seal(kept: store.Store, vault: Vault, now: int = 0) -> None:
    """Keep the hashes of a store sealed under keys of this vault.

    A store from before is brought under them now (ms), whole or not at all, and its file is written anew; an alarm says
    from then on that every backup from before has to be destroyed, since no key can be taken from it. A store that
    belongs to another vault stays as it is. Raises StoreError; VaultError if the ring has lost the secret.
    """

    def number(inside: sql.Connection | None = None) -> int | None:
        with kept.read() if inside is None else nullcontext(inside) as connection:
            row = _NUMBER.first(connection, {"wanted": NUMBER})
        return None if row is None else int.from_bytes(row.value, "big")

    hashes = Hashes(vault, number)
    kept.engine.dialect.hashes = hashes  # type: ignore[attr-defined]
    if _is_of_before(number(), hashes):
        # Without the mark of this vault's master key it is not known to be ours: whoever opens the node says so.
        if belongs(kept, vault):
            made = vault.ring.make()
            hashes_restored.restore(kept, vault, lambda connection: _name(connection, hashes, made))
        kept.hashes = hashes
        return
    kept.hashes = hashes
    if hashes.number is None:
        if not belongs(kept, vault):
            return
        made = vault.ring.make()

        def bring(connection: sql.Connection) -> None:
            if connection.execute(sql.select(store.manifest.c.hash).limit(1)).first() is not None:
                connection.execute(sql.insert(store.alarm).values(**_unsealed(now)))
            _put_under(connection, hashes, made)

        kept.write(bring)
    with kept.read() as connection:
        rewritten = _NUMBER.first(connection, {"wanted": REWRITTEN}) is not None
    if not rewritten:
        kept.compact()
        row = {"name": REWRITTEN, "value": b""}
        kept.write(lambda connection: connection.execute(sql.insert(store.setting).values(**row)))
    hashes.forget()


def _unsealed(now: int) -> dict[str, Any]:
    since = datetime.fromtimestamp(now // 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    sentence = (
        f"Backups of this store from before {since} hold hashes that are not sealed, and no erasure reaches them: "
        "destroy them, and make a new one."
    )
    return {"time": now, "code": UNSEALED, "subject": "backups", "sentence": sentence}


def _is_of_before(number: int | None, hashes: Hashes) -> bool:
    """Whether a store is a copy from before an erasure: its secret was destroyed."""
    try:
        hashes.use(number)
    except VaultError:
        return True
    return False


def seal_anew(kept: store.Store, connection: sql.Connection, vault: Vault) -> int | None:
    """Bring all hashes under a new secret, in this write; the number of the old one, which the caller has destroyed
    when this is durable (None if they are not sealed)."""
    if kept.hashes is None or kept.hashes.number is None:
        return None
    before = kept.hashes.number
    _put_under(connection, kept.hashes, vault.ring.make())
    return before


def belongs(kept: store.Store, vault: Vault) -> bool:
    """Whether what is sealed in a store opens with this vault; one in which nothing is sealed belongs to any."""
    with kept.read() as connection:
        row = _NUMBER.first(connection, {"wanted": MARK})
        wrapped = connection.execute(sql.select(store.person.c["keys"])).scalars().all() if row is None else []
    if row is not None:
        return vault.made_mark(bytes(row.value))
    for one in wrapped:
        try:
            vault.unwrap(bytes(one))
            return True
        except VaultError:
            continue
    return not wrapped


def _put_under(connection: sql.Connection, hashes: Hashes, number: int) -> None:
    """Seal every hash, and every manifest that is about nobody, under this secret."""
    _name(connection, hashes, number)
    column = store.manifest.c
    nobody = column.person.is_(None) & (sql.func.length(column.sealed) > 0)
    _change(connection, column.sealed, (column.sealed, column.hash), hashes.common_again, nobody)
    for table in store.metadata.sorted_tables:
        for one in table.c:
            if isinstance(one.type, Hash):
                _change(connection, one, (one,), hashes.again, sql.true())


def _name(connection: sql.Connection, hashes: Hashes, number: int) -> None:
    """Use this secret from now on, and write down which it is."""
    hashes.use(number)
    setting = store.setting
    connection.execute(sql.delete(setting).where(setting.c.name == NUMBER))
    connection.execute(sql.insert(setting).values(name=NUMBER, value=number.to_bytes(NUMBER_BYTES, "big")))


def _change(
    connection: sql.Connection,
    column: sql.Column[Any],
    takes: Sequence[sql.Column[Any]],
    change: Callable[..., bytes | None],
    where: sql.ColumnElement[bool],
) -> None:
    """Set a column of every row to what a function makes of these columns, as they lie in the store."""
    lying = [sql.type_coerce(one, sql.LargeBinary) for one in takes]
    table = sql.update(column.table)
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.dbapi_connection
        driver.create_function(_FUNCTION, len(takes), change)
        connection.execute(table.where(where).values({column: getattr(sql.func, _FUNCTION)(*lying)}))
        return
    place: sql.ColumnElement[Any] = sql.literal_column("ctid::text")
    setting = table.where(sql.text("ctid = CAST(:place AS tid)")).values(
        {column: sql.bindparam("made", None, sql.LargeBinary)}
    )
    chosen = sql.select(place, *lying).where(where)
    found = connection.execute(chosen, execution_options={"stream_results": True})
    for rows in found.partitions(CHUNK):
        connection.execute(setting, [{"place": row[0], "made": change(*row[1:])} for row in rows])
