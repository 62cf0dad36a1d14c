"""Where a SMART Health Link leads: POST /s/{link} with {recipient, passcode} -> the manifest with its one file.

Viewers of other sites may call it: it reads no cookie, and what it answers is encrypted under a key that stands in the
link alone. 401 says how many tries are left, 404 says nothing more than that there is no link.
"""

import json
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from medrec.engines.engine import EngineError
from medrec.node.agent import links
from medrec.node.agent.links import LinkGoneError, WrongPasscodeError
from medrec.node.keeping.store import StoreError
from medrec.portal.security import HEADERS, Limiter, caller_of

if TYPE_CHECKING:
    from medrec.node.node import Node

PATH = "/s/{link}"
BODY_BYTES_MAX = 2048
OPEN = {
    **HEADERS,
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class LinkDoor:
    """Answers the holders of links at one site."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._limiter = Limiter(60, 60_000)

    async def answer(self, request: Request) -> Response:
        """One request."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=OPEN)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                return _said(413, {})
        return await run_in_threadpool(self._answer, request, body)

    def _answer(self, request: Request, body: bytes) -> Response:
        # By the link as well: one visitor of a hospital must not keep the others there from opening theirs.
        name = f"{caller_of(request)} {request.path_params['link']}"[:200]
        if not self._limiter.allow(name, self._node.clock()):
            return _said(429, {})
        try:
            asked: Any = json.loads(body)
            recipient, passcode = asked.get("recipient"), asked.get("passcode", "")
        except (ValueError, AttributeError, RecursionError):
            return _said(400, {})
        if not isinstance(recipient, str) or not recipient.strip() or not isinstance(passcode, str):
            return _said(400, {})
        shown = "".join(letter for letter in recipient if letter.isprintable())
        try:
            file = links.open_link(self._node, str(request.path_params["link"]), shown, passcode[:200])
        except WrongPasscodeError as wrong:
            return _said(401, {"remainingAttempts": wrong.remaining})
        except LinkGoneError:
            return _said(404, {})
        except (StoreError, EngineError):
            return _said(503, {})
        return _said(200, {"files": [{"contentType": links.FHIR, "embedded": file.decode()}]})


def _said(status: int, value: dict[str, Any]) -> Response:
    return JSONResponse(value, status, headers=OPEN)
