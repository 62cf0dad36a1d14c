"""Keys and devices: what opens the account, the ways back, a recovery that is under way, and what happened.

What changes something waits at the signing desk for the person's key. The words of a new paper code are kept here, in
memory, until they were shown once.
"""

import threading
from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup

from medrec.core import codec, ladder
from medrec.node import devices, paper, recovery
from medrec.node.accounts import next_body
from medrec.portal import words
from medrec.portal.join import submit
from medrec.portal.own.whose import whose
from medrec.portal.page import PageError, Visit
from medrec.portal.session import Session, Who
from medrec.portal.signing import desk_of

if TYPE_CHECKING:
    from medrec.node.node import Node

PAPER_LIFE_MS = 10 * 60_000
EVENTS_SHOWN = 20
_papers: dict[str, tuple[bytes, int]] = {}
_lock = threading.Lock()


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/keys.html."""
    who = whose(node, visit)
    ready = recovery.readiness(node.engine, who.account)
    with node.engine.view() as view:
        attempt = ladder.ladder_of(view, who.account).attempt_at(max(visit.now, view.tip.time))
    events = node.account_watch.of(who.account, EVENTS_SHOWN) if node.account_watch is not None else []
    ways = {
        "way_devices": ready.devices > 1,
        "way_papers": ready.papers > 0,
        "way_guardians": ready.guardians,
        "way_clinic": ready.clinic,
    }
    return {
        "handle": who.handle,
        "devices": [
            {
                "label": device.label or words.KEYS["device"],
                "added": visit.when(device.added),
                "used": visit.when(device.used) if device.used is not None else None,
            }
            for device in devices.of_account(node, who.account)
        ],
        "ways": [{"name": words.KEYS[name], "has": has} for name, has in ways.items()],
        "ways_count": ready.ways,
        "attempt": {"when": visit.when(attempt.ripe), "final": attempt.final} if attempt is not None else None,
        "events": [
            {"what": words.KINDS[event.kind], "author": who.place(event.author), "when": visit.when(event.time)}
            for event in events
        ],
        "may_sign": visit.session is not None and visit.session.who is Who.PATIENT and bool(visit.session.key),
    }


def show_paper(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/paper.html: the words of a code that was just made, once, to the one who made it."""
    who = whose(node, visit)
    mine = visit.session is not None and visit.session.who is Who.PATIENT
    with _lock:
        code, until = _papers.pop(who.account, (b"", 0)) if mine else (b"", 0)
    text = paper.to_words(code) if code and visit.now < until else ""
    picture = Markup(paper.qr_svg(text)) if text else ""  # noqa: S704  # made here, of letters and spaces
    return {"handle": who.handle, "words": text.split(), "picture": picture}


def make_paper(node: "Node", session: Session, back: str) -> str:
    """The ticket of one more paper code. Raises PageError."""
    _herself(session)
    code = node.vault.random(paper.CODE_BYTES)
    with node.engine.view() as view:
        doors = ladder.ladder_of(view, session.account).doors_at(view.tip.time)
    payload = msgspec.to_builtins(doors, builtin_types=(bytes,))
    payload["papers"] = [*payload["papers"], paper.paper_hash(code)][-ladder.PAPERS_MAX :]

    def done() -> None:
        with _lock:
            _papers[session.account] = (code, node.clock() + PAPER_LIFE_MS)

    return _ticket(node, session, "account/doors", payload, back, done)


def veto(node: "Node", session: Session, back: str) -> str:
    """The ticket of a veto against the recovery that is under way. Raises PageError."""
    _herself(session)
    with node.engine.view() as view:
        attempt = ladder.ladder_of(view, session.account).attempt_at(view.tip.time)
    if attempt is None:
        raise PageError(404, "not-found")
    payload = {"credential": ladder.credential_hash(attempt.credential)}
    return _ticket(node, session, "recovery/veto", payload, back, lambda: None)


def _ticket(node: "Node", session: Session, kind: str, payload: Any, back: str, done: Any) -> str:
    body = next_body(node.engine, node.network, session.account, session.key, kind, payload)

    def finish(packed: bytes) -> str:
        submit(node, body, packed)
        done()
        return back

    return desk_of(node).prepare_for(session, "transaction", codec.decode(body), finish)


def _herself(session: Session) -> None:
    """Keys are a person's own: no helper touches them."""
    if session.who is not Who.PATIENT:
        raise PageError(403, "not-your-page")
