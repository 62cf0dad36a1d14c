"""Guardians: whom a person trusts to help her back in, and, on the other side, whom she may help back in herself."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup

from medrec.core import ladder
from medrec.core.credential import NewCredential
from medrec.core.ladder import Guardians, Revealed
from medrec.node.account import devices, guarding, guarding_elsewhere, guarding_index, paper, recovery, returning
from medrec.node.account.guarding import Asked, GuardianError, Ward
from medrec.node.peers.peers import PeerError
from medrec.portal import render, words
from medrec.portal.own.account_act import ask_key, propose, says_herself
from medrec.portal.own.acts import Act, Part, begun, signer
from medrec.portal.own.keys import count_number, digits, frozen_until, waiting_key
from medrec.portal.own.once import Once
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import File, Go, PageError, Shows, Visit
from medrec.portal.people import handle

if TYPE_CHECKING:
    from medrec.node.node import Node

SALT_BYTES = 32
_codes: Once[tuple[str, str]] = Once()
"""The words for who was asked last, and her name."""


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/guardians.html. The form field `do` says what is done: invite, withdraw, choose, none."""
    who = whose(node, visit)
    says_herself(visit)
    if visit.form:
        return _invite(node, visit, who) if visit.form.get("do") == "invite" else _change(node, visit, who)
    code, name = _codes.take(node, visit) or ("", "")
    asked = guarding.asked_by(node, who.account)
    with node.engine.view() as view:
        found = ladder.ladder_of(view, who.account)
        now = max(visit.now, view.tip.time)
    doors, chosen = found.doors_at(now), recovery.guardians_of(node, who.account)
    names = {one.guardian: one.name for one in asked if one.guardian is not None}
    waits = found.next is not None and found.next_at > now
    ready = [one for one in asked if one.guardian is not None]
    return {
        "handle": who.handle,
        "code": code,
        "code_for": name,
        **_card(node, who, asked),
        "guardians": doors.guardians,
        "lost": recovery.guardians_lost(node, who.account),
        "chosen": [names.get(one, words.GUARDIANS["somebody"]) for one in chosen.members] if chosen is not None else [],
        "next": visit.when(found.next_at) if waits else None,
        "open": [_line(visit, one) for one in asked if one.guardian is None],
        "ready": [
            {**_line(visit, one), "chosen": chosen is not None and one.guardian in chosen.members} for one in ready
        ],
        "needs": range(2, max(2, min(len(ready), ladder.GUARDIANS_MAX)) + 1),
        "needs_usual": len(ready) // 2 + 1,
        "may_sign": ask_key(node, visit, who),
    }


def _invite(node: "Node", visit: Visit, who: Whose) -> Go:
    """Somebody who says yes by the words of a code, shown once; or who is at another agent, by her address: she takes
    the card when she has been chosen. Her key says so: a page left open names nobody."""
    address = visit.form.get("account", "").strip()
    try:
        name = guarding.checked(node, who.account, visit.form.get("name", ""), address or None)
    except GuardianError as error:
        raise PageError(400, str(error)) from None

    def do() -> None:
        try:
            if address:
                guarding.name_elsewhere(node, who.account, name, address)
            else:
                _codes.keep(node, visit, (guarding.invite(node, who.account, name), name))
        except GuardianError as error:
            raise PageError(409, str(error)) from None

    told = render.say(words.GUARDIANS["sign_invite"], name=name)
    return _word(node, visit, who, "invite", name, address, told, do)


def _word(
    node: "Node", visit: Visit, who: Whose, action: guarding.Action, name: str, address: str, told: Markup,
    do: Callable[[], object],
) -> Go:  # fmt: skip
    signs = signer(node, visit, who)
    statement = guarding.statement(node, who.account, action, name, address, signs.key)
    message = guarding.message(statement)

    def finish(packed: bytes) -> None:
        devices.check_signed(node, who.account, signs.key, message, packed)
        do()

    part = Part("medrec/guardian-word/1", statement, message, finish)
    # Where words came, they say that it is done.
    done = "" if action == "invite" and not address else "kept"
    act = Act(who.account, [told], [], (part,), signs.key, "guardians", done)
    return begun(node, visit, who, act)


def _card(node: "Node", who: Whose, asked: list[Asked]) -> dict[str, Any]:
    """The card for guardians who are served elsewhere, and their names."""
    chosen = guarding_elsewhere.chosen(node, who.account)
    members = set(chosen.members) if chosen is not None else set()
    others = [one.name for one in asked if one.guardian in members and not returning.is_served(node, str(one.guardian))]
    text = guarding_elsewhere.card(node, who.account, who.name) if others else ""
    picture = Markup(paper.qr_svg(text)) if text else ""  # noqa: S704  # made here, of what was made here
    return {"card": text, "card_for": render.listed(others), "card_picture": picture}


def card_file(node: "Node", visit: Visit) -> File:
    """The card as a file. Raises PageError where there is none to give."""
    who = whose(node, visit)
    says_herself(visit)
    text = _card(node, who, guarding.asked_by(node, who.account))["card"]
    if not text:
        raise PageError(404, "not-found")
    return File(text.encode(), "text/plain; charset=utf-8", "guardian-card.txt")


def _line(visit: Visit, one: Asked) -> dict[str, Any]:
    return {"id": one.id.hex(), "name": one.name, "when": visit.when(one.since)}


def _change(node: "Node", visit: Visit, who: Whose) -> Go:
    form, what = visit.form, visit.form.get("do", "")
    if what == "withdraw":
        identifier = _id(form.get("asked", ""))
        one = next((one for one in guarding.asked_by(node, who.account) if one.id == identifier), None)
        if one is None:
            raise PageError(404, "not-found")
        do = partial(guarding.withdraw, node, who.account, identifier)
        told_back = render.say(words.GUARDIANS["sign_withdraw"], name=one.name)
        return _word(node, visit, who, "withdraw", one.name, one.guardian or "", told_back, do)
    with node.engine.view() as view:
        found = ladder.ladder_of(view, who.account)
        now, wait = max(visit.now, view.tip.time), ladder.policy_of(view).doors
    doors = found.waiting_at(now) or found.doors_at(now)
    if what == "none":
        revealed, told = None, [render.say(words.GUARDIANS["sign_none"])]
    else:
        asked = guarding.asked_by(node, who.account)
        ticked = [one for one in asked if one.guardian is not None and form.get(f"is-{one.id.hex()}")]
        members = sorted({str(one.guardian) for one in ticked})
        needs = int(form["needs"]) if form.get("needs", "").isdecimal() else 0
        if not ladder.GUARDIANS_NEEDED_MIN <= needs <= len(members) <= ladder.GUARDIANS_MAX:
            raise PageError(400, "guardians-few")
        revealed = Revealed(members, needs, node.vault.random(SALT_BYTES))
        names = render.listed([one.name for one in ticked])
        told = [render.say(words.GUARDIANS["sign_choose"], names=names, needs=revealed.needs)]
    committed, before = None, None
    if revealed is not None:
        before = partial(guarding_index.secure, node, who.account, revealed)
        committed = _plain(Guardians(ladder.guardians_commitment(revealed), revealed.needs, len(revealed.members)))
        recovery.keep_guardians(node, who.account, revealed)
    payload = {"guardians": committed, "papers": list(doors.papers), "clinic": doors.clinic}
    changes = [render.say(words.GUARDIANS["later"], when=visit.when(now + wait))]
    return propose(node, visit, who, "account/doors", payload, told, "guardians", "kept", None, changes, before)


def show_guarding(node: "Node", visit: Visit) -> Any:
    """The values of own/guarding.html: whom the person may help back in. `do`: look (who asks), accept, leave."""
    who = whose(node, visit)
    assert node.agent is not None
    says_herself(visit)
    form = visit.form
    if not form:
        return _guarding(node, visit)
    if form.get("do") == "leave":
        guarding.withdraw(node, who.account, _id(form.get("asked", "")))
        return Go(visit.link("guarding", person=who.handle), "kept")
    if form.get("do") == "card":
        try:
            guarding_elsewhere.take(node, who.account, form.get("card", ""))
        except ValueError:
            raise PageError(400, "guardian-card") from None
        return Go(visit.link("guarding", person=who.handle), "kept")
    typed = form.get("words", "")
    try:
        asked = guarding.find(node, typed)
    except paper.PaperError:
        return Shows(lambda visit: _guarding(node, visit, trouble="paper-slip"))
    if asked is None:
        return Shows(lambda visit: _guarding(node, visit, trouble="guardian-over"))
    if form.get("do") == "accept":
        if not guarding.accept(node, asked, who.account):
            raise PageError(400, "guardian-over")
        return Go(visit.link("guarding", person=who.handle), "guardian")
    return Shows(lambda visit: _guarding(node, visit, typed, asked.account))


def _guarding(node: "Node", visit: Visit, typed: str = "", asks: str = "", trouble: str = "") -> dict[str, Any]:
    """The page, with the words that she `typed` and whose account `asks` by them."""
    who = whose(node, visit)
    assert node.agent is not None
    says_herself(visit)
    accepted = guarding.accepted(node, who.account)
    names = node.agent.names_of([asks, *(one.account for one in accepted)])
    wards = guarding.wards(node, who.account)
    chosen = {ward.account for ward in wards}
    return {
        "handle": who.handle,
        "asked": {"name": names.get(asks, ""), "words": typed} if asks else None,
        "trouble": words.ERRORS[trouble] if trouble else None,
        "wards": [
            {
                "name": ward.name,
                "link": visit.link("ward", person=who.handle, ward=handle(ward.account)),
                "busy": ward.ladder.attempt_at(visit.now) is not None or ward.frozen,
            }
            for ward in wards
        ],
        "card_prefix": guarding_elsewhere.PREFIX,
        "waiting": [
            {"id": one.id.hex(), "name": names.get(one.account, "")} for one in accepted if one.account not in chosen
        ],
        "may_sign": ask_key(node, visit, who),
    }


def show_ward(node: "Node", visit: Visit) -> Any:
    """The values of own/ward.html: one whom the person may help. `do`: speak, stop, freeze, thaw."""
    who = whose(node, visit)
    assert node.agent is not None
    says_herself(visit)
    ward = next((one for one in guarding.wards(node, who.account) if handle(one.account) == visit.path["ward"]), None)
    if ward is None:
        raise PageError(404, "unknown-person")
    if visit.form:
        return _help(node, visit, who, ward)
    with node.engine.view() as view:
        now, policy = max(visit.now, view.tip.time), ladder.policy_of(view)
    account = ward.account
    attempt, until = ward.ladder.attempt_at(now), frozen_until(node, account)
    stops = ward.guardians and len(ward.guardians.members) // 2 + 1
    return {
        "handle": who.handle,
        "here": visit.link("ward", person=who.handle, ward=visit.path["ward"]),
        "name": ward.name,
        "attempt": None
        if attempt is None
        else {
            "door": render.say(words.KEYS[f"door_{attempt.door}"], place=who.place(attempt.by)),
            "when": visit.when(attempt.ripe),
            "code": digits(ladder.short_code(account, ladder.credential_hash(attempt.credential))),
            "against": len(attempt.stops),
            "needed": 1 if attempt.door == "clinic" and not attempt.final else stops,
            "said": who.account in attempt.stops,
        },
        "agents": [(one, who.place(one)) for one in _agents(node)] if ward.elsewhere else [],
        "agent": ward.elsewhere.agent if ward.elsewhere else "",
        "needs": ward.guardians.needs,
        "hours": policy.guardians // ladder.HOUR_MS,
        "days": policy.freeze // ladder.DAY_MS,
        "frozen": visit.when(until) if until is not None else None,
        "may_sign": ask_key(node, visit, who),
    }


def _help(node: "Node", visit: Visit, who: Whose, ward: Ward) -> Go:
    what, revealed = visit.form.get("do", ""), _plain(ward.guardians)
    payload: dict[str, Any] = {"account": ward.account, "guardians": revealed}
    if what == "speak":
        credential = _new_key(node, visit, who, ward)
        payload["credential"] = _plain(credential)
        code = ladder.short_code(ward.account, ladder.credential_hash(credential))
        told = [
            render.say(words.GUARDIANS["sign_speak"], name=ward.name),
            render.say(words.BACK["digits_voice"], code=digits(code), name=ward.name),
        ]
        kind, done = "recovery/by-guardian", "spoken"
    elif what == "stop":
        with node.engine.view() as view:
            attempt = ward.ladder.attempt_at(max(visit.now, view.tip.time))
        if attempt is None:
            raise PageError(404, "not-found")
        payload["credential"] = ladder.credential_hash(attempt.credential)
        told = [render.say(words.GUARDIANS["sign_stop"], name=ward.name)]
        kind, done = "recovery/stop", "spoken"
    elif what == "freeze":
        payload["staff"] = []
        told = [render.say(words.GUARDIANS["sign_freeze"], name=ward.name), render.say(words.KEYS["freeze_hint"])]
        kind, done = "account/freeze", "spoken"
    elif what == "thaw":
        told, kind, done = [render.say(words.GUARDIANS["sign_thaw"], name=ward.name)], "account/unfreeze", "spoken"
    else:
        raise PageError(400, "form-unreadable")
    return propose(node, visit, who, kind, payload, told, "guarding", done)


def _agents(node: "Node") -> list[str]:
    return [one.id for one in node.directory.active() if "agent" in one.roles]


def _new_key(node: "Node", visit: Visit, who: Whose, ward: Ward) -> NewCredential:
    """The new key of this number, here or at the agent that serves her; it is hers from now on. Raises PageError."""
    if ward.elsewhere is not None:
        count_number(node, visit, who.account)
        number = "".join(part for part in visit.form.get("number", "") if part.isdecimal())
        asked = ward.elsewhere._replace(agent=visit.form.get("agent", "") or ward.elsewhere.agent)
        if asked.agent not in _agents(node):
            raise PageError(400, "form-unreadable")
        try:
            found = guarding_elsewhere.new_key(node, asked, who.account, number)
        except PeerError as error:
            if error.code == "no-such-number":
                raise PageError(404, "no-such-number") from None
            raise PageError(503, error.code or "unreachable", error.sentence) from None
        except ValueError:
            raise PageError(503, "form-unreadable") from None
        # Who knows her new key serves her: her pages may have moved since the card was taken.
        guarding_elsewhere.moved(node, who.account, asked)
        return found
    return waiting_key(node, visit, who.account, ward.account).credential


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise PageError(400, "form-unreadable") from None


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, builtin_types=(bytes,))
