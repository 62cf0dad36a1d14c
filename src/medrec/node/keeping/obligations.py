"""What lines of this journal ask of others: each obligation is made once, and by somebody the ledger knows.

The ledger refuses a whole batch for one entry that makes an obligation a second time, or names a debtor who never
joined. So a line is held against both before it is written: nothing goes out under a line that cannot be anchored.
The ids stay for good, as they do on the ledger. They are hashes that name nobody, so an erasure leaves them.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, Table

from medrec.core import codec, state
from medrec.core.view import View
from medrec.engines.engine import Engine
from medrec.node.keeping import store
from medrec.node.keeping.prepared import Among, Prepared
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Code, Refusal

made = Table("obligation_made", metadata, Column("id", LargeBinary(16), primary_key=True), sqlite_with_rowid=False)

_INSERT = Prepared(sql.insert(made), ("id",))
_MADE = Among(made.c.id)


def make(connection: sql.Connection, engine: Engine, organisation: str, owed: Sequence[tuple[bytes, str]]) -> None:
    """Keep the obligations (id, debtor) that lines which are about to be written make. Inside `Store.write` only.

    Raises Refusal (request-replayed: one was made before; unknown-organisation: a debtor never joined), EngineError;
    then nothing of it is kept.
    """
    if not owed:
        return
    ids = [identifier for identifier, _ in owed]
    with engine.view() as view:
        if len(set(ids)) < len(ids) or _standing(connection, view, organisation, ids):
            raise Refusal(Code.REQUEST_REPLAYED)
        for debtor in sorted({debtor for _, debtor in owed}):
            if view.get(state.organisation_key(debtor)) is None:
                raise Refusal(Code.UNKNOWN_ORGANISATION)
    _INSERT.run(connection, [{"id": identifier} for identifier in ids])


def were_made(connection: sql.Connection, engine: Engine, organisation: str, wanted: Sequence[bytes]) -> set[bytes]:
    """Those of them that stand on the ledger, or in a line that is on its way there. Raises EngineError."""
    with engine.view() as view:
        return _standing(connection, view, organisation, wanted)


def _standing(connection: sql.Connection, view: View, organisation: str, wanted: Sequence[bytes]) -> set[bytes]:
    kept = _MADE.found(connection, wanted)
    # A store that was begun before the ids were kept knows only those of lines that wait; the ledger has the rest.
    anchored = {one for one in wanted if view.get(state.obligation_key(organisation, one)) is not None}
    return kept | anchored


def take_in(kept: store.Store) -> None:
    """Keep what lines make that wait to be anchored, in a store that was begun before the ids were kept."""
    with kept.read() as connection:
        if connection.execute(sql.select(made.c.id).limit(1)).first() is not None:
            return
        waiting = sorted(of_unanchored(connection))
    if waiting:
        rows = [{"id": identifier} for identifier in waiting]
        kept.write(lambda connection: connection.execute(sql.insert(made), rows))


def of_unanchored(connection: sql.Connection) -> set[bytes]:
    """The ids of the obligations that lines of the journal make which are not on the ledger yet."""
    line = store.line.c
    entries = connection.execute(sql.select(line.entry).where(line.seq > last_anchored(connection))).scalars()
    owed = (owed_by(codec.decode(bytes(entry))[2]) for entry in entries)
    return {one[0] for one in owed if one is not None}


def last_anchored(connection: sql.Connection) -> int:
    """The number of the last line that is on the ledger, 0 if none is."""
    batch = store.batch.c
    return int(connection.execute(sql.select(sql.func.max(batch.last)).where(batch.height.is_not(None))).scalar() or 0)


def owed_by(extras: dict[str, Any] | None) -> tuple[bytes, str] | None:
    """Id and debtor of the obligation that an entry's extras make, None if they make none."""
    if not extras or "owes" not in extras:
        return None
    identifier, debtor, _ = extras["owes"]
    return bytes(identifier), str(debtor)
