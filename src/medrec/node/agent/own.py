"""The agent's own relationship with the people it serves: lines that it journals about them find their way to them.

An agent is an organisation as any other, with a journal. Once somebody is served, she is a local patient there too,
under a handle that follows from her account, with keys that follow from her view secret: so what stands here is
notified, indexed and rebuilt as what stands at a hospital.
"""

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.record import LinkManifest
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Person
from medrec.node.keeping.vault import PersonKeys
from medrec.node.ledger.rebuild import relationship_key, seal_key

if TYPE_CHECKING:
    from medrec.node.node import Node

EPOCH = 1


def handle(account: str) -> str:
    """What stands for an account where an id of 64 characters, or an address that is logged, must not name it."""
    return hashlib.sha256(b"medrec/page/1" + account.encode()).hexdigest()[:32]


def person_here(node: "Node", account: str) -> Person:
    """The person of an account at this node: linked here, or served here and now entered. Raises LookupError."""
    with node.store.read() as connection:
        found = node.journal.person_of_account(connection, account)
    if found is not None:
        return found
    if node.agent is None:
        raise LookupError("This account is not linked here.")
    secret = node.agent.view_secret(account)
    relationship = relationship_key(secret, node.organisation, EPOCH)
    keys = node.vault.new_person_keys(relationship, seal_key(secret, node.organisation, EPOCH))
    return node.store.write(lambda connection: _enter(node, connection, account, keys))


def is_served_by(node: "Node", account: str, caller: str) -> bool:
    """Whether an account is linked here, and an organisation is the agent that serves it."""
    with node.store.read() as connection:
        found = node.journal.person_of_account(connection, account)
    return found is not None and found.agent == caller


def places(node: "Node", account: str) -> list[str]:
    """The organisations with which an agent's person has a relationship, by id."""
    related = store.relationship.c
    with node.store.read() as connection:
        query = sql.select(related.organisation).where(related.account == account).distinct()
        return sorted(connection.execute(query).scalars())


def _enter(node: "Node", connection: sql.Connection, account: str, keys: PersonKeys) -> Person:
    found = node.journal.person_of_account(connection, account)
    if found is not None:
        return found
    assert node.agent is not None
    node.agent.relate(connection, account, node.organisation, EPOCH, keys.relationship, None)
    values = {
        "patient": handle(account),
        "account": account,
        "agent": node.organisation,
        "epoch": EPOCH,
        "counter": 0,
        "keys": node.vault.wrap(keys),
    }
    added = connection.execute(sql.insert(store.person).values(**values))
    assert added.inserted_primary_key is not None
    person = int(added.inserted_primary_key[0])
    time = node.clock()
    manifest = LinkManifest(
        "link/1", node.network.hex(), node.organisation, account, time, "link", node.organisation, 0
    )
    # No lines from before are handed over, so the summary names no key of theirs.
    draft = Draft("link/1", manifests.encode(manifest), person, None, [2, time, bytes(32), 0])
    node.journal.append(connection, [draft])
    return node.journal.person(connection, person)
