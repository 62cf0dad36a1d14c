"""People who help: who may act for the person, what they did, and whom she herself may act for."""

from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup

from medrec.core import codec
from medrec.core.delegation import Standing
from medrec.core.manifests.delegation import ActingManifest, DelegationRest, delegation_rest_message
from medrec.node.account import paper, resting
from medrec.node.account.claims import Why
from medrec.node.account.delegates import Held
from medrec.portal import person, render, words
from medrec.portal.own.account_act import says_herself
from medrec.portal.own.acts import Act, Part, begun, signer
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit, names
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN = 40


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/helping.html; the form lets a helper's right rest, or go on (`do`: rest, go-on)."""
    who = whose(node, visit)
    if visit.form:
        return _rest(node, visit, who)
    assert node.agent is not None
    known = names(node)
    unheard = resting.unheard(node, who.account)
    herself = visit.session is not None and visit.session.who is Who.PATIENT
    helped = node.delegates.for_delegate(who.account) if herself else []
    called = node.agent.names_of(held.delegation.account for held in helped)
    return {
        "handle": who.handle,
        "helpers": [
            {
                "name": held.delegation.name,
                "rights": render.listed([words.HELPERS[right] for right in held.delegation.rights]),
                "until": visit.when(held.delegation.until),
                "by": known.get(held.delegation.attested, held.delegation.attested) if held.delegation.attested else "",
                "state": _state(visit, known, held),
                "holds": held.holds,
                "lives": held.lives,
                "rests": held.rests and held.lives,
                "goes": visit.when(held.goes) if held.holds and held.goes < held.delegation.until else None,
                "review": held.standing is Standing.REVIEW_DUE,
                "delegation": held.hash.hex(),
                "unheard": render.listed([known.get(place, place) for place in unheard.get(held.hash.hex(), ())]),
            }
            for held in reversed(node.delegates.of(who.account))
        ],
        "helped": [
            {"name": called.get(held.delegation.account, held.delegation.account), "delegation": held.hash.hex()}
            for held in helped
        ],
        "done_for": done_for(node, visit, who, SHOWN),
        "may_sign": herself and visit.session is not None and bool(visit.session.key),
        "rights": ["look", "add", "correct", "consent"],
        "account": who.account,
        # Made here, of an address of the ledger.
        "picture": Markup(paper.qr_svg(who.account)),  # noqa: S704
    }


def _state(visit: Visit, known: dict[str, str], held: Held) -> Markup:
    """Until when a helper may act, or why she may not."""
    closed = held.closed
    if closed is None:
        return render.say(words.HELPERS["until"], when=visit.when(held.delegation.until))
    text = words.HELPERS[_STATES.get(closed.why, "over")]
    return render.say(text, when=visit.when(held.begins), place=known.get(closed.place, closed.place))


_STATES = {
    Why.WAITS: "begins",
    Why.UNREVIEWED: "closed_review",
    Why.RESTS: "rests",
    Why.LEFT: "closed_left",
    Why.UNLINKED: "closed_unlinked",
    Why.CONTRADICTED: "closed_birth",
}
"""The words for why a helper may not act, but for what is over."""


def done_for(node: "Node", visit: Visit, who: Whose, limit: int) -> list[dict[str, Any]]:
    """What helpers did for the person, newest first: both names, what, when, and the way to its proof."""
    found = []
    for notice in person.read(node, who.account, ("acting/1",), limit):
        act = notice.manifest
        if not isinstance(act, ActingManifest):
            continue
        verb, _, page = act.subject.partition(":")
        if not act.subject:
            text, page = "did_begin", ""
        elif verb in ("read", "done") and page in words.NAMES:
            text = f"did_{verb}"
        else:
            text, page = "did_correct", ""
        named = words.NAMES.get(page, "")
        found.append(
            {
                "sentence": render.say(words.HELPERS[text], name=act.name, page=named),
                "when": visit.when(notice.time),
                "link": visit.link("line", person=who.handle, tag=codec.decode(notice.entry)[1].hex()),
            }
        )
    return found


def _rest(node: "Node", visit: Visit, who: Whose) -> Go:
    says_herself(visit)
    action = visit.form.get("do", "")
    if action not in ("rest", "go-on"):
        raise PageError(400, "form-unreadable")
    mine = {held.hash.hex(): held for held in node.delegates.of(who.account)}
    held = mine.get(visit.form.get("delegation", ""))
    if held is None or held.ended is not None:
        raise PageError(404, "not-found")
    signs = signer(node, visit, who)
    stated = DelegationRest(
        node.network.hex(), who.account, node.clock(), held.hash.hex(), action, signs.key.hex()  # type: ignore[arg-type]
    )  # fmt: skip
    value = msgspec.to_builtins(stated)
    del value["signature"]

    def finish(proof: bytes) -> None:
        signed = msgspec.structs.replace(stated, signature=proof.hex())
        resting.send(node, signed)

    told = [render.say(words.HELPERS[f"sign_{action}"], name=held.delegation.name)]
    message = delegation_rest_message(stated)
    part = Part("medrec/delegation-rest/1", codec.encode_json(value), message, finish)
    act = Act(who.account, told, [], (part,), signs.key, "helping", "kept")
    return begun(node, visit, who, act)
