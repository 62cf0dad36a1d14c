"""Acts: what a person is about to sign, from the form that began it to the signature that ends it.

An act waits in memory for ten minutes. Its page shows it in sentences, and the very text that is signed; the script
there computes the hash of that text itself. Nothing is done before the signature is here, and it can be done once.
"""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from markupsafe import Markup

from medrec.core.credential import pack_proof
from medrec.core.webauthn import SignatureRefused, low_s
from medrec.node import devices
from medrec.node.peers import PeerError
from medrec.node.refusals import Refusal
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Go, PageError, Visit
from medrec.portal.sign_in import from_text, to_text

if TYPE_CHECKING:
    from medrec.node.node import Node

LIFE_MS = 10 * 60_000
ACTS_MAX = 10_000
ID_BYTES = 16
Sign = Callable[[bytes], tuple[bytes, bytes]]


class Part(NamedTuple):
    """One signature: SHA-256(tag || statement) is signed; `finish` does it with the packed proof.

    `statement` is text as it is shown; a `binary` one is shown in hex.
    """

    tag: str
    statement: bytes
    message: bytes
    finish: Callable[[bytes], None]
    binary: bool = False


class Act(NamedTuple):
    """What waits for a signature: whose, in which sentences, its parts, and where to go on when it is done.

    `changes` are sentences that say what would follow; `key` is the id of the key that has to sign.
    """

    account: str
    sentences: list[Markup]
    changes: list[Markup]
    parts: tuple[Part, ...]
    key: bytes
    back: str
    done: str
    until: int = 0


class Acts:
    """The acts of one node's people."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Act] = {}
        self._lent: dict[str, tuple[bytes, Sign]] = {}

    def begin(self, node: "Node", act: Act) -> str:
        """Keep an act until it is signed; its id."""
        now, identifier = node.clock(), node.vault.random(ID_BYTES).hex()
        with self._lock:
            if len(self._waiting) >= ACTS_MAX:
                self._waiting = {name: kept for name, kept in self._waiting.items() if kept.until > now}
            if len(self._waiting) >= ACTS_MAX:
                raise PageError(429, "too-many")
            self._waiting[identifier] = act._replace(until=now + LIFE_MS)
        return identifier

    def find(self, account: str, identifier: str, now: int) -> Act:
        """An act of a person. Raises PageError."""
        with self._lock:
            act = self._waiting.get(identifier)
        if act is None or act.account != account or act.until < now:
            raise PageError(404, "act-over")
        return act

    def take(self, account: str, identifier: str, now: int) -> Act:
        """The same, and it is used up."""
        act = self.find(account, identifier, now)
        with self._lock:
            if self._waiting.pop(identifier, None) is None:
                raise PageError(404, "act-over")
        return act

    def lend(self, account: str, key: bytes, sign: Sign) -> None:
        """In a demonstration: the key of an invented person lies in this process and signs for her."""
        self._lent[account] = (key, sign)

    def lent(self, account: str) -> tuple[bytes, Sign] | None:
        """The lent key of a person, if there is one."""
        return self._lent.get(account)


_of_node: "WeakKeyDictionary[Any, Acts]" = WeakKeyDictionary()


def acts_of(node: "Node") -> Acts:
    """The acts of a node."""
    return _of_node.setdefault(node, Acts())


class Signer(NamedTuple):
    """Who will sign: the id of the key, and the account of the delegate it belongs to (None: the person herself)."""

    key: bytes
    acting: str | None = None


def signer(node: "Node", visit: Visit, who: Whose) -> Signer:
    """The key that signed in, or in a demonstration the lent one. Raises PageError where there is none."""
    session = visit.session
    if session is not None and session.key:
        return Signer(session.key, session.account if session.acting_for else None)
    lent = acts_of(node).lent(who.account) if visit.demonstration else None
    if lent is None:
        raise PageError(403, "needs-key")
    return Signer(lent[0])


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/sign.html."""
    who = whose(node, visit)
    identifier = visit.path["act"]
    act = acts_of(node).find(who.account, identifier, node.clock())
    home = devices.home_of(node)
    owner = visit.session.account if visit.session is not None and visit.session.account else who.account
    mine = [device for device in devices.of_account(node, owner) if device.key == act.key]
    return {
        "handle": who.handle,
        "act": act,
        "parts_to_sign": [
            {
                "tag": part.tag,
                "text": part.statement.hex() if part.binary else part.statement.decode(),
                "form": "hex" if part.binary else "text",
            }
            for part in act.parts
        ],
        "rp": home.rp if home is not None else "",
        "credential": to_text(mine[0].credential_id) if mine else "",
        "lent": not mine and visit.demonstration and acts_of(node).lent(who.account) is not None,
        "submit": visit.link("signed", person=who.handle, act=identifier),
        "cancel": visit.link(act.back, person=who.handle),
    }


def signed(node: "Node", visit: Visit) -> Go:
    """The form field `proofs` (JSON array of assertions) ends the act; a lent key signs here."""
    who = whose(node, visit)
    acts, identifier, now = acts_of(node), visit.path["act"], node.clock()
    act = acts.find(who.account, identifier, now)
    lent = acts.lent(who.account) if visit.demonstration else None
    if visit.form.get("proofs"):
        proofs = _proofs(visit.form["proofs"], len(act.parts))
    elif lent is not None and lent[0] == act.key:
        proofs = [lent[1](part.message)[1] for part in act.parts]
    else:
        raise PageError(400, "form-unreadable")
    acts.take(who.account, identifier, now)
    try:
        for part, proof in zip(act.parts, proofs, strict=True):
            part.finish(proof)
    except Refusal as refusal:
        raise PageError(refusal.status, refusal.code, refusal.sentence) from None
    except PeerError as error:
        raise PageError(503, error.code or "unreachable", error.sentence) from None
    return Go(visit.link(act.back, person=who.handle), act.done, act.back)


def _proofs(text: str, count: int) -> list[bytes]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise PageError(400, "form-unreadable") from None
    if not isinstance(given, list) or len(given) != count or not all(isinstance(one, dict) for one in given):
        raise PageError(400, "form-unreadable")
    found = []
    for one in given:
        parts = [from_text(one.get(name), 1024) for name in ("authenticatorData", "clientDataJSON", "signature")]
        with suppress(SignatureRefused):  # a key whose signatures have one form alone
            parts[2] = low_s(parts[2])
        found.append(pack_proof(["webauthn", *parts]))
    return found
