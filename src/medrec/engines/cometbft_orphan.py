"""A CometBFT that outlived its node: when a node is killed, its engine may live on and keep the folder for itself. What
the node wrote down of the process it started lets the next start end that one, and no other.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

WIDTH = 48
"""The file has one size, so that a full disk cannot keep the next process out of it."""
END_S = 15.0


def note_process(file: Path, pid: int) -> None:
    """Write down which process was started. On a disk that takes nothing the one before stays there."""
    with contextlib.suppress(OSError):
        if not file.exists():
            file.touch(mode=0o600)
        with file.open("r+b") as place:
            place.write(f"{pid} {_begun(pid)}".ljust(WIDTH).encode())


def end_orphan(file: Path) -> bool:
    """End the process that was written down, if it still runs; True if there was one.

    A process id is used again; the time at which it began tells them apart. Where the system has no /proc nothing is
    ended.
    """
    try:
        pid, begun = (int(word) for word in file.read_bytes().split())
    except (OSError, ValueError):
        return False
    if not begun or _begun(pid) != begun:
        return False
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + END_S
    while _begun(pid) == begun and time.monotonic() < until:
        time.sleep(0.02)
    return True


def _begun(pid: int) -> int:
    """When the process began, in clock ticks since the machine did (proc(5), stat, field 22); 0 if it runs no more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name, in brackets, may hold anything.
    words = stat[stat.rindex(")") + 2 :].split()
    return 0 if words[0] in ("Z", "X") else int(words[19])
