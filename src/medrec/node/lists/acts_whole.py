"""What an act of a clinician here says or rests on that its manifest does not: what it says against records elsewhere,
kept until their places may hear it, and what stood here when it was said (acts_stood.py); of one that ended with its
records, which these were.

The manifest that is written down names no record of another place, so that its receipt tells of none; what a place was
not told when the act was said is sealed beside it, under the person's key, and gone with the act.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core import codec
from medrec.core.manifests.act_parts import Opened
from medrec.core.manifests.acts import Act
from medrec.core.types import Fields
from medrec.node.keeping.journal import Person
from medrec.node.keeping.vault import Vault, VaultError
from medrec.node.lists.acts_ground import Stood
from medrec.node.lists.acts_kept import list_act_against, list_act_ended

if TYPE_CHECKING:
    from medrec.node.node import Node

BOUND = b"list act against"


class Whole(NamedTuple):
    """An act of a clinician here with what it says against records of other places, and what stood here when it was
    said (None: nobody kept that)."""

    act: Act
    stood: Stood | None = None


class _Kept(Fields, frozen=True):
    """What is sealed. A former version sealed the first list alone."""

    opened: list[Opened]
    stood: Stood | None


def keep(node: "Node", connection: sql.Connection, person: Person, whole: Whole) -> None:
    """Keep what an act says against records of other places, and what stood here; inside `Store.write` only."""
    act = whole.act
    # At an agent the manifest has all of it.
    elsewhere = [one for one in act.opened or [] if one.source != node.organisation and node.agent is None]
    kept = _Kept(elsewhere, whole.stood)
    if kept.opened or kept.stood is not None:
        identifier = bytes.fromhex(act.id)
        sealed = node.vault.seal(person.keys.data, codec.encode_json(msgspec.to_builtins(kept)), BOUND + identifier)
        row = {"id": identifier, "account": act.account, "sealed": sealed}
        connection.execute(sql.insert(list_act_against).values(**row))


def keep_marks(connection: sql.Connection, vault: Vault, person: Person, act: Act, marks: Sequence[str]) -> None:
    """Of an act that ended with its records keep which these were (their marks) and nothing else; inside `Store.write`
    only."""
    here, identifier = sorted({mark for mark in marks if mark}), bytes.fromhex(act.id)
    kept = codec.encode_json(msgspec.to_builtins(_Kept([], Stood(here, []))))
    sealed = vault.seal(person.keys.data, kept, BOUND + identifier)
    connection.execute(sql.insert(list_act_against).values(id=identifier, account=act.account, sealed=sealed))


def ended(connection: sql.Connection, vault: Vault, person: Person, organisation: str) -> list[tuple[bytes, list[str]]]:
    """The acts of clinicians here that ended with their records, and the marks of these (keep_marks)."""
    kept, over = list_act_against.c, list_act_ended.c
    same = (over.id == kept.id) & (over.account == kept.account) & (over.organisation == organisation)
    rows = connection.execute(
        sql.select(kept.id, kept.sealed)
        .join_from(list_act_against, list_act_ended, same)
        .where(kept.account == person.account)
        .order_by(kept.id)
    ).all()
    found = []
    for row in rows:
        with suppress(VaultError):
            opened = _opened(vault.open(person.keys.data, bytes(row.sealed), BOUND + bytes(row.id)))
            found.append((bytes(row.id), opened.stood.records if opened.stood is not None else []))
    return found


def of(node: "Node", acts: Sequence[Act]) -> list[Whole]:
    """Acts of one person that stand here, with what was kept of them. Raises StoreError."""
    if not acts:
        return []
    account, column = acts[0].account, list_act_against.c
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        rows = connection.execute(sql.select(column.id, column.sealed).where(column.account == account)).all()
    sealed = {bytes(row.id).hex(): bytes(row.sealed) for row in rows} if person is not None else {}
    found = []
    for act in acts:
        whole = Whole(act)
        if person is not None and act.id in sealed and act.organisation == node.organisation:
            with suppress(VaultError):
                whole = _with(act, node.vault.open(person.keys.data, sealed[act.id], BOUND + bytes.fromhex(act.id)))
        found.append(whole)
    return found


def of_one(connection: sql.Connection, vault: Vault, person: Person, act: Act) -> Whole:
    """The same of one act of a clinician here, within a step that reads."""
    column, identifier = list_act_against.c, bytes.fromhex(act.id)
    mine = (column.account == act.account) & (column.id == identifier)
    sealed = connection.execute(sql.select(column.sealed).where(mine)).scalar()
    if sealed is not None:
        with suppress(VaultError):
            return _with(act, vault.open(person.keys.data, bytes(sealed), BOUND + identifier))
    return Whole(act)


def _with(act: Act, data: bytes) -> Whole:
    kept = _opened(data)
    return Whole(msgspec.structs.replace(act, opened=[*(act.opened or []), *kept.opened]), kept.stood)


def _opened(data: bytes) -> _Kept:
    value = codec.decode_json(data)
    return _Kept(msgspec.convert(value, list[Opened]), None) if type(value) is list else msgspec.convert(value, _Kept)
