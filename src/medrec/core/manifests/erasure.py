"""Something was erased: what, on what ground, and what of it still stands on the ledger, which tells nothing of it."""

from typing import Annotated, Literal

import msgspec

from medrec.core.manifests.record import FhirId, FhirType, Hex32
from medrec.core.types import Count, Fields, OrganisationId, TimeMs

Ground = Literal["patient-request", "retention-over", "unlawful", "entered-in-error", "court-order"]
ENTRIES_MAX = 10_000


class Erased(Fields, frozen=True):
    """One record of which nothing is left."""

    type: FhirType
    id: FhirId


class ErasureManifest(Fields, frozen=True):
    """The organisation has destroyed salts, manifests and keys.

    scope `record`: of `record`; `person`: all that it held of the person. `lines` counts the journal lines whose
    manifests are gone, `entries` are the SHA-256 of what the ledger holds of them (the first 10,000): whoever has one
    of these entries can see that it is meant, and nobody can match it to anything any more.
    """

    manifest: Literal["erasure/1"]
    network: Hex32
    organisation: OrganisationId
    account: str | None
    time: TimeMs
    scope: Literal["record", "person"]
    record: Erased | None
    ground: Ground
    words: Annotated[str, msgspec.Meta(max_length=1000)]
    lines: Count
    entries: Annotated[list[Hex32], msgspec.Meta(max_length=ENTRIES_MAX)]


FORMS: dict[str, type[Fields]] = {"erasure/1": ErasureManifest}
