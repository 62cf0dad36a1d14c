"""What the pages send that is no page: taking up and leaving another's record. One table.

Each is a small POST from our own pages, with the session's token; see Site.call.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from medrec.portal import acting
from medrec.portal.page import PageError
from medrec.portal.security import read_cookie, set_cookie
from medrec.portal.session import PEOPLE, Session, check_csrf

if TYPE_CHECKING:
    from medrec.portal.app import Site

Call = Callable[["Site", Request, bytes], Response]


def act(site: "Site", request: Request, body: bytes) -> Response:
    """POST /acting, a form with `delegation` (hex): go on as the helper of the person it is about."""
    session, form = _session(site, request, body)
    try:
        digest = bytes.fromhex(form.get("delegation", ""))
    except ValueError:
        raise PageError(400, "form-unreadable") from None
    return _go_on(site, request, acting.begin(site.node, acting.end(session), digest))


def act_end(site: "Site", request: Request, body: bytes) -> Response:
    """POST /acting/end, a form: go on as oneself."""
    session, _ = _session(site, request, body)
    return _go_on(site, request, acting.end(session))


CALLS: dict[str, tuple[str, Call]] = {
    "act": ("/acting", act),
    "act_end": ("/acting/end", act_end),
}


def routes(site: "Site") -> list[BaseRoute]:
    """The calls as routes."""

    def bound(call: Call) -> Callable[[Request, bytes], Response]:
        return lambda request, body: call(site, request, body)

    return [Route(path, site.call(bound(call)), methods=["POST"], name=name) for name, (path, call) in CALLS.items()]


def _session(site: "Site", request: Request, body: bytes) -> tuple[Session, dict[str, Any]]:
    session, form = site.session_of(request), site.fields(body)
    if session is None or session.who not in PEOPLE:
        raise PageError(401, "sign-in")
    check_csrf(session, form.get("csrf", ""))
    return session, form


def _go_on(site: "Site", request: Request, session: Session) -> Response:
    token = site.sessions.change(read_cookie(site.node, request), session, site.node.clock())
    answer = RedirectResponse(site.home(request, session), 303, headers=site.headers(request))
    set_cookie(site.node, request, answer, token)
    return answer
