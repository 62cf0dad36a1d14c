"""A parent or guardian at the desk: who may act for a child, after a look at the papers; the same page looks at it
again at eleven, and ends it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

import msgspec
from markupsafe import Markup

from medrec.core import codec
from medrec.core.delegation import Standing
from medrec.core.manifests.delegation import Delegation, Right, delegation_end_message, delegation_message
from medrec.node.account import parents
from medrec.node.account.parents import NotAChildError, Parent
from medrec.node.account.staff import Member
from medrec.node.account.stated_rights import Kept
from medrec.node.keeping.keys import PersonKey
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Refusal
from medrec.portal import confirming, render, words
from medrec.portal.desk import by_whom
from medrec.portal.desk_consent import lent, member
from medrec.portal.own.acts import Act, Part
from medrec.portal.page import Go, PageError, Shows, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

RIGHTS: tuple[str, ...] = get_args(Right)


def show(node: "Node", visit: Visit) -> dict[str, Any] | Go | Shows:
    """The values of desk_parent.html. The form field `do`: state writes a statement to sign, end ends one."""
    form = {name: value.strip() for name, value in visit.form.items()}
    if not form:
        return _values(node, visit, form)
    what = form.get("do", "")
    try:
        if what == "state":
            return _state(node, visit, form)
        if what in ("end", "second"):
            return (_end if what == "end" else _second)(node, visit, parents.stated(node), form)
    except NotAChildError as error:
        code = error.code
        return Shows(lambda visit: _values(node, visit, form, words.DESK_PARENT[code]))
    raise PageError(400, "form-unreadable")


def _values(node: "Node", visit: Visit, form: dict[str, str], trouble: str = "") -> dict[str, Any]:
    return {
        "form": {name: form.get(name, "") for name in ("patient", "delegate", "name")},
        "ticked": _rights(form) or ["look", "add", "correct"],
        "rights": RIGHTS,
        "trouble": trouble,
        "clerk": by_whom(visit),
        "stated": [_stated(node, visit, one) for one in parents.stated(node)],
    }


def _rights(form: dict[str, str]) -> list[str]:
    return [right for right in RIGHTS if form.get(f"right-{right}")]


def _stated(node: "Node", visit: Visit, one: Parent) -> dict[str, Any]:
    delegation, held = one.kept.delegation, one.held
    return {
        "patient": one.kept.patient,
        "name": delegation.name,
        "delegate": delegation.delegate,
        "rights": delegation.rights,
        "may": render.listed([words.DESK_PARENT[right] for right in delegation.rights]),
        "until": visit.when(delegation.until),
        "review": one.review,
        "rests": held is not None and held.standing is Standing.RESTS,
        "hers": held is not None and held.rests,
        "waits": one.kept.waits,
        "unconfirmed": held is None and not one.kept.waits,
        "first": one.kept.clerks[0].name if one.kept.waits else "",
        "mine": one.kept.waits and _signed_first(node, visit, one.kept),
        "delegation": one.kept.nullifier.hex(),
    }


def _signed_first(node: "Node", visit: Visit, kept: Kept) -> bool:
    """Whether the visitor is who signed; in a demonstration her name says so, since her key is a lent one."""
    if visit.session is not None and visit.session.key:
        return not parents.is_second(node, kept, member(node, visit))
    return by_whom(visit) == kept.clerks[0].name


def _hands(node: "Node", visit: Visit) -> tuple[Member, PersonKey | None]:
    """Who signs: a clerk with her own key; in a demonstration, where she has none, a lent one signs."""
    borrowed = lent(node, visit)
    return borrowed if borrowed is not None else (member(node, visit), None)


def _state(node: "Node", visit: Visit, form: dict[str, str]) -> Go:
    if not form.get("seen"):
        raise NotAChildError("papers-not-seen")
    clerk, key = _hands(node, visit)
    delegate = form.get("delegate", "")
    try:
        rights: Any = _rights(form)
        drafted = parents.draft(node, form.get("patient", ""), delegate, form.get("name", ""), rights, clerk)
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None

    def finish(proof: bytes) -> None:
        _try(parents.state_it, node, drafted, proof)

    return _sign(node, visit, drafted.delegation, form["patient"], clerk, key, finish)


def _second(node: "Node", visit: Visit, known: list[Parent], form: dict[str, str]) -> Go:
    """Another clerk signs the same text."""
    kept = _chosen(known, form).kept
    if not form.get("seen"):
        raise NotAChildError("papers-not-seen")
    clerk, key = _hands(node, visit)
    if not parents.is_second(node, kept, clerk):
        raise PageError(403, "desk-second")

    def finish(proof: bytes) -> None:
        _try(parents.confirm, node, kept.nullifier, clerk, proof)

    return _sign(node, visit, kept.delegation, kept.patient, clerk, key, finish)


def _sign(
    node: "Node",
    visit: Visit,
    delegation: Delegation,
    patient: str,
    clerk: Member,
    key: PersonKey | None,
    finish: Callable[[bytes], None],
) -> Go:
    message = delegation_message(delegation)
    if key is not None:
        finish(key.sign_transaction_id(message))
        return Go(visit.link("desk_parent"), "attested")
    value = msgspec.to_builtins(delegation)
    del value["signature"]
    part = Part("medrec/delegation/1", codec.encode_json(value), message, finish)
    told: list[Markup] = [
        render.say(
            words.DESK_PARENT["sign"],
            name=delegation.name,
            patient=patient,
            rights=render.listed([words.DESK_PARENT[right] for right in delegation.rights]),
        ),
        render.say(words.DESK_PARENT["sign_until"], when=visit.when(delegation.until)),
    ]
    if any(
        held.rests and held.delegation.delegate == delegation.delegate for held in node.delegates.of(delegation.account)
    ):
        told.append(render.say(words.DESK_PARENT["hers_still"]))
    marked = [render.say(words.DESK_PARENT["marked"], clerk=clerk.name)]
    return confirming.begin(node, visit, Act("", told, marked, (part,), clerk.key or b"", "desk_parent", "attested"))


def _try(act: Callable[..., Any], *arguments: Any) -> None:
    try:
        act(*arguments)
    except PeerError as error:
        raise PageError(503, error.code or "unreachable", error.sentence) from None
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None


def _end(node: "Node", visit: Visit, known: list[Parent], form: dict[str, str]) -> Go:
    """The clerk signs the end as she signs a statement."""
    kept = _chosen(known, form).kept
    clerk, key = _hands(node, visit)
    message = delegation_end_message(kept.nullifier)

    def finish(proof: bytes) -> None:
        _try(parents.end, node, kept.nullifier, clerk, proof)

    if key is not None:
        finish(key.sign_transaction_id(message))
        return Go(visit.link("desk_parent"), "decided")
    part = Part("medrec/delegation-end/1", kept.nullifier, message, finish, binary=True)
    told = [render.say(words.DESK_PARENT["sign_end"], name=kept.delegation.name, patient=kept.patient)]
    marked = [render.say(words.DESK_PARENT["marked_end"], clerk=clerk.name)]
    return confirming.begin(node, visit, Act("", told, marked, (part,), clerk.key or b"", "desk_parent", "decided"))


def _chosen(known: list[Parent], form: dict[str, str]) -> Parent:
    for one in known:
        if one.kept.nullifier.hex() == form.get("delegation"):
            return one
    raise PageError(404, "not-found")
