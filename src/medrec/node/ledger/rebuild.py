"""Without any agent: what the ledger and a person's view secret tell about her whole record.

The keys of all her relationships follow from the view secret, and so do the tags of their lines; a sealed summary
hangs on each. 32 bytes on paper are enough to find everything again.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from medrec.core import codec, state
from medrec.core.commitment import tag
from medrec.core.kinds.anchor import decode_entries
from medrec.core.outcome import Code
from medrec.core.types import decode_transaction
from medrec.engines.engine import CommittedBlock, Engine
from medrec.node.keeping.vault import derive, open_field


class Rebuilt(NamedTuple):
    """What the ledger alone tells a person who holds her view secret: where, when, and the sealed summary."""

    organisation: str
    epoch: int
    counter: int
    height: int
    summary: list[Any] | None


def relationship_key(view_secret: bytes, organisation: str, epoch: int) -> bytes:
    """The key of a relationship, from the view secret; epochs count how often the person was linked there."""
    return derive(view_secret, "relationship", f"{organisation} {epoch}")


def seal_key(view_secret: bytes, organisation: str, epoch: int) -> bytes:
    """The key under which an organisation seals summaries to the person on the ledger."""
    return derive(view_secret, "seal", f"{organisation} {epoch}")


def entries_of(block: CommittedBlock) -> Iterator[tuple[int, int, bytes, list[Any]]]:
    """Place, position, bytes and decoded entry of every entry that a block anchored for the first time."""
    for place, data in enumerate(block.block.transactions):
        outcome = block.outcomes[place]
        if outcome.code != Code.OK or outcome.detail:
            continue
        transaction = decode_transaction(data)
        if transaction.body.kind != "anchor":
            continue
        for position, entry in enumerate(decode_entries(transaction.attachment)[0]):
            yield place, position, entry, codec.decode(entry)


def rebuild(engine: Engine, view_secret: bytes) -> list[Rebuilt]:
    """The index of a person's whole record, from the ledger and her view secret alone (no agent needed)."""
    by_tag: dict[bytes, tuple[int, dict[str, Any]]] = {}
    after = 0
    while blocks := engine.blocks(after):
        for block in blocks:
            for _, _, _, entry in entries_of(block):
                by_tag.setdefault(entry[1], (block.block.height, entry[2]))
        after = blocks[-1].block.height
    with engine.view() as view:
        names = [organisation.id for organisation in state.organisations(view)]
    found: list[Rebuilt] = []
    for name in names:
        epoch = 1
        while epoch_lines := _rebuild_epoch(by_tag, view_secret, name, epoch):
            found.extend(epoch_lines)
            first = epoch_lines[0].summary
            if first is not None and first[0] == 2 and len(first) >= 4:
                found.extend(_handed_over(by_tag, name, 1 - epoch, bytes(first[2]), int(first[3])))
            epoch += 1
    return found


def _rebuild_epoch(
    by_tag: dict[bytes, tuple[int, dict[str, Any]]], view_secret: bytes, organisation: str, epoch: int
) -> list[Rebuilt]:
    key, seal = relationship_key(view_secret, organisation, epoch), seal_key(view_secret, organisation, epoch)
    lines: list[Rebuilt] = []
    while (hit := by_tag.get(tag(key, len(lines)))) is not None:
        sealed = hit[1].get("sealed")
        summary = codec.decode(open_field(seal, len(lines), sealed)) if sealed is not None else None
        lines.append(Rebuilt(organisation, epoch, len(lines), hit[0], summary))
    return lines


def _handed_over(
    by_tag: dict[bytes, tuple[int, dict[str, Any]]], organisation: str, epoch: int, key: bytes, count: int
) -> Iterator[Rebuilt]:
    for counter in range(count):
        hit = by_tag.get(tag(key, counter))
        if hit is not None:
            yield Rebuilt(organisation, epoch, counter, hit[0], None)
