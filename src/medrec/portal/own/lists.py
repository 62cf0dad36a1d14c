"""The person's own screen of her one list: what for, how to take, from whom, and one tap to the proof."""

from typing import TYPE_CHECKING, Any

from medrec.node.lists import hearing
from medrec.portal import lists, mending
from medrec.portal.list_folds import asked
from medrec.portal.own.whose import kinds_of, whose
from medrec.portal.page import Visit
from medrec.portal.saying import hearers
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/lists.html."""
    who, kinds = whose(node, visit, heeds_kinds=True), kinds_of(visit)
    tags = node.lists.tags(who.account)

    def proof(manifest: str) -> str | None:
        tag = tags.get(manifest)
        return visit.link("line", person=who.handle, tag=tag) if tag is not None else None

    mine = visit.session is not None and visit.session.who is Who.PATIENT and bool(visit.session.key)
    shown = node.lists.of_kinds(who.account, kinds) if kinds else node.lists.of(who.account)
    places = hearers(node, who.account) if mine and not kinds else []
    return {
        "may_say": mine,
        "handle": who.handle,
        "places": [{"id": name, "name": who.place(name)} for name in places],
        "reached": hearing.reached_by_row(node, who.account, shown.read.medicines, places, visit.now) if mine else {},
        "asked": [] if kinds else mending.asked(node, visit, who.account, who.place),
        "lists": lists.values(
            visit, shown, who.place, proof, fold=asked(visit.query), here=visit.link("lists", person=who.handle)
        ),
    }
