"""The pages of a node as a web application; `table` lists them.

`pages(node)` is the whole site of one node.

Pages about people need sign-in (session.py, sign_in.py): a line of the table names the roles that may read the page,
and a page about one person asks `require_subject`. Where `demonstration` is said, they are open to everybody who has
not signed in, and every page says so.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from medrec.core.manifests import UnwritableError
from medrec.engines.engine import EngineError
from medrec.node.keeping.store import StoreError
from medrec.node.peers.proxied import site_of
from medrec.portal import (
    acting,
    calls,
    coming_back,
    join,
    language,
    links,
    offline,
    people,
    refused,
    render,
    sign_in,
    words,
)
from medrec.portal.forms import fields_of, read_body, read_form
from medrec.portal.frame import Frame
from medrec.portal.page import File, Go, PageError, Reader, Role, Visit, in_trouble, is_agent, sayable, written
from medrec.portal.security import (
    HEADERS,
    HEADERS_HTTPS,
    SCRIPTED,
    by_name,
    caller_of,
    check_origin,
    is_https,
    read_cookie,
    set_cookie,
)
from medrec.portal.sent import COPY, Sent
from medrec.portal.session import BY_ITSELF, PEOPLE, STAFF, Session, Sessions, Who, check_csrf, require
from medrec.portal.table import FILES, PAGES, Page

if TYPE_CHECKING:
    from medrec.node.node import Node

LANGUAGE_S = 365 * 86_400
HTML = "text/html; charset=utf-8"
LOGGER = logging.getLogger("medrec.portal")


def pages(node: "Node", *, demonstration: bool = False) -> Starlette:
    """The site as an application of its own, to be mounted anywhere."""
    site = Site(node, demonstration)
    table: list[BaseRoute] = [
        Route(page.path, site.endpoint(page), methods=[*page.methods, *page.answers], name=page.name)
        for page in (*PAGES, *FILES)
    ]
    table += [
        Route("/sign-in/challenge", site.call(site.challenge), methods=["POST"], name="challenge"),
        Route("/sign-in/answer", site.call(site.signed_in), methods=["POST"], name="answer"),
        Route("/sign-in/register", site.call(site.registered), methods=["POST"], name="register"),
        Route("/sign-out", site.call(site.signed_out), methods=["POST"], name="sign_out"),
    ]
    table += calls.routes(site)
    table.append(Route(links.PATH, links.LinkDoor(node).answer, methods=["POST", "OPTIONS"], name="shared"))
    if demonstration:
        table.append(
            Route("/sign-in/demonstration", site.call(site.demonstrated), methods=["POST"], name="demonstrate")
        )
    site.routes = {route.name: route for route in table if isinstance(route, Route)}
    application = Starlette(routes=table, exception_handlers={HTTPException: site.unanswered})
    # An address with a slash too many is an address that there is not: it has a page that says so.
    application.router.redirect_slashes = False
    return application


def person_path(account: str) -> str:
    """Where an agent's site has the page of a person, from the site's front page on."""
    return f"/people/{people.handle(account)}"


def version_path(manifest_hash: bytes) -> str:
    """Where a site has the page of a record version, by the SHA-256 of its manifest."""
    return f"/versions/{manifest_hash.hex()}"


AWAY = {Who.RETURNING: "coming_back", Who.FROZEN: "frozen"}
"""Where those begin who have a key and no open account."""

ERROR_PAGE = Page("", "error", lambda node, visit: {}, "error.html")


class Site:
    """The pages of one node."""

    def __init__(self, node: "Node", demonstration: bool) -> None:
        self.node = node
        self.demonstration = demonstration
        self.frame = Frame(node, demonstration)
        self.sessions = Sessions(node.vault.random)
        self.sent = Sent(node.vault.random)
        self.door = sign_in.Door(node)
        self.joining = join.Joining(node)
        self.coming_back = coming_back.ComingBack(node)
        self.routes: dict[str, Route] = {}  # By name: a router tries one after the other, for each link of a page.

    def endpoint(self, page: Page) -> Callable[[Request], Any]:
        """Answers requests for one page. Reading the store and the ledger blocks, so it is done in a thread."""

        async def answer(request: Request) -> Response:
            try:
                form = await read_form(request) if request.method == "POST" else {}
            except PageError as error:
                return await run_in_threadpool(self._in_language, request, self._error, request, error)
            return await run_in_threadpool(self._in_language, request, self._answer, page, request, form)

        return answer

    def call(self, act: Callable[[Request, bytes], Response]) -> Callable[[Request], Any]:
        """Answers a small POST that is no page: it comes from our own pages only, and an error is JSON or a page."""

        async def answer(request: Request) -> Response:
            body = await read_body(request)
            return await run_in_threadpool(self._in_language, request, self._called, act, request, body)

        return answer

    def _called(self, act: Callable[[Request, bytes], Response], request: Request, body: bytes | PageError) -> Response:
        try:
            if isinstance(body, PageError):
                raise body
            check_origin(request)
            return act(request, body)
        except (PageError, UnwritableError) as error:
            no = sayable(error)
        except (StoreError, EngineError) as error:
            self._log(request.scope["path"].rpartition("/")[2][:40], error)
            no = in_trouble(error.code)
        except Exception as error:
            self._log(request.scope["path"].rpartition("/")[2][:40], error)
            no = PageError(500, "page-failed")
        if request.headers.get("content-type", "").startswith("application/json"):
            told = {"code": no.code, "sentence": no.sentence, **({"to": no.here} if no.here else {})}
            return JSONResponse(told, no.status, headers=self._headers(request, HEADERS))
        return self._form_of_call(request, no, body) or self._error(request, no)

    def _form_of_call(self, request: Request, error: PageError, body: bytes | PageError) -> Response | None:
        """The page on which the form of a call stood, as `_once_more`."""
        page, session = calls.page_of(request), self.session_of(request)
        if page is None or session is None or session.who not in PEOPLE or isinstance(body, PageError):
            return None
        path = {"person": people.handle(session.subject)}
        return self._once_more(page, request, error, fields_of(body), path)

    def challenge(self, request: Request, body: bytes) -> Response:
        """POST /sign-in/challenge."""
        return JSONResponse(self.door.challenge(), headers=self._headers(request, HEADERS))

    def signed_in(self, request: Request, body: bytes) -> Response:
        """POST /sign-in/answer."""
        return self.begin(request, self.door.answer(caller_of(request), body))

    def registered(self, request: Request, body: bytes) -> Response:
        """POST /sign-in/register."""
        return self.begin(request, self.door.register(caller_of(request), body))

    def demonstrated(self, request: Request, body: bytes) -> Response:
        """POST /sign-in/demonstration."""
        return self.begin(request, self.door.demonstrate(fields_of(body)))

    def signed_out(self, request: Request, body: bytes) -> Response:
        """POST /sign-out."""
        token = read_cookie(self.node, request)
        check_csrf(self.sessions.find(token, self.node.clock()), fields_of(body).get("csrf", ""))
        self.sessions.close(token, self.node.clock())
        answer = RedirectResponse(self.link(request, "front"), 303, headers=self._headers(request, HEADERS))
        set_cookie(self.node, request, answer, "")
        return answer

    def begin(self, request: Request, session: Session) -> Response:
        """Whoever had a session here before leaves it: a token from before signing in opens nothing after it."""
        now = self.node.clock()
        self.sessions.close(read_cookie(self.node, request), now)
        token = self.sessions.open(session, now, site_of(caller_of(request)) if session.case else "")
        to = self.home(request, session)
        headers = self._headers(request, HEADERS)
        answer: Response
        if request.headers.get("content-type", "").startswith("application/json"):
            answer = JSONResponse({"to": to}, headers=headers)
        else:
            answer = RedirectResponse(to, 303, headers=headers)
        set_cookie(self.node, request, answer, token)
        return answer

    def home(self, request: Request, session: Session) -> str:
        """Where somebody begins."""
        if session.who in PEOPLE:
            return self.link(request, "person", person=people.handle(session.subject))
        if session.who is Who.HELPER and is_agent(self.node):
            return self.link(request, "cases")
        if session.who in AWAY:
            return self.link(request, AWAY[session.who])
        return self.link(request, "front")

    def session_of(self, request: Request) -> Session | None:
        """Who asks, None for nobody; a key or a member of the staff that is gone loses its session here."""
        token = read_cookie(self.node, request)
        # A page that loads itself anew, without a script, says so in its address.
        touched = BY_ITSELF not in request.headers and (
            request.method != "GET" or BY_ITSELF not in request.query_params
        )
        session = self.sessions.find(token, self.node.clock(), touched=touched) if token else None
        if session is not None and not sign_in.is_current(self.node, session):
            self.sessions.close(token, self.node.clock())
            return None
        if session is not None and session.acting_for and not acting.is_current(self.node, session):
            session = acting.end(session)
            self.sessions.lessen(token, session, self.node.clock())
        return session

    def fields(self, body: bytes) -> dict[str, str]:
        """The fields of a form. Raises PageError."""
        return fields_of(body)

    def headers(self, request: Request) -> dict[str, str]:
        """The headers of every answer."""
        return self._headers(request, HEADERS)

    async def unanswered(self, request: Request, error: Exception) -> Response:
        """The answer to addresses that are not in the table, and to methods that an address there does not take."""
        wrong = isinstance(error, HTTPException) and error.status_code == 405
        no = PageError(405, "wrong-method") if wrong else PageError(404, "not-found")
        answer = await run_in_threadpool(self._in_language, request, self._error, request, no)
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer

    def _in_language(self, request: Request, answer: Callable[..., Response], *arguments: Any) -> Response:
        """Answer in the language that was asked for, and keep it for the visits to come."""
        asked = request.query_params.get("lang")
        kept = request.cookies.get(language.COOKIE)
        code = language.choose(asked, kept, request.headers.get("accept-language", ""))
        with language.use(code):
            response = answer(*arguments)
        if asked == code and asked != kept:
            path = str(request.scope.get("root_path", "")).rstrip("/") or "/"
            secure = is_https(self.node, request)
            response.set_cookie(
                language.COOKIE, code, LANGUAGE_S, path=path, secure=secure, httponly=True, samesite="lax"
            )
        response.headers["Vary"] = "Cookie, Accept-Language"
        return response

    def _answer(self, page: Page, request: Request, form: dict[str, str]) -> Response:
        # What is sent from elsewhere is not shown again.
        sent: dict[str, str] = {}
        try:
            visit = self._admitted(page, self._visit(request, form))
            if request.method == "POST":
                check_origin(request)
                sent = form
                check_csrf(visit.session, form.get("csrf", ""))
                if visit.session is not None:
                    acting.check_form(self.node, visit.session, page.name)
                return self._done(page, request, visit)
            if there := by_name(self.node, request, page.name):
                return RedirectResponse(there, 303, headers=self._headers(request, HEADERS))
            asked = self.sent.find(visit, request.url.path)
            # Who answers while the page is made may be missing on it: it is waited for all the same.
            before = self.frame.reading(page, visit)
            shown = page.show(self.node, visit) if asked is None else asked.make(visit)
            self._told(request, visit, page, shown)
            if isinstance(shown, Go):
                return RedirectResponse(shown.whole, 303, headers=self._headers(request, HEADERS))
            if isinstance(shown, File):
                disposition = {"Content-Disposition": f'attachment; filename="{shown.name}"'}
                headers = self._headers(request, HEADERS)
                return Response(shown.data, media_type=shown.media, headers={**headers, **disposition})
            return self._html(request, page, visit, shown if before is None else {**shown, "waits": before}, 200)
        except (PageError, UnwritableError) as error:
            no = sayable(error)
            return self._once_more(page, request, no, sent) or self._error(request, no, written(page.name, sent))
        except (StoreError, EngineError) as error:
            self._log(page.name, error)
            return self._error(request, in_trouble(error.code), written(page.name, sent))
        except Exception as error:
            self._log(page.name, error)
            return self._error(request, PageError(500, "page-failed"), written(page.name, sent))

    def _done(self, page: Page, request: Request, visit: Visit) -> Response:
        """Do what a form says, once, and go on to a page: the page itself is never the answer."""
        with self.sent.once(visit, str(request.url)) as answer:
            if not answer.address:
                form = {n: one for n, one in visit.form.items() if n != COPY} if COPY in visit.form else visit.form
                shown = page.show(self.node, visit._replace(form=form))
                there = shown.whole if isinstance(shown, Go) else self.sent.keep(visit, request.url.path, shown)
                if isinstance(shown, Go):
                    self._told(request, visit, page, shown)
                answer.address = there
            return RedirectResponse(answer.address, 303, headers=self._headers(request, HEADERS))

    def _admitted(self, page: Page, visit: Visit) -> Visit:
        """The visit, if it may have this page. Raises PageError."""
        if page.role is not Role.ANY and (page.role is Role.AGENT) != is_agent(self.node):
            raise PageError(404, "wrong-role")
        if page.reader is Reader.SIGNED_IN and not (self.demonstration and visit.session is None):
            require(visit, *(page.who or STAFF))
        return visit._replace(exact=not set(STAFF).isdisjoint(page.who))

    def _told(self, request: Request, visit: Visit, page: Page, shown: Any) -> None:
        """Write down what a helper read or did, and whose looks anybody read."""
        read = acting.written_down(self.node, visit.session, page.name, shown)
        if read is not None:
            self.sessions.lessen(read_cookie(self.node, request), read, self.node.clock())

    def _once_more(
        self, page: Page, request: Request, error: PageError, sent: dict[str, str], path: dict[str, str] | None = None
    ) -> Response | None:
        """The page on which a form stood that was refused, filled in as it was sent; None where it cannot be shown.
        `path` are the parameters of that page, where they are not those of the form."""
        here = next((one for one in PAGES if one.name == (page.at or page.name)), page)
        if not sent or error.status in (401, 500) or "GET" not in here.methods or not here.template:
            return None
        try:
            visit = self._visit(request, {})
            asked = self._admitted(here, visit._replace(path=path or visit.path, query=refused.about(sent)))
            shown = here.show(self.node, asked)
            self._told(request, asked, here, shown)
        except (PageError, StoreError, EngineError):
            return None
        except Exception as fault:
            self._log(here.name, fault)
            return None
        if not isinstance(shown, dict):
            return None
        html = self.frame.page(here, visit._replace(path=asked.path), {**shown, "refused": True})
        made = refused.filled(html, request.url.path, sent, error.code)
        said = {"code": error.code, "sentence": error.sentence, "field": made.field}
        lost = [] if made.found else written(page.name, sent)
        summary = self.frame.templates.get_template("refused.html").render(said, lost=lost)
        text = made.html.replace(refused.PLACE, summary, 1)
        headers = self._headers(request, SCRIPTED) | offline.keeps(visit)
        return Response(text, error.status, media_type=HTML, headers=headers)

    def _log(self, name: str, error: Exception) -> None:
        """The kind of error and its place; never its text, which may quote a record."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
        LOGGER.error("page %s failed: %s at %s", name, type(error).__name__, place)

    def link(self, request: Request, name: str, /, **parameters: str) -> str:
        """The address of a page or call, wherever the site is mounted."""
        base = str(request.scope.get("root_path", "")).rstrip("/")
        return base + str(self.routes[name].url_path_for(name, **parameters))

    def _headers(self, request: Request, headers: dict[str, str]) -> dict[str, str]:
        return {**headers, **HEADERS_HTTPS} if is_https(self.node, request) else headers

    def _visit(self, request: Request, form: dict[str, str], *, failed: bool = False) -> Visit:
        def link(name: str, /, **parameters: str) -> str:
            return self.link(request, name, **parameters)

        query = dict(request.query_params)
        number = query.get("page", "1")
        page = int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1
        # The page of an error must not need the ledger.
        session = None if failed else self.session_of(request)
        now = self.node.clock()
        visit = Visit(request.path_params, max(page, 1), form, now, self.demonstration, link, session, query)
        return visit._replace(sent=request.method == "POST", site=site_of(caller_of(request)))

    def _html(self, request: Request, page: Page, visit: Visit, values: dict[str, Any], status: int) -> Response:
        # The page of an error does not know who asks.
        kept = offline.keeps(visit) if page is not ERROR_PAGE else {}
        headers = self._headers(request, SCRIPTED) | kept
        return Response(self.frame.page(page, visit, values), status, media_type=HTML, headers=headers)

    def _error(self, request: Request, error: PageError, lost: Sequence[str] = ()) -> Response:
        if error.code == "sign-in" and request.method == "GET":
            # Where somebody wanted to go is not carried along: an address may name a person.
            return RedirectResponse(self.link(request, "sign_in"), 303, headers=self._headers(request, HEADERS))
        visit = self._visit(request, {}, failed=True)
        values = {"code": render.say(words.ERROR["code"], code=error.code), "sentence": error.sentence, "lost": lost}
        values |= {"more": error.more, "again": error.again}
        return self._html(request, ERROR_PAGE, visit, values, error.status)
