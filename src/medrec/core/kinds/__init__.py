"""The kinds of transactions: one file a family, one line a kind."""

from collections.abc import Callable
from typing import NamedTuple

from medrec.core.kinds import account, anchor, freezing, governance, organisation, recovery
from medrec.core.types import Transaction
from medrec.core.view import Draft

ORGANISATION, ACCOUNT, OPENING = "organisation", "account", "opening"
# An account even while it is frozen; an organisation or an account; the key of a paper code; the key that is to come.
HELD, EITHER, PAPER, COMING = "held", "either", "paper", "coming"


class Kind(NamedTuple):
    """Who may make it (see the names above) and its rule."""

    author: str
    rule: Callable[[Draft, Transaction, int, int], None]


KINDS: dict[str, Kind] = {
    "anchor": Kind(ORGANISATION, anchor.anchor),
    "organisation/rotate": Kind(ORGANISATION, organisation.rotate),
    "organisation/describe": Kind(ORGANISATION, organisation.describe),
    "organisation/leave": Kind(ORGANISATION, organisation.leave),
    "governance/propose": Kind(ORGANISATION, governance.propose),
    "governance/vote": Kind(ORGANISATION, governance.vote),
    "account/create": Kind(OPENING, account.create),
    "account/credential-add": Kind(ACCOUNT, account.credential_add),
    "account/credential-remove": Kind(ACCOUNT, account.credential_remove),
    "account/doors": Kind(ACCOUNT, recovery.set_doors),
    "account/freeze": Kind(EITHER, freezing.freeze),
    "account/unfreeze": Kind(EITHER, freezing.unfreeze),
    "recovery/by-paper": Kind(PAPER, recovery.by_paper),
    "recovery/by-guardian": Kind(EITHER, recovery.by_guardian),
    "recovery/by-clinic": Kind(ORGANISATION, recovery.by_clinic),
    "recovery/veto": Kind(HELD, recovery.veto),
    "recovery/stop": Kind(EITHER, recovery.stop),
    "recovery/finish": Kind(COMING, recovery.finish),
    "organisation/staff": Kind(ORGANISATION, recovery.set_staff),
}
