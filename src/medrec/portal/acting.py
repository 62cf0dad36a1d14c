"""Acting for somebody else: a signed-in person, or one of a helping organisation's staff, takes up a delegation, and
loses it with the first request past its end.

Taking it up is written down for the person it is about, under both names, and so is each page that is read and each
thing that is done. What a page then lets her do is asked of the delegation each time: `require_right` before anything
is prepared, and again by the node when it is signed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from medrec.core.delegation import covers
from medrec.core.manifests.delegation import Right
from medrec.node.account import staff
from medrec.node.account.delegates import Held
from medrec.node.looks import access_log
from medrec.node.refusals import Refusal
from medrec.portal.page import File, Go, PageError
from medrec.portal.session import Session, Who

if TYPE_CHECKING:
    from medrec.node.node import Node

DOES: dict[str, Right] = {
    "fetch": "look",
    "signed": "look",
    "writing": "add",
    "mistakes": "correct",
    "answer_look": "correct",
    "dispute": "correct",
    "stop": "consent",
    "allow": "consent",
    "request": "consent",
    "choices": "consent",
    "hidden": "consent",
}
"""Which right a helper needs to send a form of a page; what is not here is the person's own. `signed` ends what was
begun on another of these."""
FOR_SOME_KINDS = frozenset({"fetch", "signed", "writing", "mistakes"})
"""Pages whose forms a helper for some kinds may send: they ask for the kind."""
ENDS: dict[str, Right] = {**DOES, "sharing": "consent", "requests": "consent"}
"""Which right was used where a deed ends on a page."""
LOOKS_TOLD = "looks_told"
"""The value by which a page says that it tells of looks this time."""
SHOWN_OF = "looks_shown_of"
"""The value by which a page of the staff says whose looks it tells of (`shown_of`)."""
LOG_PAGES = frozenset({"looked", "one_look"})
"""Pages of who looked: they say so whatever they show."""
WRITTEN_BY_NODE = frozenset({"mistakes"})
"""Pages whose deeds the node writes down itself, with the record they are about."""


def begin(node: "Node", session: Session, digest: bytes) -> Session:
    """The session after its person took up a delegation. Raises PageError."""
    held = _held(node, session, digest)
    if held is None or not covers(held.delegation, "look") or node.agent is None:
        raise PageError(403, "no-longer-helper")
    account = held.delegation.account
    name = node.agent.name_of(account)
    if name is None:
        raise PageError(403, "no-longer-helper")
    acting = session._replace(
        who=Who.DELEGATE,
        acting_for=account,
        acting_for_name=name,
        delegation=digest,
        kinds=tuple(held.delegation.types),
    )
    node.delegates.record_act(held, "look", called(held, session), name)
    return acting


def end(session: Session) -> Session:
    """The session after its person acts for herself again."""
    who = Who.HELPER if session.staff else Who.PATIENT
    return session._replace(who=who, acting_for="", acting_for_name="", delegation=b"", kinds=(), read=())


def is_current(node: "Node", session: Session) -> bool:
    """Whether the delegation that somebody acts by still holds."""
    held = _held(node, session, session.delegation)
    return held is not None and covers(held.delegation, "look")


def written_down(node: "Node", session: Session | None, page: str, shown: Any) -> Session | None:
    """Write down what a helper reads and does: each page once while she acts, and every deed that ended; and that
    somebody read who looked, for each person once while whoever reads is signed in: she herself, who acts for her, or
    one of the staff.

    `shown` is what the page answers. The session that remembers what was read, None where nothing is to be remembered.
    Raises PageError, StoreError.
    """
    if session is None:
        return None
    if isinstance(shown, Go):
        if session.acting_for and shown.done:
            note(node, session, shown.page or page, done=True)
        return None
    read = list(session.read)
    if session.subject:
        if (page in LOG_PAGES or tells_of_looks(shown)) and f"log {session.subject}" not in read:
            _log_read(node, session)
            read.append(f"log {session.subject}")
    else:
        read += _staff_read(node, session, shown_of(shown))
    if session.acting_for and page not in read:
        note(node, session, page, done=False)
        read.append(page)
    return session._replace(read=tuple(read)) if len(read) > len(session.read) else None


def tells_of_looks(shown: Any) -> bool:
    """Whether what a page answers tells of looks at the record of whoever it is about."""
    return shown.looks if isinstance(shown, File) else isinstance(shown, dict) and bool(shown.get(LOOKS_TOLD))


def shown_of(shown: Any) -> Mapping[int, int]:
    """Of whom (store ids) a page of the staff tells looks, and of how many."""
    people: Iterable[int | None]
    people = shown.people if isinstance(shown, File) else shown.get(SHOWN_OF, ()) if isinstance(shown, dict) else ()
    return Counter(one for one in people if one is not None)


def _staff_read(node: "Node", session: Session, seen: Mapping[int, int]) -> list[str]:
    """Write down of whom somebody of the staff was shown looks for the first time since she signed in; what her session
    has to remember."""
    before = frozenset(session.read)
    fresh = {person: lines for person, lines in seen.items() if f"log of {person}" not in before}
    access_log.staff_read(node, session.name, fresh)
    return [f"log of {person}" for person in fresh]


def _log_read(node: "Node", session: Session) -> None:
    """Write down that the list of who looked was read: the line comes to the person."""
    by: access_log.By = "delegate" if session.acting_for else "herself"
    lines = node.looks.count(session.subject) if node.looks is not None else 0
    access_log.write_down(node, session.subject, by, session.name, lines)


def note(node: "Node", session: Session, page: str, *, done: bool) -> None:
    """Write down that somebody read a page, or did something on it. Raises PageError if her right has just ended."""
    held = _held(node, session, session.delegation)
    if held is None:
        raise PageError(403, "no-longer-helper")
    if done and page in WRITTEN_BY_NODE:
        return
    right = ENDS.get(page, "look") if done else "look"
    subject = f"{'done' if done else 'read'}:{page}"
    node.delegates.record_act(held, right, called(held, session), session.acting_for_name, subject)


def check_form(node: "Node", session: Session, page: str) -> None:
    """Raises PageError unless a helper may send a form of this page. Whoever acts for herself may."""
    if not session.acting_for:
        return
    right = DOES.get(page)
    if right is None or (session.kinds and page not in FOR_SOME_KINDS):
        raise PageError(403, "limited-helper")
    require_right(node, session, right)


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


def called(held: Held, session: Session) -> str:
    """How the helper is called in a line: one of an organisation's staff by her own name, and the organisation's."""
    return staff.called(session.name, held.delegation.name) if session.staff else held.delegation.name


def delegate_of(node: "Node", session: Session) -> str:
    """In whose name somebody acts for another: her own account's, or her organisation's; "" for nobody's."""
    return session.account or (node.organisation if session.staff and session.key else "")


def _held(node: "Node", session: Session, digest: bytes) -> Held | None:
    delegate = delegate_of(node, session)
    try:
        held = node.delegates.find(digest)
        if held is None or not held.holds or not delegate or held.delegation.delegate != delegate:
            return None
        if session.staff and not node.delegates.acts_with(delegate, session.key):
            # Who is no longer among the staff on the ledger acts for nobody.
            return None
    except Refusal:
        return None
    if session.acting_for and held.delegation.account != session.acting_for:
        return None
    return held
