"""After a way back: what somebody with her old key may have given away, each to be kept or ended."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core import ladder
from medrec.core.manifests.consent import RevocationManifest
from medrec.core.manifests.correction import CorrectionRequestManifest
from medrec.core.manifests.delegation import DelegationManifest, DelegationRestManifest
from medrec.node.account import aftermath, recovery
from medrec.node.agent.copies import Copy
from medrec.node.notify import former, wishes
from medrec.portal import person, render, words
from medrec.portal.own.account_act import says_herself
from medrec.portal.own.entries import read
from medrec.portal.own.settings import ways_told
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

Window = tuple[int, int]
# How the page of her list says what she can say there.
SAID = {"not-taking": "not_taking", "like-this": "like_this", "also-taking": "also", "dismissed": "dismiss"}


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/aftermath.html. The form field `keep` names what stays."""
    who = whose(node, visit)
    says_herself(visit)
    items = waiting(node, visit, who)
    if visit.form:
        item = visit.form.get("keep", "")
        if item not in {one["item"] for one in items}:
            raise PageError(404, "not-found")
        aftermath.keep(node, who.account, item)
        last = len(items) == 1
        return Go(visit.link("person" if last else "aftermath", person=who.handle), "kept")
    lost = aftermath.window(node, who.account) is not None and recovery.guardians_lost(node, who.account)
    return {"handle": who.handle, "items": items, "lost": lost}


def waiting(node: "Node", visit: Visit, who: Whose) -> list[dict[str, Any]]:
    """What was given in the month before the account was last taken back, and still holds, and is not kept yet.

    Old keys, papers and sharing codes are not among it: they are over since then (docs/spec/account.md 7, links.py).
    """
    window = aftermath.window(node, who.account)
    if window is None:
        return []
    found = [
        *_helpers(node, visit, who, window),
        *_permissions(node, visit, who, window),
        *_undone(node, visit, who, window),
        *_doors(node, visit, who, window),
        *_ways(node, visit, who),
        *_written(node, visit, who, window),
        *_said(node, visit, who, window),
    ]
    wanted = set(aftermath.open_among(node, who.account, [one["item"] for one in found]))
    return [one for one in found if one["item"] in wanted]


def _helpers(node: "Node", visit: Visit, who: Whose, window: Window) -> list[dict[str, Any]]:
    # By when it came here: whoever signs may write down any time. Who was let go on came then.
    came: dict[str, int] = {}
    for notice in person.within(node, who.account, ("delegation/1", "delegation-rest/1"), 0, window[1]):
        if isinstance(notice.manifest, DelegationManifest):
            came.setdefault(notice.manifest.delegation.nullifier, notice.time)
        elif isinstance(notice.manifest, DelegationRestManifest) and notice.manifest.stated.action == "go-on":
            came[notice.manifest.stated.delegation] = notice.time
    return [
        {
            "item": f"helper-{held.hash.hex()}",
            "title": render.say(words.AFTERMATH["helper"], name=held.delegation.name),
            "told": render.say(words.HELPERS["may"], rights=_rights(held.delegation.rights)),
            "end": visit.link("end_helper"),
            "field": ("delegation", held.hash.hex()),
        }
        for held in node.delegates.of(who.account)
        if held.ended is None
        and held.standing.holds
        and not held.rests
        and (
            _within(window, came.get(held.delegation.nullifier, held.delegation.time))
            or _within(window, came.get(held.hash.hex(), 0))
        )
    ]


def _rights(rights: Sequence[str]) -> Markup:
    return render.listed([words.HELPERS[right] for right in rights])


def _permissions(node: "Node", visit: Visit, who: Whose, window: Window) -> list[dict[str, Any]]:
    return [
        {
            "item": f"permission-{one['mark']}",
            "title": words.AFTERMATH["permission"],
            "told": one["sentence"],
            "end": one["stop"],
            "field": ("stop", "1"),
        }
        for one in person.consents(node, visit, who.known, who.account)
        if one["state"] == "active" and one["stop"] is not None and _within(window, one["time"])
    ]


def _undone(node: "Node", visit: Visit, who: Whose, window: Window) -> list[dict[str, Any]]:
    """What she had closed, and somebody opened by taking the no back."""
    opened = {
        notice.manifest.nullifier
        for notice in person.within(node, who.account, ("revocation/1",), *window)
        if isinstance(notice.manifest, RevocationManifest)
    }
    # The same no stands at several places.
    found = {
        str(one["sentence"]): one["sentence"]
        for one in person.consents(node, visit, who.known, who.account)
        if one["effect"] != "permit" and one["state"] == "revoked" and one["mark"] in opened
    }
    if not found:
        return []
    change, told = visit.link("hidden", person=who.handle), render.listed(list(found.values()))
    return [{"item": "undone", "title": words.AFTERMATH["undone"], "end": None, "told": told, "change": change}]


def _doors(node: "Node", visit: Visit, who: Whose, window: Window) -> list[dict[str, Any]]:
    """Guardians who were chosen, or the clinic that was closed, before the new key took over; papers fall with it."""
    with node.engine.view() as view:
        doors = ladder.ladder_of(view, who.account).doors_at(max(visit.now, view.tip.time))
    if doors.guardians is None and doors.clinic:
        return []
    assert node.account_watch is not None
    changed = [
        event.height
        for event in node.account_watch.of(who.account)
        if event.kind == "account/doors" and event.about == who.account and _within(window, event.time)
    ]
    if not changed:
        return []
    told = words.AFTERMATH["doors_clinic"]
    if doors.guardians is not None:
        told = render.say(words.GUARDIANS["how_many"], needs=doors.guardians.needs, of=doors.guardians.of)
    return [
        {
            "item": f"doors-{max(changed)}",
            "title": words.AFTERMATH["doors"],
            "end": None,
            "told": told,
            "change": visit.link("guardians", person=who.handle),
        }
    ]


def _ways(node: "Node", visit: Visit, who: Whose) -> list[dict[str, Any]]:
    """Where notices go: once, whenever it was said: whoever had her key may have put his address there."""
    found = ways_told(wishes.of(node, who.account))
    if not found and not former.of(node, who.account):
        return []
    told = render.listed(found) if found else words.AFTERMATH["ways_none"]
    change = visit.link("settings", person=who.handle)
    return [{"item": "ways", "title": words.AFTERMATH["ways"], "end": None, "told": told, "change": change}]


def _written(node: "Node", visit: Visit, who: Whose, window: Window) -> list[dict[str, Any]]:
    """What was entered under her own name; each can be taken back where she writes."""
    found = [
        f"{entry.title} {entry.value}".strip()
        for line in node.entries.lines(who.account)
        if line.author == who.account and _within(window, line.time)
        if (entry := read(Copy(node.organisation, line.type, line.id, line.tag, line.content))) is not None
    ]
    if not found:
        return []
    change = visit.link("writing", person=who.handle)
    told = render.listed(found)
    return [{"item": "written", "title": words.AFTERMATH["written"], "end": None, "told": told, "change": change}]


def _said(node: "Node", visit: Visit, who: Whose, window: Window) -> list[dict[str, Any]]:
    """What was said about her medicines, and what places were asked to correct, in her name and not by a helper."""
    found: list[Any] = [
        render.say(words.AFTERMATH["said_of"], what=words.ONE_LIST[SAID[kept.act.kind]], names=render.listed(named))
        for kept in node.acts.of(who.account)
        if kept.act.author == "patient" and _within(window, kept.time)
        if (named := [subject.name for subject in kept.act.subjects] or [kept.act.words])
    ]
    found += [
        notice.manifest.statement.words
        for notice in person.within(node, who.account, ("correction-request/1",), *window)
        if isinstance(notice.manifest, CorrectionRequestManifest)
        if (said := notice.manifest.statement).act is None and said.acting is None
    ]
    if not found:
        return []
    change = visit.link("lists", person=who.handle)
    told = render.listed(found)
    return [{"item": "said", "title": words.AFTERMATH["said"], "end": None, "told": told, "change": change}]


def _within(window: Window, time: int) -> bool:
    return window[0] <= time <= window[1]
