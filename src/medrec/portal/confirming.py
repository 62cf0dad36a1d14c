"""Confirming with a key for those who are not at a person's own pages: a new phone, a frozen account, the staff.

It is the way of own/acts.py, with the passkey that signed in.
"""

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from medrec.core.credential import pack_proof
from medrec.core.webauthn import SignatureRefused, low_s
from medrec.node import devices
from medrec.node.peers import PeerError
from medrec.node.refusals import Refusal
from medrec.portal.own.acts import Act, acts_of
from medrec.portal.page import Go, PageError, Visit
from medrec.portal.session import Session
from medrec.portal.sign_in import from_text, to_text

if TYPE_CHECKING:
    from medrec.node.node import Node

NOBODY = "nobody"


def owner(session: Session | None) -> str:
    """Whose act it is: a new key's, a member's of the staff, or a person's. Nobody's acts can be looked at alone."""
    if session is None:
        return NOBODY
    if session.case:
        return f"case {session.case.hex()}"
    return f"staff {session.staff}" if session.staff else session.account


def begin(node: "Node", visit: Visit, act: Act) -> Go:
    """Let an act of the visitor's wait for her passkey. Raises PageError where she signed in with none."""
    if visit.session is None or not visit.session.credential:
        raise PageError(403, "needs-key")
    act = act._replace(account=owner(visit.session), key=visit.session.key)
    return Go(visit.link("confirm", waiting=acts_of(node).begin(node, act)))


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/sign.html."""
    act = acts_of(node).find(owner(visit.session), visit.path["waiting"], node.clock())
    home = devices.home_of(node)
    return {
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
        "credential": to_text(visit.session.credential) if visit.session is not None else "",
        "lent": False,
        "submit": visit.link("confirmed", waiting=visit.path["waiting"]),
        "cancel": visit.link(act.back),
    }


def confirmed(node: "Node", visit: Visit) -> Go:
    """The form field `proofs` (JSON array of assertions) ends the act."""
    whose, identifier, now = owner(visit.session), visit.path["waiting"], node.clock()
    if whose == NOBODY:
        raise PageError(403, "needs-key")
    act = acts_of(node).find(whose, identifier, now)
    proofs = _proofs(visit.form.get("proofs", ""), len(act.parts))
    acts_of(node).take(whose, identifier, now)
    try:
        for part, proof in zip(act.parts, proofs, strict=True):
            part.finish(proof)
    except Refusal as refusal:
        raise PageError(refusal.status, refusal.code, refusal.sentence) from None
    except PeerError as error:
        raise PageError(503, error.code or "unreachable", error.sentence) from None
    return Go(visit.link(act.back), act.done)


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
