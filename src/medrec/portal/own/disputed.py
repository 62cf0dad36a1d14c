"""What a dispute of hers stops: said beside what she allows to whom she disputes a look of, with the way to settle it.

Told to her alone: a helper may see what she allows, and not whom she asks why.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from medrec.node.looks import stopped
from medrec.portal import render, words
from medrec.portal.own.looked import disputable
from medrec.portal.own.whose import Whose
from medrec.portal.page import Visit
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node

LOOKS_MAX = 500
"""Among so many of her newest looks the one is looked for on whose page the dispute is settled."""


class Stopped(NamedTuple):
    """What stops a yes, in a sentence, and the page on which that is settled."""

    sentence: Markup
    link: str


def stops(node: "Node", visit: Visit, account: str) -> frozenset[str]:
    """The organisations that a dispute of hers keeps everything from, as it may be told to this visitor."""
    herself = visit.session is None or visit.session.who is Who.PATIENT
    return stopped.by_her(node, account) if herself else frozenset()


def said(node: "Node", visit: Visit, who: Whose, found: Collection[str], houses: Collection[str]) -> Stopped | None:
    """What of `found` (`stops`) stops a yes to these organisations, or to all (none); None for nothing."""
    places = [place for place in sorted(found) if not houses or place in houses]
    if not places:
        return None
    sentence = render.say(words.SHARING["stopped"], places=render.listed([who.place(place) for place in places]))
    newest = node.looks.page(who.account, "all", LOOKS_MAX, 0) if node.looks is not None else []
    look = next((one for one in newest if one.requester in places and disputable(one)), None)
    way = visit.link("looked", person=who.handle)
    if look is not None:
        way = visit.link("one_look", person=who.handle, pair=look.pair.hex())
    return Stopped(sentence, way)
