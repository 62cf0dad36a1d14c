"""What every answer of a node says to browsers, and what an address or a method that there is not is told.

Whoever answers may say more, or less strictly (the pages have policies of their own); what nothing is said about is the
strictest. So no answer of a library, a redirect or a file goes out bare.
"""

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message

HEADERS = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_TOLD = {
    404: ("unknown-path", "This node answers nothing under this path."),
    405: ("wrong-method", "This node does not answer this method under this path."),
}


def guarded(message: Message) -> Message:
    """The start of an answer with HEADERS, where it has none of them itself; any other message as it is."""
    if message["type"] != "http.response.start":
        return message
    said = [(bytes(name).lower(), value) for name, value in message.get("headers", ())]
    known = {name for name, _ in said}
    return {**message, "headers": [*said, *(one for one in HEADERS if one[0] not in known)]}


async def _unanswered(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, sentence = _TOLD.get(error.status_code, ("malformed", "The request is not readable."))
    return JSONResponse({"code": code, "sentence": sentence}, error.status_code, headers=error.headers)


UNANSWERED: dict[Any, Callable[[Request, Exception], Any]] = {HTTPException: _unanswered}
