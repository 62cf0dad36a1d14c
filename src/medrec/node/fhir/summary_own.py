"""A person's own summary, made at her agent from her copies of what every place holds.

The same document as `$summary`, over all places at once, with what people said of the lists. The receipts are made from
the ledger: the agent was told what opens each line.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from medrec.core.records.canonical import RecordError, canonical
from medrec.node.agent.told import sealed
from medrec.node.fhir.answer import instant
from medrec.node.fhir.summary import About, Made, document
from medrec.node.fhir.summary_entries import Resource
from medrec.node.ledger import receipts
from medrec.node.ledger.receipts import ReceiptUnavailableError

if TYPE_CHECKING:
    from medrec.node.node import Node


def own_summary(node: "Node", account: str, types: tuple[str, ...] = ()) -> Resource:
    """The document Bundle, with its receipts. Raises as `own_made` does."""
    return own_made(node, account, types).bundle


def own_made(
    node: "Node",
    account: str,
    types: tuple[str, ...] = (),
    phrases: dict[str, str] | None = None,
    with_receipts: bool = True,
) -> Made:
    """The document, and what was signed behind its entries; from records of some types alone, if they are named; its
    narrative with other words than `summary.PHRASES`, if some are given. Raises StoreError, VaultError, EngineError."""
    if types:
        shown, held = node.lists.of_kinds_held(account, types)
    else:
        shown, held = node.lists.of(account), node.lists.held(account)
    organisation = node.directory.find(node.organisation)
    about = About(
        node.organisation,
        organisation.name if organisation is not None else "",
        instant(node.clock()),
        node.vault.random(16),
        {one.id: one.name for one in node.directory.organisations()},
        phrases or {},
    )
    found: Mapping[str, bytes] = _Receipts(node, account) if with_receipts else {}
    return document(shown.read, held, _patient(node, account), found, about, instant)


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
