"""The ledger in words: latest blocks with their outcomes, the organisations, the latest checkpoint."""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from markupsafe import Markup

from medrec.core import checkpoint, state
from medrec.core.outcome import Code, Refused
from medrec.core.types import decode_transaction
from medrec.engines.engine import CommittedBlock
from medrec.node.keeping import store
from medrec.portal import render, words
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

BLOCKS = 20
TRANSACTIONS = 20


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of ledger.html."""
    with node.engine.view() as view:
        organisations = list(state.organisations(view))
        names = {organisation.id: organisation.name for organisation in organisations}
        rows = [_organisation(view, organisation) for organisation in organisations]
        height = view.tip.height
    blocks = node.engine.blocks(max(0, height - BLOCKS))[:BLOCKS]
    return {
        "organisations": rows,
        "blocks": [_block(visit, names, block) for block in reversed(blocks)],
        "checkpoint": _checkpoint(node, visit, organisations),
        "network": node.network.hex(),
    }


def _organisation(view: Any, organisation: state.Organisation) -> dict[str, Any]:
    head = state.read(view, state.batch_key(organisation.id), state.BatchHead)
    dues = state.read(view, state.dues_key(organisation.id), state.Dues) or state.Dues()
    return {
        "name": organisation.name,
        "id": organisation.id,
        "roles": render.listed([words.ROLES.get(role, role) for role in organisation.roles]),
        "active": organisation.active,
        "lines": head.last if head is not None else 0,
        "dues": dues,
        "faults": state.read_integer(view, state.faults_key(organisation.id)),
    }


def _block(visit: Visit, names: dict[str, str], block: CommittedBlock) -> dict[str, Any]:
    events = [
        _event(names, data, outcome)
        for data, outcome in zip(block.block.transactions[:TRANSACTIONS], block.outcomes, strict=False)
    ]
    more = len(block.block.transactions) - len(events)
    return {"height": block.block.height, "when": visit.when(block.block.time), "events": events, "more": more}


def _event(names: dict[str, str], data: bytes, outcome: Any) -> dict[str, Any]:
    """One transaction in words. A repeated one has the code of the first time and says so in its detail."""
    good = outcome.code == Code.OK
    if not good:
        result = render.say(
            words.LEDGER["refused"],
            sentence=words.outcome_in_full(outcome.code.name.lower().replace("_", "-"), outcome.sentence),
        )
    else:
        result = Markup("{}").format(words.LEDGER["repeated" if outcome.detail else "accepted"])
    try:
        body = decode_transaction(data).body
    except Refused:
        return {"what": words.LEDGER["unreadable"], "good": False, "result": result}
    author = names.get(body.author, words.LEDGER["somebody"])
    text = words.KINDS.get(body.kind, words.OTHERWISE["kind"])
    values: dict[str, Any] = {"author": author}
    if body.kind == "anchor":
        lines = body.payload.get("count")
        values["count"] = lines if type(lines) is int else 0
    if body.kind == "governance/propose":
        values["change"] = _change(names, body.payload.get("change"))
    return {"what": render.say(text, **values), "good": good, "result": result}


def _change(names: dict[str, str], change: Any) -> Markup:
    if not isinstance(change, dict):
        return Markup("")
    identifier = str(change.get("id", ""))
    text = words.CHANGES.get(str(change.get("change")), str(change.get("change")))
    return render.say(text, id=names.get(identifier, identifier))


def _checkpoint(node: "Node", visit: Visit, organisations: list[state.Organisation]) -> dict[str, Any] | None:
    """The latest kept checkpoint, its signatures verified here and now."""
    with node.store.read() as connection:
        row = connection.execute(sql.select(store.checkpoint).order_by(store.checkpoint.c.size.desc()).limit(1)).first()
    if row is None:
        return None
    names = {organisation.id: organisation.name for organisation in organisations}
    keys = [
        key
        for organisation in organisations
        for key in checkpoint.cosigner_keys(
            organisation.id, organisation.keys.cosign_ed25519, organisation.keys.cosign_mldsa44
        )
    ]
    active = [organisation.id for organisation in organisations if organisation.active]
    try:
        note = checkpoint.parse_note(bytes(row.note))
        head = checkpoint.parse_checkpoint(note.text)
        signatures = checkpoint.verify_cosignatures(note, keys)
    except checkpoint.NoteError:
        return {"bad": True}
    signers: dict[str, list[str]] = {}
    for signature in signatures:
        algorithm = "quantum" if signature.algorithm == checkpoint.COSIGNATURE_MLDSA44 else "classic"
        signers.setdefault(signature.organisation, []).append(words.LEDGER[algorithm])
    counted = [identifier for identifier in active if identifier in signers]
    needed = 2 * len(active) // 3 + 1
    return {
        "bad": False,
        "head": head,
        "when": visit.when(head.time),
        "root": head.root.hex(),
        "state": head.state.hex(),
        "needed": needed,
        "enough": len(counted) >= needed,
        "signed_by": render.say(words.LEDGER["signed_by"], count=len(counted), total=len(active)),
        "cosigners": [
            {"name": names[identifier], "kinds": render.listed(signers[identifier])} for identifier in counted
        ],
    }
