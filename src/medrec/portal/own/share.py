"""Share now: a link to a part of the record as a QR code, how often each was opened, and a stop for each.

What is in a link is the person's own decision, taken here when she is signed in as herself; no helper takes it for her.
The text of a code is kept in memory until its page was shown once.
"""

import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from markupsafe import Markup

from medrec.node import links, paper
from medrec.node.refusals import Refusal
from medrec.portal import words
from medrec.portal.own.entries import GROUPS
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import MOUNT, Go, PageError, Visit
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN_MS = 10 * 60_000
HOUR_MS = 3_600_000
LIVES = {"hour": HOUR_MS, "day": 24 * HOUR_MS, "week": 7 * 24 * HOUR_MS, "month": 30 * 24 * HOUR_MS}
VIEWS = {"one": 1, "five": 5, "any": None}
EVERYTHING = "everything"
_lock = threading.Lock()
_made: "WeakKeyDictionary[Node, dict[str, tuple[str, int]]]" = WeakKeyDictionary()


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/share.html; the form field `share` makes a link, `stop` (hex) ends one."""
    who = whose(node, visit)
    mine = visit.session is None or visit.session.who is Who.PATIENT
    if visit.form:
        if not mine:
            raise PageError(403, "not-your-page")
        try:
            return _stop(node, visit, who) if "stop" in visit.form else _make(node, visit, who)
        except Refusal as no:
            raise PageError(no.status, no.code, no.sentence) from None
    text = _taken(node, who.account, visit.now) if mine else ""
    home = node.directory.find(node.organisation)
    return {
        "handle": who.handle,
        "mine": mine,
        "reachable": home is not None and bool(home.endpoint),
        "address": text,
        "picture": Markup(paper.qr_svg(text)) if text else "",  # noqa: S704  # made here, of what was made here
        "kinds": [(group, words.RECORD[group]) for group in GROUPS],
        "lives": list(LIVES),
        "views": list(VIEWS),
        "rows": [_row(visit, link) for link in links.of_account(node, who.account)] if _known(node, who) else [],
    }


def _known(node: "Node", who: Whose) -> bool:
    """Whether this node has anything of the person under a key of hers; before that there is no link either."""
    with node.store.read() as connection:
        return node.journal.person_of_account(connection, who.account) is not None


def _row(visit: Visit, link: links.Shared) -> dict[str, Any]:
    left = links.ATTEMPTS - link.attempts
    return {
        "id": link.id.hex(),
        "label": link.label,
        "made": visit.when(link.made),
        "until": visit.when(link.until),
        "live": link.is_live(visit.now),
        "stopped": link.stopped,
        "views": link.views,
        "views_max": link.views_max,
        "records": link.records,
        "passcode": link.passcode,
        "tries": left,
    }


def _make(node: "Node", visit: Visit, who: Whose) -> Go:
    form = visit.form
    chosen = [group for group in GROUPS if f"kind-{group}" in form]
    if not chosen and EVERYTHING not in form:
        raise PageError(400, "share-nothing")
    if form.get("life") not in LIVES or form.get("views") not in VIEWS:
        raise PageError(400, "form-unreadable")
    # Her name and date of birth always go along: a list that names nobody is of no use to a doctor.
    types = [] if EVERYTHING in form else ["Patient", *(kind for group in chosen for kind in GROUPS[group])]
    home = node.directory.find(node.organisation)
    if home is None or not home.endpoint:
        raise PageError(503, "share-no-address")
    base = home.endpoint.rstrip("/") + MOUNT
    try:
        made = links.make(
            node,
            who.account,
            f"{base}/s/",
            types=types,
            label=" ".join(form.get("label", "").split()),
            passcode=form.get("passcode", ""),
            life_ms=LIVES[form["life"]],
            views_max=VIEWS[form["views"]],
            key_id=visit.session.key if visit.session is not None and not visit.session.acting_for else b"",
        )
    except LookupError:
        raise PageError(404, "share-empty") from None
    if not made.records:
        links.stop(node, who.account, made.id)
        raise PageError(404, "share-empty")
    with _lock:
        # Behind the #, so that opening the page sends it to nobody.
        _made.setdefault(node, {})[who.account] = (f"{base}/shared#{made.text}", visit.now + SHOWN_MS)
    return Go(visit.link("share", person=who.handle), "shared")


def _stop(node: "Node", visit: Visit, who: Whose) -> Go:
    try:
        name = bytes.fromhex(visit.form["stop"])
        links.stop(node, who.account, name)
    except (ValueError, LookupError):
        raise PageError(400, "form-unreadable") from None
    return Go(visit.link("share", person=who.handle), "stopped")


def _taken(node: "Node", account: str, now: int) -> str:
    """The text of the link that was just made, once."""
    with _lock:
        text, until = _made.get(node, {}).pop(account, ("", 0))
    return text if now < until else ""
