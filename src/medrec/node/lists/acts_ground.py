"""What is kept of the records that stood here when a clinician spoke of a medicine (acts_stood.py finds them)."""

import hashlib

from medrec.core.types import Fields

MARK_BYTES = 8


class Bearer(Fields, frozen=True):
    """A record (its mark) that bears an act alone, and those beside which it does not."""

    record: str
    but: list[str]


class Stood(Fields, frozen=True):
    """The records (their marks) of this organisation that spoke of the medicine of an act when it was said, and those
    that bear it. What came later cannot have been meant."""

    records: list[str]
    bearers: list[Bearer]


def marked(name: str) -> str:
    """The mark of a record ("Type/id"): which one it was is not kept longer than the record."""
    return hashlib.sha256(name.encode()).digest()[:MARK_BYTES].hex()
