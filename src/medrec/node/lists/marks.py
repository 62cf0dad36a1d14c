"""The marks of lines: what a page of lists held, and what a review was of, without a word of what the records say."""

import base64
import hashlib
from collections.abc import Iterable, Sequence

from medrec.core.manifests.acts import MARK_BYTES, SEEN_MAX
from medrec.core.reconcile.held import Line
from medrec.core.reconcile.lists import Row
from medrec.core.reconcile.rows import MedicineRow
from medrec.core.reconcile.taken import Says


def mark(line: Line) -> bytes:
    """A line by its name and version, and those of the Medication that it points at, in short. It tells nothing of what
    the record says, so it may stay when the record is erased."""
    found = [line.source, line.type, line.id, str(line.version)]
    if line.medicine is not None:
        found += [line.medicine.id, str(line.medicine.version)]
    name = "\n".join(found)
    return hashlib.sha256(name.encode()).digest()[:MARK_BYTES]


def marks(rows: Iterable[Row]) -> list[bytes]:
    """The marks of all lines of some rows, sorted, each once."""
    return sorted({mark(line) for row in rows for line in row.lines})


def apart(seen: bytes) -> frozenset[bytes]:
    """Marks that stand one behind the other."""
    return frozenset(seen[at : at + MARK_BYTES] for at in range(0, len(seen), MARK_BYTES))


def packed(found: Sequence[bytes]) -> str:
    """The first SEEN_MAX of some marks as text (base64url)."""
    return base64.urlsafe_b64encode(b"".join(found[:SEEN_MAX])).decode()


def unpacked(text: str) -> frozenset[bytes]:
    """The marks in such a text. Raises ValueError."""
    found = base64.b64decode(text, altchars=b"-_", validate=True)
    if len(found) % MARK_BYTES or len(found) > SEEN_MAX * MARK_BYTES:
        raise ValueError("not a row of marks")
    return apart(found)


def gone_through(rows: Iterable[MedicineRow], seen: Iterable[bytes]) -> list[MedicineRow]:
    """What is taken and was seen whole, of rows as they are now: what another line came to since, nobody has seen. A
    review that came is no such line, for it says nothing of its own."""
    known = frozenset(seen)
    return [
        row
        for row in rows
        if row.status == "active" and all(mark(line) in known for line in row.lines if line.says != Says.REVIEWED)
    ]
