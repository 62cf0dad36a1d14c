"""The terminology that a node holds: what its site has loaded, and behind it what ships."""

from pathlib import Path

from medrec.core.records.terms import Terms
from medrec.node.terminology.index import Indexed
from medrec.node.terminology.shipped import release, shipped


def path_of(data: Path) -> Path:
    """Where a node keeps what was loaded: beside its store, in its data folder."""
    return data / "terminology.db"


def terms(data: Path | None) -> Terms:
    """What a node asks: the loaded file where there is one, else the table that ships. Raises TerminologyError."""
    if data is None or not path_of(data).exists():
        return shipped()
    return Indexed(path_of(data), shipped())


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
