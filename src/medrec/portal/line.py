"""One line of a person, opened at her agent: its proof step by step, its receipt, and the record that it signed.

The agent was told what the line says and what opens its entry; the ledger has the rest. So nobody has to be asked for a
receipt, and what another organisation wrote down can be proven without it.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.core import manifests
from medrec.core.manifests.record import RecordManifest
from medrec.node.agent.copies import Copy
from medrec.node.agent.told import Sealed, sealed
from medrec.node.ledger import receipts
from medrec.node.looks.kinds import LOG
from medrec.node.release.pointed import called, identifier_of, medications_of
from medrec.node.right_person import not_hers
from medrec.node.right_person.holding_told import held_back
from medrec.portal import evidence, verify
from medrec.portal.acting import LOOKS_TOLD
from medrec.portal.page import File, PageError, Visit, names
from medrec.portal.people import account_of
from medrec.portal.session import require_subject

if TYPE_CHECKING:
    from medrec.node.node import Node

TAG = re.compile("[0-9a-f]{32}")


class _Line(NamedTuple):
    account: str
    tag: bytes
    sealed: Sealed


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of version.html for one line of a person, by its tag."""
    line = _line(node, visit)
    _, manifest, salt, entry, place = line.sealed
    shown = evidence.shown_line(node, visit, names(node), manifest=manifest, salt=salt, entry=entry, place=place)
    where = {"person": visit.path["person"], "tag": line.tag.hex()}
    record = shown["record"] is not None and place is not None and _copy(node, line) is not None
    return {
        "erased": False,
        "line": None,
        "versions": [],
        "altered": False,
        **shown,
        **verify.show(node, visit),
        "receipt": visit.link("line_receipt", **where) if place is not None else None,
        "content": visit.link("line_record", **where) if record else None,
        "names": evidence.file_names(shown["manifest_hash"]),
        "wrong": _wrong(node, visit, line),
        LOOKS_TOLD: shown["statement"].manifest in LOG,
    }


def receipt(node: "Node", visit: Visit) -> File:
    """The receipt of the line, to keep and to verify anywhere."""
    line = _line(node, visit).sealed
    name, _ = evidence.file_names(evidence.fingerprint(line.manifest))
    made = evidence.receipt_file(lambda: receipts.receipt_of(node, *line), name)
    return made._replace(looks=manifests.decode(line.manifest).manifest in LOG)


def content(node: "Node", visit: Visit) -> File:
    """The record that the line signed, as the agent keeps it: the bytes that its receipt speaks of."""
    line = _line(node, visit)
    copy = _copy(node, line)
    if copy is None:
        raise PageError(404, "unknown-line")
    _, name = evidence.file_names(evidence.fingerprint(line.sealed.manifest))
    return File(copy.content, "application/json", name)


def _line(node: "Node", visit: Visit) -> _Line:
    account = account_of(node, visit.path["person"])
    session = require_subject(visit, account, heeds_kinds=True)
    if not TAG.fullmatch(visit.path["tag"]):
        raise PageError(404, "unknown-line")
    mark = bytes.fromhex(visit.path["tag"])
    found = sealed(node, account, mark)
    if found is None:
        raise PageError(404, "unknown-line")
    if session is not None and session.kinds:
        stated = manifests.decode(found.manifest)
        if not isinstance(stated, RecordManifest) or not _of_kinds(node, account, stated, session.kinds):
            raise PageError(404, "unknown-line")
    return _Line(account, mark, found)


def _of_kinds(node: "Node", account: str, stated: RecordManifest, kinds: Sequence[str]) -> bool:
    """Whether a record is of these kinds, or the medicine that one of these points at."""
    record = stated.record
    if record.type in kinds:
        return True
    copies = node.copies.all(account) if record.type == "Medication" and node.copies is not None else []
    of_place = [copy for copy in copies if copy.organisation == stated.organisation]
    names = [
        name for copy in of_place if (copy.type, copy.id) == ("Medication", record.id) for name in called(copy.content)
    ]
    return any(
        copy.type in kinds and (record.id in medications_of(copy.content) or identifier_of(copy.content) in names)
        for copy in of_place
    )


def _copy(node: "Node", line: _Line) -> Copy | None:
    """What the agent keeps of the record; not what its place holds back, since it may be another's."""
    copy = node.copies.one(line.account, line.tag) if node.copies is not None else None
    return None if copy is None or not_hers.names_of(copy) & held_back(node, line.account) else copy


def _wrong(node: "Node", visit: Visit, line: _Line) -> str | None:
    """Where the person says that a line is wrong; None for what is no record of hers of another place."""
    stated = manifests.decode(line.sealed.manifest)
    hers = isinstance(stated, RecordManifest) and stated.account is not None
    if not hers or stated.organisation == node.organisation:
        return None
    return visit.link("mistakes", person=visit.path["person"]) + f"?line={line.tag.hex()}"
