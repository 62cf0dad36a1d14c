"""Confirming with a key for those who are not at a person's own pages: a new phone, a frozen account, the staff.

It is the way of own/acts.py, with the passkey that signed in.
"""

from typing import TYPE_CHECKING

from medrec.portal.own.acts import Act, acts_of, at_the_desk
from medrec.portal.page import Go, PageError, Visit
from medrec.portal.session import Session

if TYPE_CHECKING:
    from medrec.node.node import Node

NOBODY = "nobody"


def owner(session: Session | None) -> str:
    """Whose act it is: a new key's, a member's of the staff, or a person's. Nobody's acts can be looked at alone."""
    if session is None:
        return NOBODY
    if session.case:
        return f"case {session.case.hex()}"
    return f"staff {session.staff}" if session.staff else session.account


def begin(node: "Node", visit: Visit, act: Act) -> Go:
    """Let an act of the visitor's wait for her passkey. Raises PageError where she signed in with none."""
    if visit.session is None or not visit.session.credential:
        raise PageError(403, "needs-key")
    act = act._replace(account=owner(visit.session), key=visit.session.key)
    return Go(visit.link("confirm", waiting=acts_of(node).begin(node, act)))


def show(node: "Node", visit: Visit) -> Go:
    """The signing page with a ticket of the visitor's act."""
    identifier = visit.path["waiting"]
    act = acts_of(node).find(owner(visit.session), identifier, node.clock())
    if visit.session is None or not visit.session.credential:
        raise PageError(403, "needs-key")
    return at_the_desk(node, visit, identifier, act, visit.session.credential, visit.link(act.back))
