"""A privacy officer read a look and says what came of it."""

from typing import Annotated, Literal

import msgspec

from medrec.core.manifests.record import Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

LookOutcome = Literal["fine", "asked", "wrong"]
"""fine: there is nothing to it; asked: whoever looked has to explain it; wrong: it should not have been."""


class LookReviewManifest(Fields, frozen=True):
    """What an officer found about a look (`look`: SHA-256 of the disclosure's or refusal's manifest).

    One that is `wrong` goes to the person as well; every one stays in the journal, the earlier beside the later.
    """

    manifest: Literal["look-review/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    look: Hex32
    outcome: LookOutcome
    officer: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    words: Annotated[str, msgspec.Meta(max_length=1000)]
