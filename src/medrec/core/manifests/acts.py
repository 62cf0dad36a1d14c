"""What people say about a line of a list: the patient in her own name, a clinician in hers and her organisation's."""

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from medrec.core import codec
from medrec.core.manifests.act_parts import Addressed, Against, Marks, Opened, mark_of
from medrec.core.manifests.consent import Recipient, Signature
from medrec.core.manifests.record import Hex16, Hex32
from medrec.core.signs import says_something, seen
from medrec.core.types import Fields, OrganisationId, TimeMs

ActKind = Literal["not-taking", "like-this", "also-taking", "reviewed", "changed", "stopped", "dismissed"]
"""not-taking, like-this, also-taking: the patient's; reviewed, changed, stopped: a clinician's; dismissed (a safety
notice, with a reason): either's."""
PATIENTS: frozenset[str] = frozenset({"not-taking", "like-this", "also-taking", "dismissed"})
CLINICIANS: frozenset[str] = frozenset({"reviewed", "changed", "stopped", "dismissed"})
_IN_WORDS: frozenset[str] = frozenset({"like-this", "changed", "dismissed"})
"""Without words these say nothing."""
SUBJECTS_MAX, AGAINST_MAX = 100, 100
SEEN_MAX, MARK_BYTES = 1500, 6
"""So many lines of a list a review tells of, each by a mark of so many bytes; what a longer one held beyond them counts
as not seen."""

Short = Annotated[str, msgspec.Meta(max_length=200)]


class Subject(Fields, frozen=True):
    """The medicine that is spoken of, said so that it is understood without the list it was read in: the row's key,
    its name, RxNorm ingredients where known, form and place of action."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    ingredients: Annotated[list[Annotated[str, msgspec.Meta(max_length=20)]], msgspec.Meta(max_length=60)] = []
    form: Short = ""
    site: Annotated[str, msgspec.Meta(max_length=20)] = ""


class Act(Fields, frozen=True):
    """One statement. `id` is random; `organisation` is the clinician's, "" for the patient; `words` are directions or
    the reason; `notice` is the id of the safety notice that is dismissed.

    `marks`: of whom the patient lets have it, and of the record versions that it contradicts (act_parts.py); `to` and
    `opened` are those of these parts that whoever holds this copy is told. Acts of former versions have them for all
    to read, in `recipients` and `against`.

    `signature` (hex) is over `act_message`: of the account credential with id `key`, or of the practitioner whose
    `credential` (core.manifests.practitioner) stands in the act; then `key` is empty. `bare` is a clinician's over the
    same act without its words: where these cannot be told, the act goes without them (`bared`).
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
    against: Annotated[list[Against], msgspec.Meta(max_length=AGAINST_MAX)] | UnsetType = UNSET
    recipients: Annotated[list[Recipient], msgspec.Meta(max_length=64)] | UnsetType = UNSET
    marks: Marks | UnsetType = UNSET
    to: list[Addressed] | UnsetType = UNSET
    opened: list[Opened] | UnsetType = UNSET
    credential: dict[str, Any] | None = None
    key: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?\Z")] = ""
    signature: Signature = ""
    bare: Signature | UnsetType = UNSET


class ActManifest(Fields, frozen=True):
    """An organisation wrote an act down: its own clinician's, or one that it was given.

    `seen`: of a review by its own clinician the marks (node/lists/marks.py) of the lines that she went through, in
    base64url. It is told to the person, and travels to nobody else with the act."""

    manifest: Literal["list-act/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    act: Act
    seen: Annotated[str, msgspec.Meta(pattern=rf"^([A-Za-z0-9_-]{{8}}){{0,{SEEN_MAX}}}\Z")] | UnsetType = UNSET


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


def may_be_bare(act: Act) -> bool:
    """Whether an act with words says something without them."""
    return act.author == "clinician" and bool(act.words.strip()) and act.kind not in _IN_WORDS


def act_message(act: Act) -> bytes:
    """What is signed (32 bytes): SHA-256("medrec/list-act/1" || canonical JSON without `signature`, `bare`, `to`,
    `opened`)."""
    value = same_for_all(act)
    del value["signature"]
    return hashlib.sha256(b"medrec/list-act/1" + codec.encode_json(value)).digest()


def same_for_all(act: Act) -> dict[str, Any]:
    """An act as JSON without what each place alone is told."""
    found: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(act, to=UNSET, opened=UNSET, bare=UNSET))
    return found


def against_of(act: Act) -> list[Against]:
    """The record versions that it contradicts, as far as this copy tells."""
    return [*(act.against or []), *(act.opened or [])]


def recipients_of(act: Act) -> set[str]:
    """Whom the patient lets have it, as far as this copy tells ("*": all that know her)."""
    return {*(act.recipients or []), *(one.organisation for one in act.to or [])}


def narrowed(act: Act, place: str) -> Act:
    """The copy for a place: with what concerns it, and without a word of the others."""
    if act.marks is UNSET:
        return act
    opened = [one for one in act.opened or [] if one.source == place]
    to = [one for one in act.to or [] if one.organisation in ("*", place)]
    return msgspec.structs.replace(act, opened=opened, to=to)


def wordless(act: Act) -> Act:
    """An act as it is signed without its words."""
    return msgspec.structs.replace(act, words="", bare=UNSET)


def bared(act: Act) -> Act | None:
    """The copy of an act without its words; None where its author signed none. Who has it alone does not see that there
    is another."""
    return msgspec.structs.replace(wordless(act), signature=act.bare) if act.bare is not UNSET else None


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
    if act.bare is not UNSET and not may_be_bare(act):
        return "bare"
    if act.kind == "dismissed" and not any(sign.isalnum() for sign in seen(act.words)):
        return "reason"
    if act.kind in ("like-this", "changed") and not says_something(act.words):
        return "directions"
    if not act.subjects and act.kind not in ("dismissed", "reviewed"):
        return "subject"
    parts = [*(act.opened or []), *(act.to or [])]
    marks = frozenset(act.marks or [])
    if any(mark_of(part) not in marks for part in parts) or (marks and (act.against or act.recipients)):
        return "marks"
    return ""
