"""The CometBFT process of a node: started, watched, stopped. When it ends by itself, or lives on without taking part
in anything, it is started again.
"""

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import disk_usage

from medrec.engines.cometbft_log import EngineLog
from medrec.engines.cometbft_orphan import end_orphan, note_process

_log = logging.getLogger("medrec.engine")

STOP_S = 15.0
PAUSES_S = (0.5, 1, 2, 4, 8, 15, 30)
"""The rest before each new start; after a run of STEADY_S it begins anew."""
STEADY_S = 60.0
LOOK_S = 0.5
"""How often the log and the disk are looked at."""
FULL_BYTES = 2 << 20
"""With less than this the disk counts as full. An engine on a full disk stands still and cannot even log why."""
FULL = "The disk is full: nothing was lost; make room, and the node goes on by itself."


class Supervised:
    """Runs `command` until told to stop. `prepare` is called before every start and may raise: that, too, is tried
    again.
    """

    def __init__(
        self, command: list[str], log: Path, prepare: Callable[[], None], environment: Mapping[str, str]
    ) -> None:
        self._command = command
        self._environment = {**os.environ, **environment}
        self._file = log
        self._log = EngineLog(log)
        self._prepare = prepare
        self._pid_file = log.with_name("engine.pid")
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        """Held while a process is made: none may come to be after the stop."""
        self._again = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._ended = ""
        self._full = False
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
                # Before anything is prepared: it would talk to the new application, and it keeps the engine's files.
                if end_orphan(self._pid_file):
                    _log.warning("an engine that had outlived its node was ended")
                self._prepare()
                self._once()
            except Exception as error:
                self._ended = str(error)
            if self._stopping.is_set():
                return
            _log.error("the engine ended: %s", self._ended)
            if time.monotonic() - begin > STEADY_S:
                pauses = iter(PAUSES_S)
            self._stopping.wait(next(pauses, PAUSES_S[-1]))

    def _once(self) -> None:
        self._blamed = ""
        with self._starting:
            if self._stopping.is_set():
                return
            self._log.begin()
            with self._file.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603  # our own command
                    self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment
                )
            note_process(self._pid_file, self._process.pid)
        self.starts += 1
        try:
            code = self._watch(self._process)
        finally:
            self.kill()  # whatever went wrong in watching, there are never two
        self._ended = self._blamed or self._log.last_words() or f"the engine ended with code {code}"

    def _watch(self, process: "subprocess.Popen[bytes]") -> int:
        """Until the process ends; one whose consensus failed is ended."""
        while True:
            try:
                return process.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                was_full, self._full = self._full, disk_usage(self._file.parent).free < FULL_BYTES
                if self._log.look() or (was_full and not self._full):
                    process.kill()

    @property
    def trouble(self) -> str:
        """What is wrong, in one sentence; empty while all is well."""
        if self._full:
            return FULL
        if self.pid is None:
            return self._ended
        return self._log.note

    def kill(self) -> None:
        """End the process now, so that it is started again."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def stop(self) -> None:
        """End it in good order."""
        with self._starting:
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
