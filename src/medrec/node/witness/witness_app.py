"""A witness over HTTP: add-checkpoint as C2SP has it, and what it knows, for everybody to read.

POST /add-checkpoint                 200, 400, 403, 404, 409, 413, 422
POST /root                           200, 400, 404, 409, 413: a newer root file of a network that is followed by one
GET  /                               who this is, where each log stands, what contradicts
GET  /log/HASH/checkpoint            the head cosigned last; HASH is SHA-256 of the origin, in hex
GET  /evidence/NAME                  two signed heads that contradict each other
"""

import hashlib

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from medrec.core.witness import REQUEST_BYTES_MAX
from medrec.node.witness.witness import TEXT, Answer, Witness
from medrec.node.witness.witness_roots import ROOT_BYTES_MAX

ADD_CHECKPOINT = "/add-checkpoint"


def witness_app(witness: Witness) -> Starlette:
    """The application of a witness."""

    async def add(request: Request) -> Response:
        body = await read_body(request)
        if body is None:
            return PlainTextResponse(f"a request may have {REQUEST_BYTES_MAX} bytes\n", 413)
        try:
            status, kind, answer = await run_in_threadpool(witness.answer, body)
        except OSError:
            status, kind, answer = Answer(503, TEXT, b"the witness cannot keep what it would sign; try again later\n")
        # The type without a charset, as the specification writes it.
        return Response(answer, status, {"content-type": kind})

    async def root(request: Request) -> Response:
        body = await read_body(request, ROOT_BYTES_MAX)
        if body is None:
            return PlainTextResponse(f"a root file may have {ROOT_BYTES_MAX} bytes\n", 413)
        try:
            status, kind, answer = await run_in_threadpool(witness.take_root, body)
        except OSError:
            status, kind, answer = Answer(503, TEXT, b"the witness cannot keep the root file; try again later\n")
        return Response(answer, status, {"content-type": kind})

    def card(request: Request) -> Response:
        return PlainTextResponse(witness.card())

    def checkpoint(request: Request) -> Response:
        for origin in witness.logs:
            if hashlib.sha256(origin.encode()).hexdigest() == request.path_params["log"]:
                note = witness.head(origin).note
                if note:
                    return Response(note, media_type=TEXT)
        return PlainTextResponse("this witness has cosigned nothing of that log\n", 404)

    def evidence(request: Request) -> Response:
        found = witness.read_evidence(request.path_params["name"])
        if found is None:
            return PlainTextResponse("there is no such evidence\n", 404)
        return Response(found, media_type="application/json")

    return Starlette(
        routes=[
            Route(ADD_CHECKPOINT, add, methods=["POST"]),
            Route("/root", root, methods=["POST"]),
            Route("/", card),
            Route("/log/{log}/checkpoint", checkpoint),
            Route("/evidence/{name}", evidence),
        ]
    )


async def read_body(request: Request, bytes_max: int = REQUEST_BYTES_MAX) -> bytes | None:
    """The body of a request, None if it is too long or broke off."""
    parts = bytearray()
    try:
        async for part in request.stream():
            parts += part
            if len(parts) > bytes_max:
                return None
    except ClientDisconnect:
        return None
    return bytes(parts)
