"""Where the acts of people on a list stand at a node, who was handed them, and their end with the link that they came
through."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec
from medrec.core.manifests.acts import Act, ActEnd
from medrec.node.keeping import outgoing, store
from medrec.node.keeping.store import metadata
from medrec.node.keeping.upgrades import FORMER
from medrec.node.keeping.vault import Vault

ACTS_PATH = "/medrec/list-acts"
ENDS_PATH = "/medrec/list-act-ends"


class KeptAct(NamedTuple):
    """An act that stands here: the act, the SHA-256 of the manifest that proves it, and when it was written down; of a
    review the marks of the lines that its own place says it was of (None: it does not say)."""

    act: Act
    manifest: bytes
    time: int
    seen: frozenset[bytes] | None = None

    @property
    def name(self) -> tuple[str, str]:
        """Whose it is, and its id: ids are chosen by whoever signs."""
        return self.act.organisation, self.act.id


list_act = Table(
    "list_act",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    # Whose clinician's, "" for the person's: nobody's act stands in the way of another's by bearing its id.
    Column("organisation", String(32), primary_key=True),
    Column("account", String(80), primary_key=True, index=True),
    Column("manifest", LargeBinary(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

list_seen = Table(
    "list_seen",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""Of each person the lines that the list held when somebody here went through it last (reviews.py)."""

list_put_away = Table(
    "list_put_away",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""What stood behind a notice when somebody here put it away, by the id of her act (reviews.py)."""

# Whom this organisation has its own clinicians' acts handed on to.
list_act_hearer = Table(
    "list_act_hearer",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
)

list_act_against = Table(
    "list_act_against",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""Of each act of a clinician here what it says against records elsewhere; of one that ended with its records, which
these were (acts_whole.py)."""

# Acts that their organisation has taken back; one that comes later is no news. It ends its own clinicians' alone.
list_act_ended = Table(
    "list_act_ended",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
)


list_act_brought = Table(
    "list_act_brought",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("account", String(80), primary_key=True, index=True),
)
"""The acts of clinicians elsewhere that the person's agent brought here: it brings their end, too."""


def hand_on(connection: sql.Connection, identifier: bytes, account: str, hearers: Sequence[str]) -> None:
    """Remember whom an act of this organisation's clinician goes to. Inside `Store.write` only."""
    rows = [{"id": identifier, "organisation": name, "account": account} for name in hearers]
    if rows:
        connection.execute(sql.insert(list_act_hearer), rows)


def of_one(identifier: bytes, organisation: str, account: str) -> Any:
    """The condition for the row of `list_act` that is this act: of an organisation's clinician ("": of the person)."""
    column = list_act.c
    return (column.id == identifier) & (column.organisation == organisation) & (column.account == account)


def is_ended(connection: sql.Connection, identifier: bytes, organisation: str) -> bool:
    """Whether the organisation of an act has taken it back. Nobody takes back the person's own ("")."""
    column = list_act_ended.c
    whose = column.organisation.in_((organisation, FORMER)) if organisation else sql.false()
    return connection.execute(sql.select(column.id).where(column.id == identifier, whose)).first() is not None


def forget(connection: sql.Connection, vault: Vault, network: str, organisation: str, account: str, time: int) -> None:
    """Take out of the lists what was said through a link that is undone, and what was seen when it was said; the
    lines stay. Whoever was handed a word of this organisation's clinicians is told that it is taken back, and what was
    not handed on yet stays here. Inside `Store.write` only.
    """
    hearer = list_act_hearer.c
    _tell(connection, vault, network, organisation, account, time, hearer.account == account)
    for table in (list_act, list_act_hearer, list_act_against, list_act_brought, list_seen, list_put_away):
        connection.execute(sql.delete(table).where(table.c.account == account))


def take_back(
    connection: sql.Connection,
    vault: Vault,
    network: str,
    organisation: str,
    account: str,
    time: int,
    identifiers: Sequence[bytes],
) -> None:
    """The same of some acts of this organisation's clinicians alone, none of which comes back. Inside `Store.write`
    only."""
    for identifier in identifiers:
        hearer = list_act_hearer.c
        whose = (hearer.account == account) & (hearer.id == identifier)
        _tell(connection, vault, network, organisation, account, time, whose)
        connection.execute(sql.delete(list_act).where(of_one(identifier, organisation, account)))
        for table in (list_act_hearer, list_act_against, list_put_away):
            mine = (table.c.account == account) & (table.c.id == identifier)
            connection.execute(sql.delete(table).where(mine))
        row = {"id": identifier, "organisation": organisation, "account": account}
        connection.execute(sql.insert(list_act_ended).values(**row))


def _tell(
    connection: sql.Connection, vault: Vault, network: str, organisation: str, account: str, time: int, whose: Any
) -> None:
    """Tell whoever was handed the acts of these rows of `list_act_hearer` that they are taken back."""
    rows = connection.execute(sql.select(list_act_hearer).where(whose).order_by(list_act_hearer.c.id)).all()
    _call_off(connection, vault, account, {bytes(row.id).hex() for row in rows})
    waiting = []
    for row in rows:
        end = ActEnd(network, account, bytes(row.id).hex(), organisation, time)
        payload = codec.encode_json(msgspec.to_builtins(end))
        waiting.append({"organisation": row.organisation, "path": ENDS_PATH, "payload": payload, "due": time})
    if waiting:
        connection.execute(sql.insert(store.outbox), waiting)


def _call_off(connection: sql.Connection, vault: Vault, account: str, identifiers: set[str]) -> None:
    for row in outgoing.waiting(connection, vault, ACTS_PATH, account) if identifiers else ():
        if codec.decode_json(row.payload).get("id") in identifiers:
            connection.execute(sql.delete(store.outbox).where(store.outbox.c.id == row.id))
