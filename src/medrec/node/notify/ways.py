"""The ways out: e-mail over the site's relay, a push to a browser, a signed call to an address of the person's choice.

Each says in an exception that it failed; the teller tries again. What leaves says that there is something to see, and
nothing else.
"""

import hashlib
import hmac
import ipaddress
import json
import smtplib
import socket
from email.message import EmailMessage
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from medrec.node.notify import push
from medrec.node.notify.push import Subscription

CALL_S = 10.0
TTL_S = 86_400


class WayError(Exception):
    """It did not go out. `gone`: it never will, the address is no longer one."""

    def __init__(self, sentence: str, *, gone: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.gone = gone


class Relay(NamedTuple):
    """The mail server of the site, and whose name stands as the sender's."""

    host: str
    port: int
    sender: str


def check_address(address: str, *, loopback: bool = False) -> str:
    """An address that a node may call for a person: https, at a public place. Raises WayError.

    Without this, a person could have her agent call what stands beside it. `loopback` is for tests.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise WayError("The address has to begin with https://.", gone=True)
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)}
    except (OSError, ValueError, UnicodeError):
        raise WayError("The address cannot be found.") from None
    for place in found:
        known = ipaddress.ip_address(str(place).split("%")[0])
        if not (known.is_global or (loopback and known.is_loopback)):
            raise WayError("The address is not a public one.", gone=True)
    return address


def send_push(
    to: Subscription,
    message: bytes,
    key: ec.EllipticCurvePrivateKey,
    contact: str,
    now_s: int,
    *,
    loopback: bool = False,
) -> None:
    """Send a sealed message to a browser's push service. Raises WayError."""
    check_address(to.endpoint, loopback=loopback)
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL_S),
        "Urgency": "normal",
        "Authorization": push.claim(to.endpoint, contact, key, now_s),
    }
    _call(to.endpoint, push.sealed(to, message), headers)


def send_webhook(
    address: str, secret: bytes, identifier: str, kind: str, now_s: int, *, loopback: bool = False
) -> None:
    """Call a person's address: JSON {id, kind, time}, signed (HMAC-SHA-256 over "time.body"). Raises WayError.

    The receiver refuses a time more than five minutes off, and an id it has seen.
    """
    check_address(address, loopback=loopback)
    body = json.dumps({"id": identifier, "kind": kind, "time": now_s}, separators=(",", ":")).encode()
    signature = hmac.new(secret, f"{now_s}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "MedRec-Time": str(now_s),
        "MedRec-Signature": f"sha256={signature}",
    }
    _call(address, body, headers)


def send_mail(relay: Relay, to: str, subject: str, text: str) -> None:
    """Hand a short message to the site's relay. Raises WayError."""
    message = EmailMessage()
    try:
        message["From"], message["To"], message["Subject"] = relay.sender, to, subject
        message.set_content(text)
        with smtplib.SMTP(relay.host, relay.port, timeout=CALL_S) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused:
        raise WayError("The mail server does not take this address.", gone=True) from None
    except (OSError, smtplib.SMTPException, ValueError):
        raise WayError("The mail server could not be reached.") from None


def _call(address: str, body: bytes, headers: dict[str, str]) -> None:
    try:
        answer = httpx.post(address, content=body, headers=headers, timeout=CALL_S, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        raise WayError("The address does not answer.") from None
    if answer.status_code in (404, 410):
        raise WayError("The address is gone.", gone=True)
    if answer.status_code >= 300:
        raise WayError(f"The address answered {answer.status_code}.")
