"""Two signed histories of one ledger: kept as evidence in the store and as a file, and told as an alarm.

In the store evidence stands under "split-view/WHO/PLACE"; the file is of the form of core/evidence.py, so that a
court needs neither this node nor its store to read it.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from medrec.core import codec
from medrec.core.evidence import Evidence
from medrec.node.keeping import store
from medrec.node.keeping.files import write_whole

if TYPE_CHECKING:
    from medrec.node.node import Node

EVIDENCE_MAX = 16
"""Split views kept with each organisation or witness: the first ones tell everything."""


class Contradiction(NamedTuple):
    """With whom this node disagrees (an organisation id or a witness's name), where (height or size), and the heads."""

    who: str
    place: int
    ours: bytes
    theirs: bytes
    evidence: Evidence


def raise_split_view(node: "Node", found: Contradiction, sentence: str, folder: Path | None) -> None:
    """Keep both heads and raise the alarm, once for each place. Raises StoreError, OSError."""
    who = found.who if len(found.who) <= 32 else "witness-" + hashlib.sha256(found.who.encode()).hexdigest()[:16]
    subject = f"split-view/{who}/{found.place}"
    kept = codec.encode({"ours": found.ours, "theirs": found.theirs})
    if raise_alarm(node, "split-view", subject, sentence, kept) and folder is not None:
        data = found.evidence.render()
        name = f"split-view-{found.place}-{hashlib.sha256(data).hexdigest()[:16]}.json"
        write_whole(folder / name, data, 0o600)


def raise_alarm(node: "Node", code: str, subject: str, sentence: str, evidence: bytes | None = None) -> bool:
    """Write an alarm, with what it rests on under its subject; False if it stands there already or enough do."""
    values = {"time": node.clock(), "code": code, "subject": subject, "sentence": sentence[:500]}

    def write(connection: sql.Connection) -> bool:
        where = store.alarm.c
        known = sql.select(where.id).where(where.code == code, where.subject == subject)
        if connection.execute(known).first() is not None:
            return False
        if evidence is not None:
            prefix = subject.rpartition("/")[0] + "/"
            many = sql.select(sql.func.count()).where(store.setting.c.name.startswith(prefix, autoescape=True))
            if (connection.execute(many).scalar() or 0) >= EVIDENCE_MAX:
                return False
            set_setting(connection, subject, evidence)
        connection.execute(sql.insert(store.alarm).values(**values))
        return True

    return node.store.write(write)


def evidence(connection: sql.Connection) -> dict[str, tuple[bytes, bytes]]:
    """The split views that were seen: "split-view/WHO/PLACE" -> (this node's note, the other's)."""
    where = store.setting.c
    rows = connection.execute(sql.select(store.setting).where(where.name.startswith("split-view/")))
    found: dict[str, tuple[bytes, bytes]] = {}
    for row in rows:
        notes = codec.decode(bytes(row.value))
        found[row.name] = (notes["ours"], notes["theirs"])
    return found


def get_setting(connection: sql.Connection, name: str) -> bytes | None:
    """A value that the node keeps under a name."""
    value = connection.execute(sql.select(store.setting.c.value).where(store.setting.c.name == name)).scalar()
    return None if value is None else bytes(value)


def set_setting(connection: sql.Connection, name: str, value: bytes) -> None:
    """Keep a value under a name; inside `Store.write` only."""
    connection.execute(sql.delete(store.setting).where(store.setting.c.name == name))
    connection.execute(sql.insert(store.setting).values(name=name, value=value))
