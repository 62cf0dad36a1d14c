"""Requests for corrections as they are shown: to the person who asked, and to the staff who owe the answer."""

from typing import Any, NamedTuple

from medrec.core.manifests.correction import CorrectionAnswerManifest, CorrectionRequestManifest, CorrectionStatement


class Asked(NamedTuple):
    """A request as the person's pages show it. `status`: open, overdue, corrected, unproven (the source says that it
    corrected the record, and no newer version that says something else has come), refused, noted.

    `words` and `proposed` are hers; `answer` and `version` (hash of a manifest) come from the source, when it has
    answered; `taken` says whether it has the request.
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


class Here(NamedTuple):
    """A request at the source, as its staff sees it. `status`: open, overdue, corrected, refused, noted.

    `newer` is the hash of the manifest of a newer version of the record that says something else, None while there is
    none; `hers` says whether the request names a version of a record of this person at all.
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


def asked_of(request: CorrectionRequestManifest, told: Any, now: int, proven: bool = True) -> Asked:
    """A request as the person's pages show it: `told` is the last that came from the source, None for nothing; `proven`
    says whether a correction is borne out."""
    statement = request.statement
    answered = told if isinstance(told, CorrectionAnswerManifest) else None
    open_ = "overdue" if request.due <= now else "open"
    return Asked(
        bytes.fromhex(statement.id),
        statement.source,
        statement.type,
        statement.record,
        statement.words,
        statement.proposed,
        request.time,
        request.due,
        told is not None,
        open_ if answered is None else answered.kind if proven else "unproven",
        answered.words if answered is not None else "",
        answered.version if answered is not None else None,
    )
