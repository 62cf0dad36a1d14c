"""The door that pushes: a referral takes records to a provider of the ledger's directory.

    refer(...)            the gate decides and writes the disclosure down; from then on it waits to be delivered
    Referrals.step(now)   each attempt decides again and reads again: what was taken back meanwhile does not leave
    answer_referral       the provider verifies it, writes its half, keeps it, and says so: that is the receipt

Delivered at least once, kept once. One that is stopped after it was written down reaches the provider without its
records, so that it can state that nothing came; it stays stopped, whatever is permitted later. One whose records may
have left before (no answer came) is not written down as "not sent": the provider says whether they are there. A crash
at any place leaves a referral that waits.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from medrec.core import codec, manifests
from medrec.core.manifests.access import DisclosureManifest, Outcome, obligation_of
from medrec.core.state import Organisation
from medrec.node.keeping import account_keys
from medrec.node.keeping.store import StoreError, metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.looks.access_log import was_stopped
from medrec.node.peers.peers import PeerError
from medrec.node.records.deliver import wait_ms
from medrec.node.refusals import TRY_AGAIN, Code, Refusal
from medrec.node.release import access, pushed, receive
from medrec.node.release.access import Ask, Release, UnreadableError
from medrec.node.release.practitioners import Practitioner
from medrec.node.release.pull import Pages
from medrec.node.release.receive import NotGenuineError

if TYPE_CHECKING:
    from medrec.node.node import Node

REFERRAL_PATH = "/medrec/referral"
PROVIDERS = frozenset({"hospital", "clinic", "lab"})
LIFE_MS = 5 * 60_000
WAITING = ("waiting", "sending")

# status: waiting; sending (its records were sent at least once, and no answer came); delivered; stopped (taken back, or
# refused by the gate); refused (it did not verify over there).
referral_sent = Table(
    "referral_sent",
    metadata,
    Column("obligation", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("recipient", String(32), nullable=False),
    Column("ask", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("status", String(10), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("trouble", String(500), nullable=False),
)

referral_taken = Table(
    "referral_taken",
    metadata,
    Column("obligation", LargeBinary(16), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("account", String(80), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


class Referral(NamedTuple):
    """A referral as its sender sees it; `due` (ms) is when it is tried again, `trouble` why it is not there yet.

    `status`: waiting, delivered, stopped, refused."""

    obligation: bytes
    account: str
    recipient: str
    time: int
    status: str
    attempts: int
    due: int
    trouble: str


class Referred(NamedTuple):
    """A referral as the provider has it: from whom, about whom, who wrote it and why, and the verified records.
    `in_part` names those ("Type/id") that were cut at their source: signed by it, not provable against the ledger."""

    obligation: bytes
    source: str
    account: str
    time: int
    practitioner: str
    reason: str
    records: tuple[tuple[str, str, bytes], ...]
    in_part: frozenset[str] = frozenset()


class Taken(NamedTuple):
    """The referrals that came here, and how many more cannot be opened: their key is gone, or their bytes changed."""

    referrals: list[Referred]
    shut: int


def providers(node: "Node") -> list[Organisation]:
    """The organisations of the ledger's directory that somebody can be referred to, by name."""
    found = [one for one in node.directory.active() if PROVIDERS & set(one.roles) and one.id != node.organisation]
    return sorted(found, key=lambda one: (one.name, one.id))


class Referrals:
    """The referrals of one node, sent and taken."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        # What `refer` is deciding at this moment: `step` runs beside it and leaves it alone. After a crash it is empty,
        # and whatever waits is decided by `step`.
        self._deciding: set[bytes] = set()

    def refer(
        self,
        account: str,
        recipient: str,
        *,
        practitioner: Practitioner,
        reason: str,
        purpose: str = "TREAT",
        types: tuple[str, ...] = (),
        ids: tuple[str, ...] = (),
    ) -> Referral:
        """Refer a person to a provider, with her records of these types and ids (none: all that she permits it).

        `practitioner` is somebody of this organisation. Raises Refusal: also for a recipient that is no provider, and
        for more records than one referral takes.
        """
        node = self._node
        now, identifier = node.clock(), node.vault.random(receive.REQUEST_BYTES)
        wanted: dict[str, Any] = {"door": "push", "types": list(types), "ids": list(ids), "requester": recipient}
        request = practitioner.request(identifier, purpose, reason, **wanted)
        ask = practitioner.ask(node.network, node.organisation, account, now + LIFE_MS, request)
        if recipient not in {one.id for one in providers(node)}:
            no = Refusal(Code.NOT_A_PROVIDER)
            # Of who is on the ledger, suspended or no provider, there is a line; a slip of the pen names nobody.
            raise no if node.directory.find(recipient) is None else node.gate.refuse(recipient, ask, no)
        obligation = obligation_of(node.organisation, recipient, identifier)
        row = {
            "obligation": obligation,
            "account": account,
            "recipient": recipient,
            "time": now,
            "status": "waiting",
            "attempts": 0,
            "due": now,
            "trouble": "",
        }

        def keep(connection: sql.Connection) -> None:
            sealed = account_keys.seal_for(connection, node.vault, account, access.encode(ask), obligation)
            connection.execute(sql.insert(referral_sent).values(**row, ask=sealed))

        self._deciding.add(obligation)
        try:
            node.store.write(keep)
            node.gate.release(recipient, ask, Parcel(node))
        except Refusal as refusal:
            self._ended(obligation, refusal)
            raise
        finally:
            self._deciding.discard(obligation)
        return next(one for one in self.sent() if one.obligation == obligation)

    def sent(self) -> list[Referral]:
        """What this node has referred, newest first."""
        column = referral_sent.c
        with self._node.store.read() as connection:
            rows = connection.execute(sql.select(referral_sent).order_by(column.time.desc(), column.obligation)).all()
        return [
            Referral(
                bytes(row.obligation), row.account, row.recipient, row.time,
                "waiting" if row.status in WAITING else row.status, row.attempts, row.due, row.trouble,
            )
            for row in rows
        ]  # fmt: skip

    def step(self, now: int) -> int:
        """Try every referral that waits and is due; how many were delivered.

        One that fails in a way nobody foresaw is put off, and the others are tried all the same; the first such failure
        is raised when all were.
        """
        column = referral_sent.c
        with self._node.store.read() as connection:
            rows = connection.execute(
                sql.select(referral_sent).where(column.status.in_(WAITING), column.due <= now).order_by(column.time)
            ).all()
        delivered, failure = 0, None
        for row in rows:
            if bytes(row.obligation) in self._deciding:
                continue
            try:
                delivered += self._try(row, now)
            except Exception as error:
                failure = failure or error
                with suppress(StoreError):
                    # Its message may quote a record: only its kind is told.
                    self._later(row, f"MedRec has a fault here ({type(error).__name__}); it tries again.", now)
        if failure is not None:
            raise failure
        return delivered

    def _try(self, row: Any, now: int) -> bool:
        node, obligation = self._node, bytes(row.obligation)
        with node.store.read() as connection:
            opened = account_keys.open_for(connection, node.vault, row.account, bytes(row.ask), obligation)
        ask = access.decode(opened, Ask)
        try:
            parcel = self._parcel(row.recipient, ask, obligation, row.status == "sending")
        except Refusal as refusal:
            if refusal.reason in TRY_AGAIN:
                self._later(row, refusal.sentence, now)
            else:
                self._ended(obligation, refusal)
            return False
        try:
            answer = _read_answer(node.peers.call(row.recipient, REFERRAL_PATH, parcel))
        except PeerError as error:
            if error.answered and error.code == Code.NOT_GENUINE.value:
                self._mark(obligation, status="refused", trouble=error.sentence)
            else:
                self._later(row, error.sentence, now)
            return False
        done = "delivered" if answer == "received" else "stopped"
        self._mark(obligation, status=done, attempts=row.attempts + 1)
        return done == "delivered"

    def _parcel(self, recipient: str, ask: Ask, obligation: bytes, sent: bool) -> bytes:
        """What goes to the provider now; `sent`: its records may have left before.

        Raises Refusal if it is to be tried again, or if there is nothing to tell.
        """
        gate, door = self._node.gate, Parcel(self._node)
        if was_stopped(self._node, obligation):
            return gate.stopped(recipient, ask, door)
        try:
            parcel = gate.repeat(recipient, ask, door, sent)
        except Refusal as refusal:
            if refusal.reason in TRY_AGAIN:
                raise
            if refusal.reason is not Code.NOT_FOUND:
                # Written down as disclosed, and not to go out any more: the provider is told, and states what came.
                self._mark(obligation, trouble=refusal.sentence)
                return gate.stopped(recipient, ask, door)
            # The process ended before the gate had decided: it decides now. What was erased since it refuses.
            parcel = gate.release(recipient, ask, door)
        # Before the first byte: an answer that is lost must not leave behind that nothing was sent.
        self._mark(obligation, status="sending")
        return parcel

    def _ended(self, obligation: bytes, refusal: Refusal) -> None:
        """It does not go out. Where it stands in the journal as disclosed, the provider owes a word about it and is
        told at the next step; else nobody waits for one."""
        status = "waiting" if was_stopped(self._node, obligation) else "stopped"
        self._mark(obligation, status=status, trouble=refusal.sentence)

    def _later(self, row: Any, trouble: str, now: int) -> None:
        attempts = row.attempts + 1
        self._mark(bytes(row.obligation), attempts=attempts, due=now + wait_ms(attempts), trouble=trouble[:500])

    def _mark(self, obligation: bytes, **values: Any) -> None:
        where = referral_sent.c.obligation == obligation
        self._node.store.write(
            lambda connection: connection.execute(sql.update(referral_sent).where(where).values(**values))
        )

    def take(self, source: str, parcel: bytes) -> str:
        """Take a referral; the outcome: received, or nothing for one that was stopped. Raises Refusal, StoreError."""
        node = self._node
        try:
            release = access.decode(access.open_release(parcel)[0], Release, access.RELEASE_BYTES_MAX)
            stated = manifests.decode(release.disclosure.manifest)
        except (UnreadableError, manifests.ManifestError):
            raise Refusal(Code.MALFORMED) from None
        if not isinstance(stated, DisclosureManifest) or stated.organisation != source:
            raise Refusal(Code.MALFORMED)
        request = stated.request
        obligation = obligation_of(source, node.organisation, bytes.fromhex(request.id))
        if request.requester != node.organisation or request.door != "push":
            raise Refusal(Code.MALFORMED)
        asking = receive.Asking(source, stated.account, request, None, obligation)
        try:
            opened = receive.verify_release(node, asking, parcel, stopped=not (release.records or release.parts))
        except NotGenuineError as error:
            failure = error
            node.store.write(lambda connection: pushed.refuse_pushed(node, connection, asking, failure))
            raise Refusal(Code.NOT_GENUINE, failure.code) from None
        return node.store.write(lambda connection: self._keep(connection, asking, opened, parcel))

    def _keep(self, connection: sql.Connection, asking: receive.Asking, opened: Any, parcel: bytes) -> str:
        column, node = referral_taken.c, self._node
        known = connection.execute(sql.select(column.seq).where(column.obligation == asking.obligation)).first()
        if known is not None:
            return "received"
        outcome: Outcome = "received" if opened.listed or not opened.disclosure.records else "nothing"
        seq = pushed.state_pushed(node, connection, asking, opened, outcome)
        if seq is None:
            # Its half stands already and says that nothing came, or nothing genuine: so nothing of this is kept.
            return "nothing"
        if outcome == "received":
            row = {
                "obligation": asking.obligation,
                "source": asking.source,
                "account": asking.account,
                "time": node.clock(),
                "seq": seq,
                "sealed": account_keys.seal_for(connection, node.vault, asking.account, parcel, asking.obligation),
            }
            connection.execute(sql.insert(referral_taken).values(**row))
        return outcome

    def taken(self) -> list[Referred]:
        """The referrals that came here, newest first, with the records in them; those that open. Raises StoreError."""
        return self.taken_here().referrals

    def taken_here(self) -> Taken:
        """The same, with the number of those that do not open: one such keeps no other from being seen.

        Raises StoreError.
        """
        found, shut = list[Referred](), 0
        with self._node.store.read() as connection:
            rows = connection.execute(sql.select(referral_taken).order_by(referral_taken.c.seq.desc())).all()
            for row in rows:
                try:
                    found.append(_opened(self._node, connection, row))
                except (VaultError, UnreadableError, manifests.ManifestError):
                    shut += 1
        return Taken(found, shut)


def _opened(node: "Node", connection: sql.Connection, row: Any) -> Referred:
    """A referral that was taken. Raises VaultError, UnreadableError, ManifestError."""
    parcel = account_keys.open_for(connection, node.vault, row.account, bytes(row.sealed), bytes(row.obligation))
    release = access.decode(access.open_release(parcel)[0], Release, access.RELEASE_BYTES_MAX)
    stated: Any = manifests.decode(release.disclosure.manifest)
    whole, cut = iter(release.records), iter(release.parts)
    try:
        records = [
            (listed.type, listed.id, next(whole).content if listed.part is None else next(cut))
            for listed in stated.records
        ]
    except StopIteration:
        raise UnreadableError("there are fewer records than its disclosure lists") from None
    for sent in release.beside:
        medicine: Any = manifests.decode(sent.manifest)
        records.append((medicine.record.type, medicine.record.id, sent.content))
    in_part = frozenset(f"{listed.type}/{listed.id}" for listed in stated.records if listed.part is not None)
    request = stated.request
    return Referred(
        bytes(row.obligation), row.source, row.account, row.time, request.practitioner, request.reason,
        tuple(records), in_part,
    )  # fmt: skip


def _read_answer(answer: bytes) -> str:
    """What a provider says has become of a referral. Raises PeerError: what says nothing is no receipt."""
    try:
        outcome = codec.decode(answer)["outcome"]
    except (codec.CodecError, KeyError, TypeError):
        outcome = None
    if outcome not in ("received", "nothing"):
        raise PeerError("garbage", "The provider's answer does not say whether it is there; it is sent again.")
    return str(outcome)


class Parcel(Pages):
    """The door of a referral: all of it in one, or none."""

    def choose(self, ask: Ask, permitted: Any) -> Any:
        """See gate.Door. A referral has one page."""
        chosen = super().choose(ask, permitted)
        if chosen.more:
            raise Refusal(Code.TOO_LARGE)
        return chosen


def answer_referral(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/referral: a signed release -> CBOR {"outcome"}; the same one again is answered alike."""
    return codec.encode({"outcome": node.referrals.take(caller, body)})
