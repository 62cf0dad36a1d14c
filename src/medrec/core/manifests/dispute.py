"""A person disputes a look at her records: her statement, the lines that follow from it, and the answer."""

import hashlib
from typing import Annotated, Literal

import msgspec

from medrec.core import codec
from medrec.core.manifests.record import Hex16, Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

Words = Annotated[str, msgspec.Meta(max_length=1000)]
AnswerKind = Literal["explained", "mistake", "not-us"]
"""explained: the look was right, and the text says why; mistake: it should not have been; not-us: it was not ours."""


class Statement(Fields, frozen=True):
    """What a person signs: she does not know why `requester` looked at her records, or (close) that it is settled.

    `source` gave the records out, under `obligation` (null: no single look is meant). One statement goes to every
    organisation that holds her records; until it is closed, nothing more goes to the requester from any of them.
    `id` is random; the statement that closes carries the id of the one that opened. `signature` is the account
    credential's (hex) over `statement_message`, `key` the credential's key id.
    """

    network: Hex32
    account: str
    id: Hex16
    action: Literal["open", "close"]
    requester: OrganisationId
    source: OrganisationId
    obligation: Hex16 | None
    time: TimeMs
    words: Words
    key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    signature: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2}){0,2048}\Z")] = ""


class DisputeManifest(Fields, frozen=True):
    """An organisation took a person's statement; `owes` is what the requester owes for it, here at the source only."""

    manifest: Literal["dispute/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    statement: Statement
    owes: Hex16 | None
    due: TimeMs | None


class DisputeAnswerManifest(Fields, frozen=True):
    """The requester answers for a look that is disputed, and settles what it owes for that."""

    manifest: Literal["dispute-answer/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    dispute: Hex16
    source: OrganisationId
    owed: Hex16
    kind: AnswerKind
    words: Words


class DisputeAnsweredManifest(Fields, frozen=True):
    """The source hands the requester's answer on to the person; `answer` is the SHA-256 of the requester's line."""

    manifest: Literal["dispute-answered/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    dispute: Hex16
    requester: OrganisationId
    kind: AnswerKind
    words: Words
    answer: Hex32


def statement_message(statement: Statement) -> bytes:
    """What a person signs: SHA-256("medrec/dispute/1" || canonical JSON without `signature`)."""
    value = msgspec.to_builtins(statement)
    del value["signature"]
    return hashlib.sha256(b"medrec/dispute/1" + codec.encode_json(value)).digest()


def owed_for(source: str, requester: str, dispute: bytes) -> bytes:
    """The id (16 bytes) of the answer that a requester owes for a dispute."""
    parts = source.encode() + b"/" + requester.encode() + b"/" + dispute
    return hashlib.sha256(b"medrec/dispute-owed/1" + parts).digest()[:16]
