"""Requests for corrections as they are shown: to the person who asked, and to the staff who owe the answer."""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from medrec.core import ladder, manifests, state
from medrec.core.credential import signed_by
from medrec.core.manifests.correction import (
    CorrectionAnswerManifest,
    CorrectionRequestManifest,
    CorrectionStatement,
    CorrectionTakenManifest,
    answer_owed,
    statement_message,
)
from medrec.core.records.canonical import Value, canonical
from medrec.core.records.saying import what_it_says, without_additions
from medrec.core.view import View
from medrec.node.agent.standing_links import standing
from medrec.node.agent.told import Told, told
from medrec.node.corrections.corrections_kept import correction_asked, correction_here
from medrec.node.corrections.corrections_proof import before_of, borne_out, newer_version, was_hers

if TYPE_CHECKING:
    from medrec.node.node import Node


class Answer(NamedTuple):
    """One answer of the source: its kind, and its words."""

    kind: str
    words: str


class Change(NamedTuple):
    """What a correction changed: the record before (b"" if it was not kept) and after (b"" if it is not here), and the
    tag of the line about the new version."""

    before: bytes
    after: bytes
    tag: bytes


class Asked(NamedTuple):
    """A request as the person's pages show it. `status`: open, overdue, corrected, refused, noted, and
    - unproven: the source says that it corrected the record, and no newer version has come;
    - unchanged: it says so, and the newer version says the same;
    - back: it corrected the record, and a later version says the same as the wrong one again;
    - moved: it says that the record is filed under her no more;
    - answered: the ledger says that it answered, and its words have not come;
    - unlinked: so it is, and the link to it is undone: it answers no more.

    `words` and `proposed` are hers; `answer` and `version` (hash of a manifest) come from the source she asked and from
    nobody else, when it has answered; `later` is what it wrote after that, which replaces nothing; `taken` says whether
    it has the request; `change` what is new, of a correction.
    """

    id: bytes
    source: str
    type: str
    record: str
    words: str
    proposed: str
    time: int
    due: int
    taken: bool
    status: str
    answer: str
    version: str | None
    later: tuple[Answer, ...] = ()
    change: Change | None = None


class Here(NamedTuple):
    """A request at the source, as its staff sees it. `status`: open, overdue, corrected, refused, noted.

    `newer` is the hash of the manifest of a newer version of the record that says something else, MOVED ("") if the
    record is filed under her no more, None while there is neither or the request was answered; `hers` says whether the
    request names a version of a record of this person, or of one that was hers then.
    """

    id: bytes
    account: str
    statement: CorrectionStatement
    due: int
    status: str
    newer: str | None
    hers: bool


class Sent(NamedTuple):
    """A request that a clinician of this organisation made of another. `status` is the ledger's: open, settled,
    overdue, late (answered after it was overdue)."""

    statement: CorrectionStatement
    due: int
    status: str


def asked_of(node: "Node", account: str) -> list[Asked]:
    """A person's requests at her agent, newest first. Raises StoreError, VaultError, EngineError."""
    column = correction_asked.c
    requests: dict[str, CorrectionRequestManifest] = {}
    taken: dict[str, CorrectionTakenManifest] = {}
    answers: dict[str, list[Told]] = {}
    for line in told(node, account, "correction-request/1", "correction-taken/1", "correction-answer/1"):
        said = line.manifest
        if isinstance(said, CorrectionRequestManifest):
            if line.organisation == said.organisation != node.organisation:
                requests[hashlib.sha256(line.data).hexdigest()] = said
        else:
            answers.setdefault(said.request, []).append(line)
        if isinstance(said, CorrectionTakenManifest) and said.statement.act is None:
            taken[said.request] = said
    with node.store.read() as connection:
        rows = connection.execute(sql.select(correction_asked.c.request).where(column.account == account)).scalars()
        for digest in rows.all():
            kept = node.journal.manifest(connection, bytes(digest))
            request = manifests.decode(kept[1]) if kept is not None else None
            if isinstance(request, CorrectionRequestManifest):
                requests[bytes(digest).hex()] = request
    with node.engine.view() as view:
        # Asked by an agent that she left and that is gone: what she signed stands in the line of the source, too.
        lost = {digest: one for digest, one in taken.items() if digest not in requests and _is_hers(view, one)}
    requests |= {digest: _request_of(one) for digest, one in lost.items()}
    linked, versions = standing(node, account) if requests else set(), _versions(node, account, answers)
    found = []
    with node.engine.view() as view:
        for digest, request in requests.items():
            # Whoever learns the hash of a request could write an answer to it: only the source's own counts.
            source = request.statement.source
            lines = [one for one in answers.get(digest, ()) if one.organisation == source]
            found.append(_asked(node, view, request, lines, source in linked, versions))
    return sorted(found, key=lambda one: one.time, reverse=True)


def sent_of(node: "Node") -> list[Sent]:
    """What clinicians of this organisation asked others to correct, newest first. Raises EngineError, StoreError."""
    with node.store.read() as connection:
        rows = connection.execute(sql.select(correction_asked).order_by(correction_asked.c.seq.desc())).all()
        opened = [node.journal.manifest(connection, bytes(row.request)) for row in rows]
    found = []
    with node.engine.view() as view:
        for row, kept in zip(rows, opened, strict=True):
            request = manifests.decode(kept[1]) if kept is not None else None
            if not isinstance(request, CorrectionRequestManifest) or request.statement.act is None:
                continue
            if request.statement.act.author == "clinician":
                owed = answer_owed(node.organisation, row.source, bytes(row.id))
                obligation = state.read(view, state.obligation_key(node.organisation, owed), state.Obligation)
                found.append(Sent(request.statement, row.due, obligation.status if obligation else "open"))
    return found


def here_of(node: "Node") -> list[Here]:
    """The requests about records of this organisation, those that wait first, the most pressing ahead. Raises
    StoreError."""
    found, now = [], node.clock()
    with node.store.read() as connection:
        rows = connection.execute(sql.select(correction_here).order_by(correction_here.c.due)).all()
        for row in rows:
            opened = node.journal.manifest(connection, bytes(row.taken))
            taken = manifests.decode(opened[1]) if opened is not None else None
            if isinstance(taken, CorrectionTakenManifest):
                waits = row.status == "open"
                status = "overdue" if waits and row.due <= now else row.status
                newer = newer_version(node, connection, row.account, taken) if waits else None
                hers = was_hers(connection, row.account, taken.statement)
                found.append(Here(bytes(row.id), row.account, taken.statement, row.due, status, newer, hers))
    return sorted(found, key=lambda item: item.status not in ("open", "overdue"))


def _is_hers(view: View, taken: CorrectionTakenManifest) -> bool:
    """Whether what a source says that she asked of it bears her own signature: whoever acts for her proves nothing
    without the right, which the source keeps."""
    said = taken.statement
    credential = ladder.credential_ever(view, said.account, bytes.fromhex(said.key))
    about = (said.account, said.source, said.acting) == (taken.account, taken.organisation, None)
    if credential is None or not about:
        return False
    return signed_by(credential, statement_message(said), bytes.fromhex(said.signature))


def _request_of(taken: CorrectionTakenManifest) -> CorrectionRequestManifest:
    return CorrectionRequestManifest(
        "correction-request/1",
        taken.network,
        taken.agent,
        taken.account,
        taken.time,
        taken.statement,
        taken.owes,
        taken.due,
    )


def _versions(node: "Node", account: str, answers: dict[str, list[Told]]) -> list[Told]:
    """The lines about her records, if any answer has to be held against them."""
    corrected = any(getattr(one.manifest, "kind", "") == "corrected" for lines in answers.values() for one in lines)
    return told(node, account, "record/1") if corrected else []


def _asked(
    node: "Node", view: View, request: CorrectionRequestManifest, lines: list[Told], linked: bool, versions: list[Told]
) -> Asked:
    """One request; `lines` are what its source wrote about it, in the order in which it wrote them."""
    statement = request.statement
    said = [one.manifest for one in lines if isinstance(one.manifest, CorrectionAnswerManifest)]
    first, change = said[0] if said else None, None
    if first is None:
        status = _unanswered(view, request, linked)
    elif first.kind != "corrected":
        status = first.kind
    else:
        came = [one.manifest.time for one in lines if isinstance(one.manifest, CorrectionTakenManifest)]
        status, change = _corrected(node, statement, first, min(came, default=None), versions)
    return Asked(
        bytes.fromhex(statement.id),
        statement.source,
        statement.type,
        statement.record,
        statement.words,
        statement.proposed,
        request.time,
        request.due,
        bool(said) or any(isinstance(one.manifest, CorrectionTakenManifest) for one in lines),
        status,
        first.words if first is not None else "",
        first.version if first is not None else None,
        tuple(Answer(one.kind, one.words) for one in said[1:]),
        change,
    )


def _unanswered(view: View, request: CorrectionRequestManifest, linked: bool) -> str:
    """How a request stands of which no answer has come: as the ledger has it, which everybody counts by."""
    owed = answer_owed(request.organisation, request.statement.source, bytes.fromhex(request.statement.id))
    found = state.read(view, state.obligation_key(request.organisation, owed), state.Obligation)
    if found is None or found.status in ("open", "overdue"):
        return "open" if found is None else found.status
    return "answered" if linked else "unlinked"


def _says_the_same(before: Value, after: Value) -> bool:
    return what_it_says(before) == what_it_says(without_additions(before, after))


def _corrected(
    node: "Node",
    statement: CorrectionStatement,
    answer: CorrectionAnswerManifest,
    taken: int | None,
    versions: list[Told],
) -> tuple[str, Change | None]:
    """What came of an answer "corrected", and what it changed: of one that was put back, the
    version that stands now."""
    found = borne_out(statement, answer, taken, versions)
    status: str = found.outcome
    new, last = found.new, found.last
    if new is None and last is None:
        return status, None
    with node.store.read() as connection:
        before = before_of(node, connection, statement.account, bytes.fromhex(statement.id))
    if status == "corrected":
        # Where both texts are here, they tell more than the marks that the source gave them.
        for line, otherwise in ((new, "unchanged"), (last, "back")):
            after = _text_of(node, statement.account, line)
            if status == "corrected" and before and after:
                same = _says_the_same(canonical(before).value, canonical(after).value)
                status = otherwise if same else status
    shown = last if status == "back" else new
    return status, Change(before, _text_of(node, statement.account, shown), shown.tag) if shown is not None else None


def _text_of(node: "Node", account: str, line: Told | None) -> bytes:
    copy = node.copies.one(account, line.tag) if node.copies is not None and line is not None else None
    return copy.content if copy is not None else b""
