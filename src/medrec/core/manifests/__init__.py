"""Manifests: small canonical-JSON statements of something that happened. One file a family, one line a kind.

A manifest is held by the parties, never by the ledger. Every one of them names its network, the organisation in
whose journal it stands, and its time in milliseconds.
"""

from typing import Any, NamedTuple, TypeVar

import msgspec

from medrec.core import codec
from medrec.core.manifests import access, acts, consent, delegation, dispute, inside, record, review
from medrec.core.manifests.correction import FORMS as CORRECTIONS
from medrec.core.manifests.desk import FORMS as DESK
from medrec.core.manifests.emergency import FORMS as EMERGENCIES
from medrec.core.manifests.erasure import FORMS as ERASURES
from medrec.core.manifests.guardians import GuardiansManifest
from medrec.core.types import Fields

Made = TypeVar("Made", bound=Fields)


class ManifestError(ValueError):
    """The bytes are not a manifest of a known kind; the message says why."""


class UnwritableError(Exception):
    """What was to be stated is longer than its form allows, or otherwise what nobody could read: nothing is written."""


FORMS: dict[str, type[Fields]] = {
    "record/1": record.RecordManifest,
    "link/1": record.LinkManifest,
    "consent/1": consent.ConsentManifest,
    "consent/2": consent.FhirConsentManifest,
    **EMERGENCIES,
    **CORRECTIONS,
    **ERASURES,
    **DESK,
    "revocation/1": consent.RevocationManifest,
    "disclosure/1": access.DisclosureManifest,
    "disclosure-received/1": access.ReceivedManifest,
    "owed-denied/1": access.OwedDeniedManifest,
    "refusal/1": access.RefusalManifest,
    "call-refused/1": access.CallRefusedManifest,
    "delegation/1": delegation.DelegationManifest,
    "delegation-end/1": delegation.DelegationEndManifest,
    "delegation-rest/1": delegation.DelegationRestManifest,
    "guardians/1": GuardiansManifest,
    "acting/1": delegation.ActingManifest,
    "share/1": delegation.ShareManifest,
    "log-read/1": access.LogReadManifest,
    "dispute/1": dispute.DisputeManifest,
    "dispute-answer/1": dispute.DisputeAnswerManifest,
    "dispute-answered/1": dispute.DisputeAnsweredManifest,
    "list-act/1": acts.ActManifest,
    "list-act-ended/1": acts.ActEndedManifest,
    "own-look/1": inside.OwnLookManifest,
    "look-review/1": review.LookReviewManifest,
}


class Written(NamedTuple):
    """What decisions rest on, and its canonical bytes: most of what a disclosure says, and the same in each of them
    until a consent or a rule changes."""

    basis: access.Basis
    data: bytes


def encode(manifest: Fields, basis: Written | None = None) -> bytes:
    """The canonical bytes of a manifest: such as everybody can decode. Raises UnwritableError.

    With a `basis` that was written before, the manifest has none of its own. A line that cannot be read settles what is
    owed all the same, and nobody is ever told what it says.
    """
    value = msgspec.to_builtins(manifest)
    try:
        read(value)
        if basis is None:
            return codec.encode_json(value)
        if value.pop("basis", basis) is not None:
            raise ManifestError("it has a basis of its own, or no place for one")
        return codec.encode_json_around(value, "basis", basis.data)
    except (ManifestError, codec.CodecError) as error:
        raise UnwritableError(str(error)) from None


def written(basis: access.Basis) -> Written:
    """A basis with its bytes, for `encode`. Raises UnwritableError."""
    value = msgspec.to_builtins(basis)
    made(value, access.Basis)
    try:
        return Written(basis, codec.encode_json(value))
    except codec.CodecError as error:
        raise UnwritableError(str(error)) from None


def made(fields: dict[str, object], form: type[Made]) -> Made:
    """What is to be signed or asked, from its fields. Raises UnwritableError for what nobody would read."""
    try:
        return msgspec.convert(fields, form)
    except msgspec.ValidationError as error:
        raise UnwritableError(str(error)) from None


def decode(data: bytes) -> Fields:
    """The manifest in these canonical bytes, in its strict form. Raises ManifestError."""
    try:
        value = codec.decode_json(data)
    except codec.CodecError as error:
        raise ManifestError(f"the manifest is not canonical JSON: {error}") from None
    return read(value)


def read(value: Any) -> Fields:
    """The manifest in a decoded value. Raises ManifestError."""
    kind = value.get("manifest") if isinstance(value, dict) else None
    form = FORMS.get(kind) if isinstance(kind, str) else None
    if form is None:
        raise ManifestError(f"no manifest kind is called {kind!r}; known are {', '.join(FORMS)}")
    try:
        manifest: Fields = msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        raise ManifestError(f"the manifest of kind {kind} is not readable: {error}") from None
    return manifest
