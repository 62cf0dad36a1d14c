"""What the engine writes into its log, in words for the operator; and a bound on the log's size."""

import contextlib
import shutil
import time
from pathlib import Path

LOG_BYTES_MAX = 16 << 20
FRESH_S = 60.0
"""How long a complaint of a running engine is repeated after its last line."""

_OTHER_HASH = (
    "This node computes another app hash than the network: its software or its ledger file differs. Compare the "
    "versions; if they are equal, fetch the ledger anew as for `damaged` in docs/guides/network.md."
)
ENDED = {
    "address already in use": (
        "A port of the engine is taken by another program; change `listen` or `rpc` in engine.toml."
    ),
    "no space left on device": "The disk is full: nothing was lost; make room, and the node goes on by itself.",
    "resource temporarily unavailable": "Another engine uses this folder; stop it first.",
    "does not match genesis": "The engine's data belong to another network; see genesis.json and validators.json.",
    "Block.Header.AppHash": _OTHER_HASH,
    "does not match AppHash after replay": _OTHER_HASH,  # what it says when it is started again after that
    "is higher than core": (
        "The ledger file is newer than the engine's own data, as a copy from elsewhere is: fetch the ledger anew as "
        "for `damaged` in docs/guides/network.md."
    ),
    "corrupt": (
        "The engine's own data are damaged. The other members have everything: see `damaged` in docs/guides/network.md "
        "for what to remove and what to keep, then start again."
    ),
}
"""Part of a line, and what it means, for an engine that ended or whose consensus failed."""

RUNNING = {
    "peer is on a different network": (
        "Another member runs another network than this one: genesis.json or validators.json differ by at least one "
        "byte. Compare the SHA-256 of both files with the other members."
    ),
    "found conflicting vote from ourselves": (
        "Somebody else votes with this organisation's consensus key: a second copy of this node runs. Stop one at "
        "once; the network records it as misbehaviour."
    ),
}
"""The same for an engine that goes on."""

REASONS = ("ERROR", "Error", "panic", "E[")
"""How a line begins that says why the engine ended."""

FAILED = "CONSENSUS FAILURE"
"""The engine's process lives on after this line, and takes part in nothing any more."""


class EngineLog:
    """The file that the engine's process appends to."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = self._begun = file.stat().st_size if file.exists() else 0
        self._note = ""
        self._noted = 0.0

    def begin(self) -> None:
        """The engine is started now: what stands in the file so far is of other runs, and says nothing of this one."""
        self._begun = self._file.stat().st_size if self._file.exists() else 0

    def look(self) -> bool:
        """Read what is new; True if the engine's consensus has failed and its process must be ended."""
        size = self._file.stat().st_size if self._file.exists() else 0
        if size < self._read:
            self._read = 0
        if size == self._read:
            return False
        with self._file.open("rb") as log:
            log.seek(max(self._read, size - LOG_BYTES_MAX))
            text = log.read(size - log.tell()).decode(errors="replace")
        self._read = size
        for part, words in RUNNING.items():
            if part in text:
                self._note, self._noted = words, time.monotonic()
        if size > LOG_BYTES_MAX:
            self._turn_over()
        return FAILED in text

    def _turn_over(self) -> None:
        """Keep one old part. The process appends to the same file, so it is emptied, not replaced."""
        with contextlib.suppress(OSError):  # a full disk: better the newest lines than the old ones
            shutil.copyfile(self._file, self._file.with_suffix(".log.1"))
        with self._file.open("r+b") as log:
            log.truncate(0)
        self._read = self._begun = 0

    @property
    def note(self) -> str:
        """What a running engine complained of within the last minute; empty if nothing."""
        return self._note if self._note and time.monotonic() - self._noted < FRESH_S else ""

    def last_words(self) -> str:
        """The line that says why the engine ended, in words for the operator."""
        with self._file.open("rb") as log:
            log.seek(max(self._begun, self._file.stat().st_size - 20_000))
            lines = log.read().decode(errors="replace").splitlines()
        for line in reversed(lines):
            for part, words in ENDED.items():
                if part in line:
                    return words
        return next((line.strip()[:300] for line in reversed(lines) if line.startswith(REASONS)), "")
