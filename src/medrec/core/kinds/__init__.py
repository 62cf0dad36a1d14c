"""The kinds of transactions: one file a family, one line a kind."""

from collections.abc import Callable
from typing import NamedTuple

from medrec.core.kinds import account, anchor, governance, organisation
from medrec.core.types import Transaction
from medrec.core.view import Draft

ORGANISATION, ACCOUNT, OPENING = "organisation", "account", "opening"


class Kind(NamedTuple):
    """Who may make it (an organisation, an account, or a key opening its account) and its rule."""

    author: str
    rule: Callable[[Draft, Transaction, int, int], None]


KINDS: dict[str, Kind] = {
    "anchor": Kind(ORGANISATION, anchor.anchor),
    "organisation/rotate": Kind(ORGANISATION, organisation.rotate),
    "organisation/describe": Kind(ORGANISATION, organisation.describe),
    "governance/propose": Kind(ORGANISATION, governance.propose),
    "governance/vote": Kind(ORGANISATION, governance.vote),
    "account/create": Kind(OPENING, account.create),
    "account/credential-add": Kind(ACCOUNT, account.credential_add),
    "account/credential-remove": Kind(ACCOUNT, account.credential_remove),
}
