"""Asking another organisation over its FHIR API: the answer is verified and written down like any other release."""

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.core import codec, manifests
from medrec.core.commitment import commitment
from medrec.core.consent.redact import is_marked
from medrec.core.manifests.access import Disclosed, DisclosureManifest, marked
from medrec.core.records.canonical import Canonical, RecordError, canonical, canonical_of
from medrec.node.fhir.answer import LINE
from medrec.node.fhir.query import SUMMARY, read_query
from medrec.node.fhir.summary import RECORD_SHA256
from medrec.node.peers.peers import PeerError
from medrec.node.release import access
from medrec.node.release.access import SentLine
from medrec.node.release.parts import SUBSETTED
from medrec.node.release.practitioners import Practitioner
from medrec.node.release.receive import Asking, NotGenuineError, begin, give_up, keep_half, refuse_half

if TYPE_CHECKING:
    from medrec.node.node import Node


class Fetched(NamedTuple):
    """A page of resources that verified: "Type/id" and canonical bytes of each, the total, the parameters of the next
    page ("" on the last), and this node's line about it. What is not the record as it was signed is named in `in_part`:
    its source vouches for it, in the disclosure alone. `withheld`: the source says that not all of the record is there.
    """

    resources: tuple[tuple[str, bytes], ...]
    total: int | None
    more: str
    disclosure: DisclosureManifest
    seq: int
    in_part: frozenset[str] = frozenset()
    withheld: bool = False


def fetch(
    node: "Node",
    source: str,
    account: str,
    path: str,
    parameters: str = "",
    *,
    practitioner: Practitioner,
    reason: str,
    purpose: str = "TREAT",
) -> Fetched:
    """One search ("Observation", "code=...") or operation ("Patient/x/$everything", "$summary") at a source.

    Raises PeerError (with the source's code if it refused), NotGenuineError, StoreError; Refusal for a query that
    this node would not answer either.
    """
    query = read_query(path, parameters)
    asking = begin(
        node,
        source,
        account,
        practitioner,
        purpose,
        reason,
        types=query.asked_types(),
        ids=query.asked_ids(),
        query=f"{path}?{parameters}" if parameters else path,
    )
    assert asking.signed is not None
    stated = base64.urlsafe_b64encode(access.encode(asking.signed)).decode()
    try:
        fields, body = node.peers.interact(source, path, parameters, stated)
    except PeerError:
        give_up(node, asking)
        raise
    try:
        disclosure, data, keys = _disclosure(node, asking, fields.get(LINE, ""))
        read = _summary if query.kind == SUMMARY else _resources
        resources, total, more, withheld = read(source, body, disclosure.records, keys)
    except NotGenuineError as error:
        refuse_half(node, asking, error)
        raise
    listed = list(disclosure.records)
    in_part = frozenset(f"{one.type}/{one.id}" for one in listed if one.part is not None)
    seq = keep_half(node, asking, listed, data, keys)
    return Fetched(resources, total, more, disclosure, seq, in_part, withheld)


def _disclosure(node: "Node", asking: Asking, field: str) -> tuple[DisclosureManifest, bytes, list[bytes]]:
    """The source's half, if it is about this very request, and the keys of the marks in it."""
    source, request = asking.source, asking.request
    try:
        line = access.decode(base64.b64decode(field.encode(), altchars=b"-_", validate=True), SentLine)
        stated = manifests.decode(line.manifest)
        entry = codec.decode(line.entry)[0]
    except (ValueError, KeyError, TypeError, IndexError):
        raise NotGenuineError("unreadable", f"The answer of {source} carries no readable disclosure.") from None
    fits = isinstance(stated, DisclosureManifest) and (
        stated.network == node.network.hex()
        and stated.organisation == source
        and stated.account == asking.account
        and stated.request == request
        and stated.obligation == asking.obligation.hex()
    )
    if not fits:
        raise NotGenuineError("another-request", f"The answer of {source} belongs to another request.")
    if entry != commitment(line.manifest, line.salt):
        raise NotGenuineError("another-entry", "The entry of the disclosure does not belong to its manifest.")
    assert isinstance(stated, DisclosureManifest)
    # What has no key opens with none.
    return stated, line.manifest, [*line.keys, *[b""] * len(stated.records)][: len(stated.records)]


def _summary(
    source: str, body: bytes, listed: list[Disclosed], keys: list[bytes]
) -> tuple[tuple[tuple[str, bytes], ...], int | None, str, bool]:
    """The document of a $summary, if every line in it comes from a record that was written down as disclosed.

    The lines themselves are the source's word; the receipts in the document prove the records behind them.
    """
    try:
        form = canonical(body, bytes_max=access.CONTENT_BYTES_MAX)
        proofs = [entry["resource"] for entry in form.value["entry"]]
        told = [
            entity["what"]["identifier"]
            for proof in proofs
            if proof["resourceType"] == "Provenance"
            for entity in proof["entity"]
            if "identifier" in entity["what"]
        ]
        hashes = {bytes.fromhex(found["value"]) for found in told if found["system"] == RECORD_SHA256}
        composed = proofs[0]["resourceType"] == "Composition"
    except (RecordError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise NotGenuineError("unreadable", f"The answer of {source} is not a readable document.") from None
    known = list(zip(listed, keys, strict=True))
    if not composed or not all(any(one.of_content(key, found) for one, key in known) for found in hashes):
        raise NotGenuineError("other-records", f"{source} made its summary from other records than it wrote down.")
    return (("Bundle", form.data),), None, "", is_marked(form.value)


def _says_so(value: Any, listed: Disclosed) -> bool:
    """Whether a record that is not as it was signed says so, and one that is has its manifest."""
    if listed.part is not None and listed.part.how == "cut":
        return not listed.proven and is_marked(value)
    if listed.part is not None:
        meta = value.get("meta") if isinstance(value, dict) else None
        tags = meta.get("tag") if isinstance(meta, dict) else None
        return listed.proven and isinstance(tags, list) and SUBSETTED in tags
    return listed.proven


def _went_with(found: Canonical, listed: list[Disclosed], keys: list[bytes]) -> bool:
    """Whether this is a medicine that went with one of the records."""
    value: Any = found.value
    if value.get("resourceType") != "Medication" or not isinstance(value.get("id"), str):
        return False
    known = zip(listed, keys, strict=True)
    return any(one.content == marked(key, found.sha256) for told, key in known if key for one in told.beside)


def _resources(
    source: str, body: bytes, listed: list[Disclosed], keys: list[bytes]
) -> tuple[tuple[tuple[str, bytes], ...], int | None, str, bool]:
    """The resources of an answer, if they are those that were written down as disclosed, byte for byte."""
    try:
        value: Any = canonical(body, bytes_max=access.CONTENT_BYTES_MAX).value
        outcomes = [one for one in value.get("entry", []) if one.get("search", {}).get("mode") == "outcome"]
        entries = [one for one in value.get("entry", []) if one not in outcomes]
        # What every listing says (`bundle.no_proof`) says nothing of this one.
        said = [issue for one in outcomes for issue in one["resource"].get("issue", [])]
        withheld = any(issue["code"] == "suppressed" for issue in said)
        if any(one["resource"]["resourceType"] != "OperationOutcome" for one in outcomes):
            raise NotGenuineError("other-records", f"{source} sent other records than it wrote down as disclosed.")
        found = [canonical_of(entry["resource"]) for entry in entries]
        more = next((link["url"] for link in value.get("link", []) if link["relation"] == "next"), "")
    except (RecordError, KeyError, TypeError, AttributeError):
        raise NotGenuineError("unreadable", f"The answer of {source} is not a readable Bundle.") from None
    # Behind what was asked for come the medicines that it points at.
    beside = found[len(listed) :]
    same = len(found) >= len(listed) and all(
        record.of_content(key, one.sha256) for one, record, key in zip(found, listed, keys, strict=False)
    )
    if not same or not all(_went_with(one, listed, keys) for one in beside):
        raise NotGenuineError("other-records", f"{source} sent other records than it wrote down as disclosed.")
    for made, one in zip(found, listed, strict=False):
        if not _says_so(made.value, one):
            raise NotGenuineError("not-marked", f"{one.type}/{one.id} came in part, and does not say so.")
    names = [f"{record.type}/{record.id}" for record in listed]
    names += [f"Medication/{one.value['id']}" for one in beside]
    resources = tuple(zip(names, [one.data for one in found], strict=True))
    total = value.get("total")
    return resources, total if type(total) is int else None, more.partition("?")[2], withheld
