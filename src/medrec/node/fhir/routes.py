"""The FHIR API over HTTP: signed requests in, FHIR JSON or an OperationOutcome out, every answer signed.

A request carries the organisation's signature (RFC 9421) and, in the field medrec-ask, base64url of CBOR of an Ask:
who asks, about whom, why, signed by the practitioner. Searches may be posted (`Type/_search`), so that what was
searched for stands in no log of addresses.
"""

import base64
import binascii
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from medrec.core import codec
from medrec.engines.engine import EngineError
from medrec.node.fhir import bundle, capability
from medrec.node.fhir.answer import Answer
from medrec.node.fhir.door import answer_query
from medrec.node.fhir.faces import answer_face, create_consent
from medrec.node.fhir.query import OWN, interaction
from medrec.node.keeping.store import StoreError
from medrec.node.peers import signing
from medrec.node.peers.calls import Callers, CallRefused, failed, read_body
from medrec.node.peers.directory import FHIR
from medrec.node.refusals import Code, Refusal
from medrec.node.release.access import Ask
from medrec.node.release.gate import read_ask

if TYPE_CHECKING:
    from medrec.node.node import Node

FORM = "application/x-www-form-urlencoded"


def fhir_routes(node: "Node", callers: Callers) -> list[BaseRoute]:
    """The routes of a node's FHIR API."""
    statement: list[bytes] = []

    async def metadata(request: Request) -> Response:
        if not statement:
            statement.append(await run_in_threadpool(capability.statement, node))
        return Response(statement[0], media_type=bundle.JSON)

    async def ask(request: Request) -> Response:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]]
        body: bytes | CallRefused
        try:
            body = await read_body(request)
        except CallRefused as refused:
            body = refused
        answer = await run_in_threadpool(_answer, node, callers, request, headers, body)
        signed = await run_in_threadpool(signing.sign_answer, node.keys, answer.status, answer.body, headers)
        return Response(answer.body, answer.status, {**answer.fields, **signed})

    return [
        Route(f"{FHIR}/metadata", metadata, methods=["GET"]),
        Route(FHIR + "/{path:path}", ask, methods=["GET", "POST"]),
    ]


def _answer(
    node: "Node", callers: Callers, request: Request, headers: list[tuple[str, str]], body: bytes | CallRefused
) -> Answer:
    try:
        if isinstance(body, CallRefused):
            raise body
        caller = callers.caller(request, headers, body)
        # For the access log.
        request.scope["medrec.caller"] = caller
        kind = request.headers.get("content-type", "").split(";")[0].strip()
        if request.method == "POST" and request.path_params["path"] == "Consent" and kind == "application/json":
            return create(node, body, caller)
        return serve(node, caller, request.method, *_interaction(request, body), request.headers.get(signing.ASK, ""))
    except CallRefused as error:
        return _refused(error.code, error.sentence, error.status)
    except Refusal as error:
        return _refused(error.code, error.sentence, error.status)


def serve(node: "Node", caller: str, method: str, path: str, parameters: str, stated: str) -> Answer:
    """The answer to an interaction of an organisation that is known to be the caller. Raises Refusal, CallRefused.

    `path` is relative to the API's base, `parameters` as they stand in the address or the form, `stated` is the ASK
    field.
    """
    try:
        ask = read_stated(stated)
        try:
            kind, _ = interaction(path)
        except Refusal as refusal:
            raise node.gate.refuse(caller, ask, refusal) from None
        if kind in OWN:
            return answer_face(node, caller, ask, path, parameters)
        return answer_query(node, caller, ask, path, parameters)
    except (EngineError, StoreError):
        raise CallRefused("unavailable", "The node cannot do this at the moment; try again later.", 503) from None
    except (Refusal, CallRefused):
        raise
    except Exception as error:
        failed("a FHIR interaction", error)


def create(node: "Node", body: bytes, caller: str) -> Answer:
    """Take a consent that carries its own signature. Raises Refusal, CallRefused."""
    try:
        return create_consent(node, body, caller)
    except (EngineError, StoreError):
        raise CallRefused("unavailable", "The node cannot do this at the moment; try again later.", 503) from None
    except (Refusal, CallRefused):
        raise
    except Exception as error:
        failed("taking a consent", error)


def answer_locally(node: "Node", caller: str, body: bytes) -> bytes:
    """An interaction as a LocalNetwork carries it: CBOR [path, parameters, ASK field] -> CBOR [fields, body]."""
    path, parameters, stated = codec.decode(body)
    answer = serve(node, caller, "POST", path, parameters, stated)
    return codec.encode([answer.fields, answer.body])


def read_stated(field: str) -> Ask:
    """The Ask in an ASK field. Raises Refusal with malformed."""
    try:
        return read_ask(base64.b64decode(field.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise Refusal(Code.MALFORMED) from None


def _interaction(request: Request, body: bytes) -> tuple[str, str]:
    """Path and parameters; a posted form counts as the query, and there may be no second one in the address."""
    path = request.path_params["path"].strip("/")
    query = request.scope["query_string"].decode("latin-1")
    if request.method == "GET":
        if body:
            raise Refusal(Code.MALFORMED)
        return path, query
    if request.headers.get("content-type", "").split(";")[0].strip() != FORM or query:
        raise Refusal(Code.MALFORMED)
    try:
        return path.removesuffix("/_search"), body.decode("ascii")
    except UnicodeDecodeError:
        raise Refusal(Code.MALFORMED) from None


def _refused(code: str, sentence: str, status: int) -> Answer:
    fields = {"content-type": bundle.JSON, "cache-control": "no-store"}
    return Answer(status, bundle.outcome(code, sentence, status), fields)
