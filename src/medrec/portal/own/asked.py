"""Requests: who asks, for what, why and how long; yes, less, or no."""

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from medrec.core.consent.plain import KINDS, PURPOSES, TOPICS, Party, Plain
from medrec.node.looks.disputing import organisations
from medrec.node.notify import asking
from medrec.node.notify.asking import Waiting
from medrec.portal import render, words
from medrec.portal.own import allow
from medrec.portal.own.charts import moment
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit, paged

if TYPE_CHECKING:
    from medrec.node.node import Node

DAY_MS = 86_400_000
LINES = 20


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/requests.html."""
    who = whose(node, visit)
    asked = sorted(asking.waiting(node, who.account), key=lambda one: bool(one.answer))
    shown, pages = paged(visit, asked, LINES)
    rows = [row_of(visit, who, one) for one in shown]
    return {
        "handle": who.handle,
        "waiting": [row for row in rows if not row["answer"]],
        "over": [row for row in rows if row["answer"]],
        "pager": pages,
    }


def row_of(visit: Visit, who: Whose, one: Waiting) -> dict[str, Any]:
    """A request as it is shown."""
    asked = one.asking
    place = who.place(asked.requester)
    name = render.say(words.LOOKS["person_of"], person=asked.practitioner, organisation=place)
    return {
        "who": name if asked.practitioner.strip() else render.foreign(place),
        "when": render.say(words.ASKED["came"], when=visit.when(one.time)),
        "purpose": words.POLICY_PURPOSES.get(asked.purpose, asked.purpose),
        "kinds": [words.POLICY_KINDS[kind] for kind in asked.kinds if kind in KINDS],
        "days": render.say(words.ASKED["days"], count=asked.days),
        "note": asked.note,
        "answer": one.answer,
        "link": visit.link("request", person=who.handle, request=one.id.hex()),
    }


def show_one(node: "Node", visit: Visit) -> Any:
    """The values of own/request.html; the form field `answer` says yes or no."""
    who = whose(node, visit)
    one = _find(node, visit, who)
    answer = visit.form.get("answer")
    if answer == "no":
        asking.keep_answer(node, who.account, one.id, "no")
        return Go(visit.link("requests", person=who.handle), "refused")
    if answer == "yes":
        places = [name for name in organisations(node, who.account) if name != one.asking.requester]
        after = partial(asking.keep_answer, node, who.account, one.id, "yes")
        return allow.propose(node, visit, who, wanted(node, who, one), places, "requests", after=after)
    row = row_of(visit, who, one)
    less = (
        visit.link("allow", person=who.handle) + "?" + urlencode({"to": one.asking.requester, "request": one.id.hex()})
    )
    return {"handle": who.handle, "row": row, "less": less, "here": row["link"]}


def wanted(node: "Node", who: Whose, one: Waiting) -> Plain:
    """The sentence that a yes to the whole request signs."""
    asked = one.asking
    until = moment(node.clock() + asked.days * DAY_MS).date().isoformat()
    purposes = [asked.purpose] if asked.purpose in PURPOSES and asked.purpose != "care" else []
    return Plain(
        "share",
        [Party(asked.requester, name=who.place(asked.requester)[:100])],
        [kind for kind in asked.kinds if kind in KINDS],
        but_not=[topic for topic in asked.but_not if topic in TOPICS],
        purposes=purposes,
        until=until,
    )


def _find(node: "Node", visit: Visit, who: Whose) -> Waiting:
    try:
        found = asking.find(node, who.account, bytes.fromhex(visit.path["request"]))
    except ValueError:
        found = None
    if found is None:
        raise PageError(404, "unknown-request")
    return found
