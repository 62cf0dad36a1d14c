"""Breaking the glass at the organisation whose clinician does it: declared, kept, reviewed by somebody else.

The line stands in this organisation's journal before anything is asked, so that no glass breaks without its trace; the
review settles on the ledger what is owed, and its outcome reaches the person by way of the source.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec, manifests, state
from medrec.core.consent.emergency import HOUR_MS, HOURS_DEFAULT, HOURS_MAX, REVIEW_MS, Scope
from medrec.core.manifests.emergency import (
    EmergencyDeclaredManifest,
    EmergencyReviewManifest,
    ReviewOutcome,
    query_of,
    review_owed,
    same_name,
    says_enough,
)
from medrec.core.signs import says_something
from medrec.core.state import Obligation
from medrec.engines.engine import Snapshot
from medrec.node.account import staff
from medrec.node.keeping import outgoing
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.ledger.on_ledger import block_of
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import TRY_AGAIN, Code, Refusal
from medrec.node.release import access
from medrec.node.release.emergency import EMERGENCY_PATH, REVIEWS_PATH, Declared, is_late
from medrec.node.release.practitioners import Practitioner

if TYPE_CHECKING:
    from medrec.node.node import Node

ASK_LIFE_MS = 60_000

# Emergencies that somebody of this organisation declared elsewhere. status: asked, open, refused, reviewed.
our_emergency = Table(
    "our_emergency",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("account", String(80), nullable=False),
    Column("identity", String(64), nullable=False),
    Column("scope", String(12), nullable=False),
    Column("code", String(40), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("status", String(10), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


# Those of them whose source's line came on the ledger late.
emergency_late = Table("emergency_late", metadata, Column("id", LargeBinary(16), primary_key=True))


class OurEmergency(NamedTuple):
    """An emergency that this organisation has to review. `status`: asked, open, overdue, refused, reviewed.

    `late`: the ledger had no word of it from the source in time. `name` is the practitioner's, `text` her reason; both
    are empty where the node cannot open what it wrote down: such a one is reviewed all the same, by the id of who
    declared it.
    """

    id: bytes
    source: str
    account: str
    identity: str
    name: str
    scope: str
    code: str
    text: str
    time: int
    until: int
    due: int
    status: str
    late: bool


# Answers that may come although the emergency stands at the source: it failed after it had written it down, or it was
# asked twice and answers the second.
_SAYS_NOTHING = TRY_AGAIN | {Code.REQUEST_REPLAYED}
_NOTHING_OPENED = frozenset(code.value for code in Code if code not in _SAYS_NOTHING)


def _is_owed(view: Snapshot, source: str, identifier: bytes) -> bool:
    found = state.read(view, state.obligation_key(source, bytes(identifier)), Obligation)
    return found is not None and found.unsettled


class EmergencyReviews:
    """The emergencies that practitioners of one organisation declared."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def declare(
        self,
        source: str,
        account: str,
        practitioner: Practitioner,
        code: str,
        text: str,
        *,
        scope: Scope = "summary",
        hours: int = HOURS_DEFAULT,
        purpose: str = "BTG",
    ) -> Declared:
        """Declare an emergency about a person at a source. `scope` "restricted" is the second step.

        Raises Refusal (emergency-hours, emergency-reason) before anything happens, PeerError with the source's words,
        StoreError. If no answer came, or one that does not say that nothing was opened, it stays `asked`: it is
        reviewed all the same.
        """
        node, now = self._node, self._node.clock()
        if not 1 <= hours <= HOURS_MAX:
            raise Refusal(Code.EMERGENCY_HOURS)
        if not says_enough(text):
            raise Refusal(Code.EMERGENCY_REASON)
        identifier = node.vault.random(16)
        request = practitioner.request(identifier, purpose, text, query=query_of(code, scope, hours))
        obligation = review_owed(source, node.organisation, identifier)
        manifest = EmergencyDeclaredManifest(
            "emergency-declared/1",
            node.network.hex(),
            node.organisation,
            account,
            now,
            source,
            request,
            code,
            scope,
            hours,
            obligation.hex(),
        )
        node.store.write(lambda connection: self._keep(connection, manifest, obligation))
        ask = practitioner.ask(node.network, source, account, now + ASK_LIFE_MS, request)
        try:
            answer = codec.decode(node.peers.call(source, EMERGENCY_PATH, access.encode(ask)))
        except PeerError as error:
            if error.answered and error.code in _NOTHING_OPENED:
                self._mark(obligation, "refused")
            raise
        declared = Declared(**answer)
        self._mark(obligation, "open", until=declared.until, due=declared.due)
        return declared

    def _keep(self, connection: sql.Connection, manifest: EmergencyDeclaredManifest, obligation: bytes) -> None:
        """Write down what is about to be declared."""
        node, request, now = self._node, manifest.request, manifest.time
        person = node.journal.person_of_account(connection, manifest.account)
        who = person.id if person is not None else None
        summary = [22, now, manifest.source, manifest.code, manifest.scope, obligation]
        draft = Draft("emergency-declared/1", manifests.encode(manifest), who, None, summary)
        node.journal.append(connection, [draft])
        row = {
            "id": obligation,
            "source": manifest.source,
            "account": manifest.account,
            "identity": request.identity,
            "scope": manifest.scope,
            "code": manifest.code,
            "time": now,
            "until": now + manifest.hours * HOUR_MS,
            "due": now + REVIEW_MS,
            "status": "asked",
            "sealed": node.vault.seal(None, codec.encode([request.practitioner, request.reason]), obligation),
        }
        connection.execute(sql.insert(our_emergency).values(**row))

    def _mark(self, identifier: bytes, status: str, **values: int) -> None:
        where = our_emergency.c.id == identifier
        update = sql.update(our_emergency).where(where, our_emergency.c.status == "asked")
        self._node.store.write(lambda connection: connection.execute(update.values(status=status, **values)))

    def all(self) -> list[OurEmergency]:
        """Every emergency of this organisation's practitioners, those to be reviewed first, the most pressing ahead.

        What the ledger says is owed is to be reviewed, whatever the source has answered. Raises EngineError,
        StoreError.
        """
        node, now = self._node, self._node.clock()
        with node.store.read() as connection:
            rows = connection.execute(sql.select(our_emergency).order_by(our_emergency.c.due)).all()
            late = {bytes(one) for one in connection.execute(sql.select(emergency_late.c.id)).scalars()}
        with node.engine.view() as view:
            owed = {bytes(row.id) for row in rows if row.status == "refused" and _is_owed(view, row.source, row.id)}
        found = []
        for row in rows:
            name, text = self._words(row)
            status = "open" if bytes(row.id) in owed else row.status
            status = "overdue" if status in ("asked", "open") and row.due <= now else status
            found.append(
                OurEmergency(
                    bytes(row.id), row.source, row.account, row.identity, name, row.scope, row.code, text, row.time,
                    row.until, row.due, status, bytes(row.id) in late,
                )
            )  # fmt: skip
        return sorted(found, key=lambda item: item.status in ("refused", "reviewed"))

    def note_late(self) -> int:
        """Note whose line came on the ledger late, or is not there in time; how many more. Run it now and then: later
        the ledger says only that it is overdue, or settled. Raises EngineError, StoreError."""
        node, column = self._node, our_emergency.c
        waiting = (column.status == "open") & column.id.not_in(sql.select(emergency_late.c.id))
        with node.store.read() as connection:
            rows = connection.execute(sql.select(column.id, column.source, column.time).where(waiting)).all()
        if not rows:
            return 0
        with node.engine.view() as view:
            tip = view.tip.time
            owed = {
                bytes(row.id): state.read(view, state.obligation_key(row.source, bytes(row.id)), Obligation)
                for row in rows
            }
        late = []
        for row in rows:
            found = owed[bytes(row.id)]
            block = block_of(node, found.height) if found is not None and found.status == "open" else None
            # Without a word of it there, it is as late as the ledger is far.
            seen = tip if found is None else block.block.time if block is not None else row.time
            if is_late(row.time, seen):
                late.append({"id": bytes(row.id)})
        if late:
            node.store.write(lambda connection: connection.execute(sql.insert(emergency_late), late))
        return len(late)

    def _words(self, row: Any) -> tuple[str, str]:
        """The name and the reason of who declared it; a row that cannot be opened must not hide the others."""
        try:
            name, text = codec.decode(self._node.vault.open(None, bytes(row.sealed), bytes(row.id)))
        except (VaultError, codec.CodecError):
            return "", ""
        return str(name), str(text)

    def review(self, identifier: bytes, reviewer: str, reviewer_name: str, outcome: ReviewOutcome, words: str) -> None:
        """Review an emergency; `reviewer` (her id here) is somebody else than who declared it: no entry of the same
        person, and nobody of her name.

        Raises Refusal (unknown-emergency, own-emergency, reason-missing), StoreError.
        """
        about = next((item for item in self.all() if item.id == identifier), None)
        if about is None or about.status in ("refused", "reviewed"):
            raise Refusal(Code.UNKNOWN_EMERGENCY)
        node = self._node
        one_person = staff.person_of(node, reviewer) == staff.person_of(node, about.identity)
        if one_person or same_name(reviewer_name, about.name):
            raise Refusal(Code.OWN_EMERGENCY)
        if not says_something(words):
            raise Refusal(Code.REASON_MISSING)
        now = node.clock()
        manifest = EmergencyReviewManifest(
            "emergency-review/1",
            node.network.hex(),
            node.organisation,
            about.account,
            now,
            about.source,
            identifier.hex(),
            reviewer_name or reviewer,
            outcome,
            words,
        )
        data = manifests.encode(manifest)

        def write(connection: sql.Connection) -> None:
            where = (our_emergency.c.id == identifier) & (our_emergency.c.status != "reviewed")
            if not connection.execute(sql.update(our_emergency).where(where).values(status="reviewed")).rowcount:
                raise Refusal(Code.UNKNOWN_EMERGENCY)
            person = node.journal.person_of_account(connection, about.account)
            who = person.id if person is not None else None
            extras = {"settles": [[about.source, identifier]]}
            summary = [23, now, about.source, outcome, identifier]
            node.journal.append(connection, [Draft("emergency-review/1", data, who, extras, summary)])
            row = {"organisation": about.source, "path": REVIEWS_PATH, "payload": data, "due": now}
            outgoing.queue(connection, node.vault, about.account, [row])

        node.store.write(write)
