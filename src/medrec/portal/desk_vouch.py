"""Clinic in person: a patient whose keys are gone stands at the desk, and two of the staff say with their own keys that
it is her. One of them alone freezes an account, and can do no more.

The first looks at the papers and the new phone, the second does so again and signs the same; what the first has signed
waits here for an hour.
"""

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, get_args
from weakref import WeakKeyDictionary

import sqlalchemy as sql
from markupsafe import Markup

from medrec.core import codec, ladder, state
from medrec.core.credential import NewCredential, signed_by
from medrec.core.kinds.recovery import STAFF_AGE_MS
from medrec.core.ladder import Check, Staff
from medrec.core.types import EXPIRY_HEIGHTS_MAX, encode_body
from medrec.node.account import recovery, returning, staff
from medrec.node.account.accounts import AccountError
from medrec.node.keeping import charted, store
from medrec.node.peers.peers import PeerError
from medrec.portal import confirming, render, words
from medrec.portal.own.acts import Act, Part
from medrec.portal.own.keys import digits
from medrec.portal.page import Go, PageError, Visit
from medrec.portal.session import Session

if TYPE_CHECKING:
    from medrec.node.node import Node

LIFE_MS = 3_600_000
CHECKS: tuple[str, ...] = get_args(Check)
NONCES_AHEAD = 1_000
"""A member of the staff signs the number of our transaction; whatever else we write meanwhile has smaller ones."""


class Vouching(NamedTuple):
    """What the first member said and signed, and when: of which patient, for which key, and how she was recognised."""

    patient: str
    name: str
    account: str
    credential: NewCredential
    check: Check
    staff: str
    by: str
    key: bytes
    proof: bytes
    time: int
    until: int


class Waiting:
    """What waits for a second member, by the account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Vouching] = {}

    def put(self, one: Vouching) -> None:
        """Let something wait; it takes the place of what waited for the same account."""
        with self._lock:
            self._open[one.account] = one

    def all(self, now: int) -> list[Vouching]:
        """What still waits."""
        with self._lock:
            self._open = {account: kept for account, kept in self._open.items() if kept.until > now}
            return list(self._open.values())

    def drop(self, account: str) -> None:
        """Something waits no longer."""
        with self._lock:
            self._open.pop(account, None)


_of_node: "WeakKeyDictionary[Any, Waiting]" = WeakKeyDictionary()


def waiting_of(node: "Node") -> Waiting:
    """What waits at a node."""
    return _of_node.setdefault(node, Waiting())


def _waits(node: "Node", now: int) -> list[Vouching]:
    """What waits for a second member; what somebody said who was dismissed since waits no longer."""
    waiting = waiting_of(node)
    for one in waiting.all(now):
        if staff.by_key(node, one.key) is None:
            waiting.drop(one.account)
    return waiting.all(now)


def show(node: "Node", visit: Visit) -> Any:
    """The values of desk_vouch.html. The form field `do`: vouch, second, drop, freeze."""
    form = {name: value.strip() for name, value in visit.form.items()}
    if form:
        return _do(node, visit, form)
    session = visit.session
    with node.engine.view() as view:
        known = state.read(view, ladder.staff_key(node.organisation), Staff) or Staff()
        now = max(visit.now, view.tip.time)
        policy = ladder.policy_of(view)
    mine = known.keys.get(session.key.hex()) if session is not None and session.key else None
    ready = mine is not None and now >= mine.since + STAFF_AGE_MS
    return {
        "checks": CHECKS,
        "hours": policy.clinic // ladder.HOUR_MS,
        "days": policy.freeze // ladder.DAY_MS,
        "ready": ready,
        "from": visit.when(mine.since + STAFF_AGE_MS) if mine is not None and not ready else None,
        "has_key": session is not None and bool(session.key),
        "waiting": [
            {
                "account": one.account,
                "patient": one.patient,
                "name": one.name,
                "check": words.VOUCH[one.check],
                "by": one.by,
                "mine": session is not None and staff.one_person(node, one.staff, session.staff),
                "code": digits(ladder.short_code(one.account, ladder.credential_hash(one.credential))),
            }
            for one in _waits(node, visit.now)
        ],
    }


def _do(node: "Node", visit: Visit, form: dict[str, str]) -> Go:
    session, what = visit.session, form.get("do", "")
    if session is None or not session.key or not session.credential:
        raise PageError(403, "needs-key")
    if what == "vouch":
        return _first(node, visit, session, form)
    if what == "freeze":
        return _freeze(node, visit, session, form)
    one = next((one for one in _waits(node, visit.now) if one.account == form.get("account")), None)
    if one is None:
        raise PageError(404, "act-over")
    if what == "drop":
        waiting_of(node).drop(one.account)
        return Go(visit.link("desk_vouch"), "decided")
    if what != "second":
        raise PageError(400, "form-unreadable")
    if staff.one_person(node, one.staff, session.staff) or one.key == session.key:
        raise PageError(403, "vouch-alone")
    return _second(node, visit, session, one)


def _first(node: "Node", visit: Visit, session: Session, form: dict[str, str]) -> Go:
    patient, name, account, agent = _patient(node, form)
    check = form.get("check", "")
    if check not in CHECKS or not agent:
        raise PageError(400, "form-unreadable")
    number = "".join(part for part in form.get("number", "") if part.isdecimal())
    try:
        body = codec.encode({"account": account, "number": number})
        answer = codec.decode(node.peers.call(agent, returning.RETURNING_PATH, body))
        credential = returning.credential_in(answer["credential"])
    except PeerError as error:
        if error.code == "no-such-number":
            raise PageError(404, "no-such-number") from None
        raise PageError(503, error.code or "unreachable", error.sentence) from None
    except (codec.CodecError, KeyError, TypeError, ValueError):
        raise PageError(503, "form-unreadable") from None
    time = node.clock()
    message, statement = _statement(node, account, credential, check, time)

    def finish(packed: bytes) -> None:
        _check_staff(node, session.key, message, packed)
        until = node.clock() + LIFE_MS
        waiting_of(node).put(
            Vouching(
                patient, name, account, credential, check, session.staff, session.name, session.key, packed, time, until  # type: ignore[arg-type]
            )
        )  # fmt: skip

    told = _told(name, patient, account, credential, check)
    part = Part("medrec/vouch/1", statement, message, finish, binary=True)
    return confirming.begin(node, visit, Act("", told, [], (part,), session.key, "desk_vouch", "vouched_first"))


def _second(node: "Node", visit: Visit, session: Session, one: Vouching) -> Go:
    message, statement = _statement(node, one.account, one.credential, one.check, one.time)

    def finish(packed: bytes) -> None:
        _check_staff(node, session.key, message, packed)
        if one not in _waits(node, node.clock()):
            raise PageError(404, "act-over")
        if staff.one_person(node, one.staff, session.staff):
            # Said of the two entries since the page was opened.
            raise PageError(403, "vouch-alone")
        waiting_of(node).drop(one.account)
        payload = {
            "account": one.account,
            "credential": recovery.plain(one.credential),
            "check": one.check,
            "staff": [[one.key, one.proof], [session.key, packed]],
            "time": one.time,
        }
        try:
            recovery.submit_as_organisation(node, "recovery/by-clinic", payload)
        except AccountError as no:
            raise PageError(409, no.outcome.code.name.lower().replace("_", "-"), no.outcome.sentence) from None

    told = _told(one.name, one.patient, one.account, one.credential, one.check)
    part = Part("medrec/vouch/1", statement, message, finish, binary=True)
    return confirming.begin(node, visit, Act("", told, [], (part,), session.key, "desk_vouch", "vouched"))


def _freeze(node: "Node", visit: Visit, session: Session, form: dict[str, str]) -> Go:
    patient, name, account, _ = _patient(node, form)
    with node.engine.view() as view:
        nonce = state.read_integer(view, state.nonce_key(node.organisation)) + NONCES_AHEAD
        expires = view.tip.height + EXPIRY_HEIGHTS_MAX
    message = ladder.freeze_message(node.network, node.organisation, account, nonce)
    statement = codec.encode([node.network, node.organisation, account, nonce])

    def finish(packed: bytes) -> None:
        _check_staff(node, session.key, message, packed)
        payload = {"account": account, "guardians": None, "staff": [[session.key, packed]]}
        body = encode_body(
            author=node.organisation, expires=expires, key=node.keys.key_id, kind="account/freeze",
            network=node.network, nonce=nonce, payload=payload,
        )  # fmt: skip
        try:
            recovery.submit_body(node, body)
        except AccountError as no:
            raise PageError(409, no.outcome.code.name.lower().replace("_", "-"), no.outcome.sentence) from None

    told = [render.say(words.VOUCH["sign_freeze"], name=name, patient=patient), render.say(words.KEYS["freeze_hint"])]
    part = Part("medrec/freeze/1", statement, message, finish, binary=True)
    return confirming.begin(node, visit, Act("", told, [], (part,), session.key, "desk_vouch", "frozen"))


def _patient(node: "Node", form: dict[str, str]) -> tuple[str, str, str, str | None]:
    """The number, name, account and agent of a patient who is linked here. Raises PageError."""
    patient = form.get("patient", "")
    row = store.person.c
    query = sql.select(row.account, row.agent).where(charted.under(patient))
    with node.store.read() as connection:
        found = connection.execute(query).one_or_none()
    if found is None or found.account is None:
        raise PageError(404, "vouch-not-linked")
    local = node.linker.patient(patient)
    name = f"{local.given} {local.family}".strip() if local is not None else ""
    return patient, name or patient, str(found.account), found.agent


def _statement(node: "Node", account: str, credential: NewCredential, check: str, time: int) -> tuple[bytes, bytes]:
    digest = ladder.credential_hash(credential)
    statement = codec.encode([node.network, node.organisation, account, digest, check, time])
    return ladder.vouch_message(node.network, node.organisation, account, digest, check, time), statement


def _told(name: str, patient: str, account: str, credential: NewCredential, check: str) -> list[Markup]:
    code = digits(ladder.short_code(account, ladder.credential_hash(credential)))
    return [
        render.say(words.VOUCH["sign"], name=name, patient=patient),
        render.say(words.VOUCH[f"sign_{check}"]),
        render.say(words.VOUCH["sign_digits"], code=code),
    ]


def _check_staff(node: "Node", key: bytes, message: bytes, packed: bytes) -> None:
    """Raises PageError unless this key of our staff, known for long enough and not dismissed, signed this: the ledger
    asks the same, except who was dismissed an hour ago."""
    if staff.by_key(node, key) is None:
        raise PageError(401, "sign-in")
    with node.engine.view() as view:
        known = (state.read(view, ladder.staff_key(node.organisation), Staff) or Staff()).keys.get(key.hex())
        now = max(node.clock(), view.tip.time)
    if known is None or now < known.since + STAFF_AGE_MS:
        raise PageError(403, "staff-too-new")
    if not signed_by(known.credential, message, packed):
        raise PageError(403, "form-changed")
