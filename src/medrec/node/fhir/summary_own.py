"""A person's own summary, made at her agent from her copies of what every place holds.

The same document as `$summary`, over all places at once, with what people said of the lists. The receipts are made from
the ledger: the agent was told what opens each line.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from medrec.core.consent.times import write_date
from medrec.core.records.canonical import RecordError, canonical
from medrec.node.agent.told import sealed
from medrec.node.fhir.answer import instant
from medrec.node.fhir.summary import About, Made, document
from medrec.node.fhir.summary_entries import Resource
from medrec.node.fhir.summary_words import PHRASES, Speech
from medrec.node.ledger import receipts
from medrec.node.ledger.receipts import ReceiptUnavailableError
from medrec.node.right_person import not_hers
from medrec.node.right_person.holding_told import held_back

if TYPE_CHECKING:
    from medrec.node.lists.lists import Shown
    from medrec.node.node import Node

HELD = (
    "{place} holds back what is filed there under the patient's name and does not fit her. It is not in this summary."
)
STRANGER = "{place} calls the patient otherwise than she is called here. What came from there is not in this summary."
UNREAD = "Entries that could not be read, and are not in this summary: {count}."
IN_PART = "Entries that came with something left out, and are not in this summary: {count}."


def own_summary(node: "Node", account: str, types: tuple[str, ...] = ()) -> Resource:
    """The document Bundle, with its receipts. Raises as `own_made` does."""
    return own_made(node, account, types).bundle


def own_made(
    node: "Node",
    account: str,
    types: tuple[str, ...] = (),
    phrases: dict[str, str] | None = None,
    day: Callable[[int], str] = write_date,
    with_receipts: bool = True,
) -> Made:
    """The document, and what was signed behind its entries; from records of some types alone, if they are named; its
    narrative with other words than `summary_words.PHRASES`, if some are given, and its days (ms) written by `day`.

    Raises StoreError, VaultError, EngineError.
    """
    if types:
        shown, held = node.lists.of_kinds_held(account, types)
    else:
        shown, held = node.lists.of(account), node.lists.held(account)
    organisation = node.directory.find(node.organisation)
    names = {one.id: one.name for one in node.directory.organisations()}
    about = About(
        node.organisation,
        organisation.name if organisation is not None else "",
        instant(node.clock()),
        node.vault.random(16),
        Speech(phrases or PHRASES, names, day),
        # Of some kinds alone it says nothing of others.
        () if types else _missing(node, account, shown, names),
    )
    found: Mapping[str, bytes] = _Receipts(node, account) if with_receipts else {}
    return document(shown.read, held, _patient(node, account), found, about, instant)


def _missing(node: "Node", account: str, shown: "Shown", names: Mapping[str, str]) -> tuple[str, ...]:
    """What is in no line of hers, so that "none" is read for what it is: what places hold back or say of somebody else,
    and what could not be read or came in part."""
    held = sorted({place for place, _ in held_back(node, account)})
    strange = sorted(not_hers.known(node, account).strangers)
    said = [HELD.format(place=names.get(one, one)) for one in held]
    said += [STRANGER.format(place=names.get(one, one)) for one in strange]
    counts = {UNREAD: len(shown.unread), IN_PART: len(shown.in_part)}
    return (*said, *(text.format(count=count) for text, count in counts.items() if count))


class _Receipts(Mapping[str, bytes]):
    """The receipts of a person's lines by the hash of the manifest (hex), each made when it is asked for."""

    def __init__(self, node: "Node", account: str) -> None:
        self._node, self._account = node, account
        self._tags = node.lists.tags(account)

    def __getitem__(self, manifest: str) -> bytes:
        line = sealed(self._node, self._account, bytes.fromhex(self._tags[manifest]))
        if line is None:
            raise KeyError(manifest)
        try:
            return receipts.receipt_of(self._node, *line)
        except ReceiptUnavailableError:
            raise KeyError(manifest) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._tags)

    def __len__(self) -> int:
        return len(self._tags)


def _patient(node: "Node", account: str) -> dict[str, Any] | None:
    """Her Patient record, of the first place that let it out."""
    for copy in node.copies.hers(account, "Patient") if node.copies is not None else ():
        try:
            value = canonical(copy.content).value
        except RecordError:
            continue
        return value if isinstance(value, dict) else None
    return None
