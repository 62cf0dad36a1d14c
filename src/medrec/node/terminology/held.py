"""The terminology that a node holds: what its site has loaded, and behind it what ships."""

import hashlib
from pathlib import Path

from medrec.core.records.terms import Terms
from medrec.node.terminology.index import Indexed
from medrec.node.terminology.shipped import digest as shipped_digest
from medrec.node.terminology.shipped import release, shipped


def path_of(data: Path) -> Path:
    """Where a node keeps what was loaded: beside its store, in its data folder."""
    return data / "terminology.db"


def loaded(data: Path) -> Indexed | None:
    """What the site has loaded, and behind it what ships; None where it has loaded nothing. Raises TerminologyError."""
    return Indexed(path_of(data), shipped()) if path_of(data).exists() else None


def terms(data: Path | None) -> Terms:
    """What a node asks: the loaded file where there is one, else the table that ships. Raises TerminologyError."""
    return (loaded(data) if data is not None else None) or shipped()


def digest(file: Indexed) -> str:
    """Which tables answer, loaded and shipped, as 16 hex digits."""
    known = "".join(one for _, _, _, one in file.sources()) + shipped_digest()
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def described(path: Path) -> list[str]:
    """What is loaded, one line each, in words."""
    lines = []
    if path.exists():
        file = Indexed(path, shipped())
        lines = [
            f"{kind}: {rows:,} rows of {name} (SHA-256 {digest[:16]} ...)"
            for name, kind, rows, digest in file.sources()
        ]
        file.close()
    return [*lines, f"With every node: {release()}"]
