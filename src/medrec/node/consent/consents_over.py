"""Consents that stand no more: what a look rested on can be read as long as the look stands in a person's log."""

import re
from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.consent import ConsentManifest, FhirConsentManifest
from medrec.node.agent.redelivery import undone
from medrec.node.consent.consents import Kept
from medrec.node.keeping import store
from medrec.node.keeping.journal import Person
from medrec.node.keeping.vault import VaultError

if TYPE_CHECKING:
    from medrec.node.node import Node


def find(node: "Node", person: Person, name: str) -> Kept | None:
    """A consent of a person by its SHA-256 (hex) as it was written down here, under her link of today or one that was
    undone; None for none, and for one that was erased. Whether it stands says `Consents.of`. Raises StoreError."""
    if not re.fullmatch("[0-9a-f]{64}", name):
        return None
    digest, line = bytes.fromhex(name), store.manifest.c
    links = sql.select(undone.c.person).where(undone.c.account == person.account)
    hers = (line.person == person.id) | line.person.in_(links)
    this = (line.hash == digest) & line.kind.in_(("consent/1", "consent/2")) & hers
    with node.store.read() as connection:
        if connection.execute(sql.select(line.seq).where(this)).first() is None:
            return None
        try:
            opened = node.journal.manifest(connection, digest)
        except VaultError:
            return None
    said = None if opened is None else manifests.decode(opened[1])
    return Kept(digest, said) if isinstance(said, ConsentManifest | FhirConsentManifest) else None
