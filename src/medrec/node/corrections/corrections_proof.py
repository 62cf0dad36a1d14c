"""What proves that a record was corrected: at the source its own versions, at the person's agent the lines about them.

A source that says "corrected" settles what it owes. It may say so only if the record that the person means has a newer
version that says something else, and not in `meta` and the narrative alone, which every server touches; and her agent
believes it only if the source's own line about that version came to her, and says so too.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.correction import CorrectionAnswerManifest, CorrectionStatement
from medrec.core.manifests.record import RecordManifest, RecordVersion
from medrec.core.records.canonical import RecordError, canonical, what_it_says, without_new_extensions
from medrec.node.agent.copies import record_copy
from medrec.node.agent.told import Told, manifest_in
from medrec.node.corrections.corrections_kept import correction_before
from medrec.node.keeping import account_keys, store
from medrec.node.keeping.journal import Journal
from medrec.node.keeping.vault import VaultError
from medrec.node.refusals import Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

Outcome = Literal["corrected", "unproven", "unchanged"]


def newer_version(node: "Node", connection: sql.Connection, account: str, statement: CorrectionStatement) -> str | None:
    """The manifest (hex) of the present version of the record that is said to be wrong, if it is the person's, newer
    than that version, and says something else; None otherwise. To state the same anew corrects nothing, nor does an
    extension beside it."""
    record, version, person = store.record.c, store.version.c, store.person.c
    present = connection.execute(
        sql.select(record.version, record.sha256, record.manifest)
        .join_from(store.record, store.person, person.id == record.person)
        .where(record.type == statement.type, record.id == statement.record, person.account == account)
    ).one_or_none()
    wrong = connection.execute(
        sql.select(version.version, version.sha256, version.manifest).where(
            version.type == statement.type,
            version.id == statement.record,
            version.manifest == bytes.fromhex(statement.manifest),
        )
    ).one_or_none()
    if present is None or wrong is None or present.version <= wrong.version or present.sha256 == wrong.sha256:
        return None
    now, before = (_stated(connection, node.journal, bytes(one.manifest)) for one in (present, wrong))
    if now is not None and before is not None and (not now.says_otherwise(before) or _only_extends(node, now, before)):
        return None
    return bytes(present.manifest).hex()


def _only_extends(node: "Node", now: RecordVersion, before: RecordVersion) -> bool:
    """Whether the present version says, but for its extensions, what one that had none said. Of one that had some, the
    person's agent finds it out, which has both texts."""
    try:
        raw = node.source.read(now.type, now.id)
        present = canonical(raw) if raw is not None else None
    except (RecordError, Refusal, OSError):
        return False
    if present is None or present.sha256.hex() != now.sha256:
        return False
    bare = what_it_says(without_new_extensions(None, present.value))
    return before.said == node.vault.said(f"{now.type}/{now.id}", bare).hex()


def _stated(connection: sql.Connection, journal: Journal, manifest: bytes) -> RecordVersion | None:
    opened = journal.manifest(connection, manifest)
    stated = manifests.decode(opened[1]) if opened is not None else None
    return stated.record if isinstance(stated, RecordManifest) else None


def is_hers(connection: sql.Connection, account: str, statement: CorrectionStatement) -> bool:
    """Whether the statement names a version of one of the person's records here."""
    record, version, person = store.record.c, store.version.c, store.person.c
    named = (
        sql.select(version.version)
        .join_from(store.version, store.record, sql.and_(record.type == version.type, record.id == version.id))
        .join(store.person, person.id == record.person)
        .where(
            version.type == statement.type,
            version.id == statement.record,
            version.manifest == bytes.fromhex(statement.manifest),
            person.account == account,
        )
    )
    return connection.execute(named).first() is not None


def keep_before(node: "Node", connection: sql.Connection, statement: CorrectionStatement) -> None:
    """At the person's agent: keep what the wrong version says, where her own copy is that very version. A later one
    takes its place among the copies, and then she could not see what changed. Inside `Store.write` only."""
    if node.copies is None:
        return
    copy, notice = record_copy.c, store.notice.c
    mine = (copy.account == statement.account) & (copy.organisation == statement.source)
    named = (copy.type == statement.type) & (copy.id == statement.record)
    # One that came in part has no line, and so no notice of its tag.
    lines = sql.select(notice.tag, notice.sealed).join_from(record_copy, store.notice, notice.tag == copy.tag)
    for row in connection.execute(lines.where(mine, named, notice.sealed.is_not(None))).all():
        tag = bytes(row.tag)
        signed = manifest_in(node.vault, row)
        kept = node.copies.one(statement.account, tag)
        if hashlib.sha256(signed).hexdigest() == statement.manifest and kept is not None:
            identifier = bytes.fromhex(statement.id)
            sealed = account_keys.seal_for(connection, node.vault, statement.account, kept.content, identifier)
            values = {"id": identifier, "account": statement.account, "sealed": sealed}
            connection.execute(sql.insert(correction_before).values(**values))


def before_of(node: "Node", connection: sql.Connection, account: str, identifier: bytes) -> bytes:
    """What the version said that a request calls wrong, if it was kept; b"" otherwise."""
    chosen = sql.select(correction_before.c.sealed).where(correction_before.c.id == identifier)
    sealed = connection.execute(chosen).scalar()
    if sealed is None:
        return b""
    try:
        return account_keys.open_for(connection, node.vault, account, bytes(sealed), identifier)
    except VaultError:
        return b""


def borne_out(statement: CorrectionStatement, answer: CorrectionAnswerManifest, versions: Iterable[Told]) -> Outcome:
    """What the lines about the record that came to the person's agent say of an answer "corrected": that it is,
    `unproven` if the new version never came, `unchanged` if it says the same as the wrong one."""
    named = (statement.source, statement.type, statement.record)
    told = {
        hashlib.sha256(one.data).hexdigest(): one.manifest.record
        for one in versions
        if (one.organisation, one.manifest.record.type, one.manifest.record.id) == named
    }
    new, wrong = told.get(answer.version or ""), told.get(statement.manifest)
    # The wrong version may never have come here: it was a copy that somebody else had.
    if new is None or (wrong is not None and new.version <= wrong.version):
        return "unproven"
    return "corrected" if wrong is None or new.says_otherwise(wrong) else "unchanged"
