"""Lines of this organisation's own journal about looks that do not fit, with each other or with the ledger.

Its privacy officer sees them, whichever end of a look it was; the person's own agent tells her of what two places say.

said_twice(lines)     at the source: what it wrote of one look that cannot both be so
stopped(node, ...)    at the source: "not sent", and whether it was written after the requester's half was on the ledger
halves_unfit(node)    at the requester: its halves that the ledger has otherwise than its journal
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, state
from medrec.core.manifests.access import RefusalManifest
from medrec.core.state import Obligation
from medrec.core.view import View
from medrec.node.keeping import obligations, store
from medrec.node.ledger.on_ledger import block_of
from medrec.node.looks import look_parts
from medrec.node.release import access

if TYPE_CHECKING:
    from medrec.node.node import Node

WINDOW_MS = 30 * 86_400_000
HALVES = ("disclosure-received/1", "owed-denied/1")
Why = Literal["twice", "not-ours", "not-settled", "somebody-else"]


class OwnLine(NamedTuple):
    """A line of this journal about a look: the SHA-256 of its manifest, what it says, whose it is (a store id), and
    when it was written by the journal's clock (ms), whatever it says itself."""

    digest: bytes
    manifest: Any
    person: int | None
    time: int


class UnfitHalf(NamedTuple):
    """A half of this organisation that does not fit, and why.

    twice: two lines here settle it. not-ours: the ledger has it settled, and no line here did. not-settled: a line
    here settles it, and the ledger has it open, or owed by another. somebody-else: another has put a half of it there.
    """

    source: str
    obligation: bytes
    why: Why


def said_twice(lines: Iterable[OwnLine]) -> set[bytes]:
    """The lines (by digest) of looks of which two different things were written, or that name another look's number."""
    doubtful = [parts for parts in look_parts.gathered(lines) if parts.doubtful]
    told = [line for parts in doubtful for line in (parts.given, parts.refused, *parts.contrary) if line is not None]
    return {line.digest for line in told}


def stopped(node: "Node", view: View, lines: Iterable[OwnLine]) -> dict[str, bool]:
    """The obligations (hex) of which a line says "not sent"; True where it was written after the ledger had the
    requester's half: then the records, or a word that none came, were there already."""
    found: dict[str, bool] = {}
    for line in lines:
        stated = line.manifest
        if not isinstance(stated, RefusalManifest) or stated.obligation is None:
            continue
        key = state.obligation_key(stated.organisation, bytes.fromhex(stated.obligation))
        owes = state.read(view, key, Obligation)
        block = block_of(node, owes.height) if owes is not None and not owes.unsettled else None
        found[stated.obligation] = block is not None and block.block.time <= line.time
    return found


def halves_unfit(node: "Node") -> list[UnfitHalf]:
    """This organisation's halves of the last thirty days that do not fit. Raises EngineError, StoreError."""
    here, column = node.organisation, store.line.c
    chosen = sql.select(column.seq, column.entry).where(column.kind.in_(HALVES), column.time > node.clock() - WINDOW_MS)
    waiting = sql.select(access.asking.c.source, access.asking.c.obligation).where(access.asking.c.status != "done")
    with node.store.read() as connection:
        written = [(row.seq, one) for row in connection.execute(chosen) for one in _settled_by(bytes(row.entry))]
        asked = {(row.source, bytes(row.obligation)) for row in connection.execute(waiting)}
        last = obligations.last_anchored(connection)
    times = Counter(one for _, one in written)
    anchored = {one for seq, one in written if seq <= last}
    found = [UnfitHalf(source, identifier, "twice") for (source, identifier), count in times.items() if count > 1]
    with node.engine.view() as view:
        for one in sorted(times.keys() | asked):
            source, identifier = one
            owes = state.read(view, state.obligation_key(source, identifier), Obligation)
            if owes is not None and one not in times and owes.debtor == here and not owes.unsettled:
                found.append(UnfitHalf(source, identifier, "not-ours"))
            if owes is not None and one in anchored and (owes.debtor != here or owes.unsettled):
                found.append(UnfitHalf(source, identifier, "not-settled"))
            if any(name != here for name in _halves_of(view, source, identifier)):
                found.append(UnfitHalf(source, identifier, "somebody-else"))
    return found


def _settled_by(entry: bytes) -> list[tuple[str, bytes]]:
    """(creditor, id) of what a line settles."""
    return [(str(creditor), bytes(one)) for creditor, one in codec.decode(entry)[2].get("settles", ())]


def _halves_of(view: View, source: str, obligation: bytes) -> list[str]:
    """Who has put a half on the ledger of what its source did not write down there, or not for that one."""
    before = state.early_key(source, obligation, "")
    return [key.removeprefix(before).decode() for key, _ in view.scan(before, before[:-1] + b"0")]
