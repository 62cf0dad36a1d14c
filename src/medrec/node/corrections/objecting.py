"""What an act speaks against becomes a request to its source: which sources are asked, and by whom one can be asked.

The patient's act asks through her agent. A clinician's asks where she works: of what her organisation was given by the
source, and only if the patient lets that source have medicines from there, since it learns the act from the request. A
source lets itself be asked by the person's agent, and by whom it gave that very record version to.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.commitment import SALT_BYTES
from medrec.core.manifests.access import DisclosureManifest, ReceivedManifest, marks_key
from medrec.core.manifests.act_parts import Against
from medrec.core.manifests.acts import Act, against_of, recipients_of
from medrec.core.manifests.correction import CorrectionStatement, of_act
from medrec.node.agent import agents_of
from medrec.node.keeping import store
from medrec.node.keeping.journal import Person
from medrec.node.release.access import half_keys

if TYPE_CHECKING:
    from medrec.node.node import Node

_NOBODY: Mapping[str, Act] = MappingProxyType({})


def ask(node: "Node", connection: sql.Connection, act: Act, hearers: Mapping[str, Act] = _NOBODY) -> None:
    """Write down and send the requests that follow from an act, in the same step as the act; inside `Store.write` only.

    `hearers`: whom the patient lets have a clinician's act, each with what it is told of it. A patient's own act names
    its recipients itself.
    """
    statements = of_act(act)
    if act.author == "patient":
        asked = _linked(node, connection, act) if node.agent is not None else {}
        wanted = {one.manifest for one in against_of(act) if asked.get(one.source)}
    else:
        allowed = set(hearers) - {node.organisation}
        person = node.journal.person_of_account(connection, act.account)
        own = act.organisation == node.organisation and person is not None
        against = [one for one in against_of(act) if one.source in allowed]
        wanted = _received(node, connection, person, against) if own and person is not None else set()
        statements = [one for source, told in hearers.items() for one in of_act(told) if one.source == source]
    for statement in statements:
        if statement.manifest in wanted:
            node.corrections.ask_within(connection, statement)


def _linked(node: "Node", connection: sql.Connection, act: Act) -> dict[str, bool]:
    """The places that know her, each with whether she lets it have the act: what is not let have it is not asked."""
    column = store.relationship.c
    chosen = sql.select(column.organisation).where(column.account == act.account)
    known = set(connection.execute(chosen).scalars()) - {node.organisation}
    return {name: bool({"*", name} & recipients_of(act)) for name in known}


def _received(node: "Node", connection: sql.Connection, person: Person, against: Iterable[Against]) -> set[str]:
    """Of these record versions of others, those that were given to this node (hashes of their manifests, hex)."""
    rows = connection.execute(sql.select(half_keys).where(half_keys.c.account == person.account)).all()
    keys = {bytes(row.obligation): bytes(row.sealed) for row in rows}
    found: set[str] = set()
    for manifest in of_person(node, connection, person, "disclosure-received/1"):
        if isinstance(manifest, ReceivedManifest):
            obligation = bytes.fromhex(manifest.obligation)
            sealed = keys.get(obligation)
            known = [] if sealed is None else codec.decode(node.vault.open(person.keys.data, sealed, obligation))
            listed = list(zip(manifest.records, [*known, *[b""] * len(manifest.records)], strict=False))
            found |= {
                one.manifest
                for one in against
                if one.source == manifest.source
                and any(told.of_version(key, bytes.fromhex(one.manifest)) for told, key in listed)
            }
    return found


def gave(node: "Node", connection: sql.Connection, person: Person, to: str, version: str) -> bool:
    """Whether this node let a record version (hash of its manifest, hex) go to an organisation."""
    digest = bytes.fromhex(version)
    opened = node.journal.manifest(connection, digest)
    if opened is None:
        return False
    for manifest in of_person(node, connection, person, "disclosure/1"):
        if not isinstance(manifest, DisclosureManifest) or manifest.request.requester != to:
            continue
        key = marks_key(opened[0], bytes.fromhex(manifest.obligation))
        if any(one.of_version(key, digest) for one in manifest.records):
            return True
    return False


def lets_ask(
    node: "Node", connection: sql.Connection, person: Person, caller: str, statement: CorrectionStatement
) -> bool:
    """Whether an organisation may ask for this correction here: the person's agent, or one that she left, for what she
    signed before; and for a clinician's act whoever was given what it speaks against."""
    act = statement.act
    if act is None or act.author == "patient":
        return person.agent == caller or agents_of.brought_in_time(connection, person.id, caller, statement.time)
    return act.organisation == caller and gave(node, connection, person, caller, statement.manifest)


def of_person(node: "Node", connection: sql.Connection, person: Person, kind: str) -> Iterable[Any]:
    """A person's manifests of one kind, opened."""
    column = store.manifest.c
    wanted = (column.person == person.id) & (column.kind == kind)
    for row in connection.execute(sql.select(column.hash, column.sealed).where(wanted)):
        opened = node.vault.open(person.keys.lines, bytes(row.sealed), bytes(row.hash))
        yield manifests.decode(opened[SALT_BYTES:])
