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
from medrec.portal.room import Room

if TYPE_CHECKING:
    from medrec.node.node import Node

RECORDS_MAX = 20_000
"""At one node; of whoever was shown most, the oldest go before there are more."""


class Given(NamedTuple):
    """A verified record, where it came from, and about which local patient; `not_all`: its source said that there is
    more."""

    source: str
    patient: str
    record: ReceivedRecord
    not_all: bool = False


class Again(NamedTuple):
    """What a source gave for a screen, to be shown once more."""

    source: str
    records: list[ReceivedRecord]
    not_all: bool = False
    parts: tuple[()] = ()


class Shown:
    """What stands on the screens of one node's clinicians; safe to use from several threads."""

    def __init__(self) -> None:
        self._given: Room[Given] = Room(RECORDS_MAX, RECORDS_MAX)

    def keep(self, staff: str, patient: str, pages: Iterable[Received], wanted: Container[str], now: int) -> None:
        """Remember for a member of the staff those records that she is shown, by the SHA-256 (hex) of their
        manifests."""
        given_in = list(pages)
        more = [page.source for page in given_in if page.not_all]
        for page in given_in:
            for record in page.records:
                digest = hashlib.sha256(record.manifest_bytes).digest()
                if digest.hex() in wanted:
                    given = Given(page.source, patient, record, page.source in more)
                    self._given.put(f"{digest.hex()} {staff}", given, staff, now + LOOK_LIFE_MS, now)

    def of(self, staff: str, patient: str, now: int) -> "list[Again]":
        """All that she was shown of a patient, by source."""
        found: dict[str, list[Given]] = {}
        for one in self._given.of(staff, now).values():
            if one.patient == patient:
                found.setdefault(one.source, []).append(one)
        return [
            Again(source, [one.record for one in given], any(one.not_all for one in given))
            for source, given in sorted(found.items())
        ]

    def find(self, staff: str, digest: bytes, now: int) -> Given | None:
        """What she was shown under this manifest; None for what she was not, or long ago."""
        return self._given.get(f"{digest.hex()} {staff}", now)


_shown: "WeakKeyDictionary[Node, Shown]" = WeakKeyDictionary()
_lock = threading.Lock()


def shown_at(node: "Node") -> Shown:
    """What is shown at a node."""
    with _lock:
        return _shown.setdefault(node, Shown())
