"""What proves that a record was corrected: at the source its own versions, at the person's agent the lines about them.

A source that says "corrected" settles what it owes. It may say so only if the record that the person means has a newer
version, younger than what she signed, that says something else to whoever reads it (`core/records/saying.py`), or
stands under her name no more; and her agent believes it only if the source's own line about that version came to her,
says so too, and is not followed by one that says the same as the wrong one again.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.correction import CorrectionAnswerManifest, CorrectionStatement, CorrectionTakenManifest
from medrec.core.manifests.record import RecordManifest, RecordVersion
from medrec.core.records.canonical import RecordError, canonical
from medrec.core.records.saying import content, what_it_says, without_additions
from medrec.node.agent.copies import record_copy
from medrec.node.agent.told import Told, manifest_in
from medrec.node.corrections.corrections_kept import correction_before
from medrec.node.keeping import account_keys, store
from medrec.node.keeping.journal import Journal
from medrec.node.keeping.vault import VaultError
from medrec.node.refusals import Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

Outcome = Literal["corrected", "unproven", "unchanged", "back", "moved"]
MOVED = ""
"""In place of the manifest of a newer version of hers: the record is filed under her no more."""


def newer_version(node: "Node", connection: sql.Connection, account: str, taken: CorrectionTakenManifest) -> str | None:
    """The manifest (hex) of the present version of the record that is said to be wrong, if it is newer than that
    version, younger than the request, and says something else to who reads it; MOVED, if it is the person's no more;
    None otherwise. To state the same anew corrects nothing, nor does what a program adds beside it."""
    record, version, statement = store.record.c, store.version.c, taken.statement
    present = connection.execute(
        sql.select(record.version, record.sha256, record.manifest, store.person.c.account)
        .join_from(store.record, store.person, store.person.c.id == record.person, isouter=True)
        .where(record.type == statement.type, record.id == statement.record)
    ).one_or_none()
    wrong = connection.execute(
        sql.select(version.version, version.sha256, version.manifest).where(
            version.type == statement.type,
            version.id == statement.record,
            version.manifest == bytes.fromhex(statement.manifest),
        )
    ).one_or_none()
    if present is None or wrong is None or present.version <= wrong.version:
        return None
    now, before = (_stated(connection, node.journal, bytes(one.manifest)) for one in (present, wrong))
    if now is not None and not _is_younger(now.time, statement, taken.time):
        return None
    if present.account != account:
        return MOVED if was_hers(connection, account, statement) else None
    if present.sha256 == wrong.sha256:
        return None
    if now is None or before is None:
        return bytes(present.manifest).hex()
    if not now.record.says_otherwise(before.record) or _only_adds(node, now.record, before.record):
        return None
    return bytes(present.manifest).hex()


def _is_younger(time: int, statement: CorrectionStatement, taken: int | None) -> bool:
    """Whether a version of this time is younger than a request: than what was signed, or than when the source took it,
    by its own clock (None: not known). What stood before she asked is no answer to it."""
    return time > statement.time or (taken is not None and time >= taken)


def _only_adds(node: "Node", now: RecordVersion, before: RecordVersion) -> bool:
    """Whether the present version says, but for what a program added to it, what one that had no such thing said, also
    where the mark of that one is of a former release. Of one that had some, the person's agent finds it out, which has
    both texts."""
    try:
        raw = node.source.read(now.type, now.id)
        present = canonical(raw) if raw is not None else None
    except (RecordError, Refusal, OSError):
        return False
    if present is None or present.sha256.hex() != now.sha256:
        return False
    bare = [present.value, *(without_additions(None, present.value, displays=some) for some in (False, True))]
    name = f"{now.type}/{now.id}"
    return any(
        before.said == node.vault.said(name, form(one)).hex() for one in bare for form in (what_it_says, content)
    )


def _stated(connection: sql.Connection, journal: Journal, manifest: bytes) -> RecordManifest | None:
    opened = journal.manifest(connection, manifest)
    stated = manifests.decode(opened[1]) if opened is not None else None
    return stated if isinstance(stated, RecordManifest) else None


def was_hers(connection: sql.Connection, account: str, statement: CorrectionStatement) -> bool:
    """Whether the statement names a version of one of the person's records here, or of one that was hers then."""
    record, version, person = store.record.c, store.version.c, store.person.c
    wrong = (version.type == statement.type) & (version.id == statement.record)
    wrong &= version.manifest == bytes.fromhex(statement.manifest)
    now = sql.select(person.id).join_from(store.version, store.record, record.type == version.type)
    now = now.where(record.id == version.id).join(store.person, person.id == record.person)
    then = sql.select(person.id).join_from(store.version, store.manifest, store.manifest.c.hash == version.manifest)
    then = then.join(store.person, person.id == store.manifest.c.person)
    found = (connection.execute(one.where(wrong, person.account == account)).first() for one in (now, then))
    return any(one is not None for one in found)


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


class Borne(NamedTuple):
    """What the lines that came to the person's agent say of an answer "corrected"; the line of the version that the
    answer names, and of the one that stands now (None: there is none, or it proves nothing).

    `corrected`; `moved`, if the record stands under her name no more; `unproven`, if no newer version came that is
    younger than her request; `unchanged`, if it says the same as the wrong one; `back`, if it said something else, and
    one that came later says the same as the wrong one again."""

    outcome: Outcome
    new: Told | None = None
    last: Told | None = None


def borne_out(
    statement: CorrectionStatement, answer: CorrectionAnswerManifest, taken: int | None, versions: Iterable[Told]
) -> Borne:
    """Hold an answer "corrected" against the lines about the record. `taken`: when the source took the request."""
    named = (statement.source, statement.type, statement.record)
    lines = [one for one in versions if (one.organisation, one.manifest.record.type, one.manifest.record.id) == named]
    by_hash = {hashlib.sha256(one.data).hexdigest(): one for one in lines}
    new, wrong = by_hash.get(answer.version or MOVED), by_hash.get(statement.manifest)
    last = max(lines, key=lambda one: one.manifest.record.version, default=None)
    if answer.version is None:
        # Whatever is told of it after the answer is told of a record of hers.
        stands = last is not None and last.manifest.time > answer.time and last.manifest.record.action != "delete"
        return Borne("back", None, last) if stands else Borne("moved")
    # The wrong version may never have come here: it was a copy that somebody else had.
    if new is None or (wrong is not None and new.manifest.record.version <= wrong.manifest.record.version):
        return Borne("unproven")
    if not _is_younger(new.manifest.time, statement, taken):
        return Borne("unproven")
    if wrong is not None and not _differ(new, wrong):
        return Borne("unchanged", new, last)
    is_back = last is not None and last is not new and wrong is not None and not _differ(last, wrong)
    return Borne("back" if is_back else "corrected", new, last)


def _differ(one: Told, wrong: Told) -> bool:
    differ: Any = one.manifest.record.says_otherwise(wrong.manifest.record)
    return bool(differ)
