"""What may have been given away, or closed, with a person's old key: helpers, permissions, links, ways.

Each function gives the cards of one question: `item` names it, `title` and `told` say it, and either `end` and `field`
are the form that ends it, or `change` is the page where she does.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core import ladder
from medrec.core.manifests.consent import RevocationManifest
from medrec.core.manifests.delegation import DelegationEndManifest, DelegationManifest, DelegationRestManifest
from medrec.node.account import aftermath, guarding
from medrec.node.agent import standing_links
from medrec.node.agent.agent import Notice
from medrec.node.notify import former, wishes
from medrec.portal import person, render, words
from medrec.portal.own.settings import ways_told
from medrec.portal.own.whose import Whose
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.account.delegates import Held
    from medrec.node.node import Node

Cards = list[dict[str, Any]]


class Case:
    """A person who came back, who looks at it, and the time (ms) that is looked through: from when, to when."""

    def __init__(self, node: "Node", visit: Visit, who: Whose, window: tuple[int, int]) -> None:
        self.node, self.visit, self.who, self.window = node, visit, who, window

    def has(self, time: int) -> bool:
        """Whether this was in that time."""
        return self.window[0] <= time <= self.window[1]

    def lines(self, *kinds: str) -> list[Notice]:
        """Her lines of these kinds that were written down then, oldest first, however many."""
        return person.within(self.node, self.who.account, kinds, *self.window)

    def card(self, item: str, text: str, told: Any, page: str = "", **named: Any) -> dict[str, Any]:
        """A question that is answered by keeping it, or on a page of hers. `text` is one of words.AFTERMATH."""
        change = self.visit.link(page, person=self.who.handle) if page else None
        title = render.say(words.AFTERMATH[text], **named)
        return {"item": item, "title": title, "told": told, "end": None, "change": change, "does": None}

    @cached_property
    def consents(self) -> Cards:
        """Everything she allowed or forbade, as her page of permissions has it."""
        return person.consents(self.node, self.visit, self.who.known, self.who.account)

    @cached_property
    def revoked(self) -> set[str]:
        """The marks of what was taken back then."""
        told = (notice.manifest for notice in self.lines("revocation/1"))
        return {one.nullifier for one in told if isinstance(one, RevocationManifest)}

    @cached_property
    def helpers(self) -> "list[Held]":
        """Everybody who may or might act for her."""
        return self.node.delegates.of(self.who.account)


def helpers(case: Case) -> Cards:
    """Who was named, or let go on, then, and may act now."""
    # By when it came here: whoever signs may write down any time. Who was let go on came then.
    came: dict[str, int] = {}
    for notice in person.within(case.node, case.who.account, ("delegation/1", "delegation-rest/1"), 0, case.window[1]):
        if isinstance(notice.manifest, DelegationManifest):
            came.setdefault(notice.manifest.delegation.nullifier, notice.time)
        elif isinstance(notice.manifest, DelegationRestManifest) and notice.manifest.stated.action == "go-on":
            came[notice.manifest.stated.delegation] = notice.time
    return [
        case.card(
            f"helper-{held.hash.hex()}",
            "helper",
            render.say(words.HELPERS["may"], rights=_rights(held)),
            name=held.delegation.name,
        )
        | {"end": case.visit.link("end_helper"), "field": ("delegation", held.hash.hex())}
        for held in case.helpers
        if held.ended is None
        and held.standing.holds
        and not held.rests
        and (
            case.has(came.get(held.delegation.nullifier, held.delegation.time))
            or case.has(came.get(held.hash.hex(), 0))
        )
    ]


def _rights(held: "Held") -> Markup:
    return render.listed([words.HELPERS[right] for right in held.delegation.rights])


def helpers_gone(case: Case) -> Cards:
    """Who was ended, or laid to rest, then, and may not act by another right."""
    ended, rested = set[str](), dict[str, bool]()
    for notice in case.lines("delegation-end/1", "delegation-rest/1"):
        if isinstance(notice.manifest, DelegationEndManifest) and notice.manifest.by == "person":
            ended.add(notice.manifest.nullifier)
        elif isinstance(notice.manifest, DelegationRestManifest):
            rested[notice.manifest.stated.delegation] = notice.manifest.stated.action == "rest"
    acts = {held.delegation.delegate for held in case.helpers if held.holds}
    return [
        case.card(
            f"gone-{held.hash.hex()}",
            "helper_gone" if held.ended is not None else "helper_rests",
            render.say(words.AFTERMATH["could"], rights=_rights(held)),
            "helping",
            name=held.delegation.name,
        )
        for held in case.helpers
        if held.delegation.delegate not in acts
        and (
            held.delegation.nullifier in ended
            if held.ended is not None
            else held.rests and rested.get(held.hash.hex(), False)
        )
    ]


def permissions(case: Case) -> Cards:
    """What was allowed or forbidden then, each, and is in force."""
    return [
        case.card(f"permission-{one['mark']}", "permission" if one["effect"] == "permit" else "no", one["sentence"])
        | {"end": one["stop"], "field": ("stop", "1")}
        for one in case.consents
        if one["state"] in ("active", "late") and one["stop"] is not None and case.has(one["time"])
    ]


def opened_again(case: Case) -> Cards:
    """What she had closed, and somebody opened by taking the no back."""
    return _taken_back(case, "undone", "hidden", permits=False)


def withdrawn(case: Case) -> Cards:
    """What she had allowed, and somebody took back."""
    return _taken_back(case, "withdrawn", "sharing", permits=True)


def _taken_back(case: Case, item: str, page: str, permits: bool) -> Cards:
    # The same sentence stands at several places.
    found = {
        str(one["sentence"]): one["sentence"]
        for one in case.consents
        if (one["effect"] == "permit") == permits and one["state"] == "revoked" and one["mark"] in case.revoked
    }
    now = {str(one["sentence"]) for one in case.consents if one["state"] == "active"}
    left = [sentence for text, sentence in found.items() if text not in now]
    return [case.card(item, item, render.listed(left), page)] if left else []


def links(case: Case) -> Cards:
    """Each place that she was linked to then, and is; each whose link was undone then, or nobody knows when, and is not
    linked."""
    account = case.who.account
    made = {notice.organisation for notice in case.lines("link/1") if getattr(notice.manifest, "action", "") == "link"}
    ends, standing = standing_links.undone(case.node, account), standing_links.standing(case.node, account)
    with case.node.store.read() as connection:
        known = standing_links.newest(connection, account)
    gone = {place for place in known if place not in standing and (place not in ends or case.has(ends[place].time))}
    return [
        case.card(f"{text}-{place}-{known[place]}", text, words.AFTERMATH[f"{text}_more"], "linking", place=named)
        for text, places in (("linked", made & standing), ("unlinked", gone))
        for place in sorted(places)
        if (named := case.who.place(place))
    ]


def doors(case: Case) -> Cards:
    """Guardians who were chosen, or the clinic that was closed, before the new key took over; papers fall with it."""
    node, account = case.node, case.who.account
    with node.engine.view() as view:
        found = ladder.ladder_of(view, account).doors_at(max(case.visit.now, view.tip.time))
    if found.guardians is None and found.clinic:
        return []
    assert node.account_watch is not None
    changed = [
        event.height
        for event in node.account_watch.within(account, *case.window)
        if event.kind == "account/doors" and event.about == account
    ]
    if not changed:
        return []
    told: Any = words.AFTERMATH["doors_clinic"]
    if found.guardians is not None:
        told = render.say(words.GUARDIANS["how_many"], needs=found.guardians.needs, of=found.guardians.of)
    return [case.card(f"doors-{max(changed)}", "doors", told, "guardians")]


def guardians_asked(case: Case) -> Cards:
    """Who was put among those whom she may choose as guardians."""
    asked = guarding.asked_by(case.node, case.who.account)
    found = [one.name for one in asked if case.has(one.since)]
    return [case.card("asked-guardians", "asked_guardians", render.listed(found), "guardians")] if found else []


def ways(case: Case) -> Cards:
    """Where notices go: once, whenever it was said: whoever had her key may have put his address there."""
    found = ways_told(wishes.of(case.node, case.who.account))
    if not found and not former.of(case.node, case.who.account):
        return []
    return [case.card("ways", "ways", render.listed(found) if found else words.AFTERMATH["ways_none"], "settings")]


def places(case: Case) -> Cards:
    """Whom her places tell: once. Where else somebody moved her to, no page here can know."""
    if not standing_links.standing(case.node, case.who.account):
        return []
    to, does = case.visit.link("linking", person=case.who.handle), words.AFTERMATH["tell"]
    card = case.card(aftermath.PLACES, "places", words.AFTERMATH["places_more"])
    return [card | {"end": to, "field": ("do", "tell-all"), "does": does}]


def words_shown(case: Case) -> Cards:
    """Nothing makes them unseen: she is told what they open, and what they do not."""
    times = [time for time in aftermath.shown(case.node, case.who.account) if case.has(time)]
    if not times:
        return []
    told = render.say(words.AFTERMATH["words_more"], when=case.visit.when(max(times)))
    return [case.card(f"words-{max(times)}", "words", told)]
