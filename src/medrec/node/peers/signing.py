"""Signed requests and signed answers between nodes: one narrow profile of RFC 9421 (HTTP Message Signatures).

A request is signed with the organisation's Ed25519 key over its method, its whole address, the SHA-256 of its body
(RFC 9530) and the organisation it is meant for. It counts for two minutes and once. An answer is signed over its
status, the SHA-256 of its body, and the signature of the request it answers, so that a receiver can prove who
answered what.

`Signature-Input` has one byte form, given by REQUEST_COVERS and ANSWER_COVERS; anything else is refused before a
signature is looked at. `http-message-signatures` is not used for this: it reads the machine's clock instead of the
node's, verifies Ed25519 by another rule than `core.crypto`, and takes every shape of the RFC where one is wanted. The
tests hold this file to it.

The nonce is 48 hexadecimal digits: the sender's time in milliseconds (16 digits), then 16 random bytes.
"""

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from medrec.core.crypto import verify_ed25519
from medrec.core.state import Organisation
from medrec.core.types import ORGANISATION_ID
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.peers.directory import Directory

MEMBERS_PATH = "/medrec/members"
FORMER_MAY = frozenset({MEMBERS_PATH})
"""What an organisation that left or is suspended may still call and answer: nothing that rests on its word."""
WINDOW_MS = 120_000
NONCE_RANDOM_BYTES = 16
NONCES_MAX = 400_000
AHEAD_MS = 1_000
RECIPIENT = "medrec-to"

ASK = "medrec-ask"
"""The header field in which a request over the FHIR API says who asks and why; it is covered where it is sent."""

REQUEST_COVERS = f'("@method" "@target-uri" "content-digest" "{RECIPIENT}")'
ASK_COVERS = f'("@method" "@target-uri" "content-digest" "{RECIPIENT}" "{ASK}")'
ANSWER_COVERS = '("@status" "content-digest" "signature";req;key="medrec")'

_organisation = ORGANISATION_ID.removeprefix("^").removesuffix(r"\Z")
_PARAMETERS = (
    r';created=(?P<created>[1-9][0-9]{0,14});nonce="(?P<nonce>[0-9a-f]{48})"'
    rf';keyid="(?P<keyid>{_organisation})";tag="medrec"'
)
_REQUEST_INPUT = re.compile(
    rf"medrec=(?P<stated>(?P<covers>{re.escape(REQUEST_COVERS)}|{re.escape(ASK_COVERS)}){_PARAMETERS})"
)
_ANSWER_INPUT = re.compile(rf"medrec=(?P<stated>{re.escape(ANSWER_COVERS)}{_PARAMETERS})")
_SIGNATURE = re.compile(r"medrec=(:[A-Za-z0-9+/]{86}==:)")

SENTENCES = {
    "signature-missing": "The request is not signed in the form that nodes use.",
    "signature-bad": "The signature does not verify under the organisation's present key.",
    "signature-stale": "The request is older or newer than two minutes, or older than this node's start; "
    "check the clocks and send it again.",
    "signature-replayed": "This request was received before.",
    "unknown-organisation": "No organisation of this name is on the ledger.",
    "organisation-suspended": "The organisation is suspended on the ledger.",
    "key-retired": "The request is signed with a key that was replaced; sign with the present one.",
    "digest-mismatch": "The body is not the one that was signed.",
    "wrong-recipient": "The request is meant for another organisation.",
    "too-many-requests": "More requests came within two minutes than this node remembers; try again later.",
}
"""Every code with which a request or an answer is refused for its signature."""


class RequestRefused(Exception):
    """A signed message was refused. `code` is one of SENTENCES, the text one sentence for people.

    `signer` is the organisation whose key, present or replaced, did sign it; "" where that is not certain.
    """

    def __init__(self, code: str, signer: str = "") -> None:
        super().__init__(SENTENCES[code])
        self.code = code
        self.sentence = SENTENCES[code]
        self.signer = signer


class Request(NamedTuple):
    """A request whose signature held: who sent it, when by their clock (ms), and what an answer refers to."""

    caller: str
    sent: int
    nonce: str


def new_nonce(now: int, random: bytes) -> str:
    """The nonce of a request that is sent at `now` (ms), from 16 random bytes."""
    if len(random) != NONCE_RANDOM_BYTES:
        raise ValueError(f"a nonce takes {NONCE_RANDOM_BYTES} random bytes")
    return (now.to_bytes(8, "big") + random).hex()


def content_digest(body: bytes) -> str:
    """The Content-Digest of a body, with SHA-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_request(
    keys: OrganisationKeys, to: str, method: str, url: str, body: bytes, nonce: str, ask: str = ""
) -> dict[str, str]:
    """The headers that make a request to an organisation count; `nonce` comes from `new_nonce`.

    `ask` is the value of the ASK field, "" for a request without it.
    """
    digest = content_digest(body)
    stated = _stated(ASK_COVERS if ask else REQUEST_COVERS, nonce, keys.organisation)
    signature = _encoded(keys.sign_request(_request_base(method, url, digest, to, ask, stated)))
    return {
        **({ASK: ask} if ask else {}),
        "content-digest": digest,
        RECIPIENT: to,
        "signature-input": f"medrec={stated}",
        "signature": f"medrec={signature}",
    }


def sign_answer(
    keys: OrganisationKeys, status: int, body: bytes, request_headers: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """The headers that bind an answer to its request; none if the request was not signed in form."""
    headers = _Headers(request_headers)
    stated = _REQUEST_INPUT.fullmatch(headers.one("signature-input"))
    asked = _SIGNATURE.fullmatch(headers.one("signature"))
    if stated is None or asked is None:
        return {}
    digest = content_digest(body)
    answer = _stated(ANSWER_COVERS, stated["nonce"], keys.organisation)
    signature = _encoded(keys.sign_request(_answer_base(status, digest, asked[1], answer)))
    return {"content-digest": digest, "signature-input": f"medrec={answer}", "signature": f"medrec={signature}"}


def verify_request(
    directory: Directory,
    me: str,
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    now: int,
    remembered: "Nonces",
) -> Request:
    """Who sent this request to this node (`me`). Raises RequestRefused; EngineError if the ledger cannot be read.

    `url` is the node's own address on the ledger with the path that was asked, never what the request says of its
    host: so a request meant for one node is worth nothing at another.
    """
    fields = _Headers(headers)
    form = _REQUEST_INPUT.fullmatch(fields.one("signature-input"))
    signed = _SIGNATURE.fullmatch(fields.one("signature"))
    if form is None or signed is None:
        raise RequestRefused("signature-missing")
    nonce, caller, ask = form["nonce"], form["keyid"], fields.one(ASK)
    if bool(ask) != (form["covers"] == ASK_COVERS):
        # A field that nobody signed must not be read.
        raise RequestRefused("signature-bad")
    digest, to, sent = fields.one("content-digest"), fields.one(RECIPIENT), int(nonce[:16], 16)
    base = _request_base(method, url, digest, to, ask, form["stated"])
    try:
        if abs(now - sent) > WINDOW_MS or int(form["created"]) != sent // 1000:
            raise RequestRefused("signature-stale")
        _check(directory, standing(directory, caller), base, signed[1])
    except RequestRefused as error:
        raise RequestRefused(error.code, caller if _ever_signed(directory, caller, base, signed[1]) else "") from None
    if to != me:
        raise RequestRefused("wrong-recipient", caller)
    if digest != content_digest(body):
        raise RequestRefused("digest-mismatch", caller)
    # Last, so that only what an organisation has really sent fills the memory.
    try:
        remembered.use(caller, nonce, sent, now)
    except RequestRefused as error:
        raise RequestRefused(error.code, caller) from None
    return Request(caller, sent, nonce)


def verify_answer(
    directory: Directory,
    organisation: str,
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    request_headers: Mapping[str, str],
) -> None:
    """Check that an organisation gave this answer to the request with these signed headers. Raises RequestRefused."""
    fields = _Headers(headers)
    form = _ANSWER_INPUT.fullmatch(fields.one("signature-input"))
    signed = _SIGNATURE.fullmatch(fields.one("signature"))
    asked = _REQUEST_INPUT.fullmatch(request_headers["signature-input"])
    if form is None or signed is None or asked is None:
        raise RequestRefused("signature-missing")
    if form["keyid"] != organisation or form["nonce"] != asked["nonce"]:
        raise RequestRefused("signature-bad")
    sender = standing(directory, organisation)
    digest = fields.one("content-digest")
    request_signature = request_headers["signature"].removeprefix("medrec=")
    _check(directory, sender, _answer_base(status, digest, request_signature, form["stated"]), signed[1])
    if digest != content_digest(body):
        raise RequestRefused("digest-mismatch")


def standing(directory: Directory, organisation: str) -> Organisation:
    """The organisation, if it is on the ledger and not suspended. Raises RequestRefused."""
    found = directory.find(organisation)
    if found is None:
        raise RequestRefused("unknown-organisation")
    if not found.active:
        raise RequestRefused("organisation-suspended")
    return found


class Nonces:
    """The nonces of requests that were taken, for as long as they could be sent again.

    They are kept in memory. What was sent before this node started is refused, so that a restart forgets nothing: a
    sender whose clock runs ahead is the one exception, and `keep_ahead(caller, ms)` is called, before such a request
    is taken, to remember durably up to when its requests must be refused after a restart; `ahead` is what was kept.
    """

    def __init__(
        self,
        started: int,
        ahead: Mapping[str, int] | None = None,
        keep_ahead: Callable[[str, int], None] = lambda caller, until: None,
    ) -> None:
        self._started = started
        self._refused_until = dict(ahead or {})
        self._ahead = dict(self._refused_until)
        self._keep_ahead = keep_ahead
        self._by_second: dict[int, set[tuple[str, str]]] = {}
        self._count = 0
        self._oldest = -1
        self._lock = threading.Lock()

    def use(self, caller: str, nonce: str, sent: int, now: int) -> None:
        """Take a nonce that nobody has used. Raises RequestRefused (signature-replayed, -stale, too-many-requests)."""
        if sent < self._started or sent <= self._refused_until.get(caller, -1):
            raise RequestRefused("signature-stale")
        second = sent // 1000
        with self._lock:
            self._forget(now)
            if second < self._oldest:
                # The clock went back, and what belongs to this second is forgotten already.
                raise RequestRefused("signature-stale")
            used = self._by_second.setdefault(second, set())
            if (caller, nonce) in used:
                raise RequestRefused("signature-replayed")
            if self._count >= NONCES_MAX:
                raise RequestRefused("too-many-requests")
            used.add((caller, nonce))
            self._count += 1
            ahead = sent > now and sent > self._ahead.get(caller, -1)
        if ahead:
            # One write covers a second of such requests. Two callers at once may both write; the larger stays.
            self._keep_ahead(caller, sent + AHEAD_MS)
            with self._lock:
                self._ahead[caller] = max(sent + AHEAD_MS, self._ahead.get(caller, -1))

    def _forget(self, now: int) -> None:
        oldest = (now - WINDOW_MS) // 1000
        if oldest > self._oldest:
            self._oldest = oldest
            for second in [second for second in self._by_second if second < oldest]:
                self._count -= len(self._by_second.pop(second))


class _Headers:
    """Header fields by lower-case name; a field that comes twice counts as missing."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields: dict[str, str] = {}
        for name, value in fields:
            name = name.lower()
            self._fields[name] = "" if name in self._fields else value.strip(" \t")

    def one(self, name: str) -> str:
        """The field's value, "" if it is missing."""
        return self._fields.get(name, "")


def _stated(covers: str, nonce: str, organisation: str) -> str:
    created = int(nonce[:16], 16) // 1000
    return f'{covers};created={created};nonce="{nonce}";keyid="{organisation}";tag="medrec"'


def _request_base(method: str, url: str, digest: str, to: str, ask: str, stated: str) -> bytes:
    """RFC 9421 section 2.5."""
    covered = f'"{ASK}": {ask}\n' if ask else ""
    return (
        f'"@method": {method}\n"@target-uri": {url}\n"content-digest": {digest}\n"{RECIPIENT}": {to}\n{covered}'
        f'"@signature-params": {stated}'
    ).encode()


def _answer_base(status: int, digest: str, request_signature: str, stated: str) -> bytes:
    """RFC 9421 sections 2.4 and 2.5."""
    return (
        f'"@status": {status}\n"content-digest": {digest}\n"signature";req;key="medrec": {request_signature}\n'
        f'"@signature-params": {stated}'
    ).encode()


def _check(directory: Directory, sender: Organisation, base: bytes, encoded: str) -> None:
    signature = base64.b64decode(encoded[1:-1])
    # Base64 with stray low bits decodes all the same: one signature, one form.
    if _encoded(signature) != encoded:
        raise RequestRefused("signature-bad")
    if verify_ed25519(sender.keys.ed25519, base, signature):
        return
    if any(verify_ed25519(key, base, signature) for key in directory.former_keys(sender.id)):
        raise RequestRefused("key-retired")
    raise RequestRefused("signature-bad")


def _ever_signed(directory: Directory, organisation: str, base: bytes, encoded: str) -> bool:
    """Whether a key that is or was the organisation's signed this; whoever may not ask is then known all the same."""
    found = directory.find(organisation)
    if found is None:
        return False
    signature = base64.b64decode(encoded[1:-1])
    keys = (found.keys.ed25519, *directory.former_keys(organisation))
    return any(verify_ed25519(key, base, signature) for key in keys)


def _encoded(signature: bytes) -> str:
    return f":{base64.b64encode(signature).decode()}:"
