"""Finding a person who does not stand at the desk: a score proposes, a human confirms, the person signs the link.

Through her agent a person asks an organisation whether it knows her, stating who she is and signing that. The answer
is always that somebody will look, so that nobody learns from it who is a patient here. In the queue a human sees the
candidates with every field that agrees or differs, and confirms one, or none; nothing is linked by a score. A confirmed
request is answered with a one-time code as at the desk, which the person's agent collects and presents, signed. What
the human says is a line of the journal.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec, manifests, matching, state
from medrec.core.credential import signed_by
from medrec.core.manifests.desk import MATCH_DECIDED, MatchDecidedManifest, request_name, signs
from medrec.core.matching import WEIGHTS, Comparison, Demographics, Field, Weight, compare, of_patient, plain
from medrec.core.records.canonical import RecordError, canonical
from medrec.node.keeping import account_keys, store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault, VaultError
from medrec.node.right_person import desk_hands
from medrec.node.right_person.link import LinkError

if TYPE_CHECKING:
    from medrec.node.node import Node

FIND_PATH = "/medrec/find"
CANDIDATES_MAX = 20
WAITING_MAX = 3
"""So many requests of one account wait at a time."""
TEXT_MAX, NUMBERS_MAX = 200, 8
"""Signs in what somebody states, as on her own page, and numbers."""
MATCH_LIFE_MS = 7 * 86_400_000
"""How long a confirmed request waits for the person to sign."""

request = Table(
    "match_request",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("agent", String(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("status", String(8), nullable=False),
    Column("by", String(80), nullable=False, default=""),
    Column("sealed", LargeBinary, nullable=False),
)
"""status: waiting, ready (a code lies in `sealed`), refused. `sealed` is under a key of the account's own."""


class Candidate(NamedTuple):
    """A local patient who may be the one."""

    patient: str
    who: Demographics
    comparison: Comparison


class Waiting(NamedTuple):
    """A request in the queue: who asks through which agent, what she states, and the candidates, the best first."""

    id: bytes
    account: str
    agent: str
    time: int
    stated: Demographics
    candidates: tuple[Candidate, ...]


class Queue(NamedTuple):
    """Those who wait, and how many more cannot be opened: their key is gone, or their bytes changed."""

    queue: list[Waiting]
    shut: int


def find_message(network: bytes, organisation: str, account: str, identifier: bytes, stated: Demographics) -> bytes:
    """What a person signs to be looked for (32 bytes)."""
    digest = hashlib.sha256(codec.encode(as_stated(stated))).digest()
    parts = [network, organisation, account, identifier, digest]
    return hashlib.sha256(b"medrec/find/1" + codec.encode(parts)).digest()


def as_stated(stated: Demographics) -> dict[str, Any]:
    """Demographics as they travel in a request."""
    return msgspec.to_builtins(stated) | {"identifiers": list(stated.identifiers)}  # type: ignore[no-any-return]


class Matching:
    """The organisation's queue of people who want to be found."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._known: dict[str, tuple[bytes, Demographics]] = {}
        self.weights: Mapping[Field, Weight] = WEIGHTS

    def asked(self, caller: str, body: bytes) -> bytes:
        """Take a request of an agent, or tell what became of it: CBOR {account, demographics, id, key, signature}.

        Returns CBOR {"status": waiting | ready | refused, "code": bytes or absent}. Raises LinkError.
        """
        try:
            asked = codec.decode(body)
            account, identifier, key = str(asked["account"]), asked["id"], asked["key"]
            stated = msgspec.convert(asked["demographics"], Demographics)
            if type(identifier) is not bytes or len(identifier) != 16 or not stated.birth or not stated.family:
                raise ValueError
            if any(len(text) > TEXT_MAX for text in _texts(stated)) or len(stated.identifiers) > NUMBERS_MAX:
                raise ValueError
            message = find_message(self._node.network, self._node.organisation, account, identifier, stated)
        except (codec.CodecError, msgspec.ValidationError, KeyError, TypeError, ValueError):
            raise LinkError("malformed", "The request to be found is not readable.") from None
        with self._node.engine.view() as view:
            found = state.account(view, account)
        credential = found.credentials.get(key.hex()) if found is not None and type(key) is bytes else None
        signature = asked.get("signature")
        if credential is None or type(signature) is not bytes or not signed_by(credential, message, signature):
            raise LinkError("not-the-account", "The account's holder did not sign this.")
        told = msgspec.structs.replace(stated, identifiers=matching.single(stated.identifiers))
        return codec.encode(self._node.store.write(lambda c: self._take(c, caller, account, identifier, told)))

    def _take(
        self, connection: sql.Connection, caller: str, account: str, identifier: bytes, stated: Demographics
    ) -> dict[str, Any]:
        vault = self._node.vault
        row = connection.execute(sql.select(request).where(request.c.id == identifier)).one_or_none()
        if row is not None:
            if (row.account, row.agent) != (account, caller):
                raise LinkError("malformed", "This request belongs to somebody else.")
            if row.status != "ready":
                return {"status": row.status}
            return {"status": "ready", "code": _opened(connection, vault, row)}
        mine = (request.c.account == account) & (request.c.status == "waiting")
        count = sql.select(sql.func.count()).select_from(request).where(mine)
        if connection.execute(count).scalar_one() >= WAITING_MAX:
            raise LinkError("too-many", "Earlier requests are still being looked at; please wait.")
        sealed = account_keys.seal_for(connection, vault, account, msgspec.json.encode(stated), identifier)
        connection.execute(
            sql.insert(request).values(
                id=identifier, account=account, agent=caller, time=self._node.clock(), status="waiting", sealed=sealed
            )
        )
        return {"status": "waiting"}

    def queue(self) -> list[Waiting]:
        """What waits for a human, oldest first, with the candidates as they are now; what can be opened."""
        return self.all_waiting().queue

    def all_waiting(self) -> Queue:
        """The same, with the number of requests that cannot be opened: one such keeps no other from being seen."""
        with self._node.store.read() as connection:
            rows = connection.execute(
                sql.select(request).where(request.c.status == "waiting").order_by(request.c.time, request.c.id)
            ).all()
            free = [
                str(patient)
                for patient in connection.execute(
                    sql.select(store.person.c.patient).where(
                        store.person.c.patient.is_not(None), store.person.c.account.is_(None)
                    )
                ).scalars()
            ]
            opened = [(row, self._stated(connection, row)) for row in rows]
        if not rows:
            return Queue([], 0)
        buckets = self._buckets(free)
        found = [
            Waiting(bytes(row.id), row.account, row.agent, row.time, stated, self._candidates(stated, buckets))
            for row, stated in opened
            if stated is not None
        ]
        return Queue(found, len(rows) - len(found))

    def _stated(self, connection: sql.Connection, row: Any) -> Demographics | None:
        """What somebody stated who waits; None where it cannot be opened."""
        try:
            return msgspec.json.decode(_opened(connection, self._node.vault, row), type=Demographics)
        except (VaultError, msgspec.DecodeError):
            return None

    def confirm(self, identifier: bytes, patient: str, by: str, member: str = "") -> bool:
        """A human says that the request is of this local patient; `by` is who, `member` her id among the staff. False
        if it waits for somebody else at the desk to say so, too. Raises LinkError."""
        waiting = next((item for item in self.queue() if item.id == identifier), None)
        if waiting is None or patient not in [candidate.patient for candidate in waiting.candidates]:
            raise LinkError("not-waiting", "This request does not wait for that patient (any more).")
        if not desk_hands.says_match(self._node, identifier, patient, by, member):
            return False
        # Somebody looked at the request of one account: nobody else presents what it was answered with.
        code = self._node.linker.invite(patient, MATCH_LIFE_MS, whose=(waiting.account, waiting.agent))
        self._settle(identifier, "confirmed", by, code, patient)
        return True

    def refuse(self, identifier: bytes, by: str) -> None:
        """A human says that nobody here is meant. What the person stated is forgotten. Raises LinkError."""
        self._settle(identifier, "refused", by, b"")

    def _settle(
        self,
        identifier: bytes,
        decision: Literal["confirmed", "refused"],
        by: str,
        code: bytes,
        patient: str | None = None,
    ) -> None:
        node, time, by = self._node, self._node.clock(), signs(by)
        status = "ready" if decision == "confirmed" else "refused"
        manifest = MatchDecidedManifest(
            "match-decided/1", node.network.hex(), node.organisation, None, time, request_name(identifier), decision, by
        )
        summary = [MATCH_DECIDED, time, decision]

        def write(connection: sql.Connection) -> None:
            waits = (request.c.id == identifier) & (request.c.status == "waiting")
            account = connection.execute(sql.select(request.c.account).where(waits)).scalar()
            if account is None:
                raise LinkError("not-waiting", "This request does not wait (any more).")
            sealed = account_keys.seal_for(connection, node.vault, account, code, identifier)
            connection.execute(sql.update(request).where(waits).values(status=status, by=by[:80], sealed=sealed))
            person = node.journal.person_of_patient(connection, patient) if patient is not None else None
            draft = Draft("match-decided/1", manifests.encode(manifest), person, None, summary)
            node.journal.append(connection, [draft])

        node.store.write(write)

    def _candidates(self, stated: Demographics, buckets: dict[str, list[str]]) -> tuple[Candidate, ...]:
        """Those who share a birth date, a family name or a number, scored; below POSSIBLE nobody is shown."""
        named = {patient: None for label in _labels(stated) for patient in buckets.get(label, ())}
        scored = []
        for patient in named:
            who = self._known[patient][1]
            scored.append(Candidate(patient, who, compare(stated, who, self.weights)))
        likely = [found for found in scored if found.comparison.verdict != "unlikely"]
        likely.sort(key=lambda found: (-found.comparison.score, found.patient))
        return tuple(likely[:CANDIDATES_MAX])

    def _buckets(self, patients: list[str]) -> dict[str, list[str]]:
        buckets: dict[str, list[str]] = defaultdict(list)
        for patient in patients:
            raw = self._node.source.read("Patient", patient)
            if raw is None:
                continue
            digest = hashlib.sha256(raw).digest()
            before = self._known.get(patient)
            if before is None or before[0] != digest:
                try:
                    self._known[patient] = (digest, of_patient(canonical(raw).value))
                except RecordError:
                    continue
            for label in _labels(self._known[patient][1]):
                buckets[label].append(patient)
        return buckets


def _texts(stated: Demographics) -> list[str]:
    return [stated.family, stated.given, stated.birth, stated.sex, stated.postcode, stated.phone, *stated.identifiers]


def _labels(who: Demographics) -> list[str]:
    parts = [f"birth {who.birth[:10]}" if who.birth else "", f"family {plain(who.family)}" if who.family else ""]
    return [part for part in (*parts, *(f"number {number}" for number in who.identifiers)) if part]


def _opened(connection: sql.Connection, vault: Vault, row: Any) -> bytes:
    """What is kept of a request. What came before there were keys of its own lies under the master key."""
    if account_keys.number_of(connection, row.account) is None:
        return vault.open(None, bytes(row.sealed), bytes(row.id))
    return account_keys.open_for(connection, vault, row.account, bytes(row.sealed), bytes(row.id))
