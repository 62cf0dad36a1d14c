"""Acting for somebody else: a signed-in person takes up a delegation, and loses it with the first request past its end.

Taking it up is written down for the person it is about, under both names. What a page then lets her do is asked of the
delegation each time: `require_right` before anything is prepared, and again by the node when it is signed.
"""

from typing import TYPE_CHECKING

from medrec.core.delegation import covers
from medrec.core.manifests.delegation import Right
from medrec.node.delegates import Held
from medrec.node.refusals import Refusal
from medrec.portal.page import PageError
from medrec.portal.session import Session, Who

if TYPE_CHECKING:
    from medrec.node.node import Node


def begin(node: "Node", session: Session, digest: bytes) -> Session:
    """The session after its person took up a delegation. Raises PageError."""
    held = _held(node, session, digest)
    if held is None or not covers(held.delegation, "look") or node.agent is None:
        raise PageError(403, "no-longer-helper")
    account = held.delegation.account
    name = next((name for served, name in node.agent.clients() if served == account), None)
    if name is None:
        raise PageError(403, "no-longer-helper")
    acting = session._replace(
        who=Who.DELEGATE,
        acting_for=account,
        acting_for_name=name,
        delegation=digest,
        kinds=tuple(held.delegation.types),
    )
    node.delegates.record_act(held, "look", held.delegation.name, name)
    return acting


def end(session: Session) -> Session:
    """The session after its person acts for herself again."""
    return session._replace(who=Who.PATIENT, acting_for="", acting_for_name="", delegation=b"", kinds=())


def is_current(node: "Node", session: Session) -> bool:
    """Whether the delegation that somebody acts by still holds."""
    held = _held(node, session, session.delegation)
    return held is not None and covers(held.delegation, "look")


def require_right(node: "Node", session: Session, right: Right, kind: str = "") -> Held | None:
    """What lets the session do this for its subject: a delegation, or None where it is about herself.

    Raises PageError 403.
    """
    if not session.acting_for:
        return None
    held = _held(node, session, session.delegation)
    if held is None or not covers(held.delegation, right, kind):
        raise PageError(403, "no-longer-helper")
    return held


def _held(node: "Node", session: Session, digest: bytes) -> Held | None:
    try:
        held = node.delegates.find(digest)
    except Refusal:
        return None
    if held is None or not held.holds or not session.account or held.delegation.delegate != session.account:
        return None
    if session.acting_for and held.delegation.account != session.acting_for:
        return None
    return held
