"""What proves that a record was corrected: at the source its own versions, at the person's agent the lines about them.

A source that says "corrected" settles what it owes. It may say so only if the record that the person means has a newer
version with another content; and her agent believes it only if the source's own line about that version came to her.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.correction import CorrectionAnswerManifest, CorrectionStatement
from medrec.core.manifests.record import RecordManifest
from medrec.node.keeping import store


def newer_version(connection: sql.Connection, account: str, statement: CorrectionStatement) -> str | None:
    """The manifest (hex) of the present version of the record that is said to be wrong, if it is the person's, newer
    than that version, and says something else; None otherwise. To state the same anew corrects nothing."""
    record, version, person = store.record.c, store.version.c, store.person.c
    present = connection.execute(
        sql.select(record.version, record.sha256, record.manifest)
        .join_from(store.record, store.person, person.id == record.person)
        .where(record.type == statement.type, record.id == statement.record, person.account == account)
    ).one_or_none()
    wrong = connection.execute(
        sql.select(version.version, version.sha256).where(
            version.type == statement.type,
            version.id == statement.record,
            version.manifest == bytes.fromhex(statement.manifest),
        )
    ).one_or_none()
    if present is None or wrong is None or present.version <= wrong.version or present.sha256 == wrong.sha256:
        return None
    return bytes(present.manifest).hex()


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


def is_proven(statement: CorrectionStatement, answer: Any, versions: Iterable[Any]) -> bool:
    """Whether an answer that says "corrected" is borne out by the record versions that the person's agent was told of;
    True for any other answer, and for none."""
    if not isinstance(answer, CorrectionAnswerManifest) or answer.kind != "corrected":
        return True
    named = (statement.source, statement.type, statement.record)
    told = {
        hashlib.sha256(manifests.encode(one)).hexdigest(): one.record
        for one in versions
        if isinstance(one, RecordManifest) and (one.organisation, one.record.type, one.record.id) == named
    }
    new, wrong = told.get(answer.version or ""), told.get(statement.manifest)
    # The wrong version may never have come here: it was a copy that somebody else had.
    return new is not None and (wrong is None or (new.version > wrong.version and new.sha256 != wrong.sha256))
