"""Notices to a person: how often, and where to; and the browsers that take pushes. Her key signs each change."""

from typing import TYPE_CHECKING, Any

import msgspec

from medrec.node.account import devices
from medrec.node.notify import push, wishes
from medrec.node.notify.ways import WayError, check_address
from medrec.node.notify.wishes import Browser, Wishes
from medrec.portal import language, render, words
from medrec.portal.own.account_act import says_herself
from medrec.portal.own.acts import Act, Part, begun, signer
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

PACES = ("digest", "at-once", "quiet")
SECRET_BYTES = 32


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/settings.html; a form changes them."""
    who = whose(node, visit)
    says_herself(visit)
    assert node.teller is not None
    wished = wishes.of(node, who.account)
    if visit.form:
        return _keep(node, visit, who, wished)
    troubles = node.teller.troubles(who.account)
    return {
        "handle": who.handle,
        "wished": wished,
        "paces": [(pace, words.NOTICES[pace], words.NOTICES[pace + "_more"]) for pace in PACES],
        "troubles": [(words.NOTICES[channel], words.in_words(trouble)) for channel, trouble in troubles.items()],
        "has_mail": node.teller.relay is not None,
        "push_key": node.teller.public_key(),
        "secret": wished.secret.hex() if wished.webhook else "",
    }


def _keep(node: "Node", visit: Visit, who: Whose, wished: Wishes) -> Go:
    form = visit.form
    values: dict[str, Any] = {name: getattr(wished, name) for name in Wishes.__struct_fields__}
    if "browser" in form:
        values["browsers"] = [*wished.browsers, _browser(node, form["browser"])][-wishes.BROWSERS_MAX :]
    elif "forget" in form:
        values["browsers"] = []
    else:
        email, webhook = form.get("email", "").strip(), form.get("webhook", "").strip()
        if email and ("@" not in email or any(part.isspace() for part in email)):
            raise PageError(400, "bad-email")
        if webhook:
            _check(node, webhook)
        fresh = webhook != wished.webhook
        values |= {"pace": form.get("pace", "digest"), "email": email, "webhook": webhook}
        values["secret"] = node.vault.random(SECRET_BYTES) if webhook and fresh else wished.secret if webhook else b""
    changed = Wishes(**values) != wished
    try:
        wanted = wishes.checked(Wishes(**values | {"language": language.current().code}))
    except msgspec.ValidationError:
        raise PageError(400, "form-unreadable") from None
    if not changed:
        # Which language the short messages are in sends them nowhere else.
        wishes.keep(node, who.account, wanted)
        return Go(visit.link("settings", person=who.handle), "saved")
    return _ask(node, visit, who, wanted)


def _ask(node: "Node", visit: Visit, who: Whose, wanted: Wishes) -> Go:
    """The key says yes: a page left open neither turns notices off nor sends them elsewhere."""
    signs = signer(node, visit, who)
    statement = wishes.statement(node, who.account, wanted, signs.key)
    message = wishes.message(statement)

    def finish(packed: bytes) -> None:
        devices.check_signed(node, who.account, signs.key, message, packed)
        assert node.teller is not None
        before = wishes.of(node, who.account)
        wishes.keep(node, who.account, wanted)
        node.teller.tell_of_ways(who.account, before, wanted)

    found = ways_told(wanted)
    told = [
        render.say(words.NOTICES["sign" if found else "sign_none"], where=render.listed(found)),
        render.say(words.NOTICES["sign_pace"], pace=words.NOTICES[wanted.pace]),
    ]
    part = Part("medrec/notices/1", statement, message, finish)
    act = Act(who.account, told, [], (part,), signs.key, "settings", "saved")
    return begun(node, visit, who, act)


def ways_told(wished: Wishes) -> list[Any]:
    """Where notices go outside a person's page, one by one, as a page says it."""
    found: list[Any] = [where for where in (wished.email, wished.webhook) if where]
    if wished.browsers:
        found.append(render.say(words.NOTICES["browsers_to"], count=len(wished.browsers)))
    return found


def _check(node: "Node", address: str) -> None:
    assert node.teller is not None
    try:
        check_address(address, loopback=node.teller.loopback)
    except WayError as error:
        raise PageError(400, "bad-address", error.sentence) from None


def _browser(node: "Node", text: str) -> Browser:
    """The browser's own description of its subscription (JSON of PushSubscription)."""
    try:
        told = msgspec.json.decode(text)
        made = Browser(told["endpoint"], push.decode(told["keys"]["p256dh"]), push.decode(told["keys"]["auth"]))
        checked = msgspec.convert(msgspec.to_builtins(made, builtin_types=(bytes,)), Browser)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise PageError(400, "form-unreadable") from None
    _check(node, checked.endpoint)
    return checked
