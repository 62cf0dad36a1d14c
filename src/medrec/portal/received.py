"""What other places gave for a clinician's screen, for as long as her look lasts: so that the signed record behind each
line can be opened and taken along.

It lies in the memory of the process alone and opens for who asked for it: nothing of it is kept.
"""

import hashlib
import threading
from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from medrec.node.release.receive import Received, ReceivedRecord
from medrec.node.right_person.finding import LOOK_LIFE_MS

if TYPE_CHECKING:
    from medrec.node.node import Node

RECORDS_MAX = 20_000
"""The oldest go before there are more at one node."""


class Given(NamedTuple):
    """A verified record, where it came from, about which local patient, and when it is forgotten."""

    source: str
    patient: str
    record: ReceivedRecord
    until: int


class Again(NamedTuple):
    """What a source gave for a screen, to be shown once more."""

    source: str
    records: list[ReceivedRecord]
    parts: tuple[()] = ()


class Shown:
    """What stands on the screens of one node's clinicians; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: dict[tuple[str, bytes], Given] = {}

    def keep(self, staff: str, patient: str, pages: Iterable[Received], wanted: Container[str], now: int) -> None:
        """Remember for a member of the staff those records that she is shown, by the SHA-256 (hex) of their
        manifests."""
        fresh: dict[tuple[str, bytes], Given] = {}
        for page in pages:
            for record in page.records:
                digest = hashlib.sha256(record.manifest_bytes).digest()
                if digest.hex() in wanted:
                    fresh[staff, digest] = Given(page.source, patient, record, now + LOOK_LIFE_MS)
        with self._lock:
            kept = {key: one for key, one in self._given.items() if now < one.until and key not in fresh}
            every = [*kept.items(), *fresh.items()]
            self._given = dict(every[-RECORDS_MAX:])

    def of(self, staff: str, patient: str, now: int) -> "list[Again]":
        """All that she was shown of a patient, by source."""
        with self._lock:
            every = list(self._given.items())
        found: dict[str, list[ReceivedRecord]] = {}
        for (who, _), one in every:
            if who == staff and one.patient == patient and now < one.until:
                found.setdefault(one.source, []).append(one.record)
        return [Again(source, records) for source, records in sorted(found.items())]

    def find(self, staff: str, digest: bytes, now: int) -> Given | None:
        """What she was shown under this manifest; None for what she was not, or long ago."""
        with self._lock:
            found = self._given.get((staff, digest))
        return found if found is not None and now < found.until else None


_shown: "WeakKeyDictionary[Node, Shown]" = WeakKeyDictionary()
_lock = threading.Lock()


def shown_at(node: "Node") -> Shown:
    """What is shown at a node."""
    with _lock:
        return _shown.setdefault(node, Shown())
