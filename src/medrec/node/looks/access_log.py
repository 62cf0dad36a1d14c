"""Who looked at my records: the list that a person reads without asking anybody, each line in plain words.

    read_log(node, account, by="herself", reader="Ada")     at her agent: everything that anybody told of her
    lines_here(node, connection, person)                    at a source: what stands in its own journal

Reading it is written down like any other look: the line about it comes to her as a notice.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.access import DisclosureManifest, LogReadManifest, ReceivedManifest, RefusalManifest, Request
from medrec.core.manifests.emergency import EmergencyManifest
from medrec.core.manifests.inside import OwnLookManifest
from medrec.node.agent.own import person_here
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Person
from medrec.node.keeping.vault import VaultError
from medrec.node.looks.kinds import LOG
from medrec.node.refusals import SENTENCES, Code
from medrec.node.release import access

if TYPE_CHECKING:
    from medrec.node.node import Node

NOTICES_MAX = 100_000
HOUR_MS = 3_600_000
PURPOSES = {
    "TREAT": "for your treatment",
    "ETREAT": "in an emergency",
    "BTG": "in an emergency, without asking first",
    "PATRQT": "at your request",
    "COC": "to coordinate your care",
    "CAREMGT": "to manage your care",
    "HPAYMT": "for payment",
    "HOPERAT": "for the running of the hospital",
    "HRESCH": "for research",
    "PUBHLTH": "for public health",
}
By = Literal["herself", "delegate", "agent", "staff"]


class Entry(NamedTuple):
    """One line: when (ms), in plain words, by whom, through which organisation, from which, and what came of it.

    `machine`: a program asked, no person. `outcome`: given, viewed, referred, refused, stopped, one-sided, inside (at
    the place itself), emergency (declared), log.
    `anchored` says whether the line stands on the ledger.
    """

    time: int
    sentence: str
    who: str
    organisation: str
    source: str
    machine: bool
    outcome: str
    anchored: bool
    manifest: Any


def read_log(node: "Node", account: str, *, by: By, reader: str) -> list[Entry]:
    """Everything that any organisation told of looks at a person's records, newest first; the reading is journalled.

    Raises LookupError if she is not served here, StoreError.
    """
    assert node.agent is not None
    node.agent.view_secret(account)
    found = [notice for notice in node.agent.notices(account, NOTICES_MAX) if notice.manifest is not None]
    stopped = {
        (notice.organisation, notice.manifest.obligation)
        for notice in found
        if isinstance(notice.manifest, RefusalManifest) and notice.manifest.obligation
    }
    given = {
        (notice.organisation, notice.manifest.obligation)
        for notice in found
        if isinstance(notice.manifest, DisclosureManifest)
    }
    entries: list[Entry] = []
    for notice in found:
        stated = notice.manifest
        if isinstance(stated, DisclosureManifest) and (stated.organisation, stated.obligation) in stopped:
            continue
        if isinstance(stated, ReceivedManifest) and (stated.source, stated.obligation) in given:
            continue
        entry = entry_of(node, stated, anchored=notice.height is not None)
        if entry is not None:
            entries.append(entry)
    write_down(node, account, by, reader, len(entries))
    return entries


def write_down(node: "Node", account: str, by: By, reader: str, lines: int) -> None:
    """A line in this node's journal about a reading of a person's log; hers, where she is known here. Raises
    StoreError."""
    with suppress(LookupError):
        # Entered before, so that an agent's own line about it reaches her.
        person_here(node, account)

    def write(connection: sql.Connection) -> None:
        person = node.journal.person_of_account(connection, account)
        time = node.clock()
        manifest = LogReadManifest(
            "log-read/1",
            node.network.hex(),
            node.organisation,
            account,
            time,
            by,
            reader[:400],
            lines,
            node.vault.random(16).hex(),
        )
        who = person.id if person is not None else None
        summary = [13, time, by, lines]
        node.journal.append(connection, [Draft("log-read/1", manifests.encode(manifest), who, None, summary)])

    node.store.write(write)


def lines_here(node: "Node", connection: sql.Connection, person: Person) -> list[tuple[int, Any]]:
    """(number, manifest) of the lines about looks that this node's journal has of a person, newest first.

    Manifests that were erased are left out, and so is a disclosure that was written down and then stopped: the refusal
    that stopped it tells of it, and nothing went out.
    """
    rows = connection.execute(
        sql.select(store.manifest.c.seq, store.manifest.c.hash)
        .where(store.manifest.c.person == person.id, store.manifest.c.kind.in_(LOG))
        .order_by(store.manifest.c.seq.desc())
    ).all()
    found: list[tuple[int, Any]] = []
    for row in rows:
        try:
            opened = node.journal.manifest(connection, bytes(row.hash))
        except VaultError:
            opened = None
        if opened is not None:
            found.append((row.seq, manifests.decode(opened[1])))
    stopped = {stated.obligation for _, stated in found if isinstance(stated, RefusalManifest) and stated.obligation}
    return [
        (seq, stated)
        for seq, stated in found
        if not (isinstance(stated, DisclosureManifest) and stated.obligation in stopped)
    ]


def was_stopped(node: "Node", obligation: bytes) -> bool:
    """Whether a line of this node's journal says that what it disclosed under an obligation was not sent. Raises
    StoreError."""
    manifest = store.manifest
    disclosed = sql.select(access.asked.c.seq).where(access.asked.c.obligation == obligation)
    person = sql.select(manifest.c.person).where(manifest.c.seq.in_(disclosed))
    with node.store.read() as connection:
        refusals = connection.execute(
            sql.select(manifest.c.hash).where(
                manifest.c.kind == "refusal/1",
                manifest.c.person.in_(person),
                manifest.c.seq > disclosed.scalar_subquery(),
            )
        ).scalars()
        for digest in refusals.all():
            opened = node.journal.manifest(connection, bytes(digest))
            stated = None if opened is None else manifests.decode(opened[1])
            if isinstance(stated, RefusalManifest) and stated.obligation == obligation.hex():
                return True
    return False


def entry_of(node: "Node", stated: Any, anchored: bool) -> Entry | None:
    """A line of the log; None for a manifest that tells of no look."""
    says = _SAYS.get(type(stated))
    if says is None:
        return None
    names = {one.id: one.name for one in node.directory.organisations()}
    return says(stated, names)._replace(anchored=anchored)


def _log_read(stated: LogReadManifest, names: dict[str, str]) -> Entry:
    here = stated.organisation
    place = names.get(here, here)
    who = {"herself": "You", "delegate": f"{stated.reader}, for you,", "agent": f"A program of {place}"}
    reader = who.get(stated.by, f"{stated.reader} of {place}")
    sentence = f"{reader} read the list of who looked at your records, at {place}."
    return Entry(stated.time, sentence, stated.reader, here, here, stated.by == "agent", "log", False, stated)


def _received(stated: ReceivedManifest, names: dict[str, str]) -> Entry:
    place, source = (names.get(name, name) for name in (stated.organisation, stated.source))
    what = _kinds([record.type for record in stated.records])
    sentence = {
        "received": f"{place} says that it received {what} from {source}; {source} has not told you of it.",
        "viewed": f"{place} says that it looked at a page of {source}; {source} has not told you of it.",
        "refused": f"{place} says that something came from {source} that was not genuine, and kept nothing.",
        "nothing": f"{place} says that nothing came from {source}.",
    }[stated.outcome]
    return Entry(stated.time, sentence, "", stated.organisation, stated.source, False, "one-sided", False, stated)


def _refused(stated: RefusalManifest, names: dict[str, str]) -> Entry:
    source = names.get(stated.organisation, stated.organisation)
    reason = SENTENCES[Code(stated.code)] if stated.code in Code._value2member_map_ else "It was not allowed."
    outcome = "stopped" if stated.obligation is not None else "refused"
    request, why = stated.request, _why(stated.request)
    if request.door == "push":
        house = names.get(request.requester, request.requester)
        named = request.practitioner or source
        return _asked(stated, f"{named} of {source} wanted to send your records to {house} {why}. {reason}", outcome)
    return _asked(
        stated, f"{_asker(request, names)} asked {source} for your records {why} and got nothing. {reason}", outcome
    )


def _given(stated: DisclosureManifest, names: dict[str, str]) -> Entry:
    request, source = stated.request, names.get(stated.organisation, stated.organisation)
    what = _kinds([record.type for record in stated.records]) + _left_out(stated)
    if request.door == "push":
        house = names.get(request.requester, request.requester)
        sentence = f"{request.practitioner or source} of {source} sent {what} to {house} {_why(request)}."
        return _asked(stated, sentence, "referred")
    verb, outcome = ("looked at", "viewed") if request.door == "view" else ("received", "given")
    return _asked(stated, f"{_asker(request, names)} {verb} {what} from {source} {_why(request)}.", outcome)


def _inside(stated: OwnLookManifest, names: dict[str, str]) -> Entry:
    did = f"opened your records there {_why(stated.request)}."
    return _asked(stated, f"{_asker(stated.request, names)} {did}", "inside")


def _emergency(stated: EmergencyManifest, names: dict[str, str]) -> Entry:
    source, hours = names.get(stated.organisation, stated.organisation), -((stated.time - stated.until) // HOUR_MS)
    time = f"{hours} hour{'s' if hours > 1 else ''}"
    did = f"said that there was an emergency, to look at your records at {source} for {time}."
    return _asked(stated, f"{_asker(stated.request, names)} {did}", "emergency")


def _asked(stated: Any, sentence: str, outcome: str) -> Entry:
    """The line about a request, with the reason that was given for it."""
    request: Request = stated.request
    said = f' They wrote: "{request.reason}".' if request.reason.strip() else ""
    return Entry(
        stated.time, sentence + said, request.practitioner, request.requester, stated.organisation, request.machine,
        outcome, False, stated,
    )  # fmt: skip


_SAYS: dict[type, Callable[[Any, dict[str, str]], Entry]] = {
    DisclosureManifest: _given,
    RefusalManifest: _refused,
    ReceivedManifest: _received,
    OwnLookManifest: _inside,
    EmergencyManifest: _emergency,
    LogReadManifest: _log_read,
}
"""How each kind of LOG is said."""


def _why(request: Request) -> str:
    return PURPOSES.get(request.purpose, f"for another purpose ({request.purpose})")


def _asker(request: Request, names: dict[str, str]) -> str:
    house = names.get(request.requester, request.requester)
    if request.machine or not request.practitioner.strip():
        named = f' ("{request.practitioner}")' if request.practitioner.strip() else ""
        return f"A program{named} of {house}"
    return f"{request.practitioner} of {house}"


def _left_out(stated: DisclosureManifest) -> str:
    """How many of the records went without what the person withholds of them."""
    cut = sum(record.part is not None and record.part.how == "cut" for record in stated.records)
    return f", {cut} of them in part," if cut else ""


def _kinds(types: list[str]) -> str:
    """ "2 records (Condition, Observation)"."""
    if not types:
        return "no record"
    listed = ", ".join(sorted(set(types)))
    return f"{len(types)} record{'s' if len(types) > 1 else ''} ({listed})"
