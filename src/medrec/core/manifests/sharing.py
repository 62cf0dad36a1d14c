"""A person hands out part of her record by a link: made, opened, tried in vain, stopped."""

from typing import Annotated, Literal

import msgspec

from medrec.core.manifests.record import FhirId, FhirType, Hex16, Hex32
from medrec.core.types import Count, Fields, OrganisationId, TimeMs


class SharedRecord(Fields, frozen=True, omit_defaults=True):
    """One record in a link. Statements from before have its canonical hash; it outlived the record, so it is no longer
    written."""

    type: FhirType
    id: FhirId
    sha256: Hex32 | None = None


class ShareManifest(Fields, frozen=True):
    """What happened to a link of a person's own; `link` names it (never its address).

    `made` lists the records in it and when it ends; `opened` has `recipient`, who the opener said to be: a claim.
    `id` is random: two equal tries are two statements.
    """

    manifest: Literal["share/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    action: Literal["made", "opened", "refused", "stopped"]
    link: Hex16
    id: Hex16
    recipient: Annotated[str, msgspec.Meta(max_length=200)]
    records: list[SharedRecord]
    until: TimeMs
    views: Count
