"""The page of a view: a clinician of another organisation looks at records here, and nothing is copied.

The address that her organisation was given shows one button; pressing it uses the address up and shows the records.
Whoever merely fetches addresses (a mail scanner, a preview) therefore opens nothing. The page stands without the site
around it: no session, no script, no link out, nothing that a browser keeps.
"""

import base64
import hashlib
import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from medrec.core.consent.floor import PART_2_NOTICE, PART_2_TEXT
from medrec.core.consent.redact import is_marked
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.engines.engine import EngineError
from medrec.node.fhir.bundle import WITHHELD
from medrec.node.keeping.store import StoreError
from medrec.node.refusals import Refusal
from medrec.node.release.views import PAGE_PATH, Shown
from medrec.node.terminology.shipped import shipped

if TYPE_CHECKING:
    from medrec.node.node import Node

VIEW_ROUTE = PAGE_PATH + "{ticket}"
_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "button{font:inherit;padding:.7rem 1.2rem}li{margin:.4rem 0}"
    ".note{border-left:.3rem solid #7a4100;padding-left:1rem}"
)
_PIN = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
"""The one style of the page, by which browsers know it; no other is used."""
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_PIN}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PURPOSE = "purpose of use {purpose}; reason given: {reason}"


def view_routes(node: "Node") -> list[BaseRoute]:
    """The one route of the views of a node."""

    async def answer(request: Request) -> Response:
        ticket = request.path_params["ticket"]
        work: Callable[[], tuple[int, str]] = lambda: _open(node, ticket) if request.method == "POST" else _ask(node)  # noqa: E731
        status, body = await run_in_threadpool(work)
        return Response(body, status, HEADERS, media_type="text/html; charset=utf-8")

    return [Route(VIEW_ROUTE, answer, methods=["GET", "POST"])]


def _ask(node: "Node") -> tuple[int, str]:
    """The same page for every ticket, true or not."""
    said = (
        "You are about to look at records that stay here. Your look is written down, and the patient is told of it: "
        "who you are, when, why, and which records were shown. This address opens once."
    )
    return 200, _page(node, "Look at records", f'<p>{said}</p><form method="post"><button>Look now</button></form>')


def _open(node: "Node", ticket: str) -> tuple[int, str]:
    try:
        return 200, _records(node, node.views.open(ticket))
    except Refusal as refusal:
        return refusal.status, _page(node, "Nothing is shown", f"<p>{html.escape(refusal.sentence)}</p>")
    except (EngineError, StoreError):
        return 503, _page(node, "Nothing is shown", "<p>The node cannot do this at the moment; try again later.</p>")


def _records(node: "Node", shown: Shown) -> str:
    request = shown.request
    who = html.escape(f"{request.practitioner} of {request.requester}")
    why = html.escape(_PURPOSE.format(purpose=request.purpose, reason=request.reason))
    parts = [f'<p class="note">Shown to {who}; {why}. Line {shown.line} of the journal.</p>']
    if any(is_marked(tree) for _, _, tree in shown.records):
        parts.append(f'<p class="note">{html.escape(WITHHELD)}</p>')
    if PART_2_NOTICE in shown.attach:
        parts.append(f'<p class="note">{html.escape(PART_2_TEXT)}</p>')
    kinds: dict[str, list[str]] = {}
    for kind, identifier, tree in shown.records:
        kinds.setdefault(kind, []).append(_line(identifier, tree))
    for kind, lines in kinds.items():
        parts.append(f"<h2>{html.escape(kind)}</h2><ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>")
    if not kinds:
        parts.append("<p>There is nothing to show.</p>")
    if shown.more:
        parts.append("<p>There is more than fits on this page; ask for fewer kinds of records.</p>")
    return _page(node, "Records", "".join(parts))


def _line(identifier: str, tree: Any) -> str:
    try:
        words = understand(tree, Around(terms=shipped())).clinical
    except Exception:
        # It may go, and nobody foresaw its form: that it is there is said.
        words = "A record that cannot be summed up"
    return f"{html.escape(words)} <small>({html.escape(identifier)})</small>"


def _page(node: "Node", title: str, body: str) -> str:
    organisation = node.directory.find(node.organisation)
    name = html.escape(organisation.name if organisation is not None else node.organisation)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: {name}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}: {name}</h1>{body}</main></body></html>"
    )
