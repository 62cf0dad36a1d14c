"""An ABCI server over a socket: reads framed requests, hands them on one at a time, answers in order.

CometBFT opens four connections (consensus, mempool, query, snapshot). All of them are served by one thread, so the
application never sees two calls at once, as with CometBFT's own local client. Answers are gathered and written when
the node sends Flush, or when there is nothing more to read.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from medrec.engines.abci.messages import (
    Message,
    RequestEcho,
    RequestFlush,
    ResponseEcho,
    ResponseException,
    ResponseFlush,
    decode_request,
    encode_response,
)
from medrec.engines.abci.wire import WireError, frame, read_varint

REQUEST_BYTES_MAX = 64 << 20

_log = logging.getLogger("medrec.engine")

Handler = Callable[[Message], Message]


class FatalError(Exception):
    """The application cannot go on: the node is told so and stops. The message is one sentence for people."""


class AbciProtocol(asyncio.Protocol):
    """One connection. A stream that is no ABCI is told so once and closed."""

    def __init__(self, handle: Handler, failed: Callable[[str], None]) -> None:
        self._handle = handle
        self._failed = failed
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every complete request of the stream, in order."""
        self._buffer += data
        out: list[bytes] = []
        try:
            for request in self._requests():
                out.append(frame(encode_response(self._answer(decode_request(request)))))
        except (WireError, FatalError) as error:
            out.append(frame(encode_response(ResponseException(str(error)))))
            self._write(out)
            assert self._transport is not None
            self._transport.close()
            if isinstance(error, FatalError):
                self._failed(str(error))
            else:
                _log.error("a peer of the application socket does not speak ABCI: %s", error)
            return
        self._write(out)

    def _write(self, out: list[bytes]) -> None:
        assert self._transport is not None
        if out:
            self._transport.write(b"".join(out))

    def _requests(self) -> list[bytes]:
        """The complete requests at the head of the buffer, which are taken out of it."""
        found: list[bytes] = []
        position = 0
        while True:
            head = bytes(self._buffer[position : position + 10])
            length = read_varint(head, 0)
            if length is None:
                break
            size, used = length
            if size > REQUEST_BYTES_MAX:
                raise WireError(f"a request of {size} bytes is larger than {REQUEST_BYTES_MAX}")
            end = position + used + size
            if end > len(self._buffer):
                break
            found.append(bytes(self._buffer[position + used : end]))
            position = end
        del self._buffer[:position]
        return found

    def _answer(self, request: Message) -> Message:
        if isinstance(request, RequestFlush):
            return ResponseFlush()
        if isinstance(request, RequestEcho):
            return ResponseEcho(request.message)
        return self._handle(request)


class AbciServer:
    """Serves one application on a unix socket, in a thread of its own."""

    def __init__(self, socket: Path, handle: Handler, failed: Callable[[str], None]) -> None:
        self._socket = socket
        self._handle = handle
        self._failed = failed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen. Raises OSError if the socket cannot be made."""
        self._socket.unlink(missing_ok=True)
        self._thread = threading.Thread(target=self._run, name="abci", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._stopped = asyncio.Event()
            server = await self._loop.create_unix_server(
                lambda: AbciProtocol(self._handle, self._failed), path=str(self._socket)
            )
            self._ready.set()
            await self._stopped.wait()
            server.close()

        try:
            asyncio.run(serve())
        except BaseException as error:
            self._error = error
            self._ready.set()

    def stop(self) -> None:
        """Listen no more, and wait for the call under way."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopped.set)
        thread.join(10)
        self._socket.unlink(missing_ok=True)
