"""What a page waits for: since when, for whom, and how to look again. No page holds a visitor up until all is there.

A page that waits asks for itself anew, by its script or, without one, by a refresh; either way it says that nobody
touched anything (session.py). The address of "look again" is that of the page.
"""

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from medrec.portal import render, words
from medrec.portal.own.whose import kinds_of
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
    account = account_of(node, visit.path["person"])
    reading = node.copies.under_way(account) if node.copies is not None else None
    if reading is None:
        return None
    known = names(node)
    places = render.listed([known.get(place, place) for place in reading.waiting])
    text = "reading_some" if kinds_of(visit) else "reading" if reading.waiting else "reading_last"
    return waits(visit, render.say(words.WAITS[text], when=visit.when(reading.since), places=places))
