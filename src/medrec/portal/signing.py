"""The signing desk: what is to be signed waits here under a ticket, for the one key that may sign it.

A page prepares an act and sends the person to the signing page, which is the same few bytes for everybody. That page
fetches the act, says in the sentences of whoever prepared it what it is for, shows every field that is signed, computes
the 32 bytes from the very fields it shows, lets the key sign them, and posts the four parts of each assertion. What
comes back is checked here, where the key is known here, and again by whoever takes it.

GET  /signing         the page; the ticket stands behind the # of its address, which browsers send to nobody
POST /signing/act     {ticket} -> {language, sentences, changes, parts: [{form, value, contents}], rp, key, cancel}
POST /signing/answer  {ticket, id, proofs: [{authenticatorData, clientDataJSON, signature}]} -> {to}
"""

import base64
import hashlib
import html
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.core import codec
from medrec.core.credential import NewCredential, pack_proof, verify_account_signature
from medrec.core.webauthn import SignatureRefused, low_s
from medrec.node.account import devices
from medrec.portal import language, words
from medrec.portal.page import PageError
from medrec.portal.room import Room
from medrec.portal.session import Session
from medrec.portal.sign_in import from_text, read_json, to_text

if TYPE_CHECKING:
    from medrec.node.node import Node

TICKET_BYTES = 32
LIFE_MS = 10 * 60_000
TICKETS_MAX, TICKETS_OF_A_KEY_MAX = 10_000, 20
JSON_FORMS = {
    "consent/1": b"medrec/consent/1",
    "consent/2": b"medrec/consent/2",
    "delegation/1": b"medrec/delegation/1",
    "entry/1": b"medrec/own-entry/1",
    "list-act/1": b"medrec/list-act/1",
    "delegation-rest/1": b"medrec/delegation-rest/1",
    "dispute/1": b"medrec/dispute/1",
    "correction/1": b"medrec/correction/1",
    "sharing/1": b"medrec/sharing/1",
    "notices/1": b"medrec/notices/1",
    "guardian-word/1": b"medrec/guardian-word/1",
}
"""Statements in canonical JSON, signed without their field `signature`."""
CBOR_FORMS = {
    "transaction": b"medrec/transaction/1",
    "link/1": b"medrec/link/1",
    "move/1": b"medrec/move/1",
    "unlink/1": b"medrec/unlink/1",
    "show-words/1": b"medrec/show-words/1",
    "vouch/1": b"medrec/vouch/1",
    "freeze/1": b"medrec/freeze/1",
}
"""Values in deterministic CBOR."""
BYTES_FORMS = {"revocation/1": b"medrec/revocation/1", "delegation-end/1": b"medrec/delegation-end/1"}
"""Thirty-two bytes as they are."""


FORM_OF_TAG = {tag.decode(): form for forms in (JSON_FORMS, CBOR_FORMS, BYTES_FORMS) for form, tag in forms.items()}


class Piece(NamedTuple):
    """One thing that is signed, with the texts whose fingerprints stand in it, or in a text before them. The page shows
    them, and signs no entry without its own."""

    form: str
    value: Any
    contents: tuple[str, ...] = ()


class Ticket(NamedTuple):
    """An act that waits for its signatures. `finish` takes the packed proofs and gives where to go on, or a session to
    begin; `credential` is None for a key that is not known here, whose proofs `finish` checks. `act` is the act that it
    is for, if that has a name; what is `sealed` lies with whoever signs it, and can be done once of itself."""

    pieces: tuple[Piece, ...]
    sentences: tuple[str, ...]
    changes: tuple[str, ...]
    cancel: str
    credential: NewCredential | None
    credential_id: bytes
    until: int
    finish: Callable[[list[bytes]], "Session | str"]
    act: str = ""
    sealed: bool = False

    @property
    def form(self) -> str:
        """The form of the first piece."""
        return self.pieces[0].form

    @property
    def value(self) -> Any:
        """The value of the first piece."""
        return self.pieces[0].value


class SigningDesk:
    """The acts of one node that wait to be signed: each for a key that has signed in, and in the room of that key. What
    a stranger is to sign is not kept: `unseal` reads it from the ticket."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._room: Room[Ticket] = Room(TICKETS_OF_A_KEY_MAX, TICKETS_MAX)
        self.unseal: Callable[[str], Ticket | None] = lambda name: None

    def wait(
        self,
        pieces: tuple[Piece, ...],
        credential: NewCredential | None,
        credential_id: bytes,
        finish: Callable[[list[bytes]], "Session | str"],
        sentences: Sequence[str] = (),
        changes: Sequence[str] = (),
        cancel: str = "",
        act: str = "",
    ) -> str:
        """Let an act wait; the ticket. It is signed by this key or by none. One act has one ticket, as often as its
        page is opened."""
        for piece in pieces:
            digest_of(piece.form, piece.value)
            check_contents(piece)
        now, key = self._node.clock(), to_text(credential_id)
        made = Ticket(
            pieces, tuple(sentences), tuple(changes), cancel, credential, credential_id, now + LIFE_MS, finish, act
        )  # fmt: skip
        same = (name for name, kept in self._room.of(key, now).items() if act and kept.act == act)
        ticket = next(same, None) or to_text(self._node.vault.random(TICKET_BYTES))
        self._room.put(ticket, made, key, made.until, now)
        return ticket

    def prepare(
        self,
        form: str,
        value: Any,
        credential: NewCredential,
        credential_id: bytes,
        finish: Callable[[bytes], "Session | str"],
        contents: tuple[str, ...] = (),
        changes: Sequence[str] = (),
    ) -> str:
        """As `wait`, for one piece."""
        piece = Piece(form, value, contents)
        return self.wait((piece,), credential, credential_id, lambda proofs: finish(proofs[0]), changes=changes)

    def prepare_for(
        self,
        session: Session,
        form: str,
        value: Any,
        finish: Callable[[bytes], "Session | str"],
        contents: tuple[str, ...] = (),
        changes: Sequence[str] = (),
    ) -> str:
        """As `prepare`, for the passkey that a person signed in with. Raises PageError if she did with none."""
        for device in devices.of_account(self._node, session.account):
            if device.key == session.key:
                found = devices.find(self._node, device.credential_id)
                if found is not None and not found[2]:
                    return self.prepare(form, value, found[1], device.credential_id, finish, contents, changes)
        raise PageError(403, "no-passkey")

    def act(self, body: bytes) -> dict[str, Any]:
        """What the page shows and rebuilds."""
        ticket = self.find(read_json(body).get("ticket"))
        home = devices.home_of(self._node)
        return {
            "language": language.current().code,
            "sentences": ticket.sentences,
            "changes": ticket.changes,
            "parts": [
                {"form": piece.form, "value": told(piece.value), "contents": piece.contents} for piece in ticket.pieces
            ],
            "rp": home.rp if home is not None else "",
            "key": to_text(ticket.credential_id),
            "cancel": ticket.cancel,
        }

    def answer(self, body: bytes) -> "Session | str":
        """Take the assertions; the ticket is used up if they hold."""
        asked = read_json(body)
        ticket = self.find(asked.get("ticket"))
        if from_text(asked.get("id"), devices.CREDENTIAL_ID_BYTES_MAX) != ticket.credential_id:
            raise PageError(403, "key-unknown")
        given = asked.get("proofs")
        if not isinstance(given, list) or len(given) != len(ticket.pieces):
            raise PageError(400, "form-unreadable")
        proofs = [self._checked(ticket, piece, one) for piece, one in zip(ticket.pieces, given, strict=True)]
        # Two answers at once: one of them finishes.
        if not ticket.sealed and self._room.take(asked["ticket"], self._node.clock()) is None:
            raise PageError(404, "challenge-over")
        return ticket.finish(proofs)

    def _checked(self, ticket: Ticket, piece: Piece, given: Any) -> bytes:
        """One assertion as it is packed, if it is one of this key over this piece. Raises PageError."""
        if not isinstance(given, dict):
            raise PageError(400, "form-unreadable")
        parts = [from_text(given.get(name), 1024) for name in ("authenticatorData", "clientDataJSON", "signature")]
        with suppress(SignatureRefused):  # a key whose signatures have one form alone
            parts[2] = low_s(parts[2])
        proof = ["webauthn", *parts]
        try:
            if ticket.credential is not None:
                verify_account_signature(ticket.credential, digest_of(piece.form, piece.value), proof)
        except SignatureRefused:
            raise PageError(403, "form-changed") from None
        return pack_proof(proof)

    def find(self, name: Any) -> Ticket:
        """What waits under a ticket. Raises PageError."""
        ticket = self._room.get(name, self._node.clock()) or self.unseal(name) if isinstance(name, str) else None
        if ticket is None or ticket.until <= self._node.clock():
            raise PageError(404, "challenge-over")
        return ticket


def piece_of(tag: str, statement: bytes, contents: tuple[str, ...] = ()) -> Piece:
    """What is signed as SHA-256(tag || statement), with the fields of the statement. Raises KeyError for a tag that the
    signing page does not know: what it cannot show nobody signs."""
    form = FORM_OF_TAG[tag]
    if form in JSON_FORMS:
        return Piece(form, json.loads(statement), contents)
    return Piece(form, codec.decode(statement) if form in CBOR_FORMS else statement, contents)


def check_contents(piece: Piece) -> None:
    """Raises ValueError for a text that the signing page would refuse: none of its fingerprints is signed, or the text
    of an entry, or of the record that is called wrong, is missing."""
    named, shown = set(leaves(piece.value)), set()
    for text in piece.contents:
        print_ = hashlib.sha256(text.encode()).hexdigest()
        if print_ not in named:
            raise ValueError("a text does not belong to what is signed")
        shown.add(print_)
        named.update(leaves(json.loads(text)))
    if piece.form == "entry/1" and (piece.value["sha256"] or piece.value.get("back")) not in shown:
        raise ValueError("an entry is signed with its text before the eyes alone")
    if piece.form == "correction/1" and not _has_record(piece):
        raise ValueError("a correction is signed with the text of its record before the eyes alone")


def _has_record(piece: Piece) -> bool:
    prints = {hashlib.sha256(text.encode()).hexdigest(): text for text in piece.contents}
    signed = prints.get(piece.value["manifest"])
    if signed is None:
        return False
    # Of a deletion there is no text.
    wanted = json.loads(signed)["record"]["sha256"]
    return wanted is None or wanted in prints


def leaves(value: Any) -> Iterator[str]:
    """Every text within a value, however deep."""
    if isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)
    elif isinstance(value, str):
        yield value


_DESK = "_signing_desk"
_desks_lock = threading.Lock()


def desk_of(node: "Node") -> SigningDesk:
    """The signing desk of a node."""
    # It lies at the node itself: it and its acts hold the node, and a table beside it would never let the two go.
    with _desks_lock:
        found: SigningDesk = vars(node).setdefault(_DESK, SigningDesk(node))
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
    """The page, its one script, and the script's pin. The page names the pin, so neither changes without the other.

    The script is one file of four: what every page with a passkey shares, the words in each language, how texts are
    read, and the page's own.
    """
    folder = resources.files("medrec.portal")
    spoken = {code: {**_in(code), "direction": known.direction} for code, known in language.LANGUAGES.items()}
    script = (
        (folder / "static" / "passkey.js").read_bytes()
        + b"const WORDS = " + json.dumps(spoken, ensure_ascii=False).encode() + b";\n"
        + (folder / "signing_page" / "reading.js").read_bytes()
        + (folder / "signing_page" / "signing.js").read_bytes()
    )  # fmt: skip
    pin = "sha256-" + base64.b64encode(hashlib.sha256(script).digest()).decode()
    page = (folder / "signing_page" / "page.html").read_text(encoding="utf-8").replace("{pin}", pin)
    for code in language.LANGUAGES:
        page = page.replace("{no_script_" + code + "}", html.escape(spoken[code]["no_script"]))
    return page.encode(), script, pin


def _in(code: str) -> dict[str, str]:
    with language.use(code):
        own = {name: words.SIGN[name] for name in ("sign", "cancel", "changes", "no_script", "stopped", "lead")}
        own |= {name: words.SIGN_IN[name] for name in ("known", "elsewhere")}
        many = words.SIGN["how_many"]
        return {
            **{name: words.SIGNING[name] for name in words.SIGNING},
            **own,
            "how_many": many if isinstance(many, str) else many[-1],
            "title": words.NAMES["sign"],
        }
