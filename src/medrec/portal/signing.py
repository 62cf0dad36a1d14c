"""The signing desk: what is to be signed waits here under a ticket, for the one key that may sign it.

A page prepares an act (`prepare`) and sends the person to the signing page, which is the same few bytes for everybody.
That page fetches the act, shows every field of it, computes the 32 bytes from the very fields it shows, lets the key
sign them, and posts the four parts of the assertion. What comes back is checked here and again by whoever takes it.

GET  /signing         the page; the ticket stands behind the # of its address, which browsers send to nobody
POST /signing/act     {ticket} -> {form, value, content, rp, key}
POST /signing/answer  {ticket, id, authenticatorData, clientDataJSON, signature} -> {to}
"""

import base64
import hashlib
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from medrec.core import codec
from medrec.core.credential import NewCredential, pack_proof, verify_account_signature
from medrec.core.webauthn import NewPasskey, SignatureRefused, low_s
from medrec.node import devices
from medrec.portal.page import PageError
from medrec.portal.session import Session
from medrec.portal.sign_in import from_text, read_json, to_text

if TYPE_CHECKING:
    from medrec.node.node import Node

TICKET_BYTES = 32
LIFE_MS = 10 * 60_000
TICKETS_MAX = 10_000
JSON_FORMS = {
    "consent/1": b"medrec/consent/1",
    "consent/2": b"medrec/consent/2",
    "delegation/1": b"medrec/delegation/1",
    "entry/1": b"medrec/own-entry/1",
    "list-act/1": b"medrec/list-act/1",
}
"""Statements in canonical JSON, signed without their field `signature`."""
CBOR_FORMS = {
    "transaction": b"medrec/transaction/1",
    "link/1": b"medrec/link/1",
    "move/1": b"medrec/move/1",
}
"""Values in deterministic CBOR."""
BYTES_FORMS = {"revocation/1": b"medrec/revocation/1", "delegation-end/1": b"medrec/delegation-end/1"}
"""Thirty-two bytes as they are."""


class Ticket(NamedTuple):
    """An act that waits for a signature. `finish` takes the packed proof and gives where to go on, or a session to
    begin; `content` is the text whose hash stands in the statement, "" for none."""

    form: str
    value: Any
    content: str
    credential: NewCredential
    credential_id: bytes
    until: int
    finish: Callable[[bytes], "Session | str"]


class SigningDesk:
    """The acts of one node that wait to be signed."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()
        self._open: dict[str, Ticket] = {}

    def prepare(
        self,
        form: str,
        value: Any,
        credential: NewCredential,
        credential_id: bytes,
        finish: Callable[[bytes], "Session | str"],
        content: str = "",
    ) -> str:
        """Let an act wait; the ticket. It is signed by this key or by none."""
        digest_of(form, value)
        now, ticket = self._node.clock(), to_text(self._node.vault.random(TICKET_BYTES))
        with self._lock:
            if len(self._open) >= TICKETS_MAX:
                self._open = {name: kept for name, kept in self._open.items() if kept.until > now}
            if len(self._open) >= TICKETS_MAX:
                raise PageError(429, "too-many")
            self._open[ticket] = Ticket(form, value, content, credential, credential_id, now + LIFE_MS, finish)
        return ticket

    def prepare_for(
        self, session: Session, form: str, value: Any, finish: Callable[[bytes], "Session | str"], content: str = ""
    ) -> str:
        """As `prepare`, for the passkey that a person signed in with. Raises PageError if she did with none."""
        for device in devices.of_account(self._node, session.account):
            if device.key == session.key:
                found = devices.find(self._node, device.credential_id)
                if found is not None and not found[2]:
                    return self.prepare(form, value, found[1], device.credential_id, finish, content)
        raise PageError(403, "no-passkey")

    def act(self, body: bytes) -> dict[str, Any]:
        """What the page shows and rebuilds."""
        ticket = self._find(read_json(body).get("ticket"))
        home = devices.home_of(self._node)
        return {
            "form": ticket.form,
            "value": told(ticket.value),
            "content": ticket.content,
            "rp": home.rp if home is not None else "",
            "key": to_text(ticket.credential_id),
        }

    def answer(self, body: bytes) -> "Session | str":
        """Take an assertion; the ticket is used up if it holds."""
        asked = read_json(body)
        ticket = self._find(asked.get("ticket"))
        if from_text(asked.get("id"), devices.CREDENTIAL_ID_BYTES_MAX) != ticket.credential_id:
            raise PageError(403, "key-unknown")
        parts = [from_text(asked.get(name), 1024) for name in ("authenticatorData", "clientDataJSON", "signature")]
        if isinstance(ticket.credential, NewPasskey) and ticket.credential.alg == -7:
            parts[2] = low_s(parts[2])
        proof = ["webauthn", *parts]
        try:
            verify_account_signature(ticket.credential, digest_of(ticket.form, ticket.value), proof)
        except SignatureRefused:
            raise PageError(403, "form-changed") from None
        with self._lock:
            # Two answers at once: one of them finishes.
            if self._open.pop(asked["ticket"], None) is None:
                raise PageError(404, "challenge-over")
        return ticket.finish(pack_proof(proof))

    def _find(self, name: Any) -> Ticket:
        with self._lock:
            ticket = self._open.get(name) if isinstance(name, str) else None
        if ticket is None or ticket.until <= self._node.clock():
            raise PageError(404, "challenge-over")
        return ticket


_desks: "WeakKeyDictionary[Node, SigningDesk]" = WeakKeyDictionary()
_desks_lock = threading.Lock()


def desk_of(node: "Node") -> SigningDesk:
    """The signing desk of a node."""
    with _desks_lock:
        found = _desks.get(node)
        if found is None:
            found = _desks[node] = SigningDesk(node)
        return found


def digest_of(form: str, value: Any) -> bytes:
    """The 32 bytes that are signed of a value in a form; the page computes the same from what it shows."""
    if form in JSON_FORMS:
        stated = {name: part for name, part in value.items() if name != "signature"}
        return hashlib.sha256(JSON_FORMS[form] + codec.encode_json(stated)).digest()
    if form in CBOR_FORMS:
        return hashlib.sha256(CBOR_FORMS[form] + codec.encode(value)).digest()
    return hashlib.sha256(BYTES_FORMS[form] + value).digest()


def told(value: Any) -> Any:
    """A value as JSON: bytes stand as {"bytes": base64url}."""
    if isinstance(value, bytes):
        return {"bytes": to_text(value)}
    if isinstance(value, dict):
        return {name: told(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [told(part) for part in value]
    return value


@lru_cache
def page_files() -> tuple[bytes, bytes, str]:
    """The page, its one script, and the script's pin. The page names the pin, so neither changes without the other."""
    folder = resources.files("medrec.portal") / "signing_page"
    script = (folder / "signing.js").read_bytes()
    pin = "sha256-" + base64.b64encode(hashlib.sha256(script).digest()).decode()
    page = (folder / "page.html").read_text(encoding="utf-8").replace("{pin}", pin)
    return page.encode(), script, pin
