"""The test's end of member.py: a pair of processes that is told what to do, killed, stopped and started again."""

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

from cluster import LONG_S

CHILD = Path(__file__).with_name("member.py")


class Pair:
    """A node's application in a process of its own, and the CometBFT that it runs."""

    def __init__(self, folder: Path, program: Path | None = None) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        if program is not None:
            environment["MEDREC_TEST_PROGRAM"] = str(program)
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.first = self.lines.get(timeout=LONG_S)
        self.said: list[tuple[str, int]] = []

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put("")

    def tell(self, line: str) -> None:
        """A line for the child."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        """The next line of the child; empty when it has ended."""
        return self.lines.get(timeout=LONG_S)

    def signal(self, number: int) -> None:
        """A signal to both processes of the pair."""
        for pid in (self.process.pid, *self.children()):
            os.kill(pid, number)

    def children(self) -> list[int]:
        """The process ids below the application's."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        found = [int(pid) for task in tasks.glob("*") for pid in (task / "children").read_text().split()]
        return found

    def dead(self) -> int:
        """Wait for the end of a child that was told to die; its exit code."""
        return self.process.wait(LONG_S)

    def close(self) -> None:
        """A clean end, and a hard one for a child that is stopped or hangs."""
        if self.process.poll() is None:
            try:
                self.tell("close")
                self.process.wait(30)
            except (OSError, subprocess.TimeoutExpired):
                self.signal(signal.SIGKILL)
                self.process.wait(10)
