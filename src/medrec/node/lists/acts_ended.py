"""An organisation takes back what its clinician said of somebody's list, because the link that it came through is
undone: whoever was handed it counts it no more, and owes no answer to what it asked for."""

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.manifests.access import DisclosureManifest, ReceivedManifest
from medrec.core.manifests.acts import ActEnd, ActEndedManifest, ActManifest, against_of
from medrec.node.agent.own import is_served_by
from medrec.node.corrections.corrections_closed import withdraw
from medrec.node.corrections.objecting import of_person
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Person
from medrec.node.keeping.vault import VaultError
from medrec.node.lists.acts_kept import is_ended, list_act, list_act_brought, list_act_ended, of_one
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

SUMMARY_ENDED = 36


def take(node: "Node", caller: str, end: ActEnd) -> None:
    """Write down that an act is taken back by the organisation whose clinician said it, or, where the person's agent
    brought it, by that. Of a person who is not known here, and of an act of anybody else, nothing is written, and the
    answer is the same. Raises Refusal, StoreError."""
    if end.network != node.network.hex():
        raise Refusal(Code.WRONG_NETWORK)
    identifier = bytes.fromhex(end.act)
    if end.organisation != caller and not _brought(node, caller, end, identifier):
        raise Refusal(Code.CREDENTIAL_FOREIGN)

    def write(connection: sql.Connection) -> None:
        person = node.journal.person_of_account(connection, end.account)
        if person is None or is_ended(connection, identifier, end.organisation):
            return
        kept = _kept(node, connection, person, end, identifier)
        if kept is None and not _has_dealt(node, connection, person, caller):
            return
        row = {"id": identifier, "organisation": end.organisation, "account": end.account}
        connection.execute(sql.insert(list_act_ended).values(**row))
        if kept is not None:
            _drop(node, connection, person, end, kept)
        withdraw(node, connection, caller, end.act)

    node.store.write(write)


def _brought(node: "Node", caller: str, end: ActEnd, identifier: bytes) -> bool:
    """Whether the caller is the person's agent, and brought the act here."""
    if not is_served_by(node, end.account, caller):
        return False
    brought = list_act_brought.c
    this = (brought.id == identifier) & (brought.organisation == end.organisation) & (brought.account == end.account)
    with node.store.read() as connection:
        return connection.execute(sql.select(brought.id).where(this)).first() is not None


def _kept(
    node: "Node", connection: sql.Connection, person: Person, end: ActEnd, identifier: bytes
) -> ActManifest | None:
    """The act as it was written down here, if the organisation that takes it back said it."""
    of_this = of_one(identifier, end.organisation, end.account)
    sealed = connection.execute(sql.select(list_act.c.sealed).where(of_this)).scalar()
    try:
        opened = manifests.decode(node.vault.open(person.keys.data, bytes(sealed), identifier)) if sealed else None
    except VaultError:
        return None
    return opened if isinstance(opened, ActManifest) else None


def _has_dealt(node: "Node", connection: sql.Connection, person: Person, caller: str) -> bool:
    """Whether records of this person ever went between here and there: nobody else is listened to about acts that did
    not come."""
    for said in of_person(node, connection, person, "disclosure-received/1"):
        if isinstance(said, ReceivedManifest) and said.source == caller:
            return True
    return any(
        isinstance(said, DisclosureManifest) and said.request.requester == caller
        for said in of_person(node, connection, person, "disclosure/1")
    )


def _drop(node: "Node", connection: sql.Connection, person: Person, end: ActEnd, kept: ActManifest) -> None:
    now = node.clock()
    manifest = ActEndedManifest("list-act-ended/1", node.network.hex(), node.organisation, end.account, now, end)
    identifier = bytes.fromhex(end.act)
    summary = [SUMMARY_ENDED, now, identifier]
    node.journal.append(connection, [Draft("list-act-ended/1", manifests.encode(manifest), person.id, None, summary)])
    connection.execute(sql.delete(list_act).where(of_one(identifier, end.organisation, end.account)))
    # Its staff was asked to look when the act was taken: there is nothing to look at any more.
    alarm = store.alarm.c
    names = [f"{one.type}/{one.id}" for one in against_of(kept.act) if one.source == node.organisation]
    raised = (alarm.code == "list-contradicted") & (alarm.time == kept.time) & alarm.subject.in_(names)
    connection.execute(sql.delete(store.alarm).where(raised))


def answer_ends(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/list-act-ends: CBOR array of ends (canonical JSON) -> CBOR array, true for each that was heard."""
    payloads = codec.decode(body)
    if type(payloads) is not list or any(type(payload) is not bytes for payload in payloads):
        raise Refusal(Code.MALFORMED)
    for payload in payloads:
        try:
            end = msgspec.convert(codec.decode_json(payload), ActEnd)
        except (codec.CodecError, msgspec.ValidationError, RecursionError):
            raise Refusal(Code.MALFORMED) from None
        take(node, caller, end)
    return codec.encode([True] * len(payloads))
