"""The person's own screen of her one list: what for, how to take, from whom, and one tap to the proof."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from medrec.core.manifests.record import RecordManifest
from medrec.core.matching import Demographics
from medrec.core.reconcile.rows import MedicineRow
from medrec.node.agent.told import told
from medrec.node.lists import hearing
from medrec.node.right_person import not_hers
from medrec.node.right_person.holding_told import held_back
from medrec.portal import lists, mending, render, words
from medrec.portal.list_folds import asked
from medrec.portal.own.whose import Whose, kinds_of, whose
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
        **(_away(node, visit, who) if not kinds else {"away": [], "strangers": [], "unlike": []}),
        "may_say": mine,
        "handle": who.handle,
        "places": [{"id": name, "name": who.place(name)} for name in places],
        "reached": _reached(node, who, shown.read.medicines, places, visit.now) if mine else {},
        "asked": [] if kinds else mending.asked(node, visit, who.account, who.place),
        "lists": lists.values(
            visit,
            shown,
            who.place,
            proof,
            fold=asked(visit.query),
            here=visit.link("lists", person=who.handle),
            tag=tags.get,
            not_mine=visit.link("mistakes", person=who.handle) if mine and not kinds else None,
            apart=[] if kinds else held_elsewhere(node, who),
        ),
    }


def _reached(
    node: "Node", who: Whose, rows: Sequence[MedicineRow], places: Sequence[str], now: int
) -> dict[str, set[str]]:
    """The places that her word on each row is proposed to, by its key."""
    hearers = hearing.Hearers(node, who.account, places, now)
    return {row.key: hearers.of_row(row) for row in rows}


def held_elsewhere(node: "Node", who: Whose) -> list[Any]:
    """The places that hold back something filed under her, each in a sentence."""
    places = sorted({place for place, _ in held_back(node, who.account)})
    return [render.say(words.ONE_LIST["held"], place=who.place(place)) for place in places]


def _away(node: "Node", visit: Visit, who: Whose) -> dict[str, Any]:
    """What is in none of her lists: by her own word, each with the way back, and since a place calls her otherwise; and
    the places that do not say the same of who she is, where nobody can tell which of them is wrong."""
    said, known = not_hers.said(node, who.account), not_hers.known(node, who.account)
    tags = newest_lines(node, who.account) if said else {}

    def called(places: dict[str, Demographics]) -> list[str]:
        return [_called(who.place(place), named) for place, named in sorted(places.items())]

    return {
        "away": [
            {
                "what": render.say(
                    words.ONE_LIST["away_what"],
                    kind=words.record_type(one.name.partition("/")[0]),
                    place=who.place(one.organisation),
                ),
                "when": render.say(words.ONE_LIST["away_when"], when=visit.when(one.time)),
                "tag": tags.get((one.organisation, one.name), ""),
            }
            for one in said
        ],
        "strangers": called(known.strangers),
        "unlike": called(known.unlike),
    }


def newest_lines(node: "Node", account: str) -> dict[tuple[str, str], str]:
    """The tag (hex) of the line about the newest version of each record, by organisation and "Type/id", as it was told:
    what is held back since a new link is among no copies."""
    found: dict[tuple[str, str], tuple[int, str]] = {}
    for line in told(node, account, "record/1"):
        if isinstance(line.manifest, RecordManifest) and line.organisation == line.manifest.organisation:
            record = line.manifest.record
            name = (line.organisation, f"{record.type}/{record.id}")
            found[name] = max(found.get(name, (0, "")), (record.version, line.tag.hex()))
    return {name: tag for name, (_, tag) in found.items()}


def _called(place: str, who: Demographics) -> str:
    """How a place calls her, in what it says of name and birth."""
    name, said = f"{who.given} {who.family}".strip(), words.ONE_LIST
    if not who.birth:
        return render.say(said["stranger_name"], place=place, name=name)
    birth = render.known_date(who.birth)
    return render.say(said["stranger" if name else "stranger_birth"], place=place, name=name, birth=birth)
