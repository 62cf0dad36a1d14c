"""Doors that need no organisation's signature: asking to join with an invitation, and what a joining engine reads.

The reading door hands a few questions on to this node's own engine, so that nobody else ever reaches the engine's
calls; what it answers is public, and light clients verify it by themselves.
"""

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from medrec.core import codec
from medrec.engines.engine import EngineError
from medrec.node.keeping.store import StoreError
from medrec.node.ledger import invite
from medrec.node.ledger.govern import GovernError

if TYPE_CHECKING:
    from medrec.node.node import Node

ENGINE_PATH = "/medrec/engine"
QUESTION_BYTES_MAX = 4 << 10
BODY_S = 15.0

_log = logging.getLogger("medrec.node")


def doors(node: "Node") -> list[BaseRoute]:
    """The routes of both doors."""

    async def join(request: Request) -> Response:
        body = await _body(request, invite.REQUEST_BYTES_MAX)
        status, answer = await run_in_threadpool(_join, node, body)
        return Response(answer, status, media_type="application/cbor")

    async def engine(request: Request) -> Response:
        body = await _body(request, QUESTION_BYTES_MAX)
        return JSONResponse(await run_in_threadpool(_ask, node, body))

    return [Route(invite.JOIN_PATH, join, methods=["POST"]), Route(ENGINE_PATH, engine, methods=["POST"])]


async def _body(request: Request, bytes_max: int) -> bytes:
    """The body, cut after one byte too many, as is one that comes too slowly: neither is readable."""
    parts = bytearray()
    with contextlib.suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                parts += part[: bytes_max + 1 - len(parts)]
    return bytes(parts)


def _join(node: "Node", body: bytes) -> tuple[int, bytes]:
    try:
        return 200, invite.accept(node, body)
    except GovernError as error:
        code, sentence = error.code, error.sentence
    except (EngineError, StoreError) as error:
        _log.error("nobody can join: %s", error.code)
        code, sentence = "unavailable", "The node cannot do this at the moment; try again later."
    except Exception as error:
        _log.error("joining failed: %s", type(error).__name__)
        code, sentence = "failed", "The node could not do this; its operator finds it in the log."
    return 503 if code == "unavailable" else 403, codec.encode({"code": code, "sentence": sentence})


def _ask(node: "Node", body: bytes) -> dict[str, Any]:
    """The JSON-RPC answer to a newcomer's engine."""
    number: Any = -1
    try:
        asked = json.loads(body)
        number, method, parameters = asked.get("id", -1), asked["method"], asked.get("params") or {}
        answer = getattr(node.engine, "answer_newcomer", None)
        if answer is None:
            return _error(number, -32601, "this node's ledger is a file of its own")
        return {"jsonrpc": "2.0", "id": number, "result": answer(method, parameters)}
    except EngineError as error:
        return _error(number, -32603, error.sentence)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _error(number, -32600, "the question is not readable")


def _error(number: Any, code: int, text: str) -> dict[str, Any]:
    number = number if isinstance(number, int | str) else -1
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": text[:200], "data": ""}}
