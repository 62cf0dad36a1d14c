"""Somebody of an organisation opened a person's screen in the house itself."""

from typing import Literal

from medrec.core.manifests.access import Request
from medrec.core.manifests.record import Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs


class OwnLookManifest(Fields, frozen=True):
    """A look inside the house: nothing travelled, and the person is told all the same.

    `request.requester` is the organisation itself; its purpose and reason are those that the practitioner gave.
    """

    manifest: Literal["own-look/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    request: Request
