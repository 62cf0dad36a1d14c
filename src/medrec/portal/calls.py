"""What the pages send that is no page: acting for somebody, joining, naming who helps, and signing. One table.

Each is a small POST from our own pages, with the session's token; see Site.call.
"""

from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from medrec.core import state
from medrec.portal import acting, assets, naming, people, saying
from medrec.portal.page import PageError
from medrec.portal.security import HEADERS, WORKER, caller_of, pinned, read_cookie, set_cookie
from medrec.portal.session import PEOPLE, Session, Who, check_csrf
from medrec.portal.signing import desk_of, page_files
from medrec.portal.table import PAGES, Page

if TYPE_CHECKING:
    from medrec.portal.app import Site

Call = Callable[["Site", Request, bytes], Response]


def act(site: "Site", request: Request, body: bytes) -> Response:
    """POST /acting, a form with `delegation` (hex): go on as the helper of the person it is about."""
    session, form = _session(site, request, body, HELPERS)
    try:
        digest = bytes.fromhex(form.get("delegation", ""))
    except ValueError:
        raise PageError(400, "form-unreadable") from None
    return _go_on(site, request, acting.begin(site.node, acting.end(session), digest))


def act_end(site: "Site", request: Request, body: bytes) -> Response:
    """POST /acting/end, a form: go on as oneself."""
    session, _ = _session(site, request, body, HELPERS)
    return _go_on(site, request, acting.end(session))


def join_(site: "Site", request: Request, body: bytes) -> Response:
    """POST /join: see join.py."""
    return _to(site, request, _signing(site, request, site.joining.prepare(caller_of(request), body)))


def sign_act(site: "Site", request: Request, body: bytes) -> Response:
    """POST /signing/act: what the signing page shows."""
    return JSONResponse(desk_of(site.node).act(body), headers=site.headers(request))


def sign_answer(site: "Site", request: Request, body: bytes) -> Response:
    """POST /signing/answer: what the key signed. Where it changed the keys of the account, the session that sent it
    goes on under a new token: whoever had copied the old one is out."""
    session = site.session_of(request)
    before = _keys(site, session)
    done = desk_of(site.node).answer(body)
    if isinstance(done, Session):
        return site.begin(request, done)
    answer = _to(site, request, done)
    if session is not None and _keys(site, session) != before:
        still = site.session_of(request)
        token = read_cookie(site.node, request)
        fresh = site.sessions.change(token, still, site.node.clock()) if still is not None else ""
        set_cookie(site.node, request, answer, fresh)
    return answer


def name_helper(site: "Site", request: Request, body: bytes) -> Response:
    """POST /helping, a form: see naming.py."""
    session, form = _session(site, request, body)
    ticket = naming.name(site.node, session, form, _helping(site, request, session))
    return RedirectResponse(_signing(site, request, ticket), 303, headers=site.headers(request))


def end_helper(site: "Site", request: Request, body: bytes) -> Response:
    """POST /helping/end, a form: see naming.py."""
    session, form = _session(site, request, body)
    ticket = naming.end(site.node, session, form, _helping(site, request, session))
    return RedirectResponse(_signing(site, request, ticket), 303, headers=site.headers(request))


def come_back(site: "Site", request: Request, body: bytes) -> Response:
    """POST /coming-back/begin: see coming_back.py."""
    return site.begin(request, site.coming_back.begin(caller_of(request), body))


def say_of_list(site: "Site", request: Request, body: bytes) -> Response:
    """POST /list-word, a form: see saying.py."""
    session, form = _session(site, request, body)
    ticket = saying.say(site.node, session, form, site.home(request, session) + "/list")
    return RedirectResponse(_signing(site, request, ticket), 303, headers=site.headers(request))


CALLS: dict[str, tuple[str, Call]] = {
    "act": ("/acting", act),
    "act_end": ("/acting/end", act_end),
    "come_back": ("/coming-back/begin", come_back),
    "join_": ("/join", join_),
    "sign_act": ("/signing/act", sign_act),
    "sign_answer": ("/signing/answer", sign_answer),
    "name_helper": ("/helping", name_helper),
    "end_helper": ("/helping/end", end_helper),
    "say_of_list": ("/list-word", say_of_list),
}


FORMS = {"act": "helping", "name_helper": "helping", "end_helper": "helping", "say_of_list": "lists"}
"""The pages on which the forms of calls stand."""


def page_of(request: Request) -> Page | None:
    """The page on which the form of this call stands, if there is one."""
    name = next((name for name, (path, _) in CALLS.items() if request.scope["path"].endswith(path)), "")
    return next((page for page in PAGES if page.name == FORMS.get(name)), None)


def routes(site: "Site") -> list[BaseRoute]:
    """The calls as routes."""

    def bound(call: Call) -> Callable[[Request, bytes], Response]:
        return lambda request, body: call(site, request, body)

    page, script, pin = page_files()
    style = (resources.files("medrec.portal") / "signing_page" / "signing.css").read_bytes()
    fixed = {
        "signing": ("/signing", page, "text/html; charset=utf-8", pinned(pin)),
        "signing.js": ("/signing.js", script, "text/javascript; charset=utf-8", HEADERS),
        "signing.css": ("/signing.css", style, "text/css; charset=utf-8", HEADERS),
    }

    def same(data: bytes, media: str, headers: dict[str, str]) -> Callable[[Request], Response]:
        return lambda request: Response(data, media_type=media, headers=headers)

    return [
        *(Route(path, site.call(bound(call)), methods=["POST"], name=name) for name, (path, call) in CALLS.items()),
        *(Route(f"/{name}", static(name), name=name) for name in assets.NAMES),
        *(Route(path, same(*what), methods=["GET"], name=name) for name, (path, *what) in fixed.items()),
    ]


def static(name: str) -> Callable[[Request], Any]:
    """The endpoint of a file that does not change while the node runs."""

    async def answer(request: Request) -> Response:
        try:
            data = assets.data(name)
        except assets.NotBuiltError as error:
            return Response(str(error), 503, media_type="text/plain", headers=HEADERS)
        headers = {**(WORKER if name == "worker.js" else HEADERS), "Cache-Control": "public, max-age=86400"}
        return Response(data, media_type=assets.media(name), headers=headers)

    return answer


def _keys(site: "Site", session: Session | None) -> list[str]:
    """The keys that act for the account of a session."""
    if session is None or not session.account:
        return []
    with site.node.engine.view() as view:
        held = state.account(view, session.account)
    return sorted(held.credentials) if held is not None else []


def _helping(site: "Site", request: Request, session: Session) -> str:
    return site.link(request, "helping", person=people.handle(session.account))


def _signing(site: "Site", request: Request, ticket: str) -> str:
    """The signing page with a ticket; behind the #, so that no log and no other site sees it."""
    return site.link(request, "signing") + "#" + ticket


def _to(site: "Site", request: Request, address: str) -> Response:
    return JSONResponse({"to": address}, headers=site.headers(request))


HELPERS = (*PEOPLE, Who.HELPER)
"""Who may take up a delegation."""


def _session(
    site: "Site", request: Request, body: bytes, roles: tuple[Who, ...] = PEOPLE
) -> tuple[Session, dict[str, Any]]:
    session, form = site.session_of(request), site.fields(body)
    if session is None or session.who not in roles:
        raise PageError(401, "sign-in")
    check_csrf(session, form.get("csrf", ""))
    return session, form


def _go_on(site: "Site", request: Request, session: Session) -> Response:
    token = site.sessions.change(read_cookie(site.node, request), session, site.node.clock())
    answer = RedirectResponse(site.home(request, session), 303, headers=site.headers(request))
    set_cookie(site.node, request, answer, token)
    return answer
