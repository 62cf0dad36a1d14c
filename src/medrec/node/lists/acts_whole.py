"""What an act of a clinician here says against records elsewhere, kept until their places may hear it.

The manifest that is written down names no record of another place, so that its receipt tells of none; what a place was
not told when the act was said is sealed beside it, under the person's key, and gone with the act.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sql

from medrec.core import codec
from medrec.core.manifests.act_parts import Opened
from medrec.core.manifests.acts import Act
from medrec.node.keeping.journal import Person
from medrec.node.keeping.vault import VaultError
from medrec.node.lists.acts_kept import list_act_against

if TYPE_CHECKING:
    from medrec.node.node import Node

BOUND = b"list act against"


def keep(node: "Node", connection: sql.Connection, person: Person, act: Act) -> None:
    """Keep what an act says against records of other places; inside `Store.write` only."""
    opened = [one for one in act.opened or [] if one.source != node.organisation]
    if opened:
        identifier = bytes.fromhex(act.id)
        sealed = node.vault.seal(person.keys.data, codec.encode_json(msgspec.to_builtins(opened)), BOUND + identifier)
        row = {"id": identifier, "account": act.account, "sealed": sealed}
        connection.execute(sql.insert(list_act_against).values(**row))


def of(node: "Node", act: Act) -> Act:
    """An act that stands here, with what it says against records of other places. Raises StoreError."""
    identifier = bytes.fromhex(act.id)
    mine = (list_act_against.c.id == identifier) & (list_act_against.c.account == act.account)
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, act.account)
        sealed = connection.execute(sql.select(list_act_against.c.sealed).where(mine)).scalar()
    if person is None or sealed is None:
        return act
    with suppress(VaultError):
        data = node.vault.open(person.keys.data, bytes(sealed), BOUND + identifier)
        kept = msgspec.convert(codec.decode_json(data), list[Opened])
        return msgspec.structs.replace(act, opened=[*(act.opened or []), *kept])
    return act
