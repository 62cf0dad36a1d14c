"""A parent or guardian at the desk: who may act for a child, after a look at the papers; the same page looks at it
again at eleven, and ends it."""

from typing import TYPE_CHECKING, Any, get_args

import msgspec
from markupsafe import Markup

from medrec.core import codec
from medrec.core.delegation import Standing
from medrec.core.manifests.delegation import Right
from medrec.node.account import parents
from medrec.node.account.parents import Drafted, NotAChildError, Parent
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Refusal
from medrec.portal import confirming, render, words
from medrec.portal.desk import by_whom
from medrec.portal.desk_consent import lent, member
from medrec.portal.own.acts import Act, Part
from medrec.portal.page import Go, PageError, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

RIGHTS: tuple[str, ...] = get_args(Right)


def show(node: "Node", visit: Visit) -> dict[str, Any] | Go:
    """The values of desk_parent.html. The form field `do`: state writes a statement to sign, end ends one."""
    form = {name: value.strip() for name, value in visit.form.items()}
    what, trouble = form.get("do", ""), ""
    known = parents.stated(node)
    if what == "state":
        try:
            return _state(node, visit, form)
        except NotAChildError as error:
            trouble = words.DESK_PARENT[error.code]
    elif what == "end":
        return _end(node, visit, known, form)
    elif form:
        raise PageError(400, "form-unreadable")
    return {
        "form": {name: form.get(name, "") for name in ("patient", "delegate", "name")},
        "ticked": _rights(form) or ["look", "add", "correct"],
        "rights": RIGHTS,
        "trouble": trouble,
        "clerk": by_whom(visit),
        "stated": [_stated(visit, one) for one in known],
    }


def _rights(form: dict[str, str]) -> list[str]:
    return [right for right in RIGHTS if form.get(f"right-{right}")]


def _stated(visit: Visit, one: Parent) -> dict[str, Any]:
    delegation, rests = one.held.delegation, one.held.standing is Standing.RESTS
    return {
        "patient": one.patient,
        "name": delegation.name,
        "delegate": delegation.delegate,
        "rights": delegation.rights,
        "may": render.listed([words.HELPERS[right] for right in delegation.rights]),
        "until": visit.when(delegation.until),
        "review": one.review,
        "rests": rests,
        "hers": one.held.rests,
        "delegation": one.held.hash.hex(),
    }


def _state(node: "Node", visit: Visit, form: dict[str, str]) -> Go:
    """The clerk signs with her own key; in a demonstration, where she has none, a lent one signs."""
    if not form.get("seen"):
        raise NotAChildError("papers-not-seen")
    borrowed = lent(node, visit)
    clerk = borrowed[0] if borrowed is not None else member(node, visit)
    delegate = form.get("delegate", "")
    try:
        rights: Any = _rights(form)
        drafted = parents.draft(node, form.get("patient", ""), delegate, form.get("name", ""), rights, clerk)
        if borrowed is not None:
            _finish(node, drafted, borrowed[1].sign_transaction_id(drafted.message))
            return Go(visit.link("desk_parent"), "attested")
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None
    value = msgspec.to_builtins(drafted.delegation)
    del value["signature"]

    def finish(proof: bytes) -> None:
        _finish(node, drafted, proof)

    part = Part("medrec/delegation/1", codec.encode_json(value), drafted.message, finish)
    told: list[Markup] = [
        render.say(
            words.DESK_PARENT["sign"],
            name=drafted.delegation.name,
            patient=form["patient"],
            rights=render.listed([words.HELPERS[right] for right in drafted.delegation.rights]),
        ),
        render.say(words.DESK_PARENT["sign_until"], when=visit.when(drafted.delegation.until)),
    ]
    marked = [render.say(words.DESK_PARENT["marked"], clerk=clerk.name)]
    return confirming.begin(node, visit, Act("", told, marked, (part,), clerk.key or b"", "desk_parent", "attested"))


def _finish(node: "Node", drafted: Drafted, proof: bytes) -> None:
    try:
        parents.state_it(node, drafted, proof)
    except PeerError as error:
        raise PageError(503, error.code or "unreachable", error.sentence) from None


def _end(node: "Node", visit: Visit, known: list[Parent], form: dict[str, str]) -> Go:
    if lent(node, visit) is None:
        member(node, visit)
    for one in known:
        if one.held.hash.hex() == form.get("delegation"):
            parents.end(node, one.held)
            return Go(visit.link("desk_parent"), "decided")
    raise PageError(404, "not-found")
