"""What people say about a line of a list: the patient in her own name, a clinician in hers and her organisation's."""

import hashlib
from typing import Annotated, Any, Literal

import msgspec

from medrec.core import codec
from medrec.core.manifests.consent import Recipient, Signature
from medrec.core.manifests.record import FhirId, FhirType, Hex16, Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

ActKind = Literal["not-taking", "like-this", "also-taking", "reviewed", "changed", "stopped", "dismissed"]
"""not-taking, like-this, also-taking: the patient's; reviewed, changed, stopped: a clinician's; dismissed (a safety
notice, with a reason): either's."""
PATIENTS: frozenset[str] = frozenset({"not-taking", "like-this", "also-taking", "dismissed"})
CLINICIANS: frozenset[str] = frozenset({"reviewed", "changed", "stopped", "dismissed"})
SUBJECTS_MAX, AGAINST_MAX = 100, 100

Short = Annotated[str, msgspec.Meta(max_length=200)]


class Subject(Fields, frozen=True):
    """The medicine that is spoken of, said so that it is understood without the list it was read in: the row's key,
    its name, RxNorm ingredients where known, form and place of action."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    ingredients: Annotated[list[Annotated[str, msgspec.Meta(max_length=20)]], msgspec.Meta(max_length=60)] = []
    form: Short = ""
    site: Annotated[str, msgspec.Meta(max_length=20)] = ""


class Against(Fields, frozen=True):
    """A record version that the act contradicts: its source is asked to look at it."""

    source: OrganisationId
    type: FhirType
    id: FhirId
    manifest: Hex32


class Act(Fields, frozen=True):
    """One statement. `id` is random; `organisation` is the clinician's, "" for the patient; `words` are directions or
    the reason; `notice` is the id of the safety notice that is dismissed. `recipients`: the organisations that the
    patient lets have it ("*": all that know her).

    `signature` (hex) is over `act_message`: of the account credential with id `key`, or of the practitioner whose
    `credential` (core.manifests.practitioner) stands in the act; then `key` is empty.
    """

    network: Hex32
    account: str
    id: Hex16
    kind: ActKind
    author: Literal["patient", "clinician"]
    organisation: Annotated[str, msgspec.Meta(max_length=32)]
    name: Short
    time: TimeMs
    subjects: Annotated[list[Subject], msgspec.Meta(max_length=SUBJECTS_MAX)]
    words: Annotated[str, msgspec.Meta(max_length=500)] = ""
    notice: Hex32 | None = None
    against: Annotated[list[Against], msgspec.Meta(max_length=AGAINST_MAX)] = []
    recipients: Annotated[list[Recipient], msgspec.Meta(max_length=64)] = []
    credential: dict[str, Any] | None = None
    key: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?\Z")] = ""
    signature: Signature = ""


class ActManifest(Fields, frozen=True):
    """An organisation wrote an act down: its own clinician's, or one that it was given."""

    manifest: Literal["list-act/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    act: Act


class ActEnd(Fields, frozen=True):
    """An organisation takes back what its clinician said: the link that the word came through was undone. `act` is the
    id of the act, `time` when it was taken back."""

    network: Hex32
    account: str
    act: Hex16
    organisation: OrganisationId
    time: TimeMs


class ActEndedManifest(Fields, frozen=True):
    """An organisation that had taken an act was told that it is taken back, and counts it no more."""

    manifest: Literal["list-act-ended/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    end: ActEnd


def act_message(act: Act) -> bytes:
    """What is signed (32 bytes): SHA-256("medrec/list-act/1" || canonical JSON without `signature`)."""
    value = msgspec.to_builtins(act)
    del value["signature"]
    return hashlib.sha256(b"medrec/list-act/1" + codec.encode_json(value)).digest()


def misfit(act: Act) -> str:
    """What does not fit together in an act, in a word; empty if it is whole."""
    if act.kind not in (PATIENTS if act.author == "patient" else CLINICIANS):
        return "kind"
    if (act.author == "patient") != (act.organisation == "") or (act.author == "clinician") != (
        act.credential is not None
    ):
        return "author"
    if (act.kind == "dismissed") != (act.notice is not None):
        return "notice"
    if act.kind == "dismissed" and not act.words.strip():
        return "reason"
    if act.kind in ("like-this", "changed") and not act.words.strip():
        return "directions"
    if not act.subjects and act.kind not in ("dismissed", "reviewed"):
        return "subject"
    return ""
