"""Breaking the glass at the organisation that holds the records.

declare   who asks, in which role, why, for how long: written down with the review that the requester owes, and told to
          the person at once; nothing has gone out yet
check     from then on the gate lets requests of that practitioner for ETREAT and BTG through to the decision, which has
          one rule more (core/consent/emergency.py) and still hears what the person and the law forbid
reviewed  the outcome comes back and is handed on to the person

It works while the ledger cannot be reached: the line is in the journal, sealed, and is anchored later; it says since
when lines wait, so that everybody sees that it came late.
"""

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.consent import decide as deciding
from medrec.core.consent import emergency, terms
from medrec.core.consent.emergency import HOUR_MS, HOURS_MAX, REVIEW_MS, Scope
from medrec.core.manifests.access import Request
from medrec.core.manifests.emergency import (
    EmergencyManifest,
    EmergencyReviewedManifest,
    EmergencyReviewManifest,
    review_owed,
    same_name,
    says_enough,
)
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.looks import former
from medrec.node.looks.looks import LATE_MS
from medrec.node.refusals import Code, Refusal
from medrec.node.release.access import ASK_LIFE_MS_MAX, Ask
from medrec.node.release.emergency_kept import broken_glass, end
from medrec.node.release.gate import read_ask

if TYPE_CHECKING:
    from medrec.node.node import Node

EMERGENCY_PATH = "/medrec/emergency"
REVIEWS_PATH = "/medrec/emergency-reviews"
_QUERY = re.compile(r"\$emergency\?code=([a-z-]{1,40})&scope=(summary|restricted)&hours=([0-9]{1,3})\Z", re.ASCII)


def is_late(written: int, seen: int) -> bool:
    """Whether a line came on the ledger late: `seen` is the time of its block, or how far the ledger is without it."""
    return seen - written > LATE_MS


class Declared(NamedTuple):
    """An emergency that stands: its id (that of the review owed), what it opens, until when, and the review's date."""

    id: bytes
    scope: Scope
    until: int
    due: int


class Broken(NamedTuple):
    """An emergency as the privacy officer of the source sees it. `status`: open, overdue, reviewed; `late`: the ledger
    had no word of it in time."""

    id: bytes
    account: str
    requester: str
    identity: str
    scope: str
    since: int
    until: int
    due: int
    status: str
    late: bool


class Emergencies:
    """The emergencies declared at one organisation."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def check(self, account: str, request: Request, now: int) -> Scope | None:
        """What a request may see for the emergency that was declared; None for a request that claims none.

        Raises Refusal (emergency-undeclared, emergency-role): to say that it is an emergency is not enough, and each
        request is held to the roles, whoever declared it under the same id.
        """
        if request.purpose not in terms.EMERGENCY:
            return None
        if not emergency.may_declare(request.role, request.machine):
            raise Refusal(Code.EMERGENCY_ROLE)
        with self._node.store.read() as connection:
            stands = self._stands(connection, account, request, now)
        if "summary" not in stands:
            raise Refusal(Code.EMERGENCY_UNDECLARED)
        return "restricted" if "restricted" in stands else "summary"

    def _stands(self, connection: sql.Connection, account: str, request: Request, now: int) -> dict[str, int]:
        """Until when each scope that was declared by who asks stands."""
        column = broken_glass.c
        rows = connection.execute(
            sql.select(column.scope, sql.func.max(column.until).label("until"))
            .where(
                column.account == account,
                column.requester == request.requester,
                column.identity == request.identity,
                column.since <= now,
                column.until > now,
            )
            .group_by(column.scope)
        ).all()
        return {row.scope: row.until for row in rows}

    def declare(self, caller: str, ask: Ask) -> Declared:
        """Take a declaration; a refusal of it is journalled like that of any request. Raises Refusal, StoreError."""
        gate, now = self._node.gate, self._node.clock()
        try:
            code, scope, hours = _read_query(ask.request)
            gate.authenticate(caller, ask, now)
            self._check_may(ask.request, code)
            return self._take(ask, code, scope, hours, now)
        except Refusal as refusal:
            raise gate.refuse(caller, ask, refusal) from None

    def _check_may(self, request: Request, code: str) -> None:
        if not emergency.may_declare(request.role, request.machine) or not request.identity:
            raise Refusal(Code.EMERGENCY_ROLE)
        if code not in emergency.REASONS or not says_enough(request.reason):
            raise Refusal(Code.EMERGENCY_REASON)

    def _take(self, ask: Ask, code: str, scope: Scope, hours: int, now: int) -> Declared:
        node, request = self._node, ask.request
        with node.store.read() as connection:
            standing = node.gate.decider.standing(connection, ask.account, request, now)
        decision = deciding.decide(node.gate.decider.facts(request, standing), standing.rules, now)
        if node.disputes.stops(ask.account, request.requester):
            raise Refusal(Code.DISPUTED, decided=decision.decided)
        if decision.effect != "permit":
            raise Refusal(Code.DENIED, decided=decision.decided)
        if standing.doubted and scope == "restricted":
            raise Refusal(Code(standing.why), decided=standing.doubted)
        if standing.person is None:
            raise Refusal(Code.UNKNOWN_PERSON)
        person = standing.person
        obligation = review_owed(node.organisation, request.requester, bytes.fromhex(request.id))
        asked, due = now + hours * HOUR_MS, now + REVIEW_MS

        def write(connection: sql.Connection) -> Declared:
            known = connection.execute(sql.select(broken_glass.c.id).where(broken_glass.c.id == obligation)).first()
            if known is not None:
                raise Refusal(Code.REQUEST_REPLAYED)
            stands = self._stands(connection, ask.account, request, now)
            if scope == "restricted" and "summary" not in stands:
                raise Refusal(Code.EMERGENCY_STEP)
            # The second step lasts no longer than the first.
            until = min(asked, stands["summary"]) if scope == "restricted" else asked
            manifest = EmergencyManifest(
                "emergency/1",
                node.network.hex(),
                node.organisation,
                ask.account,
                now,
                request,
                code,
                scope,
                until,
                obligation.hex(),
                due,
                self._away_since(now),
            )
            summary = [20, now, request.requester, code, scope, until, obligation]
            extras = {"owes": [obligation, request.requester, due]}
            draft = Draft("emergency/1", manifests.encode(manifest), person.id, extras, summary)
            line = node.journal.append(connection, [draft])[0]
            row = {
                "id": obligation, "account": ask.account, "requester": request.requester,
                "identity": request.identity, "scope": scope, "since": now, "until": until, "due": due,
                "status": "open", "seq": line.seq,
            }  # fmt: skip
            connection.execute(sql.insert(broken_glass).values(**row))
            return Declared(obligation, scope, until, due)

        return node.store.write(write)

    def _away_since(self, now: int) -> int | None:
        """Since when lines wait for the ledger, or its head is not seen, if that is longer than it should be."""
        oldest, delay = self._node.anchorer.waiting_since(), self._node.merge_delay_ms
        return oldest if oldest is not None and now - oldest > delay else self._node.sight.since(now, delay)

    def all(self) -> list[Broken]:
        """Every emergency that was declared here, those that wait for their review first, then the newest."""
        now = self._node.clock()
        batch, line = store.batch.c, broken_glass.c.seq
        here = (batch.first <= line) & (batch.last >= line) & batch.height.is_not(None)
        chosen = sql.select(broken_glass, batch.time.label("anchored")).join_from(
            broken_glass, store.batch, here, isouter=True
        )
        with self._node.store.read() as connection:
            rows = connection.execute(chosen.order_by(line.desc())).all()
        found = [_broken(row, now) for row in rows]
        order = ("overdue", "open", "reviewed")
        return sorted(found, key=lambda item: order.index(item.status))

    def _by_herself(self, connection: sql.Connection, seq: int, reviewer: str) -> bool:
        """Whether a review is by who declared the emergency, or by somebody of her name: no organisation's word for it
        is enough."""
        line = sql.select(store.line.c.manifest).where(store.line.c.seq == seq)
        kept = self._node.journal.manifest(connection, bytes(connection.execute(line).scalar_one()))
        declared = manifests.decode(kept[1]) if kept is not None else None
        return isinstance(declared, EmergencyManifest) and same_name(declared.request.practitioner, reviewer)

    def take_review(self, requester: str, data: bytes) -> bool:
        """Hand a review on to the person; True once that is in the journal, False if it fits nothing here."""
        try:
            review = manifests.decode(data)
        except manifests.ManifestError:
            return False
        node = self._node
        if not isinstance(review, EmergencyReviewManifest) or review.organisation != requester:
            return False
        identifier = bytes.fromhex(review.obligation)

        def write(connection: sql.Connection) -> bool:
            known = connection.execute(sql.select(broken_glass).where(broken_glass.c.id == identifier)).one_or_none()
            if known is None:
                # The declaration was lost on its way, and once it has run out it can come no more: nothing opened here.
                return node.clock() > review.time + ASK_LIFE_MS_MAX
            if (known.account, known.requester) != (review.account, requester):
                return False
            if known.status != "open":
                return True
            if self._by_herself(connection, known.seq, review.reviewer):
                return False
            person = node.journal.person_of_account(connection, known.account)
            if person is None:
                # Her link was undone since: it is told where that link told.
                person = former.of_line(node, connection, known.account, known.seq)
            now = node.clock()
            manifest = EmergencyReviewedManifest(
                "emergency-reviewed/1",
                node.network.hex(),
                node.organisation,
                known.account,
                now,
                requester,
                review.obligation,
                review.outcome,
                review.words,
                hashlib.sha256(data).hexdigest(),
            )
            summary = [21, now, requester, review.outcome, identifier]
            draft = Draft("emergency-reviewed/1", manifests.encode(manifest), None, None, summary)
            if person is not None:
                former.append(node, connection, draft._replace(person=person.id), person)
            else:
                node.journal.append(connection, [draft])
            where = broken_glass.c.id == identifier
            connection.execute(sql.update(broken_glass).where(where).values(status="reviewed"))
            if review.outcome == "not-justified":
                column = broken_glass.c
                same = (column.account == known.account) & (column.requester == requester)
                second = same & (column.identity == known.identity) & (column.scope == "restricted")
                # What rested on the first step falls with it.
                end(connection, where | second if known.scope == "summary" else where)
            return True

        return node.store.write(write)


def _broken(row: Any, now: int) -> Broken:
    status = "overdue" if row.status == "open" and row.due <= now else row.status
    late = is_late(row.since, now if row.anchored is None else row.anchored)
    return Broken(
        bytes(row.id), row.account, row.requester, row.identity, row.scope, row.since, row.until, row.due, status, late
    )


def _read_query(request: Request) -> tuple[str, Scope, int]:
    found = _QUERY.match(request.query)
    hours = int(found[3]) if found is not None else 0
    if found is None or request.purpose not in terms.EMERGENCY or not 1 <= hours <= HOURS_MAX:
        raise Refusal(Code.MALFORMED)
    return found[1], cast(Scope, found[2]), hours


def answer_emergency(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/emergency: CBOR of an Ask whose query is the declaration -> CBOR {due, id, scope, until}."""
    declared = node.emergencies.declare(caller, read_ask(body))
    return codec.encode(declared._asdict())


def answer_reviews(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/emergency-reviews: CBOR array of reviews (manifests) -> CBOR array of booleans."""
    payloads = codec.decode(body)
    if type(payloads) is not list or any(type(payload) is not bytes for payload in payloads):
        raise Refusal(Code.MALFORMED)
    return codec.encode([node.emergencies.take_review(caller, payload) for payload in payloads])
