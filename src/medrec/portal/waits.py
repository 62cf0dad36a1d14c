"""What a page of a record lacks: what it waits for, since when, and how to look again; and which place fails, and why.
No page holds a visitor up until all is there.

A page that waits asks for itself anew, by its script or, without one, by a refresh; either way it says that nobody
touched anything (session.py). The address of "look again" is that of the page.
"""

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from medrec.portal import render, words
from medrec.portal.own import record
from medrec.portal.own.whose import kinds_of, whose
from medrec.portal.page import Visit, names
from medrec.portal.people import account_of
from medrec.portal.session import BY_ITSELF

if TYPE_CHECKING:
    from medrec.node.node import Node


class Waits(NamedTuple):
    """What a page says while it waits: one sentence, its own address, and the one that counts as nobody's touch."""

    sentence: Markup
    again: str
    by_itself: str


def waits(visit: Visit, sentence: Markup) -> Waits:
    """The page of this visit waits for what the sentence says."""
    kept = {name: value for name, value in visit.query.items() if name not in ("done", BY_ITSELF)}
    return Waits(sentence, "?" + urlencode(kept), "?" + urlencode({**kept, BY_ITSELF: "1"}))


def for_readings(node: "Node", visit: Visit) -> Waits | None:
    """What a page of a person's record waits for: places that her agent is reading at. A helper for some kinds is told
    no place: it would be a trace."""
    if node.copies is None or node.copies.idle:
        return None
    reading = node.copies.under_way(account_of(node, visit.path["person"]))
    if reading is None:
        return None
    known = names(node)
    places = render.listed([known.get(place, place) for place in reading.waiting])
    text = "reading_some" if kinds_of(visit) else "reading" if reading.waiting else "reading_last"
    return waits(visit, render.say(words.WAITS[text], when=visit.when(reading.since), places=places))


def failures(node: "Node", visit: Visit) -> list[dict[str, Any]]:
    """The places that could not be read when they were asked last: what is shown of them may be old, or missing. To a
    helper for some kinds it is said of no place."""
    who = whose(node, visit, heeds_kinds=True)
    found = [place for place in record.places(node, visit, who) if place["state"] == "failed"]
    if not kinds_of(visit):
        return [{"said": render.say(words.HOME["failed"], place=one["name"]), "reason": one["reason"]} for one in found]
    return [{"said": words.WAITS["not_all"], "reason": ""}] if found else []
