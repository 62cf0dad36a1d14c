"""A person's own summary, made at her agent from her copies of what every place holds.

The same document as `$summary`, over all places at once. The agent has no receipts of other organisations' journals: a
Provenance names the version and its hash, and each place gives the receipt.
"""

from typing import TYPE_CHECKING, Any

from medrec.core.records.canonical import RecordError, canonical
from medrec.node import receipts
from medrec.node.fhir.door import instant
from medrec.node.fhir.summary import About, document
from medrec.node.fhir.summary_entries import Resource
from medrec.node.receipts import ReceiptUnavailableError

if TYPE_CHECKING:
    from medrec.node.node import Node


def own_summary(
    node: "Node", account: str, types: tuple[str, ...] = (), phrases: dict[str, str] | None = None
) -> Resource:
    """The document Bundle; from records of some types alone, if they are named; its narrative with other words than
    `summary.PHRASES`, if some are given. Raises StoreError, VaultError."""
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
    found: dict[str, bytes] = {}
    for item in held:
        if item.source == node.organisation:
            try:
                found[item.manifest] = receipts.receipt_for(node, bytes.fromhex(item.manifest))
            except ReceiptUnavailableError:
                continue
    return document(shown.read, held, _patient(node, account), found, about, instant)


def _patient(node: "Node", account: str) -> dict[str, Any] | None:
    """Her Patient record, of the first place that let it out."""
    for copy in node.copies.all(account) if node.copies is not None else ():
        if copy.type == "Patient":
            try:
                value = canonical(copy.content).value
            except RecordError:
                continue
            return value if isinstance(value, dict) else None
    return None
