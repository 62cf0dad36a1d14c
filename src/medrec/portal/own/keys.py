"""Keys and devices: what opens the account, what follows if the phone is lost today, and what happened to the account.

What changes something waits for the person's key (acts.py). Words that stand on paper are shown once (once.py).
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import msgspec
from markupsafe import Markup

from medrec.core import ladder, state
from medrec.core.ladder import Attempt, Ladder, Policy
from medrec.node.account import aftermath, devices, paper, recovery, returning
from medrec.portal import render, words
from medrec.portal.own import moving
from medrec.portal.own.account_act import ask_key, propose, says_herself
from medrec.portal.own.acts import Act, Part, begun, signer
from medrec.portal.own.once import Once
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit
from medrec.portal.security import Limiter, check_rate

if TYPE_CHECKING:
    from medrec.node.node import Node

EVENTS_SHOWN = 20
Sheet = Literal["way-back", "record"]
_tries = Limiter(20, 3_600_000)
_by_site: "WeakKeyDictionary[Node, Limiter]" = WeakKeyDictionary()
"""Accounts are free for whoever joins: nobody guesses numbers of new phones under one account after another."""
NUMBERS_OF_SITE = 100
_papers: dict[Sheet, Once[bytes]] = {"way-back": Once(), "record": Once()}


def show(node: "Node", visit: Visit) -> Any:
    """The values of own/keys.html. The form field `do` says what is begun: paper, record, find, veto, freeze, add,
    remove."""
    who = whose(node, visit)
    says_herself(visit)
    if visit.form:
        return _begin(node, visit, who)
    ready = recovery.readiness(node, who.account)
    with node.engine.view() as view:
        found, policy = ladder.ladder_of(view, who.account), ladder.policy_of(view)
        now = max(visit.now, view.tip.time)
    attempt = found.attempt_at(now)
    events = node.account_watch.of(who.account, EVENTS_SHOWN) if node.account_watch is not None else []
    mine, waiting = devices.of_account(node, who.account), returning.let_in(node, who.account)
    return {
        "handle": who.handle,
        "devices": [
            {
                "label": device.label or words.KEYS["device"],
                "added": visit.when(device.added),
                "used": visit.when(device.used) if device.used is not None else None,
                "key": device.key.hex(),
                "this": visit.session is not None and visit.session.key == device.key,
                "waits": False,
            }
            for device in mine
        ]
        + [
            {
                "label": case.label or words.KEYS["device"],
                "added": visit.when(case.since),
                "used": None,
                "key": case.key.hex(),
                "this": False,
                "waits": True,
            }
            for case in waiting
        ],
        "ways": _ways(visit, ready, found, policy, now),
        "ways_count": ready.ways,
        "next": visit.when(found.next_at) if found.next is not None and found.next_at > now else None,
        "attempt": _attempt(visit, who, attempt) if attempt is not None else None,
        "events": [
            {"what": words.KINDS[event.kind], "author": who.place(event.author), "when": visit.when(event.time)}
            for event in events
        ],
        "many": ready.devices > 1 or bool(mine and waiting),
        "may_sign": ask_key(node, visit, who),
    }


def _ways(visit: Visit, ready: recovery.Readiness, found: Ladder, policy: Policy, now: int) -> list[dict[str, Any]]:
    """What somebody would do who lost her phone today, one sentence for each way, and whether she has it."""
    guardians = found.doors_at(now).guardians
    ask = {"needs": guardians.needs, "of": guardians.of} if guardians is not None else {"needs": 2, "of": 3}
    hours = {door: policy.delay(door) // ladder.HOUR_MS for door in ("paper", "guardians", "clinic")}
    rows = [
        ("devices", ready.devices > 1, {}),
        ("papers", ready.papers > 0, {"hours": hours["paper"]}),
        ("guardians", ready.guardians, {**ask, "hours": hours["guardians"]}),
        ("clinic", ready.clinic, {"hours": hours["clinic"]}),
    ]
    ways = [
        {
            "name": words.KEYS[f"way_{name}"],
            "has": has,
            "more": render.say(words.KEYS[f"lost_{name}" if has else f"not_{name}"], **values),
        }
        for name, has, values in rows
    ]
    first = min((found.paper_from(one, policy.doors) for one in found.doors_at(now).papers), default=0)
    if ready.lost:
        ways[2]["more"] = words.GUARDIANS["lost"]
    if first > now:
        ways[1]["more"] = render.say(words.KEYS["paper_later"], when=visit.when(first))
    return ways


def _attempt(visit: Visit, who: Whose, attempt: Attempt) -> dict[str, Any]:
    door = render.say(words.KEYS[f"door_{attempt.door}"], place=who.place(attempt.by))
    return {"door": door, "since": visit.when(attempt.since), "when": visit.when(attempt.ripe), "final": attempt.final}


def _begin(node: "Node", visit: Visit, who: Whose) -> Go:
    what = visit.form.get("do", "")
    if what == "paper":
        return _make_paper(node, visit, who)
    if what == "record":
        return _record_paper(node, visit, who)
    if what == "find":
        return _find(node, visit, who)
    if what == "add":
        return _add(node, visit, who)
    if what == "veto":
        with node.engine.view() as view:
            attempt = ladder.ladder_of(view, who.account).attempt_at(max(visit.now, view.tip.time))
        if attempt is None:
            raise PageError(404, "not-found")
        payload: dict[str, Any] = {"credential": ladder.credential_hash(attempt.credential)}
        told = [render.say(words.KEYS["sign_veto"]), render.say(words.KEYS["veto_once"])]
        return propose(node, visit, who, "recovery/veto", payload, told, "keys", "vetoed")
    if what == "freeze":
        payload = {"account": who.account, "guardians": None, "staff": []}
        told = [render.say(words.KEYS["sign_freeze"]), render.say(words.KEYS["freeze_hint"])]
        return propose(node, visit, who, "account/freeze", payload, told, "keys", "frozen")
    if what == "remove":
        here = [*devices.of_account(node, who.account), *returning.let_in(node, who.account)]
        device = next((one for one in here if one.key.hex() == visit.form.get("key", "")), None)
        if device is None:
            raise PageError(404, "not-found")
        told = [render.say(words.KEYS["sign_remove"], label=device.label or words.KEYS["device"])]
        return propose(node, visit, who, "account/credential-remove", {"key": device.key}, told, "keys", "key_gone")
    raise PageError(400, "form-unreadable")


def _make_paper(node: "Node", visit: Visit, who: Whose) -> Go:
    code = node.vault.random(paper.CODE_BYTES)
    with node.engine.view() as view:
        found, now = ladder.ladder_of(view, who.account), max(visit.now, view.tip.time)
        wait = ladder.policy_of(view).doors
    # Doors that wait go on waiting; the new paper stands in them and in the present ones.
    doors = found.waiting_at(now) or found.doors_at(now)
    payload = msgspec.to_builtins(doors, builtin_types=(bytes,))
    payload["papers"] = [*payload["papers"], paper.paper_hash(code)][-ladder.PAPERS_MAX :]
    told = [render.say(words.KEYS["sign_paper"]), render.say(words.KEYS["paper_later"], when=visit.when(now + wait))]

    after = partial(_papers["way-back"].keep, node, visit, code)
    return propose(node, visit, who, "account/doors", payload, told, "paper", "", after)


def _record_paper(node: "Node", visit: Visit, who: Whose) -> Go:
    """The words that find the record again open it, so a session is not enough for them: the key says yes each time."""
    signs, nonce = signer(node, visit, who), node.vault.random(32)
    message, statement = devices.show_words_message(node.network, who.account, nonce)

    def finish(packed: bytes) -> None:
        devices.check_signed(node, who.account, signs.key, message, packed)
        assert node.agent is not None
        aftermath.note_shown(node, who.account)
        _papers["record"].keep(node, visit, node.agent.view_secret(who.account))

    told = [render.say(words.KEYS["sign_record"])]
    part = Part("medrec/show-words/1", statement, message, finish, binary=True)
    act = Act(who.account, told, [], (part,), signs.key, "record_paper", "")
    return begun(node, visit, who, act)


def _find(node: "Node", visit: Visit, who: Whose) -> Go:
    """Her words once more: what they find on the ledger is hers from now on, and its places are told."""
    signs = signer(node, visit, who)
    check_rate(_tries, who.account, node.clock())
    asked = moving.find(node, who.account, who.name, visit.form.get("words", ""), signs.key, lambda: None)
    act = Act(who.account, asked.told, [], (asked.part,), signs.key, "linking", "kept")
    return begun(node, visit, who, act)


def _add(node: "Node", visit: Visit, who: Whose) -> Go:
    """A second device: the new one made its passkey on the page for new phones, and shows a number."""
    case = waiting_key(node, visit, who.account, who.account)
    payload = {"credential": msgspec.to_builtins(case.credential, builtin_types=(bytes,))}
    told = [
        render.say(words.KEYS["sign_add"], label=case.label or words.KEYS["device"]),
        render.say(words.BACK["digits"], code=digits(case.short_code)),
    ]

    after = partial(returning.settle, node, case)
    return propose(node, visit, who, "account/credential-add", payload, told, "keys", "key_added", after)


def count_number(node: "Node", visit: Visit, by: str) -> None:
    """A number of a new phone was written: by an account, and from somewhere. Raises PageError after too many."""
    check_rate(_tries, by, node.clock())
    check_rate(_by_site.setdefault(node, Limiter(NUMBERS_OF_SITE, 3_600_000)), visit.site, node.clock())


def waiting_key(node: "Node", visit: Visit, by: str, account: str) -> returning.Case:
    """The new phone of the number in the form; `by` says that it belongs to an account. Raises PageError."""
    count_number(node, visit, by)
    case = returning.by_number(node, visit.form.get("number", ""))
    if case is None or any(device.key == case.key for device in devices.of_account(node, account)):
        raise PageError(404, "no-such-number")
    try:
        return returning.bind(node, case, account)
    except LookupError:
        raise PageError(404, "no-such-number") from None


def digits(text: str) -> Markup:
    """Digits in groups of three, from left to right in every language."""
    groups = " ".join(text[at : at + 3] for at in range(0, len(text), 3))
    return Markup('<bdi dir="ltr">{}</bdi>').format(groups)


def show_paper(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/paper.html: the words of a code that was just made, once, to the one who made it."""
    return _shown(node, visit, "way-back")


def show_record_paper(node: "Node", visit: Visit) -> dict[str, Any]:
    """The same for the words by which another agent finds the whole record again."""
    return {**_shown(node, visit, "record"), "account": whose(node, visit).account}


def _shown(node: "Node", visit: Visit, sheet: Sheet) -> dict[str, Any]:
    who = whose(node, visit)
    secret = _papers[sheet].take(node, visit) if ask_key(node, visit, who) else None
    # The words of a record fit one account alone: hers are not taken for another's of the same household.
    text = paper.to_words(secret, who.account if sheet == "record" else "") if secret else ""
    picture = Markup(paper.qr_svg(text)) if text else ""  # noqa: S704  # made here, of letters and spaces
    return {"handle": who.handle, "words": text.split(), "picture": picture, "sheet": sheet}


def frozen_until(node: "Node", account: str) -> int | None:
    """When a freeze of an account ends, None if it is not frozen."""
    with node.engine.view() as view:
        held = state.account(view, account)
        return ladder.ladder_of(view, account).frozen_until if held is not None and held.frozen else None
