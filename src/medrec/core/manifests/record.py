"""Record: an organisation signed a version of a record. Link: it tied a local patient to an account."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from medrec.core.types import Count, Fields, OrganisationId, TimeMs

Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}\\Z")]
Hex16 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}\\Z")]
FhirType = Annotated[str, msgspec.Meta(pattern="^[A-Z][A-Za-z]{1,63}\\Z")]
FhirId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\-.]{1,64}\Z")]


class RecordVersion(Fields, frozen=True):
    """One version of one record.

    `sha256` covers the canonical bytes under the form named by `form`; it is null for a deletion. `previous` is the
    SHA-256 of the manifest of the version before, null for the first.

    `said` is a mark of what the record says to who reads it (`records/saying.py`), under a key that its organisation
    alone has. Two versions with one mark say the same; it tells nobody what. It is left out of a deletion, of a record
    that is about nobody, and of statements from before there were marks.
    """

    type: FhirType
    id: FhirId
    version: Annotated[int, msgspec.Meta(ge=1)]
    action: Literal["create", "update", "delete"]
    form: str
    sha256: Hex32 | None
    previous: Hex32 | None
    labels: list[str] = []
    said: Hex32 | UnsetType = UNSET

    def says_otherwise(self, former: "RecordVersion") -> bool:
        """Whether it says something else to who reads it than a former version, as far as both say."""
        if self.said is UNSET or former.said is UNSET:
            return self.sha256 != former.sha256
        return self.said != former.said


class RecordManifest(Fields, frozen=True):
    """An organisation's statement about a record version. `account` is null while the person has none."""

    manifest: Literal["record/1"]
    network: Hex32
    organisation: OrganisationId
    account: str | None
    time: TimeMs
    record: RecordVersion
    signed: list[dict[str, Any]] = []


class LinkManifest(Fields, frozen=True):
    """An organisation ties its local patient to an account, or unties it; `lines` counts what came before.

    `chart` is "further" where the account is linked there by another chart of the same person, whose link stands: this
    one is made and ended by itself. It is left out of the link by which a place knows somebody at all.
    """

    manifest: Literal["link/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    action: Literal["link", "unlink"]
    agent: OrganisationId
    lines: Count
    chart: Literal["further"] | UnsetType = UNSET
