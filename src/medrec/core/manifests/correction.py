"""A patient, or a clinician elsewhere, says that a record is wrong: the request, what the source owes for it, its
answer, chained by hashes."""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET

from medrec.core import codec
from medrec.core.manifests.acts import Act, against_of, narrowed
from medrec.core.manifests.delegation import Delegation
from medrec.core.manifests.record import FhirId, FhirType, Hex16, Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

DUE_MS = 30 * 86_400_000
"""How long a source has to answer: a month (GDPR article 12(3); 45 CFR 164.526(b)(2) gives sixty days)."""

REASON_KINDS, WORDS_KINDS = 6, 2
"""Of so many letters and figures that differ the reason of a refusal is at least, and what a person says is wrong."""

AnswerKind = Literal["corrected", "refused", "noted"]
Claim = Literal["not-mine", "mine"]
CLAIMED: dict[Claim, str] = {
    "not-mine": "This record is not about me.",
    "mine": "This record is about me after all.",
}
"""What a claim says in words, where nobody says more."""
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class CorrectionStatement(Fields, frozen=True, omit_defaults=True):
    """What a person signs: which version of which record is wrong (`manifest` is the hash of the one that signed it),
    in her own words, and what it should say (`proposed`, may be empty). `id` is random.

    `act`: a word on her list (acts.py), hers or a clinician's, that the statement follows from. It then has no
    signature of its own: every field is what `of_act` makes of the act, and the signature on the act stands for it.
    `key` is empty where a clinician signed.

    `claim`: that the record is of somebody else ("not-mine"), or that it is hers after all ("mine"), by her own key
    alone; it is left out where she says something else.

    `acting` is who signed in her place, with a right to correct; it is left out where she signs herself.
    """

    network: Hex32
    account: str
    source: OrganisationId
    id: Hex16
    time: TimeMs
    type: FhirType
    record: FhirId
    manifest: Hex32
    words: Words
    proposed: Annotated[str, msgspec.Meta(max_length=2000)]
    key: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?\Z")]
    signature: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2}){0,2048}\Z")] = ""
    act: Act | None = None
    acting: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] | None = None
    claim: Claim | None = None


class CorrectionRequestManifest(Fields, frozen=True):
    """The person's agent takes her statement, or an organisation what follows from its clinician's act, and writes down
    that the source owes an answer by `due`.

    `delegation` is what lets somebody else sign for her, whole and signed, so that the source can check it.
    """

    manifest: Literal["correction-request/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    statement: CorrectionStatement
    owes: Hex16
    due: TimeMs
    delegation: Delegation | None = None


class CorrectionTakenManifest(Fields, frozen=True):
    """The source has the request: `request` is the SHA-256 of the agent's line. The person is told."""

    manifest: Literal["correction-taken/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    agent: OrganisationId
    statement: CorrectionStatement
    request: Hex32
    owes: Hex16
    due: TimeMs


class CorrectionAnswerManifest(Fields, frozen=True):
    """The source answers and settles what it owes. `taken` is the SHA-256 of its own line before, null where it took
    nothing: whoever asks is not linked there.

    corrected: `version` is the hash of the manifest that signed the new version, null if the record is filed under the
    person no more. refused and noted: `words` give the
    reason, `version` is null.
    """

    manifest: Literal["correction-answer/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    request: Hex32
    taken: Hex32 | None
    owes: Hex16
    kind: AnswerKind
    words: Words
    version: Hex32 | None


def statement_message(statement: CorrectionStatement) -> bytes:
    """What a person signs: SHA-256("medrec/correction/1" || canonical JSON without `signature` and `act`).

    Of a statement that follows from an act, what is signed is `act_message` of the act instead.
    """
    value = msgspec.to_builtins(statement)
    for name in ("signature", "act"):
        value.pop(name, None)
    return hashlib.sha256(b"medrec/correction/1" + codec.encode_json(value)).digest()


_SAID = {
    "not-taking": "The patient does not take this: {name}.",
    "like-this": "The patient takes this otherwise: {name}.",
    "also-taking": "The patient takes this: {name}.",
    "stopped": "{who} stopped this: {name}.",
    "changed": "{who} changed this: {name}.",
}
_DIRECTIONS = frozenset({"like-this", "also-taking", "changed"})


def of_act(act: Act) -> list[CorrectionStatement]:
    """What an act asks to be corrected: one statement for each record version of others that it speaks against.

    Nobody states anything anew: each follows from the act, so that one signature stands for all of them. "Reviewed" and
    "dismissed" ask for nothing.
    """
    if act.kind not in _SAID:
        return []
    name = ", ".join(subject.name for subject in act.subjects)[:1000]
    said = _SAID[act.kind].format(name=name, who=f"{act.name or 'A clinician'} ({act.organisation})")
    directions = act.kind in _DIRECTIONS
    words = said if directions or not act.words.strip() else f"{said} {act.words.strip()}"
    found: dict[str, CorrectionStatement] = {}
    for one in against_of(act):
        if one.source == act.organisation:
            continue
        # Ids of acts are chosen by who signs them; those of former versions are asked for under the id alone.
        whose = b"" if act.marks is UNSET else f"{act.account}/{act.organisation}".encode()
        tag = b"medrec/correction-of-act/1" + bytes.fromhex(act.id) + whose + bytes.fromhex(one.manifest)
        found[one.manifest] = CorrectionStatement(
            act.network,
            act.account,
            one.source,
            hashlib.sha256(tag).digest()[:16].hex(),
            act.time,
            one.type,
            one.id,
            one.manifest,
            words,
            act.words.strip() if directions else "",
            act.key,
            "",
            narrowed(act, one.source),
        )
    return list(found.values())


def answer_owed(agent: str, source: str, identifier: bytes) -> bytes:
    """The id (16 bytes) of the answer that a source owes for a request."""
    parts = agent.encode() + b"/" + source.encode() + b"/" + identifier
    return hashlib.sha256(b"medrec/correction-owed/1" + parts).digest()[:16]


FORMS: dict[str, type[Fields]] = {
    "correction-request/1": CorrectionRequestManifest,
    "correction-taken/1": CorrectionTakenManifest,
    "correction-answer/1": CorrectionAnswerManifest,
}
