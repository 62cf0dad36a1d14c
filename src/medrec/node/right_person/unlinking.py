"""Undoing a link: the account keeps its history here, and the local patient starts anew.

The lines that were signed under the link stay the account's, with the keys they had; its agent is told of the end by a
line of its own. The patient gets a new person row with new keys, and everything that the organisation holds of her is
stated again there, version by version, without the account: so nothing of the wrong person's lines can ever be handed
to the right one, and nothing of the record is lost.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, Table

from medrec.core import manifests
from medrec.core.manifests.record import LinkManifest
from medrec.node.agent import redelivery
from medrec.node.consent import attested_secrets
from medrec.node.corrections.corrections_closed import end_with_link
from medrec.node.keeping import charted, store
from medrec.node.keeping.journal import Draft, Journal
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import NUMBER_BYTES, Vault, VaultError
from medrec.node.lists import acts_kept
from medrec.node.release import access, emergency_kept
from medrec.node.right_person import charts, holding, restating
from medrec.node.right_person.anothers import Read

EPOCH_USED = "epoch-used"
"""The refusal of a link under keys that served one before."""


# Requests to undo a link that were heard, until they are too old to count anyway: what a person signed counts once.
unlink_heard = Table(
    "unlink_heard",
    metadata,
    Column("message", LargeBinary(32), primary_key=True),
    Column("time", BigInteger, nullable=False),
)


def use(connection: sql.Connection, message: bytes, now: int, life_ms: int) -> bool:
    """Use up what a person signed to undo a link; False if it was used before. Inside `Store.write` only."""
    column = unlink_heard.c
    connection.execute(sql.delete(unlink_heard).where(column.time < now - life_ms))
    if connection.execute(sql.select(column.time).where(column.message == message)).first() is not None:
        return False
    connection.execute(sql.insert(unlink_heard).values(message=message, time=now))
    return True


def undo(connection: sql.Connection, journal: Journal, network: bytes, where: Any) -> bool:
    """Undo the link of the person that `where` finds; False if she has none. Inside `Store.write` only."""
    identifier = connection.execute(sql.select(store.person.c.id).where(where)).scalar()
    before = journal.person(connection, int(identifier)) if identifier is not None else None
    if before is None or before.account is None or before.agent is None or before.patient is None:
        return False
    # Before its charts go one by one: nobody is to look at a word that ends with the link anyway.
    end_with_link(journal, network.hex(), connection, before)
    acts_kept.forget(connection, journal.vault, network.hex(), journal.organisation, before.account, journal.now())
    for one in charted.of_person(connection, before.id):
        charts.part(connection, journal, network, before, one.patient, _nothing)
    time = journal.now()
    manifest = LinkManifest(
        "link/1", network.hex(), journal.organisation, before.account, time, "unlink", before.agent, 0
    )
    line = journal.append(connection, [Draft("link/1", manifests.encode(manifest), before.id, None, [30, time])])[0]
    # What she permitted here ends with the link; who links again decides again, and nobody brings the old word back.
    consent = store.consent.c
    standing = connection.execute(sql.select(consent.nullifier).where(consent.account == before.account)).scalars()
    rows = [{"nullifier": one, "account": before.account, "seq": line.seq} for one in standing]
    if rows:
        connection.execute(sql.insert(access.revoked), rows)
    connection.execute(sql.delete(store.consent).where(store.consent.c.account == before.account))
    attested_secrets.forget(connection, before.account)
    emergency_kept.end(connection, emergency_kept.broken_glass.c.account == before.account)
    connection.execute(sql.delete(access.half_keys).where(access.half_keys.c.account == before.account))
    # Who links again is handed what of it never came.
    ended = {"person": before.id, "account": before.account, "epoch": before.epoch, "patient": before.patient}
    connection.execute(sql.insert(redelivery.undone).values(**ended))
    person = store.person.c
    connection.execute(
        sql.update(store.person).where(person.id == before.id).values(patient=None, account=None, agent=None)
    )
    fresh = journal.person_of_patient(connection, before.patient)
    holding.end(connection, before.id, fresh)
    restating.state_again(connection, journal, network, before.id, fresh)
    return True


def _nothing(_kind: str, _identifier: str) -> bytes | None:
    """No word is left whose end would ask what a Patient says."""
    return None


def undo_chart(connection: sql.Connection, journal: Journal, network: bytes, patient: str, read: Read) -> bool:
    """Undo the link of one local patient: of one chart of a person who has several here, that one alone. False if it is
    not linked. `read` gives a record from its source. Inside `Store.write` only."""
    where = charted.under(patient)
    identifier = connection.execute(sql.select(store.person.c.id).where(where)).scalar()
    person = journal.person(connection, int(identifier)) if identifier is not None else None
    if person is None or person.account is None or not charted.of_person(connection, person.id):
        return undo(connection, journal, network, where)
    charts.part(connection, journal, network, person, patient, read)
    return True


def taken_back(connection: sql.Connection, nullifier: bytes) -> bool:
    """Whether a person took a consent back here. One that only ended with its link is taken back all the same: then it
    is dead everywhere."""
    revoked = access.revoked.c
    before = sql.select(store.line.c.kind).join_from(access.revoked, store.line, store.line.c.seq == revoked.seq)
    return connection.execute(before.where(revoked.nullifier == nullifier)).scalar() not in (None, "link/1")


def consent_ids(connection: sql.Connection, account: str) -> list[bytes]:
    """The nullifiers of all consents that an account ever gave here, whether they stand or not."""
    tables = (store.consent.c, access.revoked.c)
    found = [connection.execute(sql.select(one.nullifier).where(one.account == account)).scalars() for one in tables]
    return sorted({bytes(nullifier) for some in found for nullifier in some})


def bury(connection: sql.Connection, nullifiers: list[bytes]) -> None:
    """Keep consents of somebody who was erased dead, whoever brings them again. A nullifier is the hash of a random
    secret and names nobody; no account is kept with it."""
    if nullifiers:
        rows = [{"nullifier": one, "account": "", "seq": 0} for one in nullifiers]
        connection.execute(sql.insert(access.revoked), rows)


def linked_at(connection: sql.Connection, person: int) -> int:
    """When (ms, by this node's clock) the person of this row was linked; 0 if she never was.

    What she signed for this place before then belongs to a link that is over. The first of these lines made one that
    stands: the end of the link to another chart of hers has one here, too.
    """
    stands = sql.select(store.person.c.account).where(store.person.c.id == person)
    of_its = sql.func.max if connection.execute(stands).scalar() is None else sql.func.min
    chosen = (
        sql.select(of_its(store.line.c.time))
        .join_from(store.manifest, store.line, store.line.c.seq == store.manifest.c.seq)
        .where(store.manifest.c.person == person, store.manifest.c.kind == "link/1")
    )
    return connection.execute(chosen).scalar() or 0


def served(connection: sql.Connection, vault: Vault, epoch: int, relationship: bytes) -> bool:
    """Whether these keys of a relationship served a link that was undone.

    Her agent may not know: the answer to that link was lost, and its lines have not come yet. Under the same keys a
    second link would count from 0 again, and two lines would bear one tag.
    """
    person = store.person.c
    undone = sql.select(person["keys"]).where(person.patient.is_(None), person.account.is_(None), person.epoch == epoch)
    for keys in connection.execute(undone).scalars():
        # Whose keys were destroyed has no line left that could be read under them.
        with suppress(VaultError):
            if vault.unwrap(bytes(keys)).relationship == relationship:
                return True
    return False


def undone_rows(connection: sql.Connection, patients: Sequence[str], identifier: int) -> dict[int, int]:
    """The persons of links of these charts of a person that were undone, with the numbers of their secrets.

    Of those from before that was written down, the versions of her records tell.
    """
    column, record, version, manifest = store.person.c, store.record.c, store.version.c, store.manifest.c
    undone = sql.select(redelivery.undone.c.person).where(redelivery.undone.c.patient.in_(patients))
    stated = (
        sql.select(manifest.person)
        .join_from(store.record, store.version, sql.and_(version.type == record.type, version.id == record.id))
        .join(store.manifest, manifest.hash == version.manifest)
        .where(record.person == identifier, manifest.person != identifier)
    )
    nobody = column.patient.is_(None) & column.account.is_(None)
    rows = connection.execute(
        sql.select(column.id, column["keys"]).where(nobody, column.id.in_(undone) | column.id.in_(stated))
    ).all()
    return {row.id: int.from_bytes(bytes(row._mapping["keys"])[:NUMBER_BYTES], "big") for row in rows}
