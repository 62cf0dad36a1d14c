"""A figure beside its bar and a peer's figure, and the machine it was measured on."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("msgspec", "cbor2", "PyNaCl", "cryptography", "SQLAlchemy")
WIDTHS = (66, 16, 14)


class Row(NamedTuple):
    """One line of the table. `met` is None where there is no bar; a peer's figure was measured in the same run."""

    what: str
    ours: str
    bar: str = ""
    met: bool | None = None
    peer: str = ""

    def text(self) -> str:
        """The line; a bar that was not met is marked."""
        what, ours, bar = WIDTHS
        mark = {True: "  met", False: "  NOT MET", None: ""}[self.met]
        return f"{self.what:<{what}}{self.ours:>{ours}}{self.bar:>{bar}}{mark:<10}{self.peer}".rstrip()


HEADER = f"{'what':<{WIDTHS[0]}}{'ours':>{WIDTHS[1]}}{'bar':>{WIDTHS[2]}}{'':10}peer, same run"


def machine() -> str:
    """The machine and the versions that the figures depend on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = models[0] if models else cpu
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("msgspec", "cbor2", "PyNaCl", "cryptography", "SQLAlchemy")
    )
    return (
        f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}\n"
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"
    )
