"""Writing a file so that a reader sees all of it or nothing, and a crash leaves the old one or the new one; and making
a folder's first content in the same way.
"""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

UNFINISHED, MADE = ".unfinished", ".made"
"""Names below a folder of what is being made for it, and of what is whole and is being moved in."""


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put `data` at `path`: a finished, synced neighbour takes its name in one step. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    neighbour = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        neighbour.replace(path)
    finally:
        neighbour.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_inside(home: Path, make: Callable[[Path], None]) -> None:
    """Have `make` fill an empty folder, and move all of it into `home`, durably and as one: cut off at any point, the
    next `settle` leaves all of it there or nothing. Raises FileExistsError if a name is taken, and what `make` raises.
    """
    settle(home)
    work = home / UNFINISHED
    work.mkdir(parents=True)
    make(work)
    taken = [part.name for part in work.iterdir() if (home / part.name).exists()]
    if taken:
        raise FileExistsError(f"{', '.join(sorted(taken))} in {home}")
    for path in work.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(work)
    work.rename(home / MADE)
    sync_folder(home)
    settle(home)


def settle(home: Path) -> None:
    """Finish what `make_inside` had made whole when it was cut off, and forget what it had not."""
    shutil.rmtree(home / UNFINISHED, ignore_errors=True)
    made = home / MADE
    if made.is_dir():
        for part in sorted(made.iterdir()):
            part.rename(home / part.name)
        sync_folder(home)
        made.rmdir()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
