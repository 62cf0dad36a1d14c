"""Who called: a request's body, its signature, the memory of what came before, and what is written down of refusals.

A call that is refused for its signature, but carries one that an organisation's key did make, becomes a line in the
journal (refused_calls): a suspended organisation, a key that was replaced, a clock that is off, something sent twice.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, NoReturn

import sqlalchemy as sql
from starlette.requests import ClientDisconnect, Request

from medrec.engines.engine import EngineError
from medrec.node.keeping import store
from medrec.node.keeping.store import StoreError
from medrec.node.keeping.vault import VaultError
from medrec.node.peers import signing
from medrec.node.peers.peers import address
from medrec.node.peers.refused_calls import refused_calls

if TYPE_CHECKING:
    from medrec.node.node import Node

BODY_BYTES_MAX = 4 << 20
BODY_S = 15.0
SIGNATURE_STATUS = {"organisation-suspended": 403, "wrong-recipient": 421, "too-many-requests": 429}

_log = logging.getLogger("medrec.node")


class CallRefused(Exception):
    """A call is refused: a short code, one sentence for the caller, and the HTTP status."""

    def __init__(self, code: str, sentence: str, status: int = 403) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.status = status


class Callers:
    """Finds out who signed a request to one node, and remembers what came, so that nothing counts twice."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._former = node.directory.with_former()
        self._remembered = _nonces(node)
        self._refused = refused_calls(node)

    def caller(self, request: Request, headers: list[tuple[str, str]], body: bytes) -> str:
        """The organisation that signed the request. Raises CallRefused, nothing else."""
        node = self._node
        try:
            mine = node.directory.find(node.organisation)
            if mine is None:
                raise CallRefused("not-a-member", "This node's organisation is not on the ledger.", 503)
            target = (request.scope.get("raw_path") or request.scope["path"].encode()).split(b"?")[0]
            if request.scope["query_string"]:
                target += b"?" + request.scope["query_string"]
            url = address(mine.endpoint, target.decode("latin-1"))
            directory = self._former if target.decode("latin-1") in signing.FORMER_MAY else node.directory
            found = signing.verify_request(
                directory, node.organisation, request.method, url, headers, body, node.clock(), self._remembered
            )
            return found.caller
        except CallRefused:
            raise
        except signing.RequestRefused as error:
            if error.signer:
                self._try_to_write_down(error.signer, request.scope["path"], error.code)
            raise CallRefused(error.code, error.sentence, SIGNATURE_STATUS.get(error.code, 401)) from None
        except (EngineError, StoreError) as error:
            _log.error("no caller can be checked: %s", error.code)
            raise CallRefused("unavailable", "The node cannot do this at the moment; try again later.", 503) from None
        except Exception as error:
            failed("checking a caller", error)

    def _try_to_write_down(self, signer: str, path: str, code: str) -> None:
        """A call that cannot be written down is refused all the same, with a code. Raises CallRefused."""
        try:
            self._refused.note(self._node, signer, path, code)
        except (StoreError, VaultError) as error:
            _log.error("a refused call cannot be written down: %s", type(error).__name__)
            raise CallRefused("unavailable", "The node cannot do this at the moment; try again later.", 503) from None
        except Exception as error:
            failed("writing down a refused call", error)


async def read_body(request: Request) -> bytes:
    """The whole body, within its limits of size and time. Raises CallRefused."""
    too_large = CallRefused("too-large", f"A body may have {BODY_BYTES_MAX} bytes.", 413)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > BODY_BYTES_MAX:
        raise too_large
    parts = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                parts += part
                if len(parts) > BODY_BYTES_MAX:
                    raise too_large
    except TimeoutError:
        raise CallRefused("slow", f"The body did not come within {BODY_S:g} seconds.", 408) from None
    except ClientDisconnect:
        raise CallRefused("malformed", "The body broke off.", 400) from None
    return bytes(parts)


def failed(what: str, error: Exception) -> NoReturn:
    """Log where it went wrong, without the message: it may quote a record. Raises CallRefused."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f"{last.tb_frame.f_globals.get('__name__')}:{last.tb_lineno}" if last is not None else "?"
    _log.error("%s failed: %s at %s", what, type(error).__name__, where)
    raise CallRefused("failed", "The node could not do this; its operator finds the place in the log.", 500) from None


def _nonces(node: "Node") -> signing.Nonces:
    """The memory of requests, with what was kept about senders whose clocks run ahead."""
    names = store.setting.c.name
    with node.store.read() as connection:
        rows = connection.execute(sql.select(store.setting).where(names.startswith("ahead/"))).all()
    ahead = {row.name.removeprefix("ahead/"): int.from_bytes(row.value, "big") for row in rows}

    def keep_ahead(caller: str, until: int) -> None:
        def write(connection: sql.Connection) -> None:
            name = f"ahead/{caller}"
            known = connection.execute(sql.select(store.setting.c.value).where(names == name)).scalar()
            latest = max(until, int.from_bytes(known or b"", "big"))
            connection.execute(sql.delete(store.setting).where(names == name))
            connection.execute(sql.insert(store.setting).values(name=name, value=latest.to_bytes(8, "big")))

        node.store.write(write)

    return signing.Nonces(node.clock(), ahead, keep_ahead)
