"""Acts that a former version wrote down: whose each is and who may have been handed it is found when the node opens."""

from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.access import DisclosureManifest
from medrec.core.manifests.acts import Act, ActManifest, against_of
from medrec.node.corrections.objecting import of_person
from medrec.node.keeping.journal import Person
from medrec.node.keeping.upgrades import FORMER
from medrec.node.keeping.vault import VaultError
from medrec.node.lists.acts_kept import hand_on, list_act, list_act_hearer

if TYPE_CHECKING:
    from medrec.node.node import Node


def name_all(node: "Node") -> None:
    """Write down of each such act whose it is. Raises StoreError.

    Of the acts of this organisation's clinicians of which no hearers stand here, all count as hearers that can be: who
    had the person's records from here, and whose records it speaks against. So each is told when it is taken back.
    """
    with node.store.read() as connection:
        if connection.execute(sql.select(list_act.c.id).where(list_act.c.organisation == FORMER)).first() is None:
            return
    node.store.write(lambda connection: _name(node, connection))


def _name(node: "Node", connection: sql.Connection) -> None:
    for row in connection.execute(sql.select(list_act).where(list_act.c.organisation == FORMER)).all():
        of_row = (list_act.c.id == row.id) & (list_act.c.account == row.account)
        person = node.journal.person_of_account(connection, row.account)
        opened = None
        if person is not None:
            with suppress(VaultError):
                opened = manifests.decode(node.vault.open(person.keys.data, bytes(row.sealed), bytes(row.id)))
        if person is None or not isinstance(opened, ActManifest):
            # It was said under a link that is over, and its keys went with that.
            connection.execute(sql.delete(list_act).where(of_row))
            continue
        act, identifier = opened.act, bytes(row.id)
        connection.execute(sql.update(list_act).where(of_row).values(organisation=act.organisation))
        heard = sql.select(list_act_hearer.c.id).where(list_act_hearer.c.id == identifier)
        if act.organisation == node.organisation and connection.execute(heard).first() is None:
            hand_on(connection, identifier, row.account, _may_have_heard(node, connection, person, act))


def _may_have_heard(node: "Node", connection: sql.Connection, person: Person, act: Act) -> list[str]:
    found = {one.source for one in against_of(act)}
    for disclosed in of_person(node, connection, person, "disclosure/1"):
        if isinstance(disclosed, DisclosureManifest):
            found.add(disclosed.request.requester)
    # A notice that was put away was handed on by nobody.
    return sorted(found - {node.organisation}) if act.kind != "dismissed" else []
