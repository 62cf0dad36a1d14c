"""One HTTP exchange within one deadline, over connections that are kept.

httpx and the sockets below it bound each single wait, not their sum: a peer that sends a byte now and then would hold
a caller for ever. Here every wait is cut to what is left of the whole exchange; looking up a name alone takes what
the system's resolver takes. httpcore, the layer below httpx, takes such sockets by its public interface, and for
messages this small it is the quicker of the two.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import httpcore

CONNECTIONS_MAX = 64
IDLE_S = 5.0


class ExchangeError(Exception):
    """No answer came: `code` is unreachable, slow, too-large or stopped; `reason` names the failure, for people."""

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason


class Answer(NamedTuple):
    """An answer: status, header fields as they came, body."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes


class Exchange:
    """Posts bodies and reads answers; may be used from any thread. `connect_s` bounds connecting alone.

    Certificates are checked against the system's roots unless `tls` says otherwise. Neither proxies nor passwords of
    the surroundings are used, no redirect is followed, and nothing is unpacked.
    """

    def __init__(self, *, connect_s: float, tls: ssl.SSLContext | None = None) -> None:
        self._connect_s = connect_s
        self._time = _TimeLeft()
        self._streams: set[_Stream] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=CONNECTIONS_MAX,
            keepalive_expiry=IDLE_S,
            network_backend=_Backend(self._time, self._keep, self._let_go),
        )

    def post(self, url: str, headers: dict[str, str], body: bytes, *, seconds: float, bytes_max: int) -> Answer:
        """The answer to a POST, all of it within `seconds` and `bytes_max`. Raises ExchangeError."""
        fields = [("content-length", str(len(body))), *headers.items()]
        return self._ask("POST", url, fields, body, seconds, bytes_max)

    def get(self, url: str, *, seconds: float, bytes_max: int) -> Answer:
        """The answer to a GET, under the same limits. Raises ExchangeError."""
        return self._ask("GET", url, [], None, seconds, bytes_max)

    def _ask(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes | None, seconds: float, bytes_max: int
    ) -> Answer:
        if self._stopped:
            raise ExchangeError("stopped")
        self._time.begin(seconds)
        fields = [("host", _host(url)), *headers]
        limits = {"connect": min(self._connect_s, seconds), "read": seconds, "write": seconds, "pool": seconds}
        try:
            with self._pool.stream(
                method, url, headers=fields, content=body, extensions={"timeout": limits}
            ) as response:
                return Answer(response.status, _fields(response.headers), _read(response, bytes_max))
        except httpcore.ConnectTimeout as error:
            raise ExchangeError("unreachable", type(error).__name__) from None
        except httpcore.TimeoutException as error:
            raise ExchangeError("stopped" if self._stopped else "slow", type(error).__name__) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, ValueError) as error:
            # A certificate that does not hold is no fault of the way there.
            why = next((part for part in error.args if isinstance(part, ssl.SSLError)), error)
            raise ExchangeError("stopped" if self._stopped else "unreachable", type(why).__name__) from None

    def _keep(self, stream: "_Stream") -> None:
        with self._lock:
            self._streams.add(stream)

    def _let_go(self, stream: "_Stream") -> None:
        with self._lock:
            self._streams.discard(stream)

    def close(self) -> None:
        """Cut every connection; exchanges under way end with `stopped`, and none begins."""
        self._stopped = True
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.cut()
        self._pool.close()


class _TimeLeft(threading.local):
    """What is left of the exchange that this thread carries out."""

    until = 0.0

    def begin(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def of(self, timeout: float | None) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the exchange took too long")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A connection whose waits are cut to what is left."""

    def __init__(self, inner: httpcore.NetworkStream, time_left: _TimeLeft, let_go: Any) -> None:
        self._inner = inner
        self._time = time_left
        self._let_go = let_go

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._time.of(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The layer below allows each send the whole time anew, so that a slow reader would never be left.
        connection = self._inner.get_extra_info("socket")
        try:
            while buffer:
                connection.settimeout(self._time.of(timeout))
                buffer = buffer[connection.send(buffer) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        # The handshake is one blocking call below; the same object stays known to `close`.
        self._inner = self._inner.start_tls(ssl_context, server_hostname, self._time.of(timeout))
        return self

    def close(self) -> None:
        self._let_go(self)
        self._inner.close()

    def cut(self) -> None:
        """Wake whoever waits on this connection; called from another thread."""
        connection = self._inner.get_extra_info("socket")
        try:
            # A closed socket would leave the waiting thread where it is.
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, time_left: _TimeLeft, keep: Any, let_go: Any) -> None:
        self._inner = httpcore.SyncBackend()
        self._time = time_left
        self._keep = keep
        self._let_go = let_go

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._inner.connect_tcp(host, port, self._time.of(timeout), local_address, socket_options)
        stream = _Stream(inner, self._time, self._let_go)
        self._keep(stream)
        return stream


def _read(response: httpcore.Response, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_stream():
        size += len(part)
        if size > bytes_max:
            raise ExchangeError("too-large")
        parts.append(part)
    return b"".join(parts)


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _host(url: str) -> str:
    return url.split("://", 1)[1].split("/", 1)[0]
