"""Share now: a link to a part of the record as a QR code, how often each was opened, and a stop for each.

What is in a link is the person's own decision, signed with her key each time; no helper takes it for her. The text of
a code is shown once (once.py).
"""

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.node.account import devices, paper
from medrec.node.agent import links
from medrec.node.refusals import Refusal
from medrec.portal import render, words
from medrec.portal.own.account_act import ask_key
from medrec.portal.own.acts import Act, Part, begun, signer
from medrec.portal.own.entries import GROUPS
from medrec.portal.own.once import Once
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import MOUNT, Go, PageError, Visit
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node

HOUR_MS = 3_600_000
LIVES = {"hour": HOUR_MS, "day": 24 * HOUR_MS, "week": 7 * 24 * HOUR_MS, "month": 30 * 24 * HOUR_MS}
VIEWS = {"one": 1, "five": 5, "any": None}
EVERYTHING = "everything"
_made: Once[str] = Once()


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
    text = (_made.take(node, visit) or "") if mine else ""
    home = node.directory.find(node.organisation)
    return {
        "handle": who.handle,
        "mine": mine,
        "may_sign": ask_key(node, visit, who),
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
    types = () if EVERYTHING in form else ("Patient", *(kind for group in chosen for kind in GROUPS[group]))
    home = node.directory.find(node.organisation)
    if home is None or not home.endpoint:
        raise PageError(503, "share-no-address")
    if LIVES[form["life"]] > links.OPEN_LIFE_MS_MAX and not form.get("passcode"):
        raise PageError(400, "share-passcode")
    if not links.count(node, who.account, types):
        raise PageError(404, "share-empty")
    signs, now = signer(node, visit, who), node.clock()
    label = " ".join(form.get("label", "").split())[: links.LABEL_LENGTH_MAX]
    until, views = now + LIVES[form["life"]], VIEWS[form["views"]]
    wanted = links.Wanted(node.vault.random(links.NAME_BYTES), types, label, form.get("passcode", ""), until, views)
    statement = links.statement(node, who.account, wanted, now, signs.key)
    base = home.endpoint.rstrip("/") + MOUNT

    def finish(packed: bytes) -> None:
        devices.check_signed(node, who.account, signs.key, links.sharing_message(statement), packed)
        made = links.make(node, who.account, f"{base}/s/", wanted, signs.key)
        # Behind the #, so that opening the page sends it to nobody.
        _made.keep(node, visit, f"{base}/shared#{made.text}")

    kinds = [words.SHARE["everything"]] if EVERYTHING in form else [words.RECORD[group] for group in chosen]
    told = [
        render.say(words.SHARE["sign"], kinds=render.listed(kinds)),
        render.say(words.SHARE["ends"], when=visit.when(wanted.until)),
        render.say(words.SHARE["guarded" if wanted.passcode else "sign_open"]),
    ]
    part = Part("medrec/sharing/1", statement, links.sharing_message(statement), finish)
    act = Act(who.account, told, [], (part,), signs.key, "share", "shared")
    return begun(node, visit, who, act)


def _stop(node: "Node", visit: Visit, who: Whose) -> Go:
    try:
        name = bytes.fromhex(visit.form["stop"])
        links.stop(node, who.account, name)
    except (ValueError, LookupError):
        raise PageError(400, "form-unreadable") from None
    return Go(visit.link("share", person=who.handle), "stopped")
