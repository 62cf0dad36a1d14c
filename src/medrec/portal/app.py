"""The pages of a node, in one table: address, page file, template, and who may read it.

`pages(node)` is the whole site of one node; `routes(node)` the same as a list, to stand after a node's own routes.
A new page is a page file with a function `show`, a template, its words, and a line here.

Pages about people need sign-in, which does not exist yet: they answer 403 unless `demonstration` is said, and then
every page says that it is open.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router

from medrec.engines.engine import EngineError
from medrec.node.store import StoreError
from medrec.portal import front, given, ledger, people, person, records, render, version, words
from medrec.portal.page import File, PageError, Reader, Role, Visit, is_agent

if TYPE_CHECKING:
    from medrec.node.node import Node

FORM_BYTES_MAX = 4096
LOGGER = logging.getLogger("medrec.portal")

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Page(NamedTuple):
    """One line of the table. `menu` says whether it stands in the menu."""

    path: str
    name: str
    show: Callable[["Node", Visit], Any]
    template: str
    role: Role = Role.ANY
    reader: Reader = Reader.SIGNED_IN
    menu: bool = False
    methods: tuple[str, ...] = ("GET",)


PAGES = (
    Page("/", "front", front.show, "front.html", reader=Reader.EVERYBODY, menu=True),
    Page("/records", "records", records.show, "records.html", Role.RECORDS, menu=True, methods=("GET", "POST")),
    Page("/given", "given", given.show, "given.html", Role.RECORDS, menu=True),
    Page("/versions/{manifest}", "version", version.show, "version.html", Role.RECORDS),
    Page("/people", "people", people.show, "people.html", Role.AGENT, menu=True),
    Page("/people/{person}", "person", person.show, "person.html", Role.AGENT),
    Page("/people/{person}/lines/{tag}", "line", person.show_line, "version.html", Role.AGENT),
    Page("/ledger", "ledger", ledger.show, "ledger.html", reader=Reader.EVERYBODY, menu=True),
)

FILES = (
    Page("/proof/{manifest}.receipt.json", "receipt", version.receipt, "", Role.RECORDS),
    Page("/medrec-root.json", "root", version.root, "", reader=Reader.EVERYBODY),
)

STATICS = {
    "/portal.css": (render.STYLE, "text/css; charset=utf-8"),
    "/icon.svg": (render.ICON, "image/svg+xml"),
}


def routes(node: "Node", *, demonstration: bool = False) -> list[BaseRoute]:
    """The site as routes; the last one answers every other address with the page for "not found"."""
    site = Site(node, demonstration)
    table: list[BaseRoute] = [
        Route(page.path, site.endpoint(page), methods=list(page.methods), name=page.name) for page in (*PAGES, *FILES)
    ]
    table += [Route(path, static(*content), name=path[1:]) for path, content in STATICS.items()]
    site.router = Router(list(table))
    return [*table, Route("/{rest:path}", site.nowhere, methods=None, name="nowhere")]


def pages(node: "Node", *, demonstration: bool = False) -> Starlette:
    """The site as an application of its own, to be mounted anywhere."""
    return Starlette(routes=routes(node, demonstration=demonstration))


def person_path(account: str) -> str:
    """Where an agent's site has the page of a person, from the site's front page on."""
    return f"/people/{people.handle(account)}"


def version_path(manifest_hash: bytes) -> str:
    """Where a site has the page of a record version, by the SHA-256 of its manifest."""
    return f"/versions/{manifest_hash.hex()}"


def static(data: bytes, media: str) -> Callable[[Request], Any]:
    """The endpoint of a file that does not change while the node runs."""

    async def answer(request: Request) -> Response:
        headers = {**HEADERS, "Cache-Control": "public, max-age=86400"}
        return Response(data, media_type=media, headers=headers)

    return answer


class Site:
    """The pages of one node."""

    def __init__(self, node: "Node", demonstration: bool) -> None:
        self.node = node
        self.demonstration = demonstration
        self.templates = render.build_environment()
        self.router = Router([])

    def endpoint(self, page: Page) -> Callable[[Request], Any]:
        """Answers requests for one page. Reading the store and the ledger blocks, so it is done in a thread."""

        async def answer(request: Request) -> Response:
            try:
                form = await _form(request) if request.method == "POST" else {}
            except PageError as error:
                return await run_in_threadpool(self._error, request, error)
            return await run_in_threadpool(self._answer, page, request, form)

        return answer

    async def nowhere(self, request: Request) -> Response:
        """The answer to addresses that are not in the table."""
        return await run_in_threadpool(self._error, request, PageError(404, "not-found"))

    def _answer(self, page: Page, request: Request, form: dict[str, str]) -> Response:
        try:
            if page.role is not Role.ANY and (page.role is Role.AGENT) != is_agent(self.node):
                raise PageError(404, "wrong-role")
            if page.reader is Reader.SIGNED_IN and not self.demonstration:
                raise PageError(403, "sign-in")
            visit = self._visit(request, form)
            shown = page.show(self.node, visit)
            if isinstance(shown, File):
                disposition = {"Content-Disposition": f'attachment; filename="{shown.name}"'}
                return Response(shown.data, media_type=shown.media, headers={**HEADERS, **disposition})
            return self._html(page.template, page.name, visit, shown, 200)
        except PageError as error:
            return self._error(request, error)
        except (StoreError, EngineError) as error:
            return self._error(request, PageError(503, error.code, error.sentence))
        except Exception as error:
            # The kind of error and its place; never its text, which may quote a record.
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
            LOGGER.error("page %s failed: %s at %s", page.name, type(error).__name__, place)
            return self._error(request, PageError(500, "page-failed"))

    def _visit(self, request: Request, form: dict[str, str]) -> Visit:
        base = str(request.scope.get("root_path", "")).rstrip("/")

        def link(name: str, /, **parameters: str) -> str:
            return base + str(self.router.url_path_for(name, **parameters))

        number = request.query_params.get("page", "1")
        page = int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1
        return Visit(request.path_params, max(page, 1), form, self.node.clock(), self.demonstration, link)

    def _html(self, template: str, name: str, visit: Visit, values: dict[str, Any], status: int) -> Response:
        menu = [
            {"name": page.name, "here": page.name == name}
            for page in PAGES
            if page.menu
            and (page.role is Role.ANY or (page.role is Role.AGENT) == is_agent(self.node))
            and (self.demonstration or page.reader is Reader.EVERYBODY)
        ]
        values = {
            "page": name,
            "menu": menu,
            "link": visit.link,
            "organisation_name": self._organisation_name(),
            "network_name": self.node.genesis["name"],
            "demonstration": self.demonstration,
            "made": render.date(visit.now),
            **values,
        }
        html = self.templates.get_template(template).render(values)
        return Response(html, status, media_type="text/html; charset=utf-8", headers=HEADERS)

    def _organisation_name(self) -> str:
        # From the genesis where it stands there: the page of an error must not need the ledger.
        for founder in self.node.genesis["organisations"]:
            if founder["id"] == self.node.organisation:
                return str(founder["name"])
        return self.node.organisation

    def _error(self, request: Request, error: PageError) -> Response:
        visit = self._visit(request, {})
        values = {"code": render.say(words.ERROR["code"], code=error.code), "sentence": error.sentence}
        return self._html("error.html", "error", visit, values, error.status)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_BYTES_MAX:
                raise PageError(413, "form-too-large")
    except ClientDisconnect:
        raise PageError(400, "page-failed") from None
    return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=20))
