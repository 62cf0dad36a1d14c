"""The CometBFT process of a node: started, watched, stopped. When it ends by itself, it is started again."""

import logging
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger("medrec.engine")

LOG_BYTES_MAX = 16 << 20
STOP_S = 15.0
PAUSES_S = (0.5, 1, 2, 4, 8, 15, 30)
"""The rest before each new start; after a run of STEADY_S it begins anew."""
STEADY_S = 60.0


class Supervised:
    """Runs `command` until told to stop. `prepare` is called before every start and may raise: that, too, is tried
    again. `trouble` says in one sentence why it is not running.
    """

    def __init__(self, command: list[str], log: Path, prepare: Callable[[], None]) -> None:
        self._command = command
        self._file = log
        self._prepare = prepare
        self._stopping = threading.Event()
        self._again = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self.trouble = ""
        self.starts = 0
        self._blamed = ""

    def blame(self, sentence: str) -> None:
        """The application cannot go on: end the process, and say why."""
        self._blamed = sentence
        self.kill()

    @property
    def pid(self) -> int | None:
        """The id of the process, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        pauses = iter(PAUSES_S)
        while not self._stopping.is_set():
            begin = time.monotonic()
            try:
                self._prepare()
                self._once()
            except Exception as error:
                self.trouble = str(error)
            if self._stopping.is_set():
                return
            _log.error("the engine ended: %s", self.trouble)
            if time.monotonic() - begin > STEADY_S:
                pauses = iter(PAUSES_S)
            self._stopping.wait(next(pauses, PAUSES_S[-1]))

    def _once(self) -> None:
        if self._file.exists() and self._file.stat().st_size > LOG_BYTES_MAX:
            self._file.replace(self._file.with_suffix(".log.1"))
        self._blamed = ""
        with self._file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own command
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.starts += 1
        code = self._process.wait()
        self.trouble = self._blamed or _last_words(self._file) or f"the engine ended with code {code}"

    def kill(self) -> None:
        """End the process now, so that it is started again."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def stop(self) -> None:
        """End it in good order."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._thread is not None:
            self._thread.join(STOP_S)


def _last_words(file: Path) -> str:
    """The line of a log that says why the engine ended, in words for the operator."""
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - 20_000))
        lines = log.read().decode(errors="replace").splitlines()
    for line in reversed(lines):
        for part, words in REASONS.items():
            if part in line:
                return words
    return next((line.strip()[:300] for line in reversed(lines) if line.startswith(("ERROR", "panic", "E["))), "")


REASONS = {
    "address already in use": (
        "A port of the engine is taken by another program; change `listen` or `rpc` in engine.toml."
    ),
    "no space left on device": "The disk is full: nothing was lost; make room.",
    "resource temporarily unavailable": "Another engine uses this folder; stop it first.",
    "does not match genesis": "The engine's data belong to another network; see genesis.json and validators.json.",
}
