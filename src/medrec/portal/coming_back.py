"""Coming back: somebody whose keys are gone makes one on a new phone, and gets her account back by one of four ways.

POST /coming-back/begin  {label, id, authenticatorData} -> {to}: the new key waits, and this phone is signed in to see
                         how that stands
Until the account is hers again, the page says nothing about anybody: neither a name nor whether an account exists.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from medrec.core import ladder
from medrec.node.account import aftermath, devices, paper, recovery, returning
from medrec.node.account.accounts import AccountError
from medrec.node.account.returning import Case
from medrec.node.looks.disputing import organisations
from medrec.portal import confirming, render, words
from medrec.portal.own import moving
from medrec.portal.own.account_act import transaction_part
from medrec.portal.own.acts import Act
from medrec.portal.own.keys import digits, frozen_until
from medrec.portal.page import Go, PageError, Said, Visit, names
from medrec.portal.security import Limiter, check_rate
from medrec.portal.session import Session, Who
from medrec.portal.sign_in import new_passkey, of_case, read_json

if TYPE_CHECKING:
    from medrec.node.node import Node

ADDRESS_LENGTH_MAX, NAME_LENGTH_MAX = 65, 120


class ComingBack:
    """New phones at one site."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        # By the minute: who floods an address shuts out nobody for longer than the flood lasts. How many keys may wait
        # in all is limited where they wait.
        self._limiter = Limiter(30, 60_000)

    def begin(self, address: str, body: bytes) -> Session:
        """A new passkey begins to wait. Raises PageError."""
        node = self._node
        check_rate(self._limiter, address, node.clock())
        home = devices.home_of(node)
        if node.agent is None or home is None:
            raise PageError(503, "no-home")
        asked = read_json(body)
        made, credential_id = new_passkey(home, asked)
        if devices.find(node, credential_id) is not None or returning.by_passkey(node, credential_id) is not None:
            raise PageError(400, "key-unfit")
        label = " ".join(str(asked.get("label", "")).split())
        if not label.isprintable():
            raise PageError(400, "form-unreadable")
        return of_case(returning.begin(node, made, credential_id, label, origin=address))


_tries = Limiter(20, 3_600_000)


def show(node: "Node", visit: Visit) -> Any:
    """The values of coming_back.html. The form field `do`: paper, finish, move, hers, not_hers, again."""
    session = visit.session
    case = returning.find(node, session.case) if session is not None and session.case else None
    if case is None:
        if visit.form:
            raise PageError(401, "sign-in")
        return {"state": "begin" if devices.home_of(node) is not None else "no-home", "label": ""}
    course = returning.course(node, case)
    returning.saw(node, case)
    let_in = course.done and returning.is_served(node, str(case.account))
    if course.done and (case.name or (let_in and case.hers)):
        # The node stopped after the ledger had let the key in, and before it wrote that down here. Signing in does it:
        # whoever only says that this key is hers has signed nothing.
        return Go(visit.link("sign_in"), "came_back")
    if visit.form:
        return _do(node, visit, case, course)
    with node.engine.view() as view:
        now, policy = max(visit.now, view.tip.time), ladder.policy_of(view)
    attempt = course.attempt
    if attempt is not None and case.began is None:
        returning.mark_begun(node, case)
    frozen = frozen_until(node, case.account) if case.account else None
    # To whom she belongs is said to a key that has signed for itself alone.
    signed = session is not None and session.account == case.account
    return {
        "state": ("whose" if signed else "let_in") if let_in else _state(case, course, now),
        "whose": _whose(node, str(case.account)) if let_in and signed else None,
        "label": case.label,
        "number": digits(case.number),
        "code": digits(case.short_code) if case.short_code else None,
        "agreed": course.agreed,
        "needed": course.needed,
        "hours": {door: policy.delay(door) // ladder.HOUR_MS for door in ("paper", "guardians", "clinic")},
        "attempt": {
            "door": render.say(words.KEYS[f"door_{attempt.door}"], place=words.BACK["a_clinic"]),
            "ripe": visit.when(attempt.ripe),
            "lapses": visit.when(attempt.lapses),
        }
        if attempt is not None
        else None,
        "frozen": visit.when(frozen) if frozen is not None else None,
    }


def _whose(node: "Node", account: str) -> dict[str, Any]:
    """Into whose pages a key was let by somebody else: the name there, and the places."""
    assert node.agent is not None
    known = names(node)
    places = [known.get(place, place) for place in organisations(node, account)]
    return {"name": node.agent.name_of(account), "places": render.listed(places) if places else None}


def _state(case: Case, course: returning.Course, now: int) -> str:
    if course.done:
        return "done"
    if course.attempt is not None:
        return "ripe" if now >= course.attempt.ripe else "waits"
    if case.began is not None and case.account is not None:
        return "stopped"
    return "other" if course.other else "bound" if case.account is not None else "fresh"


def _do(node: "Node", visit: Visit, case: Case, course: returning.Course) -> Go:
    what = visit.form.get("do", "")
    if what == "paper":
        return _by_paper(node, visit, case)
    if what == "finish" and course.attempt is not None and case.account is not None:
        return _finish(node, visit, case, case.account)
    if what == "move" and course.done and case.account is not None:
        return _move(node, visit, case, case.account)
    if what in ("hers", "not_hers") and visit.session is not None and visit.session.account == case.account:
        if what == "not_hers":
            returning.forget(node, case)
            return Go(visit.link("coming_back"), "not_hers")
        returning.settle(node, returning.say_hers(node, case))
        return Go(visit.link("sign_in"), "came_back")
    if what == "again":
        returning.begin(node, case.credential, case.credential_id, case.label, origin=returning.origin(node, case))
        return Go(visit.link("coming_back"))
    raise PageError(400, "form-unreadable")


def _by_paper(node: "Node", visit: Visit, case: Case) -> Go:
    check_rate(_tries, case.digest.hex(), node.clock())
    try:
        code = paper.from_words(visit.form.get("words", ""))
    except paper.PaperError:
        raise PageError(400, "paper-slip") from None
    account = returning.account_of_paper(node, code) or visit.form.get("account", "").strip()
    if not account or len(account) > ADDRESS_LENGTH_MAX or case.account not in (None, account):
        raise PageError(404, "paper-unknown")
    try:
        recovery.begin_by_paper(node.engine, node.network, account, code, case.credential)
    except AccountError as no:
        if no.outcome.code.name in ("WRONG_CODE", "UNKNOWN_ACCOUNT", "UNKNOWN_AUTHOR", "BAD_SIGNATURE"):
            raise PageError(404, "paper-unknown") from None
        if no.outcome.code.name == "TIME_LOCKED":
            raise Said(409, "time-locked", _young(node, visit, account, code)) from None
        raise PageError(409, no.outcome.code.name.lower().replace("_", "-"), no.outcome.sentence) from None
    returning.mark_begun(node, returning.say_hers(node, returning.bind(node, case, account)))
    if node.account_watch is not None:
        node.account_watch.step()
    return Go(visit.link("coming_back"), "way_begun")


def _young(node: "Node", visit: Visit, account: str, code: bytes) -> str:
    """From when on a paper code that was made lately counts."""
    with node.engine.view() as view:
        wait = ladder.policy_of(view).doors
        ripe = ladder.ladder_of(view, account).paper_from(paper.paper_hash(code), wait)
    return render.say(words.BACK["young"], when=visit.when(ripe))


def _finish(node: "Node", visit: Visit, case: Case, account: str) -> Go:
    served = returning.is_served(node, account)
    after = partial(returning.settle, node, case)
    part = transaction_part(node, account, case.key, "recovery/finish", {}, after)
    told = [render.say(words.BACK["sign_finish"]), render.say(words.BACK["finish_more"])]
    act = Act("", told, [], (part,), case.key, "sign_in" if served else "coming_back", "came_back")
    return confirming.begin(node, visit, act)


def _move(node: "Node", visit: Visit, case: Case, account: str) -> Go:
    """A person who is not served here brings the words of her record: the ledger alone tells where everything is."""
    name = " ".join(visit.form.get("name", "").split())
    if not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable() or returning.is_served(node, account):
        raise PageError(400, "form-unreadable")
    check_rate(_tries, case.digest.hex(), node.clock())

    def then() -> None:
        returning.settle(node, returning.say_hers(node, case))
        # Its watch began with her: what stood on the ledger before, it has not seen.
        node.store.write(lambda connection: aftermath.note(connection, account, node.clock()))

    asked = moving.find(node, account, name, visit.form.get("words", ""), case.key, then)
    return confirming.begin(node, visit, Act("", asked.told, [], (asked.part,), case.key, "sign_in", "moved"))


def show_frozen(node: "Node", visit: Visit) -> Any:
    """The values of frozen.html: an account that stands still, seen with a key of it. `do`: thaw, veto; a key may do
    no more."""
    session = visit.session
    account = session.account if session is not None and session.who is Who.FROZEN else ""
    until = frozen_until(node, account) if account else None
    with node.engine.view() as view:
        attempt = ladder.ladder_of(view, account).attempt_at(max(visit.now, view.tip.time)) if account else None
    if not visit.form:
        return {
            "until": visit.when(until) if until is not None else None,
            "attempt": {"when": visit.when(attempt.ripe), "final": attempt.final} if attempt is not None else None,
        }
    if session is None or until is None:
        raise PageError(403, "not-your-page")
    if visit.form.get("do") == "veto":
        if attempt is None:
            raise PageError(404, "not-found")
        payload: dict[str, Any] = {"credential": ladder.credential_hash(attempt.credential)}
        kind, told, back, done = "recovery/veto", ["sign_veto", "veto_once"], "frozen", "vetoed"
        sentences = [render.say(words.KEYS[name]) for name in told]
    else:
        payload = {"account": account, "guardians": None}
        kind, back, done = "account/unfreeze", "sign_in", "thawed"
        sentences = [render.say(words.BACK["sign_thaw"]), render.say(words.BACK["thaw_once"])]
    part = transaction_part(node, account, session.key, kind, payload)
    return confirming.begin(node, visit, Act("", sentences, [], (part,), session.key, back, done))
