"""One signed line, of this node or given by another, step by step from its manifest to its place on the ledger; and the
downloads."""

import hashlib
import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.record import RecordManifest
from medrec.core.records.canonical import RecordError, canonical
from medrec.node.keeping import charted, store
from medrec.node.keeping.vault import VaultError
from medrec.node.ledger import on_ledger, receipts
from medrec.node.looks.kinds import LOG
from medrec.portal import at_home, evidence, verify
from medrec.portal.acting import SHOWN_OF
from medrec.portal.page import File, PageError, Visit, names
from medrec.portal.received import Given, shown_at
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
                charted.number(),
                store.person.c.id,
            )
            .join(store.line, store.line.c.seq == store.manifest.c.seq)
            .join(store.person, store.person.c.id == store.manifest.c.person, isouter=True)
            .where(store.manifest.c.hash == digest)
        ).one_or_none()
        if row is None:
            return _show_given(node, visit, _given(node, visit, digest))
        _check_may_prove(node, visit, row.kind, row.patient)
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
    has_content = row.kind == "record/1" and _content(node, manifests.decode(manifest)) is not None
    return {
        "erased": False,
        "line": row.seq,
        **shown,
        **versions,
        **_files(node, visit, digest, place is not None, has_content),
        SHOWN_OF: _tells_of(row),
    }


def _show_given(node: "Node", visit: Visit, given: Given) -> dict[str, Any]:
    """The same for a record that another place gave for this clinician's screen."""
    record = given.record
    place = on_ledger.place_of_entry(node, given.source, record.entry, record.manifest.time)
    shown = evidence.shown_line(
        node, visit, names(node), manifest=record.manifest_bytes, salt=record.salt, entry=record.entry, place=place
    )
    return {
        "erased": False,
        "line": None,
        "versions": [],
        "altered": False,
        **shown,
        **_files(node, visit, hashlib.sha256(record.manifest_bytes).digest(), place is not None, True),
    }


def _files(node: "Node", visit: Visit, digest: bytes, anchored: bool, has_content: bool) -> dict[str, Any]:
    """What can be checked here and taken along."""
    manifest = digest.hex()
    return {
        **verify.show(node, visit),
        "receipt": visit.link("receipt", manifest=manifest) if anchored else None,
        "content": visit.link("record_file", manifest=manifest) if anchored and has_content else None,
        "names": evidence.file_names(manifest),
        "wrong": None,
    }


def _given(node: "Node", visit: Visit, digest: bytes) -> Given:
    """What another place gave under this manifest for this clinician's screen. Raises PageError."""
    staff = visit.session.staff if visit.session is not None else ""
    given = shown_at(node).find(staff, digest, visit.now) if staff else None
    if given is None:
        raise PageError(404, "unknown-record")
    at_home.check_looked(node, visit, given.patient)
    return given


def _content(node: "Node", stated: Any) -> bytes | None:
    """The record of a version as it was signed, if its source still holds just that."""
    raw = node.source.read(stated.record.type, stated.record.id) if node.source is not None else None
    try:
        found = canonical(raw) if raw is not None else None
    except RecordError:
        return None
    return found.data if found is not None and found.sha256.hex() == stated.record.sha256 else None


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


def receipt(node: "Node", visit: Visit) -> File:
    """The receipt of a line, to keep and to verify anywhere."""
    digest = _digest(visit)
    name, _ = evidence.file_names(digest.hex())
    ours = _ours(node, digest)
    if ours is not None:
        _check_may_prove(node, visit, ours.kind, ours.patient)
    else:
        given = _given(node, visit, digest)
        one = given.record
        place = on_ledger.place_of_entry(node, given.source, one.entry, one.manifest.time)
        return evidence.receipt_file(
            lambda: receipts.receipt_of(node, given.source, one.manifest_bytes, one.salt, one.entry, place), name
        )
    made = evidence.receipt_file(lambda: receipts.receipt_for(node, digest), name)
    return made._replace(people=_tells_of(ours))


def content(node: "Node", visit: Visit) -> File:
    """The record that a line signed: the bytes that its receipt speaks of."""
    digest = _digest(visit)
    ours = _ours(node, digest)
    if ours is not None:
        at_home.check_looked(node, visit, ours.patient)
        with node.store.read() as connection:
            try:
                kept = node.journal.manifest(connection, digest)
            except VaultError:
                kept = None
        stated = manifests.decode(kept[1]) if kept is not None else None
        data = _content(node, stated) if isinstance(stated, RecordManifest) else None
    else:
        data = _given(node, visit, digest).record.content
    if data is None:
        raise PageError(404, "unknown-record")
    _, name = evidence.file_names(digest.hex())
    return File(data, "application/json", name)


def _check_may_prove(node: "Node", visit: Visit, kind: str, patient: str | None) -> None:
    """What a line says, and its proof, open under a look at its patient. The officer reads the looks of others without
    one: that is her queue. Raises PageError."""
    officer = visit.session is not None and visit.session.who is Who.PRIVACY_OFFICER
    if kind == "record/1" or not officer:
        at_home.check_looked(node, visit, patient)


def _tells_of(row: Any) -> list[int]:
    """At whose records a line tells of a look."""
    return [row.id] if row.kind in LOG and row.id is not None else []


def _ours(node: "Node", digest: bytes) -> Any:
    """The kind of a line of this journal, and whom it is about; None where no line has this manifest."""
    with node.store.read() as connection:
        return connection.execute(
            sql.select(store.manifest.c.kind, charted.number(), store.person.c.id)
            .join_from(store.manifest, store.person, store.manifest.c.person == store.person.c.id, isouter=True)
            .where(store.manifest.c.hash == digest)
        ).first()


def root(node: "Node", visit: Visit) -> File:
    """The root file: the founders of the network and the changes since, from which every verification starts."""
    return File(receipts.root_file(node), "application/json", "medrec-root.json")
