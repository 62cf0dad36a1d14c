"""At an agent to which a person moved: what she said is not about her before, as the lines tell that came with her.

Her own signed words stand in the lines of the agent that served her, if that tells them; else the place that holds a
record back says so. That somebody there called it hers does not take her word back: she does.
"""

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.correction import CorrectionRequestManifest, CorrectionStatement, statement_message
from medrec.core.manifests.desk import HoldDecidedManifest, RecordHeldManifest
from medrec.node.account.former_keys import signed_then
from medrec.node.agent.told import Told, told
from medrec.node.corrections.corrections_kept import correction_asked
from medrec.node.keeping import store
from medrec.node.refusals import Refusal
from medrec.node.right_person.contradicting import SAID

if TYPE_CHECKING:
    from medrec.node.node import Node

Named = tuple[str, str]
"""(organisation, "Type/id")"""


class Said(NamedTuple):
    """A record of a place of which she said that it is not about her, and when."""

    organisation: str
    name: str
    time: int


def said(node: "Node", account: str) -> list[Said]:
    """What stands as not about her by the lines that are told, and of which she said nothing later here. Raises
    StoreError, VaultError, EngineError."""
    lines = told(node, account, "record-held/1", "hold-decided/1", "correction-request/1")
    signed: dict[Named, tuple[int, bool]] = {}
    for line in lines:
        statement = _hers(node, account, line)
        if statement is not None:
            name = (statement.source, f"{statement.type}/{statement.record}")
            signed[name] = max(signed.get(name, (0, False)), (statement.time, statement.claim == "not-mine"))
    found = {name: time for name, (time, away) in signed.items() if away}
    for name, (time, away) in _by_places(lines).items():
        # A place says that she said so, and never against her signed word that it is not about her. Of her older word
        # that it is, whoever has it could remind.
        if away and time > signed.get(name, (0, False))[0]:
            found.setdefault(name, time)
    here = _said_here(node, account) if found else {}
    # What a place tells is of what she said; when, it does not know as well as she.
    return [
        Said(*name, time)
        for name, time in found.items()
        if name not in here or (name in signed and here[name] < signed[name][0])
    ]


def _by_places(lines: list[Told]) -> dict[Named, tuple[int, bool]]:
    """What places tell of her word on each record: when they held it back since she says so, and whether she took that
    back. They write the one as a hold, the other as its end by nobody, or as a hold by something else."""
    found: dict[Named, tuple[int, bool]] = {}
    for line in lines:
        one = line.manifest
        if not isinstance(one, RecordHeldManifest | HoldDecidedManifest):
            continue
        name = (line.organisation, f"{one.type}/{one.record}")
        if isinstance(one, RecordHeldManifest) and SAID in one.fields:
            found[name] = (one.time, True)
        elif name in found and (isinstance(one, RecordHeldManifest) or one.decision == "fits"):
            found[name] = (one.time, False)
    return found


def _hers(node: "Node", account: str, line: Told) -> CorrectionStatement | None:
    """The claim in a request that another agent of hers tells of, if she signed it: with a key of now, or with one that
    was hers when the line was anchored."""
    request = line.manifest
    if not isinstance(request, CorrectionRequestManifest) or request.statement.claim is None:
        return None
    statement = request.statement
    if statement.account != account or statement.acting is not None or statement.network != node.network.hex():
        return None
    message = statement_message(statement)
    try:
        node.consents.check_signature(account, statement.key, message, statement.signature)
    except Refusal:
        index = store.entry_index.c
        with node.store.read() as connection:
            height = connection.execute(sql.select(index.height).where(index.tag == line.tag)).scalar()
        then = height is not None and signed_then(
            node, account, statement.key, message, statement.signature, height=height
        )
        return statement if then else None
    return statement


def _said_here(node: "Node", account: str) -> dict[Named, int]:
    """When she said here, last, of each record whose it is."""
    found: dict[Named, int] = {}
    with node.store.read() as connection:
        column = correction_asked.c
        digests = connection.execute(sql.select(column.request).where(column.account == account)).scalars().all()
        for digest in digests:
            kept = node.journal.manifest(connection, bytes(digest))
            request = manifests.decode(kept[1]) if kept is not None else None
            if isinstance(request, CorrectionRequestManifest) and request.statement.claim is not None:
                statement = request.statement
                name = (statement.source, f"{statement.type}/{statement.record}")
                found[name] = max(statement.time, found.get(name, 0))
    return found
