"""One signed line of this node, step by step from its manifest to its place on the ledger; and the downloads."""

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.node import receipts, store
from medrec.node.checkpoints import CheckpointError
from medrec.node.vault import VaultError
from medrec.portal import at_home, evidence
from medrec.portal.page import File, PageError, Visit, names
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node

HASH = re.compile("[0-9a-f]{64}")


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of version.html, for the manifest hash in the path."""
    digest = _digest(visit)
    with node.store.read() as connection:
        row = connection.execute(
            sql.select(
                store.manifest.c.seq,
                store.manifest.c.kind,
                store.line.c.entry,
                store.line.c.time,
                store.person.c.patient,
            )
            .join(store.line, store.line.c.seq == store.manifest.c.seq)
            .join(store.person, store.person.c.id == store.manifest.c.person, isouter=True)
            .where(store.manifest.c.hash == digest)
        ).one_or_none()
        if row is None:
            raise PageError(404, "unknown-record")
        if row.kind == "record/1" or visit.session is None or visit.session.who is not Who.PRIVACY_OFFICER:
            # The officer reads the looks of others: that is her queue, and no look at the patient.
            at_home.check_looked(node, visit, row.patient)
        batch = connection.execute(
            sql.select(store.batch).where(store.batch.c.first <= row.seq, store.batch.c.last >= row.seq)
        ).one_or_none()
        try:
            kept = node.journal.manifest(connection, digest)
        except VaultError:
            kept = None
        versions = _versions(connection, visit, digest)
    if kept is None:
        return {"erased": True, "line": row.seq, "when": visit.when(row.time)}
    place = None
    if batch is not None and batch.height is not None:
        place = evidence.place_of_batch(node, bytes(batch.id), batch.height, row.seq - batch.first)
    salt, manifest = kept
    shown = evidence.shown_line(
        node, visit, names(node), manifest=manifest, salt=salt, entry=bytes(row.entry), place=place
    )
    is_record = shown["record"] is not None
    return {
        "erased": False,
        "line": row.seq,
        **shown,
        **versions,
        "receipt": visit.link("receipt", manifest=digest.hex()) if is_record and place is not None else None,
        "receipt_name": _receipt_name(digest),
        "elsewhere": None,
        "wrong": None,
    }


def _digest(visit: Visit) -> bytes:
    text = visit.path["manifest"]
    if not HASH.fullmatch(text):
        raise PageError(404, "unknown-record")
    return bytes.fromhex(text)


def _versions(connection: sql.Connection, visit: Visit, digest: bytes) -> dict[str, Any]:
    """All versions of the record that this manifest speaks of, newest first."""
    this = connection.execute(
        sql.select(store.version.c.type, store.version.c.id).where(store.version.c.manifest == digest)
    ).first()
    if this is None:
        return {"versions": [], "altered": False}
    rows = connection.execute(
        sql.select(store.version.c.version, store.version.c.manifest)
        .where(store.version.c.type == this.type, store.version.c.id == this.id)
        .order_by(store.version.c.version.desc())
        .limit(200)
    ).all()
    altered = connection.execute(
        sql.select(store.record.c.altered).where(store.record.c.type == this.type, store.record.c.id == this.id)
    ).scalar()
    versions = [
        {
            "number": row.version,
            "this": bytes(row.manifest) == digest,
            "link": visit.link("version", manifest=bytes(row.manifest).hex()),
        }
        for row in rows
    ]
    return {"versions": versions, "altered": bool(altered)}


def _receipt_name(digest: bytes) -> str:
    return f"{digest.hex()[:12]}.receipt.json"


def receipt(node: "Node", visit: Visit) -> File:
    """The receipt of a record version, to keep and to verify anywhere."""
    digest = _digest(visit)
    with node.store.read() as connection:
        patient = connection.execute(
            sql.select(store.person.c.patient)
            .join(store.manifest, store.manifest.c.person == store.person.c.id)
            .where(store.manifest.c.hash == digest)
        ).scalar()
    at_home.check_looked(node, visit, patient)
    try:
        data = receipts.receipt_for(node, digest)
    except receipts.ReceiptUnavailableError as error:
        status = 404 if error.code in ("unknown-record", "erased") else 503
        raise PageError(status, error.code, error.sentence) from None
    except CheckpointError as error:
        raise PageError(503, error.code, error.sentence) from None
    return File(data, "application/json", _receipt_name(digest))


def root(node: "Node", visit: Visit) -> File:
    """The root file: the founders of the network and the changes since, from which every verification starts."""
    return File(receipts.root_file(node), "application/json", "medrec-root.json")
