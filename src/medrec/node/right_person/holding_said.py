"""At the source: the person says that a record is not about her. It is held back at once, like what contradicts her,
until a human has looked or she takes it back."""

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from medrec.core.manifests.correction import CorrectionStatement
from medrec.node.keeping import charted, store
from medrec.node.keeping.journal import Person
from medrec.node.right_person import holding, holding_by
from medrec.node.right_person.contradicting import SAID, WHOLE
from medrec.node.right_person.holding import held

if TYPE_CHECKING:
    from medrec.node.node import Node


def heard(node: "Node", connection: sql.Connection, person: Person, statement: CorrectionStatement) -> None:
    """Hold a record of hers back, or no longer, by what she says of it. Of a Patient it says nothing: who is not meant
    undoes the link. Inside `Store.write` only."""
    name, record = (statement.type, statement.record), store.record.c
    where = (record.type == name[0]) & (record.id == name[1]) & (record.person == person.id)
    there = connection.execute(sql.select(record.id).where(where, record.action != "delete")).first()
    if there is None or name[0] == WHOLE or person.account is None:
        return
    this = (held.c.type == name[0]) & (held.c.id == name[1])
    found = connection.execute(sql.select(held.c.fields).where(this)).scalar()
    fields = tuple(found.split(",")) if found else ()
    rest = tuple(field for field in fields if field != SAID)
    network, journal = node.network.hex(), node.journal
    if statement.claim == "not-mine":
        holding_by.note(connection, name, person.account)
    elif statement.claim == "mine":
        holding_by.forget(connection, [name])
    if statement.claim == "not-mine" and SAID not in fields:
        draft = holding.hold(connection, journal, network, person, name, (*rest, SAID))
    elif statement.claim == "mine" and SAID in fields and not rest:
        connection.execute(sql.delete(held).where(this))
        draft = holding.decided(journal, network, person.account, person.id, name, "fits", None, "")
    elif statement.claim == "mine" and SAID in fields:
        draft = holding.hold(connection, journal, network, person, name, rest)
    else:
        return
    journal.append(connection, [draft])


class Counted(NamedTuple):
    """How many records of a local patient are held back: since she says that they are not about her, since they do not
    fit her; `all` says that her Patient does not, so that nothing of hers is let out or merged."""

    said: int
    strange: int
    all: bool


def count(node: "Node", patient: str) -> Counted:
    """What is held back of a local patient."""
    person = store.person.c
    query = sql.select(held.c.type, held.c.fields).join_from(held, store.person, person.id == held.c.person)
    with node.store.read() as connection:
        rows = connection.execute(query.where(charted.under(patient), person.account.is_not(None))).all()
    said = sum(SAID in row.fields.split(",") for row in rows)
    return Counted(said, len(rows) - said, any(row.type == WHOLE for row in rows))
