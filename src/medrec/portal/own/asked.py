"""Requests: who asks, for what, why and how long; yes, less, or no."""

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from medrec.core.consent.plain import KINDS, TOPICS
from medrec.node.notify import asking
from medrec.node.notify.asking import Waiting
from medrec.portal import render, words
from medrec.portal.own import allow
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit, paged

if TYPE_CHECKING:
    from medrec.node.node import Node

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
        # What a yes would sign (allow.whole_of).
        "purpose": words.POLICY_PURPOSES.get(asked.purpose, words.POLICY_PURPOSES["care"]),
        "kinds": [words.POLICY_KINDS[kind] for kind in asked.kinds if kind in KINDS],
        "but_not": [words.POLICY_TOPICS[topic] for topic in asked.but_not if topic in TOPICS],
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
        whole = allow.whole_of(node, who, one)
        after = partial(asking.keep_answer, node, who.account, one.id, "yes")
        return allow.propose(node, visit, who, whole.wanted, whole.places, "requests", after=after)
    row = row_of(visit, who, one)
    less = visit.link("allow", person=who.handle) + "?" + urlencode({"request": one.id.hex()})
    return {"handle": who.handle, "row": row, "less": less, "here": row["link"]}


def _find(node: "Node", visit: Visit, who: Whose) -> Waiting:
    try:
        found = asking.find(node, who.account, bytes.fromhex(visit.path["request"]))
    except ValueError:
        found = None
    if found is None:
        raise PageError(404, "unknown-request")
    return found
