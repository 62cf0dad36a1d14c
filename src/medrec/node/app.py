"""The face of a node to other nodes: one web application, one visible table of what peers may call.

A call is POST with a signed CBOR body; its answer is signed as well. A refusal is CBOR {"code", "sentence"} under a
fitting status. What goes wrong inside is told in one general sentence; neither a stack trace nor a message of an
unexpected exception leaves, since both may quote a record.
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sql
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medrec.core import codec
from medrec.core.witness import REQUEST_BYTES_MAX
from medrec.engines.engine import EngineError
from medrec.node.account.delegates import (
    DELEGATIONS_PATH,
    answer_brought_consent,
    answer_delegation,
)
from medrec.node.account.ending import DELEGATION_ENDS_PATH, answer_delegation_end
from medrec.node.account.resting import RESTS_PATH, answer_rest
from medrec.node.account.returning import RETURNING_PATH, answer_returning
from medrec.node.agent.moving import MOVE_PATH, answer_move
from medrec.node.consent.consents import CONSENTS_PATH, REVOCATIONS_PATH, answer_revocation
from medrec.node.consent.policies import TRIAL_PATH, answer_trial
from medrec.node.corrections.corrections import CORRECTIONS_PATH, answer_corrections
from medrec.node.fhir.routes import answer_locally, fhir_routes
from medrec.node.keeping import store
from medrec.node.keeping.journal import NOTICES_PATH
from medrec.node.keeping.store import StoreError
from medrec.node.ledger.checkpoints import COSIGN_PATH
from medrec.node.ledger.invite import JOIN_PATH
from medrec.node.ledger.renewal import RENEW_PATH, RenewalError, answer_renew
from medrec.node.ledger.sight import CUT_OFF, STANDING_PATH
from medrec.node.ledger.standing import answer_standing, standing
from medrec.node.lists.acts import answer_acts
from medrec.node.lists.acts_ended import answer_ends
from medrec.node.lists.acts_kept import ACTS_PATH, ENDS_PATH
from medrec.node.looks.answering import answer_disputed
from medrec.node.looks.disputes import (
    ANSWERS_PATH,
    DISPUTED_PATH,
    DISPUTES_PATH,
    answer_disputes,
)
from medrec.node.looks.lone import LONE_PATH, answer_lone
from medrec.node.looks.owing import answer_answers
from medrec.node.notify.asking import ASKED_PATH, answer_asked
from medrec.node.peers import signing
from medrec.node.peers.calls import BODY_BYTES_MAX, Callers, CallRefused, failed, read_body
from medrec.node.peers.directory import FHIR
from medrec.node.peers.doors import ENGINE_PATH, doors
from medrec.node.peers.peers import INTERACT, PeerError
from medrec.node.peers.rules import NEEDS_THE_HEAD, Rule
from medrec.node.peers.unanswered import UNANSWERED, guarded
from medrec.node.refusals import Refusal
from medrec.node.release.access import RELEASE_PATH
from medrec.node.release.emergency import EMERGENCY_PATH, REVIEWS_PATH, answer_emergency, answer_reviews
from medrec.node.release.pull import answer_release
from medrec.node.release.referrals import REFERRAL_PATH, answer_referral
from medrec.node.release.view_page import VIEW_ROUTE, view_routes
from medrec.node.release.views import PAGE_PATH, VIEW_PATH, answer_view
from medrec.node.right_person.link import UNLINK_PATH, LinkError
from medrec.node.right_person.matching import FIND_PATH
from medrec.node.witness.witness import TEXT, Answer
from medrec.node.witness.witness_app import read_body as read_witness_request
from medrec.node.witness.witness_door import DOOR_PATH, add_checkpoint

if TYPE_CHECKING:
    from medrec.node.node import Node

CBOR = "application/cbor"

_access_log = logging.getLogger("medrec.access")
_log = logging.getLogger("medrec.node")


def _notices(node: "Node", caller: str, body: bytes) -> bytes:
    """Body: CBOR array of notices. Answer: CBOR array, true for each that is safely here."""
    if node.agent is None:
        raise CallRefused("not-an-agent", "This node serves no people.", 404)
    payloads = codec.decode(body, bytes_max=BODY_BYTES_MAX)
    if type(payloads) is not list or any(type(payload) is not bytes for payload in payloads):
        raise CallRefused("malformed", "The body is not an array of notices.", 400)
    return codec.encode(node.agent.take_notices(caller, payloads))


def _link(node: "Node", caller: str, body: bytes) -> bytes:
    return node.linker.accept(caller, body)


def _unlink(node: "Node", caller: str, body: bytes) -> bytes:
    return node.linker.unlink_asked(caller, body)


def _find(node: "Node", caller: str, body: bytes) -> bytes:
    return node.matching.asked(caller, body)


def _redeliver(node: "Node", caller: str, body: bytes) -> bytes:
    return node.linker.redeliver(caller, body)


def _cosign(node: "Node", caller: str, body: bytes) -> bytes:
    return node.checkpoints.cosign(caller, body)


def _renew(node: "Node", caller: str, body: bytes) -> bytes:
    try:
        return answer_renew(node, caller, body)
    except RenewalError as error:
        raise CallRefused(error.code, error.sentence, 400) from None


def _members(node: "Node", caller: str, body: bytes) -> bytes:
    try:
        return node.checkpoints.members.answer(body)
    except ValueError:
        raise CallRefused("malformed", "The question about changes of members is none.", 400) from None


Handler = Callable[["Node", str, bytes], bytes]
"""(node, calling organisation, body) -> body of the answer. Raises CallRefused, or one of what `dispatch` knows."""

ROUTES: dict[str, Handler] = {
    NOTICES_PATH: _notices,
    "/medrec/link": _link,
    UNLINK_PATH: _unlink,
    FIND_PATH: _find,
    "/medrec/redeliver": _redeliver,
    RELEASE_PATH: answer_release,
    REFERRAL_PATH: answer_referral,
    VIEW_PATH: answer_view,
    CONSENTS_PATH: answer_brought_consent,
    ASKED_PATH: answer_asked,
    REVOCATIONS_PATH: answer_revocation,
    DISPUTES_PATH: answer_disputes,
    DISPUTED_PATH: answer_disputed,
    ANSWERS_PATH: answer_answers,
    TRIAL_PATH: answer_trial,
    CORRECTIONS_PATH: answer_corrections,
    EMERGENCY_PATH: answer_emergency,
    REVIEWS_PATH: answer_reviews,
    COSIGN_PATH: _cosign,
    RENEW_PATH: _renew,
    signing.MEMBERS_PATH: _members,
    STANDING_PATH: answer_standing,
    DELEGATIONS_PATH: answer_delegation,
    DELEGATION_ENDS_PATH: answer_delegation_end,
    MOVE_PATH: answer_move,
    LONE_PATH: answer_lone,
    RETURNING_PATH: answer_returning,
    RESTS_PATH: answer_rest,
    ACTS_PATH: answer_acts,
    ENDS_PATH: answer_ends,
}
"""Everything that another organisation's node may call."""

RULES: dict[str, Rule] = {
    NOTICES_PATH: Rule.OWN_WORD,
    "/medrec/link": Rule.HER_SIGNATURE,
    UNLINK_PATH: Rule.HER_SIGNATURE,
    FIND_PATH: Rule.HER_SIGNATURE,
    "/medrec/redeliver": Rule.HER_AGENT,
    RELEASE_PATH: Rule.GATE,
    REFERRAL_PATH: Rule.OWN_WORD,
    VIEW_PATH: Rule.GATE,
    CONSENTS_PATH: Rule.HER_SIGNATURE,
    ASKED_PATH: Rule.MEMBER,
    REVOCATIONS_PATH: Rule.HER_SIGNATURE,
    DISPUTES_PATH: Rule.HER_SIGNATURE,
    DISPUTED_PATH: Rule.OWN_WORD,
    ANSWERS_PATH: Rule.OWN_WORD,
    TRIAL_PATH: Rule.HER_AGENT,
    CORRECTIONS_PATH: Rule.OWN_WORD,
    EMERGENCY_PATH: Rule.GATE,
    REVIEWS_PATH: Rule.OWN_WORD,
    DELEGATIONS_PATH: Rule.HER_SIGNATURE,
    DELEGATION_ENDS_PATH: Rule.HER_SIGNATURE,
    MOVE_PATH: Rule.HER_SIGNATURE,
    RETURNING_PATH: Rule.MEMBER,
    RESTS_PATH: Rule.HER_SIGNATURE,
    ACTS_PATH: Rule.HER_SIGNATURE,
    ENDS_PATH: Rule.OWN_WORD,
    COSIGN_PATH: Rule.MEMBER,
    RENEW_PATH: Rule.MEMBER,
    signing.MEMBERS_PATH: Rule.MEMBER,
    STANDING_PATH: Rule.MEMBER,
    LONE_PATH: Rule.OWN_WORD,
    "/standing": Rule.EVERYBODY,
    "/medrec/{name}": Rule.MEMBER,
    "/health": Rule.EVERYBODY,
    VIEW_ROUTE: Rule.GATE,
    DOOR_PATH: Rule.EVERYBODY,
    JOIN_PATH: Rule.EVERYBODY,
    ENGINE_PATH: Rule.EVERYBODY,
    "/log": Rule.EVERYBODY,
    f"{FHIR}/metadata": Rule.EVERYBODY,
    FHIR + "/{path:path}": Rule.GATE_OR_HERSELF,
    "/": Rule.EVERYBODY,
}
"""Who may ask at each address of the application; an address that is not here fails the tests. Those of the site stand
in its table of pages, and in portal/rules.py."""


def dispatch(node: "Node", path: str, caller: str, body: bytes) -> bytes:
    """The answer to a call of an organisation that is known to be the caller. Raises CallRefused, nothing else."""
    handler = ROUTES.get(path)
    if handler is None:
        raise CallRefused("unknown-path", "This node answers nothing under this path.", 404)
    try:
        return handler(node, caller, body)
    except CallRefused:
        raise
    except Refusal as error:
        raise CallRefused(error.code, error.sentence, error.status) from None
    except LinkError as error:
        raise CallRefused(error.code, error.sentence, 400 if error.code == "malformed" else 403) from None
    except codec.CodecError:
        raise CallRefused("malformed", "The body is not readable.", 400) from None
    except (EngineError, StoreError, PeerError) as error:
        _log.error("%s could not be answered: %s", path, error.code)
        raise CallRefused("unavailable", "The node cannot do this at the moment; try again later.", 503) from None
    except Exception as error:
        failed(path, error)


def local_answer(node: "Node") -> Callable[[str, str, bytes], bytes]:
    """How a node answers in a LocalNetwork: (path, caller, body) -> answer. Raises PeerError."""
    former = node.directory.with_former()

    def answer(path: str, caller: str, body: bytes) -> bytes:
        try:
            signing.standing(former if path in signing.FORMER_MAY else node.directory, caller)
            if path == INTERACT:
                return answer_locally(node, caller, body)
            return dispatch(node, path, caller, body)
        except (signing.RequestRefused, CallRefused, Refusal) as error:
            raise PeerError(error.code, error.sentence, answered=True) from None

    return answer


def make_app(node: "Node", pages: ASGIApp | None = None) -> ASGIApp:
    """The node's web application: /medrec/<name> for peers, /health, and `pages` (the portal) under /pages."""
    callers = Callers(node)

    async def peer(request: Request) -> Response:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]]
        body: bytes | CallRefused
        try:
            body = await read_body(request)
        except CallRefused as refused:
            body = refused
        status, answer, signed = await run_in_threadpool(_answer_call, node, callers, request, headers, body)
        return Response(answer, status, signed, media_type=CBOR)

    async def health(request: Request) -> Response:
        status, told = await run_in_threadpool(_health, node)
        return JSONResponse(told, status)

    async def behind(request: Request) -> Response:
        status, told = await run_in_threadpool(_behind, node)
        return JSONResponse(told, status)

    async def witness(request: Request) -> Response:
        status, kind, answer = await _witness(node, request)
        return Response(answer, status, {"content-type": kind})

    routes: list[BaseRoute] = [
        *doors(node),
        Route("/medrec/{name}", peer, methods=["POST"]),
        Route("/health", health),
        Route(DOOR_PATH, witness, methods=["POST"]),
        Route("/standing", behind),
    ]
    if node.tiles is not None:
        routes.append(Mount("/log", StaticFiles(directory=node.tiles.folder, check_dir=False)))
    routes += [*fhir_routes(node, callers), *view_routes(node)]
    if pages is not None:
        routes.append(Route("/", lambda request: RedirectResponse("/pages/")))
        routes.append(Mount("/pages", pages))
    return _Guard(Starlette(routes=routes, exception_handlers=UNANSWERED), node)


async def _witness(node: "Node", request: Request) -> Answer:
    """The answer to somebody who asks for a cosignature as C2SP has it: no signature of a member is needed."""
    body = await read_witness_request(request)
    if body is None:
        return Answer(413, TEXT, f"a request may have {REQUEST_BYTES_MAX} bytes\n".encode())
    try:
        return await run_in_threadpool(add_checkpoint, node, body)
    except (EngineError, StoreError, OSError) as error:
        _log.error("no cosignature can be given: %s", getattr(error, "code", "file"))
        return Answer(503, TEXT, b"the node cannot do this at the moment; try again later\n")


def _answer_call(
    node: "Node",
    callers: Callers,
    request: Request,
    headers: list[tuple[str, str]],
    body: bytes | CallRefused,
) -> tuple[int, bytes, dict[str, str]]:
    status, caller = 200, ""
    try:
        if isinstance(body, CallRefused):
            raise body
        path = request.scope["path"]
        caller = callers.caller(request, headers, body)
        if RULES.get(path) in NEEDS_THE_HEAD and node.sight.overdue(node.clock(), node.merge_delay_ms):
            raise CallRefused("merge-delay", CUT_OFF, 503)
        answer = dispatch(node, path, caller, body)
    except CallRefused as error:
        status = error.status
        answer = codec.encode({"code": error.code, "sentence": error.sentence})
    # For the access log.
    request.scope["medrec.caller"] = caller
    return status, answer, signing.sign_answer(node.keys, status, answer, headers)


def _behind(node: "Node") -> tuple[int, dict[str, Any]]:
    """How far behind this node is, in numbers and in a sentence; nothing of it names anybody."""
    try:
        found = standing(node)
    except (EngineError, StoreError):
        return 503, {"organisation": node.organisation}
    return 200, {**msgspec.structs.asdict(found), "behind": found.behind, "sentence": found.sentence()}


def _health(node: "Node") -> tuple[int, dict[str, Any]]:
    """Whether ledger and store answer, and tell one story."""
    try:
        if (apart := node.together.apart()) is not None:
            return 503, {"ok": False, "organisation": node.organisation, "sentence": apart.sentence}
        height = node.engine.tip().height
        with node.store.read() as connection:
            connection.execute(sql.select(sql.func.max(store.line.c.seq))).scalar()
    except (EngineError, StoreError, sql.exc.SQLAlchemyError):
        return 503, {"ok": False, "organisation": node.organisation}
    return 200, {"ok": True, "organisation": node.organisation, "network": node.network.hex(), "height": height}


class _Guard:
    """The outermost layer: writes the access log, and lets no exception become an answer.

    A node whose parts do not tell one story answers nothing else than that. Only paths of the table are logged as
    they are: a page's path may name a person.
    """

    def __init__(self, inner: ASGIApp, node: "Node") -> None:
        self._inner = inner
        self._node = node

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(guarded(message))

        try:
            apart = None if scope["path"] in ("/health", "/standing") else self._node.together.known
            if apart is not None:
                await Response(f"{apart.sentence}\n", 503, media_type="text/plain")(scope, receive, told)
            else:
                await self._inner(scope, receive, told)
        except Exception as error:
            _log.error("%s failed: %s", _logged_path(scope), type(error).__name__)
            if not status:
                response = Response("The node could not answer.", 500, media_type="text/plain")
                await response(scope, receive, told)
        took = (time.monotonic() - began) * 1000
        _access_log.info(
            "%s %s %d %.1f ms %s", scope["method"], _logged_path(scope), status, took, scope.get("medrec.caller") or "-"
        )


def _logged_path(scope: Scope) -> str:
    path: str = scope["path"]
    if path in ROUTES or path in ("/", "/health", "/standing", DOOR_PATH, JOIN_PATH, ENGINE_PATH):
        return path
    return next((f"{known}/..." for known in ("/pages", FHIR, PAGE_PATH.rstrip("/")) if path.startswith(known)), "...")
