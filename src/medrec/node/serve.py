"""Serving one or several nodes' applications from one process, each on its own port, until told to stop.

Granian's embedded server runs them on one event loop in one thread; the work of a call is done in a pool of threads.
"""

import asyncio
import gc
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server as Granian
from starlette.types import ASGIApp

START_S = 10.0
STOP_S = 10.0
THREADS_S = 2.0
HEADER_MS_MAX = 10_000
BACKLOG = 128

_log = logging.getLogger("medrec.node")


class ServeError(Exception):
    """The server could not start; the message is one sentence that says what to do."""


class Site(NamedTuple):
    """An application and where it answers; with a certificate and its key it speaks https."""

    app: ASGIApp
    host: str
    port: int
    certificate: Path | None = None
    certificate_key: Path | None = None


class Server:
    """Serves sites in a background thread: `start` returns when all of them answer, `stop` when all are quiet."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self._sites = list(sites)
        self._servers: list[Granian] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._threads_before: set[int] = set()

    def start(self) -> None:
        """Begin to serve. Raises ServeError, also for a port that is taken."""
        for site in self._sites:
            check_port(site.host, site.port)
        # Its own logger would print the address of every request's failure; ours says what matters.
        self._servers = [_granian(site) for site in self._sites]
        self._threads_before = _foreign_threads()
        self._thread = threading.Thread(target=self._run, name="serve", daemon=True)
        self._thread.start()
        try:
            self._wait_until_answering()
        except ServeError:
            self.stop()
            raise

    def _run(self) -> None:
        async def serve_all() -> None:
            self._loop = asyncio.get_running_loop()
            await asyncio.gather(*(server.serve() for server in self._servers))

        try:
            asyncio.run(serve_all())
        except BaseException as error:
            self._failure = error
            _log.error("the server ended: %s", type(error).__name__)

    def _wait_until_answering(self) -> None:
        until = time.monotonic() + START_S
        for site in self._sites:
            while not _answers(site):
                if self._failure is not None or time.monotonic() > until:
                    raise ServeError(f"The server on port {site.port} did not start; see the log.")
                time.sleep(0.01)

    @property
    def running(self) -> bool:
        """Whether the server's thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Take no new calls, finish those under way, and let the ports go."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        foreign = _foreign_threads() - self._threads_before
        if self._loop is not None:
            for server in self._servers:
                self._loop.call_soon_threadsafe(server.stop)
        thread.join(STOP_S)
        if thread.is_alive():
            _log.error("the server did not stop within %d seconds", STOP_S)
        # Granian's own threads end a moment later. One that meets an interpreter which is ending panics.
        until = time.monotonic() + THREADS_S
        while foreign & _foreign_threads() and time.monotonic() < until:
            time.sleep(0.001)


def serve(sites: Sequence[Site], ended: Callable[[], bool] = lambda: False) -> None:
    """Serve until the process is told to stop (SIGINT, SIGTERM), or `ended` says so, which is asked twice a second;
    call it from the main thread. Raises ServeError.
    """
    told = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def tell(number: int, frame: Any) -> None:
        told.set()

    server = Server(sites)
    for number in before:
        signal.signal(number, tell)
    try:
        server.start()
        settle()
        while not told.wait(0.5) and not ended():
            if not server.running:
                raise ServeError("The server ended by itself; see the log.")
    finally:
        server.stop()
        gc.unfreeze()
        for number, handler in before.items():
            signal.signal(number, handler)


def settle() -> None:
    """What is in memory now stays: the search for garbage, which stops everything else, goes through it no more."""
    gc.collect()
    gc.freeze()


def check_port(host: str, port: int) -> None:
    """Raises ServeError if nobody can listen there: the server itself would share a port that is taken."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except OSError:
        raise ServeError(f"The host {host!r} is not an address of this machine; mend it in the settings.") from None
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise ServeError(f"Port {port} is not open to this user; choose one above 1023.") from None
        except OSError as error:
            raise ServeError(f"Port {port} on {host} cannot be had ({error.strerror}); choose another one.") from None


def _foreign_threads() -> set[int]:
    """The system's ids of this process's threads that are not Python's; empty where there is no /proc."""
    mine = {thread.native_id for thread in threading.enumerate()}
    try:
        return {int(entry.name) for entry in Path("/proc/self/task").iterdir()} - mine
    except OSError:
        return set()


def _answers(site: Site) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(site.host, site.host)  # noqa: S104  # asked for, not bound
    try:
        with socket.create_connection((host, site.port), timeout=0.5):
            return True
    except OSError:
        return False


def _granian(site: Site) -> Granian:
    return Granian(
        site.app,
        address=site.host,
        port=site.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MS_MAX),
        websockets=False,
        backlog=BACKLOG,
        log_enabled=False,
        ssl_cert=site.certificate,
        ssl_key=site.certificate_key,
    )
