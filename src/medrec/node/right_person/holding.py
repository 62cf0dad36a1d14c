"""Records that are held back: their demographics contradict the person whose account they would go to.

An account is linked to a local patient whose demographics a person confirmed. When the source later files somebody
else's record under that patient (two patients swapped, a wrong merge), the record is signed like any other, for it is
what the source holds, but it is held back: the gate does not let it out and it is merged with nothing until a human
has looked. When the Patient record itself contradicts, everything of the person is held back, since then the link is
in doubt. When what a record says cannot be hers (core/impossible.py), all that came with it is held back as well, and
waits for the same decision. What is held is found by type and id alone; no demographics stand here in the clear.
Holding back and letting go are lines of the journal, of which the person is told.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from medrec.core import codec, manifests, matching
from medrec.core.manifests.desk import HOLD_DECIDED, RECORD_HELD, HoldDecidedManifest, RecordHeldManifest, signs
from medrec.core.matching import Demographics
from medrec.core.records import datatypes
from medrec.core.records.canonical import RecordError, Value, canonical
from medrec.node.keeping import account_keys, charted, contents, store
from medrec.node.keeping.journal import Draft, Journal, Person
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault
from medrec.node.right_person import holding_by
from medrec.node.right_person.contradicting import SAID, WHOLE, contradicts, ends
from medrec.node.right_person.pointing import Pointing, points_at

if TYPE_CHECKING:
    from medrec.node.node import Node

Decision = Literal["hers", "another", "fits"]

identity = Table(
    "identity",
    metadata,
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("how", String(12), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""Who a linked person is, as was confirmed: at the `desk` or as a `match`; sealed under her key `data`."""

held = Table(
    "held_record",
    metadata,
    Column("type", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("person", Integer, nullable=False, index=True),
    Column("time", BigInteger, nullable=False),
    Column("fields", String(120), nullable=False),
)


class HeldBack(NamedTuple):
    """A record that waits for a human: which, of which local patient, since when, by which fields it contradicts;
    `version` is the manifest (SHA-256, hex) of the version that is held now."""

    type: str
    id: str
    patient: str
    account: str
    time: int
    fields: tuple[str, ...]
    version: str


def remember(connection: sql.Connection, vault: Vault, person: int, who: Demographics, how: str, time: int) -> None:
    """Keep the demographics that were confirmed for a person, in place of what was confirmed before."""
    connection.execute(sql.delete(identity).where(identity.c.person == person))
    key = account_keys.data_key(connection, vault, person)
    sealed = vault.seal(key, msgspec.json.encode(who), _context(person))
    connection.execute(sql.insert(identity).values(person=person, how=how, time=time, sealed=sealed))


def known(connection: sql.Connection, vault: Vault, person: int) -> Demographics | None:
    """The confirmed demographics of a person, None where nobody confirmed any."""
    sealed = connection.execute(sql.select(identity.c.sealed).where(identity.c.person == person)).scalar()
    if sealed is None:
        return None
    key = account_keys.data_key(connection, vault, person)
    opened = account_keys.open_either(vault, key, bytes(sealed), _context(person))
    return msgspec.json.decode(opened, type=Demographics)


def _known_of(
    connection: sql.Connection, vault: Vault, person: int, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Demographics]:
    """Who a person is, as was confirmed for the chart that each of these records came under; without those of a chart
    for which nobody confirmed it."""
    wanted = [*names]
    links = charted.links(connection, person, wanted)
    who = {row: known(connection, vault, row) for row in dict.fromkeys((person, *links.values()))}
    found = ((name, who[links.get(name, person)]) for name in wanted)
    return {name: hers for name, hers in found if hers is not None}


def look(
    connection: sql.Connection,
    journal: Journal,
    network: str,
    person: int,
    records: Sequence[Value],
    came_together: bool = True,
    servers: Iterable[str] = (),
) -> None:
    """Hold back what contradicts its linked person, by what a newer version contradicts her; let go what no longer does
    in a newer version. Each is a line.

    Inside `Store.write`, in the same transaction in which the records are published; `came_together`: in one delivery;
    `servers`: the source's own base addresses.
    """
    account = journal.person(connection, person).account
    values = {_name_of(record): record for record in records}
    who_of = _known_of(connection, journal.vault, person, values)
    if not who_of or account is None:
        return
    drafts = []
    before = held_of(connection, person)
    body = contents.Body(connection, journal.vault, person)
    pointing = Pointing(connection, person, [*values.values()], servers)
    hers = charted.numbers(connection, person)
    against = {
        name: (
            *body.unsettled((*contradicts(who, values[name], hers), *pointing.against(values[name]))),
            *body.against(who, values[name]),
        )
        for name, who in who_of.items()
    }
    body.keep()
    pointing.keep(connection, [*values.values()])
    together = came_together and any(contents.of_content(by) for name, by in against.items() if name[0] != WHOLE)
    for name, fields in against.items():
        follows = before.get(name) == contents.WITH
        if fields and SAID in before.get(name, ()):
            # Her own word stands beside whatever else speaks against it.
            fields = (*fields, SAID)
        if not fields and together and name[0] != WHOLE:
            fields = contents.WITH
        of_hers = pointing.is_of_hers(values[name])
        if not fields and name in before and not follows and ends(who_of[name], before[name], values[name], of_hers):
            more = _followers(connection, person, name) if contents.of_content(before[name]) else []
            for one in (name, *more):
                connection.execute(sql.delete(held).where(held.c.type == one[0], held.c.id == one[1]))
                drafts.append(decided(journal, network, account, person, one, "fits", None, ""))
        elif fields and before.get(name) != fields and (name not in before or fields != contents.WITH):
            # What it is held back by now is what a human has to look at, and what must end before it is let go.
            drafts.append(hold(connection, journal, network, journal.person(connection, person), name, fields))
            before[name] = fields
    if drafts:
        journal.append(connection, drafts)


def as_signed(raw: bytes | None, sha256: bytes | None) -> Value | None:
    """A record as its source has it, if that is what was signed."""
    try:
        content = canonical(raw) if raw is not None else None
    except RecordError:
        return None
    return content.value if content is not None and content.sha256 == bytes(sha256 or b"") else None


def refiled(
    connection: sql.Connection, journal: Journal, network: str, filed: dict[tuple[str, str], int | None]
) -> None:
    """Records that are filed under another patient now are held back under the one before no longer; inside
    `Store.write`. `filed`: the person of each record that came."""
    rows = connection.execute(sql.select(held.c.type, held.c.id, held.c.person)).all()
    drafts = []
    for row in rows:
        name = (row.type, row.id)
        if name in filed and filed[name] != row.person:
            connection.execute(sql.delete(held).where(held.c.type == name[0], held.c.id == name[1]))
            holding_by.forget(connection, [name])
            account = journal.person(connection, row.person).account
            if account is not None:
                drafts.append(decided(journal, network, account, row.person, name, "fits", None, ""))
    if drafts:
        journal.append(connection, drafts)


def held_of(connection: sql.Connection, person: int) -> dict[tuple[str, str], tuple[str, ...]]:
    """What is held back of a person, each by what."""
    rows = connection.execute(sql.select(held.c.type, held.c.id, held.c.fields).where(held.c.person == person))
    return {(row.type, row.id): tuple(row.fields.split(",")) for row in rows}


def _name_of(record: Value) -> tuple[str, str]:
    return datatypes.text(record, "resourceType"), datatypes.text(record, "id")


def _followers(connection: sql.Connection, person: int, name: tuple[str, str]) -> list[tuple[str, str]]:
    """What of a person is held back only because it came together with a record that cannot be hers, once nothing but
    the record `name` is held back for what it says."""
    rows = connection.execute(sql.select(held).where(held.c.person == person)).all()
    others = [row for row in rows if (row.type, row.id) != name]
    if any(contents.of_content(row.fields.split(",")) for row in others):
        return []
    return [(row.type, row.id) for row in others if tuple(row.fields.split(",")) == contents.WITH]


def decided(
    journal: Journal,
    network: str,
    account: str,
    person: int,
    name: tuple[str, str],
    decision: Decision,
    by: str | None,
    words: str,
) -> Draft:
    """The line that says why a record is held back no longer."""
    time = journal.now()
    manifest = HoldDecidedManifest(
        "hold-decided/1", network, journal.organisation, account, time, *name, decision, by, words
    )
    return Draft("hold-decided/1", manifests.encode(manifest), person, None, [HOLD_DECIDED, time, *name, decision])


def hold(
    connection: sql.Connection,
    journal: Journal,
    network: str,
    person: Person,
    name: tuple[str, str],
    against: Sequence[str],
) -> Draft:
    """Hold a record of a linked person back by these fields, whatever it was held back by before; the line that tells
    her. Inside `Store.write` only."""
    time, fields, subject = journal.now(), ",".join(against), f"{name[0]}/{name[1]}"
    connection.execute(sql.delete(held).where(held.c.type == name[0], held.c.id == name[1]))
    row = {"type": name[0], "id": name[1], "person": person.id, "time": time, "fields": fields}
    connection.execute(sql.insert(held).values(**row))
    if tuple(against) != contents.WITH:
        # Of what came with another one, that one stands there already.
        sentence = (
            f"{subject} does not fit the person whom its patient is linked to ({fields}); it is held back until "
            "somebody has looked: confirm that it is hers, or undo the link."
        )
        if SAID in against:
            sentence = (
                f"The person says that {subject} is not about her; it is held back until somebody has looked: file it "
                "under whom it is of, or confirm that it is hers."
            )
        alarm = {"time": time, "code": "record-held", "subject": subject, "sentence": sentence[:500]}
        connection.execute(sql.insert(store.alarm).values(**alarm))
    assert person.account is not None
    manifest = RecordHeldManifest(
        "record-held/1", network, journal.organisation, person.account, time, *name, [*against]
    )
    return Draft("record-held/1", manifests.encode(manifest), person.id, None, [RECORD_HELD, time, *name])


def holds_all(person: "sql.Column[Any]") -> Any:
    """The condition that nothing holds back all of a person, for a query over persons."""
    return ~sql.exists().where(held.c.person == person, held.c.type == WHOLE)


def holds_one(kind: "sql.Column[Any]", identifier: "sql.Column[Any]") -> Any:
    """The condition that a record is not held back, for a query over records."""
    return ~sql.exists().where(held.c.type == kind, held.c.id == identifier)


def holds(connection: sql.Connection, person: int) -> bool:
    """Whether everything of a person is held back."""
    found = sql.select(held.c.id).where(held.c.person == person, held.c.type == WHOLE).limit(1)
    return connection.execute(found).first() is not None


def holds_any(connection: sql.Connection, person: int) -> bool:
    """Whether any record of a person that stands here is held back."""
    record = store.record.c
    here = (record.type == held.c.type) & (record.id == held.c.id) & (record.action != "delete")
    found = sql.select(held.c.id).join_from(held, store.record, here).where(held.c.person == person).limit(1)
    return connection.execute(found).first() is not None


def waiting(node: "Node") -> list[HeldBack]:
    """What waits for a human, oldest first."""
    person, record, came = store.person.c, store.record.c, charted.chart_record.c
    number = sql.func.coalesce(came.patient, person.patient).label("patient")
    with node.store.read() as connection:
        rows = connection.execute(
            sql.select(held, number, person.account, record.manifest)
            .join_from(held, store.person, person.id == held.c.person)
            .outerjoin(charted.chart_record, (came.type == held.c.type) & (came.id == held.c.id))
            .join(store.record, (record.type == held.c.type) & (record.id == held.c.id))
            .where(person.account.is_not(None))
            .order_by(held.c.time, held.c.type, held.c.id)
        ).all()
    return [
        HeldBack(
            row.type, row.id, row.patient or "", row.account or "", row.time, tuple(row.fields.split(",")),
            bytes(row.manifest).hex(),
        )
        for row in rows
    ]  # fmt: skip


def let_go(node: "Node", kind: str, identifier: str, by: str, words: str = "", version: str = "") -> bool:
    """`by` has looked: the record is the person's own, and so is what was held back because it came with it. False if
    it is not held (any more), or the version that stands there now is not the one that was looked at (`version`, as in
    HeldBack; "" for whatever stands there).

    A Patient record that is let go becomes what is known of her from now on; by what of a record's content it was held
    back is not asked again of her.
    """
    by = signs(by)
    raw = node.source.read(kind, identifier)

    def write(connection: sql.Connection) -> bool:
        found = _waits(connection, kind, identifier, version)
        person = node.journal.person(connection, int(found.person)) if found is not None else None
        if found is None or person is None or person.account is None:
            return False
        read = as_signed(raw, found.sha256)
        if read is None and kind == WHOLE:
            # Nobody has seen what stands there by now.
            return False
        names = [(kind, identifier)]
        if contents.of_content(tuple(found.fields.split(","))):
            names += _followers(connection, person.id, names[0])
        for name in names:
            connection.execute(sql.delete(held).where(held.c.type == name[0], held.c.id == name[1]))
        holding_by.forget(connection, names)
        if kind == WHOLE:
            of_chart = charted.links(connection, person.id, names[:1]).get(names[0], person.id)
            before = known(connection, node.vault, of_chart)
            now = matching.of_patient(read)
            # What the new version does not say is known of her still.
            now = matching.filled(now, before) if before is not None else now
            remember(connection, node.vault, of_chart, now, "desk", node.clock())
        contents.settle(connection, node.vault, person.id, tuple(found.fields.split(",")), read)
        network, account = node.network.hex(), person.account
        lines = [decided(node.journal, network, account, person.id, name, "hers", by, words) for name in names]
        node.journal.append(connection, lines)
        return True

    return node.store.write(write)


def _waits(connection: sql.Connection, kind: str, identifier: str, version: str) -> Any:
    """A record that is held back, in the version that was looked at: by what, whose, and its hash; None if none is."""
    record = store.record.c
    where = (held.c.type == kind) & (held.c.id == identifier)
    same = (record.type == held.c.type) & (record.id == held.c.id)
    found = sql.select(held.c.person, held.c.fields, record.sha256, record.manifest)
    row = connection.execute(found.join_from(held, store.record, same).where(where)).one_or_none()
    return row if row is not None and version in ("", bytes(row.manifest).hex()) else None


def give_up(node: "Node", kind: str, identifier: str, by: str, words: str = "", version: str = "") -> bool:
    """`by` has looked: the record is another person's. The link of the chart that it came under is undone. False as in
    let_go."""
    by = signs(by)

    def write(connection: sql.Connection) -> bool:
        found = _waits(connection, kind, identifier, version)
        person = node.journal.person(connection, int(found.person)) if found is not None else None
        if person is None or person.account is None:
            return False
        line = decided(
            node.journal, node.network.hex(), person.account, person.id, (kind, identifier), "another", by, words
        )
        node.journal.append(connection, [line])
        chart = charted.chart_of(connection, (kind, identifier)) or person.patient
        return chart is not None and node.linker.undo(connection, chart)

    return node.store.write(write)


def end(connection: sql.Connection, person: int, fresh: int) -> None:
    """The link of a person is undone: nothing of her account is held against the local patient, now `fresh`. What
    was held back waits: under the next link it is looked at anew, and held back still where no look lets it go. What
    she said is not about her is held back under the next link of hers, and of nobody else (holding_by.py)."""
    connection.execute(sql.update(held).where(held.c.person == person).values(person=fresh))
    connection.execute(sql.update(points_at).where(points_at.c.person == person).values(person=fresh))
    connection.execute(sql.delete(identity).where(identity.c.person == person))
    contents.forget(connection, person)


def _context(person: int) -> bytes:
    return codec.encode(["identity", person])
