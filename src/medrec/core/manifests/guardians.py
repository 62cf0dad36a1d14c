"""What an agent writes down of the guardians whom a person chose: that she did. Who they are stands in the summary."""

from typing import Literal

from medrec.core.manifests.record import Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs


class GuardiansManifest(Fields, frozen=True):
    """A person chose the guardians behind `commitment`, which stands on the ledger under her account."""

    manifest: Literal["guardians/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    commitment: Hex32
