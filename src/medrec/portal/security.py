"""What guards the site against the web around it: headers, the cookie, foreign origins, and too many attempts."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import Response

from medrec.engines.engine import EngineError
from medrec.node.account.devices import LOOPBACK, home_of
from medrec.node.peers.limiter import Limiter as Limiter
from medrec.node.peers.proxied import limited
from medrec.portal.page import PageError

if TYPE_CHECKING:
    from medrec.node.node import Node

_POLICY = (
    "default-src 'none'; {script}style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY.format(script=""),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
_OWN_SCRIPTS = "script-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
SCRIPTED = {**HEADERS, "Content-Security-Policy": _POLICY.format(script=_OWN_SCRIPTS)}
"""For pages with a script of ours: from our own files only, never within the page."""

WORKER = {**HEADERS, "Content-Security-Policy": "default-src 'none'; connect-src 'self'"}
"""For a service worker: its policy comes with its own file, and without this it could fetch nothing for the pages."""

HEADERS_HTTPS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
COOKIE, COOKIE_HTTPS = "medrec", "__Host-medrec"


def pinned(script: str) -> dict[str, str]:
    """Headers of a page that may run one script only: the one with this hash ("sha256-...")."""
    policy = _POLICY.format(script=f"script-src '{script}'; connect-src 'self'; ")
    return {**HEADERS, "Content-Security-Policy": policy + "; require-trusted-types-for 'script'; trusted-types 'none'"}


_by_https: "WeakKeyDictionary[Node, bool]" = WeakKeyDictionary()


def is_https(node: "Node", request: Request) -> bool:
    """Whether people reach this node by https: here, or by its endpoint on the ledger, before a reverse proxy."""
    if request.url.scheme == "https":
        return True
    try:
        home = home_of(node)
        _by_https[node] = home is not None and home.origin.startswith("https:")
    except EngineError:
        # The page of an error needs no ledger: what was known last holds on.
        _by_https.setdefault(node, False)
    return _by_https[node]


def read_cookie(node: "Node", request: Request) -> str:
    """The session's token, "" if there is none."""
    return request.cookies.get(COOKIE_HTTPS if is_https(node, request) else COOKIE, "")


def set_cookie(node: "Node", request: Request, response: Response, token: str) -> None:
    """Give the browser a session's token; "" takes it away."""
    https = is_https(node, request)
    response.set_cookie(
        COOKIE_HTTPS if https else COOKIE,
        token,
        max_age=None if token else 0,
        path="/",
        secure=https,
        httponly=True,
        samesite="lax",
    )


WITH_PASSKEYS = frozenset({"coming_back", "join", "sign_in"})
"""Pages that nobody can use where browsers have no passkeys."""


def by_name(node: "Node", request: Request, page: str) -> str:
    """Where a page with passkeys is under the name of the node's home, if it was asked for by the number of this very
    machine; otherwise "". No browser makes or uses a passkey at a number."""
    if page not in WITH_PASSKEYS or request.url.hostname not in LOOPBACK:
        return ""
    home = home_of(node)
    if home is None or home.rp != "localhost" or urlsplit(home.origin).port != request.url.port:
        return ""
    return home.origin + request.url.path + (f"?{request.url.query}" if request.url.query else "")


def check_origin(request: Request) -> None:
    """What changes something comes from our own pages. Raises PageError for a browser that says otherwise."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        # Said by the browser itself. Under our referrer policy a form of our own has the origin "null".
        if site not in ("same-origin", "none"):
            raise PageError(403, "foreign-origin")
        return
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host", ""):
        raise PageError(403, "foreign-origin")


def check_rate(limiter: Limiter, name: str, now: int) -> None:
    """Raises PageError when there were too many attempts."""
    if not limiter.allow(name, now):
        raise PageError(429, "too-many")


def caller_of(request: Request) -> str:
    """The address that limits go by: the peer's, or the one that a proxy of the settings names (peers/proxied.py); of
    IPv6 its first 64 bits."""
    return limited(request.client.host) if request.client is not None else ""
