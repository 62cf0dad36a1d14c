"""Whose hands linked whom at the desk: who gave a code and who compared the digits stands in the journal, by name.

A code links an account to a patient, and the patient who is wronged by a false one has no agent that could tell her. So
both words are lines among the patient's own, and the privacy officer sees them side by side, with those first that one
person said alone.
"""

import hashlib
from typing import TYPE_CHECKING, Literal, NamedTuple

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.desk import MATCH_DECIDED, MatchDecidedManifest, request_name, signs
from medrec.node import given_codes, store
from medrec.node.journal import Draft
from medrec.node.vault import VaultError

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN_MS = 30 * 86_400_000


class Hands(NamedTuple):
    """What was said of one patient on one code or request: by whom, in the order in which it was said, when last."""

    patient: str
    names: tuple[str, ...]
    time: int

    @property
    def alone(self) -> bool:
        """Whether one person said everything."""
        return len(set(self.names)) == 1


def gave(node: "Node", code: bytes, patient: str, by: str) -> None:
    """Somebody looked at the papers of whoever stands at the desk, and gives this code for a patient."""
    _write_down(node, hashlib.sha256(b"medrec/invitation/1" + code).digest(), patient, "confirmed", by)


def compared(node: "Node", digest: bytes, same: bool, by: str) -> None:
    """Somebody compared the digits of the code that `digest` names. Where nothing waits, nothing is written."""
    for one in given_codes.lately(node):
        if one.digest == digest and one.state == given_codes.LINKED:
            _write_down(node, digest, one.patient, "confirmed" if same else "refused", by)


def _write_down(node: "Node", digest: bytes, patient: str, decision: Literal["confirmed", "refused"], by: str) -> None:
    """Each word is a line of its own, also where one person says both within one millisecond."""

    def write(connection: sql.Connection) -> None:
        time, known = node.clock(), store.manifest.c.hash
        while True:
            data = manifests.encode(
                MatchDecidedManifest(
                    "match-decided/1", node.network.hex(), node.organisation, None, time,
                    request_name(digest), decision, signs(by),
                )
            )  # fmt: skip
            same = sql.select(known).where(known == hashlib.sha256(data).digest())
            if connection.execute(same).first() is None:
                break
            time += 1
        person = node.journal.person_of_patient(connection, patient)
        line = Draft("match-decided/1", data, person, None, [MATCH_DECIDED, time, decision])
        node.journal.append(connection, [line])

    node.store.write(write)


def lately(node: "Node") -> list[Hands]:
    """What was said of the last 30 days' patients: what one person said alone first, then the newest."""
    since, found = node.clock() - SHOWN_MS, dict[tuple[str, str], Hands]()
    with node.store.read() as connection:
        rows = connection.execute(
            sql.select(store.manifest.c.hash, store.person.c.patient, store.line.c.time)
            .join(store.line, store.line.c.seq == store.manifest.c.seq)
            .join(store.person, store.person.c.id == store.manifest.c.person)
            .where(store.manifest.c.kind == "match-decided/1", store.line.c.time >= since)
            .order_by(store.line.c.seq)
        ).all()
        for row in rows:
            try:
                kept = node.journal.manifest(connection, bytes(row.hash))
            except VaultError:
                continue
            said = manifests.decode(kept[1]) if kept is not None else None
            if isinstance(said, MatchDecidedManifest):
                before = found.get((row.patient, said.request), Hands(str(row.patient), (), 0))
                found[row.patient, said.request] = Hands(before.patient, (*before.names, said.by), row.time)
    return sorted(found.values(), key=lambda one: (not one.alone, -one.time))
