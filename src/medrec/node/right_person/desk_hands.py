"""Whose hands linked whom at the desk: who gave a code and who compared the digits stands in the journal, by name.

A code links an account to a patient, and the patient who is wronged by a false one has no agent that could tell her. So
both words are lines among the patient's own, and the privacy officer sees them side by side, with those first that one
person said alone. Where two or more of the staff sit at the desk, another than who gave the code has to compare; where
there is one alone, an alarm tells the privacy officer at once. Two entries of one person (staff.py) are one.
So it is with the word that somebody who asks to be found is this patient (matching.py).
"""

import hashlib
from typing import TYPE_CHECKING, Literal, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import manifests
from medrec.core.manifests.desk import MATCH_DECIDED, MatchDecidedManifest, request_name, signs
from medrec.node.account import staff
from medrec.node.agent.redelivery import undone
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.right_person import given_codes

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN_MS = 30 * 86_400_000


DESK = "desk"
"""The role of those who give codes and compare."""

# Who of the staff gave a code, by its digest; kept as long as the code's own row.
code_giver = Table(
    "code_giver",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("staff", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
)


class Hands(NamedTuple):
    """What was said of one patient on one code or request: by whom, in the order in which it was said, when last; which
    people these are."""

    patient: str
    names: tuple[str, ...]
    time: int
    people: frozenset[str]

    @property
    def alone(self) -> bool:
        """Whether one person said everything."""
        return len(self.people) == 1


def gave(node: "Node", code: bytes, patient: str, by: str, member: str = "") -> None:
    """Somebody looked at the papers of whoever stands at the desk, and gives this code for a patient. `member` is her
    id among the staff."""
    digest, now = hashlib.sha256(b"medrec/invitation/1" + code).digest(), node.clock()

    def write(connection: sql.Connection) -> None:
        connection.execute(sql.delete(code_giver).where(code_giver.c.time < now - given_codes.KEPT_MS))
        connection.execute(sql.insert(code_giver).values(digest=digest, staff=member, time=now))

    node.store.write(write)
    write_down(node, digest, patient, "confirmed", by)


def is_second(node: "Node", digest: bytes, member: str) -> bool:
    """Whether somebody is another than who gave a code, who has to be among the staff still: nobody can ask one who was
    dismissed. A code of which that is not known was given by anybody."""
    giver = _giver(node, digest)
    return giver is not None and not staff.one_person(node, giver, member)


def _giver(node: "Node", digest: bytes) -> str | None:
    query = sql.select(code_giver.c.staff).where(code_giver.c.digest == digest)
    with node.store.read() as connection:
        giver: str | None = connection.execute(query).scalar()
    return giver if any(one.id == giver and one.active for one in staff.members(node)) else None


def may_compare(node: "Node", digest: bytes, member: str) -> bool:
    """Whether this member's word makes the link: who gave the code says nothing more where there is somebody else."""
    if is_second(node, digest, member):
        return True
    return not sit_two(node)


def is_dead(node: "Node", digest: bytes) -> bool:
    """Whether nobody can compare the number of a code any more: two or more sit there, and who gave it is gone."""
    return _giver(node, digest) is None and sit_two(node)


def sit_two(node: "Node") -> bool:
    """Whether two or more people sit at the desk."""
    known = [one for one in staff.members(node) if one.active and one.key is not None]
    return len({one.person for one in known if one.role == DESK}) > 1


def compared(node: "Node", digest: bytes, same: bool, by: str, member: str = "") -> None:
    """Somebody compared the digits of the code that `digest` names. Where nothing waits, nothing is written."""
    for one in given_codes.lately(node):
        if one.digest == digest and one.state == given_codes.LINKED:
            write_down(node, digest, one.patient, "confirmed" if same else "refused", by)
            if same and not is_second(node, digest, member):
                _tell_alone(node, one.patient, by)


def _tell_alone(node: "Node", patient: str, by: str) -> None:
    sentence = (
        f"{signs(by)} gave the code for Patient/{patient} and compared the number alone. Ask the patient, by what the "
        "record knows of her, whether it was she."
    )[:500]
    _tell(node, patient, sentence)


def says_match(node: "Node", identifier: bytes, patient: str, by: str, member: str = "") -> bool:
    """Somebody says that a request to be found is of this patient. Whether that settles it: where there are two at the
    desk another's word has to follow, and until then this one stands among the patient's lines."""
    digest, now = match_digest(identifier, patient), node.clock()
    if may_compare(node, digest, member):
        if not is_second(node, digest, member):
            sentence = (
                f"{signs(by)} said alone that somebody who asked to be found is Patient/{patient}. Ask the patient, by "
                "what the record knows of her, whether it was she."
            )[:500]
            _tell(node, patient, sentence)
        return True
    row = {"digest": digest, "staff": member, "time": now}
    there = [one.id for one in staff.members(node) if one.active]

    def write(connection: sql.Connection) -> bool:
        # The word of who was dismissed is nobody's: the next one is the first.
        gone = (code_giver.c.digest == digest) & code_giver.c.staff.not_in([*there, member])
        connection.execute(sql.delete(code_giver).where(gone | (code_giver.c.time < now - given_codes.KEPT_MS)))
        if connection.execute(sql.select(code_giver.c.staff).where(code_giver.c.digest == digest)).first() is not None:
            return False
        connection.execute(sql.insert(code_giver).values(**row))
        return True

    if node.store.write(write):
        write_down(node, identifier, patient, "confirmed", by)
    return False


def match_said_by(node: "Node", identifier: bytes, patient: str) -> str | None:
    """Who of the staff said first that a request is of this patient; None if nobody did who is there still."""
    return _giver(node, match_digest(identifier, patient))


def match_digest(identifier: bytes, patient: str) -> bytes:
    """What names the word that one request is of one patient."""
    return hashlib.sha256(b"medrec/match-said/1" + identifier + patient.encode()).digest()


def _tell(node: "Node", patient: str, sentence: str) -> None:
    row = {"time": node.clock(), "code": "link-by-one", "subject": f"Patient/{patient}", "sentence": sentence}
    node.store.write(lambda connection: connection.execute(sql.insert(store.alarm).values(**row)))


def write_down(node: "Node", digest: bytes, patient: str, decision: Literal["confirmed", "refused"], by: str) -> None:
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
    # A line has the name alone; two people of one name are taken for one, so that a look falls on them.
    people = {signs(one.name): one.person for one in staff.members(node)}
    # The row of a further chart, and of a link that is over, has no number any more.
    number = sql.func.coalesce(store.person.c.patient, undone.c.patient).label("patient")
    with node.store.read() as connection:
        rows = connection.execute(
            sql.select(store.manifest.c.hash, number, store.line.c.time)
            .join(store.line, store.line.c.seq == store.manifest.c.seq)
            .join(store.person, store.person.c.id == store.manifest.c.person)
            .outerjoin(undone, undone.c.person == store.manifest.c.person)
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
                before = found.get((row.patient, said.request), Hands(str(row.patient), (), 0, frozenset()))
                who = before.people | {people.get(said.by, said.by)}
                found[row.patient, said.request] = Hands(before.patient, (*before.names, said.by), row.time, who)
    return sorted(found.values(), key=lambda one: (not one.alone, -one.time))
