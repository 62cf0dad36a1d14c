"""Confirming with a key for those who are not at a person's own pages: a new phone, a frozen account, the staff.

It is the way of own/acts.py, with the passkey that signed in.
"""

from typing import TYPE_CHECKING

from medrec.portal.own.acts import Act, acts_of, at_the_desk
from medrec.portal.page import Go, PageError, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

NOBODY = "nobody"


def begin(node: "Node", visit: Visit, act: Act) -> Go:
    """Let an act of the visitor's wait for her passkey. Raises PageError where she signed in with none."""
    if visit.session is None or not visit.session.credential:
        raise PageError(403, "needs-key")
    act = act._replace(account=visit.session.owner, key=visit.session.key)
    return Go(visit.link("confirm", waiting=acts_of(node).begin(node, act)))


def show(node: "Node", visit: Visit) -> Go:
    """The signing page with a ticket of the visitor's act."""
    identifier = visit.path["waiting"]
    owner = visit.session.owner if visit.session is not None else NOBODY
    act = acts_of(node).find(owner, identifier, node.clock())
    if visit.session is None or not visit.session.credential:
        raise PageError(403, "needs-key")
    return at_the_desk(node, visit, identifier, act, visit.session.credential, visit.link(act.back))
