"""Whose page it is: the person in the address, and that the visitor may read about her."""

from typing import TYPE_CHECKING, NamedTuple

from medrec.portal.page import PageError, Visit, names
from medrec.portal.people import account_of
from medrec.portal.session import require_subject

if TYPE_CHECKING:
    from medrec.node.node import Node


class Whose(NamedTuple):
    """The person of a page: account, name, what stands for her in addresses, and the names of organisations."""

    account: str
    name: str
    handle: str
    known: dict[str, str]

    def place(self, organisation: str) -> str:
        """The name of an organisation."""
        return self.known.get(organisation, organisation)


def whose(node: "Node", visit: Visit, *, heeds_kinds: bool = False) -> Whose:
    """The person of this visit. Raises PageError for anybody who may not read about her.

    A page that heeds kinds shows nothing but `kinds_of(visit)`.
    """
    account = account_of(node, visit.path["person"])
    require_subject(visit, account, heeds_kinds=heeds_kinds)
    assert node.agent is not None
    name = node.agent.name_of(account)
    if name is None:
        raise PageError(404, "unknown-person")
    return Whose(account, name, visit.path["person"], names(node))


def kinds_of(visit: Visit) -> tuple[str, ...]:
    """The FHIR types that a helper is limited to; none: every type."""
    return visit.session.kinds if visit.session is not None else ()
