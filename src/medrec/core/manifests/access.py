"""Both halves of a disclosure, and the refusal."""

import hashlib
import hmac
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from medrec.core.manifests.record import FhirId, FhirType, Hex16, Hex32
from medrec.core.types import Count, Fields, OrganisationId, TimeMs

Door = Literal["pull", "push", "view"]
Denial = Literal["nothing", "not-asked"]
Outcome = Literal["received", "viewed", "refused", "nothing"]
Element = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}\Z")]
PractitionerId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\-.]{1,64}\Z")]
Role = Annotated[str, msgspec.Meta(pattern=r"^[!-{}~]{1,150}\|[!-{}~]{1,48}\Z")]


class Part(Fields, frozen=True):
    """That a record did not travel as it was signed, and how.

    `cut`: its source took out what its person withholds; `elements` names the top-level elements that something was
    taken from, and `entry` is the SHA-256 of the ledger's entry of the version. Neither the hash nor the manifest of
    the whole is told: with the rest at hand, what was taken out could be guessed at by them. `subset`: only the
    elements that were asked for; the manifest of the whole is told, since all of it might have gone.
    """

    how: Literal["cut", "subset"]
    elements: Annotated[list[Element], msgspec.Meta(max_length=200)] = []
    entry: Hex32 | None = None


class Beside(Fields, frozen=True):
    """A medicine that went with the record that points at it, or with the person's own record what somebody said of her
    list: the marks of its content and of the manifest that signed it, under the key of that record. It is not named:
    its name and content stay when the record is erased."""

    content: Hex32
    version: Hex32


class Disclosed(Fields, frozen=True, omit_defaults=True):
    """One record that travelled: which, the mark (`marked`) of the canonical form that was sent, and that of the
    manifest that signed it (null if it is cut); `part` only where that is not the record as it was signed.

    The key of the marks is gone when the record is erased at its source; no guess matches a mark then. Statements from
    before there were marks have the plain hashes in `sha256` and `manifest` instead. `beside`: what went with it.
    """

    type: FhirType
    id: FhirId
    content: Hex32 | None = None
    version: Hex32 | None = None
    part: Part | None = None
    sha256: Hex32 | None = None
    manifest: Hex32 | None = None
    beside: Annotated[list[Beside], msgspec.Meta(max_length=500)] = []

    @property
    def proven(self) -> bool:
        """Whether it says which signed version went."""
        return self.version is not None or self.manifest is not None

    def of_content(self, key: bytes, sha256: bytes) -> bool:
        """Whether this is what was sent, by its SHA-256; `key` is the mark's, b"" if it is not known."""
        if self.content is None:
            return self.sha256 == sha256.hex()
        return self.sha256 is None and hmac.compare_digest(self.content, marked(key, sha256))

    def of_version(self, key: bytes, manifest: bytes) -> bool:
        """Whether this manifest (SHA-256) signed what was sent."""
        if self.content is None:
            return self.manifest == manifest.hex()
        return self.manifest is None and self.version is not None and self.version == marked(key, manifest)


class Request(Fields, frozen=True):
    """What was asked, by whom and why. `id` is the request's own random id, used once.

    `practitioner` is the name of who asks, `identity` her id inside the requester and `role` her role there, as her
    credential says; a `machine` is a program. Empty `types` and `ids` ask for everything; `after` ("Type/id") goes on
    behind the last record of a page. `query` is the FHIR interaction ("Observation?code=..."), "" for none.
    """

    id: Hex16
    requester: OrganisationId
    practitioner: Annotated[str, msgspec.Meta(max_length=200)]
    purpose: Annotated[str, msgspec.Meta(max_length=32)]
    reason: Annotated[str, msgspec.Meta(max_length=500)]
    door: Door
    types: Annotated[list[FhirType], msgspec.Meta(max_length=200)]
    ids: Annotated[list[FhirId], msgspec.Meta(max_length=500)]
    after: Annotated[str, msgspec.Meta(pattern=r"^([A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64})?\Z")] = ""
    identity: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\-.]{0,64}\Z")] = ""
    role: Annotated[str, msgspec.Meta(max_length=200)] = ""
    machine: bool = False
    query: Annotated[str, msgspec.Meta(max_length=2000)] = ""

    def vouched_by(self, source: str) -> str:
        """The organisation that says who asks, and answers for it: the requester, of what is pushed the source."""
        return source if self.door == "push" else self.requester


class Basis(Fields, frozen=True, omit_defaults=True):
    """What a decision rests on, for whoever decides it again: every consent that stood at the time (SHA-256 of its
    manifest), the jurisdictions whose law was applied, and the version of the rules that label records.

    `actors` is what was found of the people, teams and groups that the consents name and the ledger does not know
    (`core.consent.meant.written`); it names none of them. `doubted` are the consents that stood in the way of an
    emergency by a doubt alone, and were passed over for the summary.
    """

    consents: list[Hex32]
    law: list[str]
    labels: str
    actors: Annotated[str, msgspec.Meta(pattern=r"^[+?-]*\Z")] = ""
    doubted: list[Hex32] = []


class DisclosureManifest(Fields, frozen=True):
    """The source's half: what it let go, to whom, on whose decision; `obligation` is what the recipient owes.

    `decided` are the consents that decided, `basis` all that was looked at, `attach` the texts that travel with it.
    """

    manifest: Literal["disclosure/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    request: Request
    records: list[Disclosed]
    decided: list[Hex32]
    obligation: Hex16
    basis: Basis | None = None
    attach: list[str] = []


class ReceivedManifest(Fields, frozen=True):
    """The recipient's half; settles the source's obligation.

    outcome: `received` (and verified: `records`), `viewed` (looked at on a page of the source, nothing was kept),
    `refused` (what came did not verify, `code` says how, nothing was kept), `nothing` (the source anchored a
    disclosure and nothing came). `disclosure` is the SHA-256 of the source's half, null if it did not come.
    """

    manifest: Literal["disclosure-received/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    source: OrganisationId
    request: Hex16
    records: list[Disclosed]
    obligation: Hex16
    disclosure: Hex32 | None
    outcome: Outcome
    code: Annotated[str, msgspec.Meta(max_length=40)] = ""


class OwedDeniedManifest(Fields, frozen=True):
    """`requester` owes something by the ledger that it knows nothing of: `nothing` came there, or it was `not-asked`
    for. In its own journal it settles the obligation, and names no account; the source hands it on to the person, with
    her account and the SHA-256 of the requester's statement in `answer`.
    """

    manifest: Literal["owed-denied/1"]
    network: Hex32
    organisation: OrganisationId
    account: str | None
    time: TimeMs
    source: OrganisationId
    requester: OrganisationId
    obligation: Hex16
    kind: Denial
    answer: Hex32 | None


class RefusalManifest(Fields, frozen=True):
    """Somebody asked and was refused; `code` says why. `id` is random: two equal refusals are two statements.

    `obligation` names the disclosure that was journalled and then not sent, null if it did not come to that. `more`: it
    stands for so many refusals of this requester about this person within an hour, or about accounts that the ledger
    did not have, which have no line of their own; all else is that of the last.
    """

    manifest: Literal["refusal/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    request: Request
    code: str
    decided: list[Hex32]
    id: Hex16
    obligation: Hex16 | None = None
    basis: Basis | None = None
    more: Annotated[int, msgspec.Meta(ge=1)] | UnsetType = UNSET


class CallRefusedManifest(Fields, frozen=True):
    """A call was refused before anybody could say whom it was about; `caller` is whose signature it carried.

    `code` is one of the codes of signed requests, `path` what was called, `id` random. `more`: so many further calls of
    this caller were refused within a minute and have no line of their own; path and code are those of the last.
    """

    manifest: Literal["call-refused/1"]
    network: Hex32
    organisation: OrganisationId
    time: TimeMs
    caller: OrganisationId
    path: Annotated[str, msgspec.Meta(max_length=100)]
    code: Annotated[str, msgspec.Meta(max_length=40)]
    id: Hex16
    more: Annotated[int, msgspec.Meta(ge=1)] | UnsetType = UNSET


class LogReadManifest(Fields, frozen=True):
    """An organisation showed a person's access log: to herself, to who acts for her, or to somebody of its staff.

    `reader` is who read, in the words of who signed her in; `lines` how many looks were shown.
    """

    manifest: Literal["log-read/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    by: Literal["herself", "delegate", "agent", "staff"]
    reader: Annotated[str, msgspec.Meta(max_length=400)]
    lines: Count
    id: Hex16


def marks_key(salt: bytes, obligation: bytes) -> bytes:
    """The key (32 bytes) of a record's marks in one disclosure: HMAC-SHA256(salt of the line that signed the version,
    "medrec/disclosed-key/1" || obligation). Whoever has the record may have it; it leads to no other, nor to the salt.
    """
    return hmac.digest(salt, b"medrec/disclosed-key/1" + obligation, "sha256")


def marked(key: bytes, digest: bytes) -> str:
    """The mark of a SHA-256: the hex of HMAC-SHA256(key, "medrec/disclosed/1" || digest)."""
    return hmac.digest(key, b"medrec/disclosed/1" + digest, "sha256").hex()


def obligation_of(source: str, requester: str, request: bytes) -> bytes:
    """The id (16 bytes) of what a requester owes for a disclosure. Both ends compute it from the request's id, so
    it cannot be made to collide with another obligation, and is known even when no answer came."""
    parts = source.encode() + b"/" + requester.encode() + b"/" + request
    return hashlib.sha256(b"medrec/obligation/1" + parts).digest()[:16]
