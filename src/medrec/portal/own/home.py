"""Home: what needs an answer, where to go, what is new."""

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.node.account import recovery
from medrec.node.agent import bringing
from medrec.node.notify import asking
from medrec.portal import person, render, words
from medrec.portal.acting import LOOKS_TOLD
from medrec.portal.own import aftermath, moving
from medrec.portal.own.looked import rows_of
from medrec.portal.own.whose import Whose, kinds_of, whose
from medrec.portal.page import Go, Visit
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node

NEW_SHOWN, QUESTIONS_SHOWN = 5, 3


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/home.html; whoever came back with a new key looks through what was given before that first."""
    who = whose(node, visit, heeds_kinds=True)
    if kinds_of(visit):
        return _for_some_kinds(visit, who)
    if visit.session is not None and visit.session.who is Who.PATIENT and aftermath.waiting(node, visit, who):
        return Go(visit.link("aftermath", person=who.handle))
    assert node.looks is not None
    node.tell_of_looks()
    looks = node.looks.questions(who.account, QUESTIONS_SHOWN)
    waiting = node.looks.count(who.account, unanswered=True)
    consents = person.consents(node, visit, who.known, who.account)
    kept = sum(reading.records for reading in node.copies.readings(who.account)) if node.copies else 0
    news = person.read(node, who.account, person.NEWS, NEW_SHOWN)
    acting = visit.session is not None and bool(visit.session.acting_for)
    return {
        "some_kinds": "",
        "person": who.name,
        "acting": acting,
        "handle": who.handle,
        "questions": rows_of(node, visit, who, looks),
        LOOKS_TOLD: bool(looks),
        "questions_more": waiting - len(looks) if waiting > len(looks) else 0,
        "asks": sum(not one.answer for one in asking.waiting(node, who.account)),
        "missing": person.missing(node, visit, who.known, who.account),
        "undone": person.undone(node, visit, who.known, who.account),
        "late": sum(consent["state"] == "late" for consent in consents),
        "untold": _untold(node, who) if not acting else "",
        "lost": not acting and recovery.guardians_lost(node, who.account),
        "news": [person.news(node, visit, who.known, notice) for notice in news],
        "tiles": [
            _tile(visit, who.handle, "record", "record", words.HOME["record_more"], kept),
            _tile(visit, who.handle, "lists", "pill", words.HOME["lists_more"]),
            _tile(visit, who.handle, "looked", "look", words.HOME["looked_more"], node.looks.count(who.account)),
            _tile(visit, who.handle, "sharing", "key", words.HOME["sharing_more"], _active(consents)),
            _tile(visit, who.handle, "card", "card", words.HOME["card_more"]),
            _tile(visit, who.handle, "more", "more", words.HOME["more_more"]),
        ],
    }


def _for_some_kinds(visit: Visit, who: Whose) -> dict[str, Any]:
    """Home of a helper for some kinds: the way to these, and nothing of what else there is."""
    return {
        "person": who.name,
        "acting": True,
        "handle": who.handle,
        "questions": [],
        "questions_more": 0,
        "asks": 0,
        "late": 0,
        "missing": [],
        "undone": [],
        "untold": "",
        "lost": False,
        "news": [],
        "some_kinds": render.listed([words.record_types(kind) for kind in kinds_of(visit)]),
        "tiles": [
            _tile(visit, who.handle, "record", "record", words.HOME["record_more"]),
            _tile(visit, who.handle, "lists", "pill", words.HOME["lists_more"]),
            _tile(visit, who.handle, "more", "more", words.HOME["more_more"]),
        ],
    }


def _untold(node: "Node", who: Whose) -> Markup:
    """The places that do not know yet that this agent serves her, or what else she signed for them."""
    waiting = sorted({*bringing.unheard(node, who.account), *moving.untold(node, who.account)})
    return render.listed([who.place(place) for place in waiting])


def _active(consents: list[dict[str, Any]]) -> int:
    return sum(consent["state"] == "active" for consent in consents)


def _tile(visit: Visit, handle: str, name: str, icon: str, more: Any, count: int | None = None) -> dict[str, Any]:
    told = more if count is None or more is None else render.say(more, count=count)
    return {"link": visit.link(name, person=handle), "icon": icon, "name": words.NAMES[name], "more": told}
