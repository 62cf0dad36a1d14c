"""Ways back into an account, from the side of devices, guardians and clinics; and the watch that tells everybody.

Each function signs one transaction and puts it on the ledger; what the ledger refuses is an AccountError. A `Signer` is
a key id and what signs 32 bytes with it, a passkey as well as any other key.
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from medrec.core import codec, ladder, state
from medrec.core.credential import NewCredential
from medrec.core.ladder import Doors, Guardians, Revealed
from medrec.core.outcome import Code
from medrec.core.types import decode_transaction, encode_transaction, transaction_id
from medrec.engines.engine import CommittedBlock, Engine, TransactionRefused
from medrec.node.account import aftermath, paper
from medrec.node.account.accounts import AccountError, next_body, submit_signed
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError

if TYPE_CHECKING:
    from medrec.node.node import Node

WATCHED = "watched"
WATCHED_KINDS = ("account/", "recovery/")
DANGEROUS = frozenset({"recovery/by-paper", "recovery/by-guardian", "recovery/by-clinic", "recovery/finish"})
_log = logging.getLogger("medrec.node")

account_event = Table(
    "account_event",
    metadata,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("account", String(80), primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("author", String(80), nullable=False),
    Column("about", String(80), nullable=False),
)


# Whom a person chose as guardians: her agent keeps every set that stands behind a commitment of hers. A change waits,
# and a thief may be the one who began it, so a new set never takes the place of the one in force.
guardian_set = Table(
    "guardian_set",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("commitment", LargeBinary(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)


class Signer(NamedTuple):
    """Somebody who signs: the author of transactions, the key's id, and the function that gives packed proofs."""

    author: str
    key: bytes
    sign: Callable[[bytes], bytes]


class Event(NamedTuple):
    """Something that happened to the account `about`, told to `account`: its owner's, or a guardian's."""

    account: str
    about: str
    kind: str
    author: str
    time: int
    height: int

    @property
    def urgent(self) -> bool:
        """Whether somebody may have to act at once."""
        return self.kind in DANGEROUS


class Readiness(NamedTuple):
    """Which ways back an account has: how many devices and papers, guardians, the clinic. `lost`: there are guardians
    on the ledger, and nobody here knows who they are."""

    devices: int
    papers: int
    guardians: bool
    clinic: bool
    lost: bool = False

    @property
    def ways(self) -> int:
        """How many of four."""
        return (self.devices > 1) + (self.papers > 0) + self.guardians + self.clinic


def choose_doors(
    engine: Engine, network: bytes, by: Signer, guardians: Revealed | None, papers: list[bytes], clinic: bool
) -> None:
    """Set the doors of the signer's account; `papers` are hashes of paper codes. Raises AccountError."""
    committed = None
    if guardians is not None:
        commitment = ladder.guardians_commitment(guardians)
        committed = plain(Guardians(commitment, guardians.needs, len(guardians.members)))
    payload = {"guardians": committed, "papers": papers, "clinic": clinic}
    submit_signed(engine, network, by.author, by.key, by.sign, "account/doors", payload)


def begin_by_paper(engine: Engine, network: bytes, account: str, code: bytes, new: NewCredential) -> None:
    """A person who holds a paper code begins to get her account back for a new key. Raises AccountError."""
    key = paper.paper_key(code)
    payload = {"credential": plain(new), "paper": key.public}
    submit_signed(engine, network, account, key.key_id, key.sign_transaction_id, "recovery/by-paper", payload)


def speak_for(
    engine: Engine, network: bytes, guardian: Signer, account: str, new: NewCredential, guardians: Revealed
) -> None:
    """A guardian agrees to a new key, having compared the short code aloud. Raises AccountError."""
    payload = {"account": account, "credential": plain(new), "guardians": plain(guardians)}
    submit_signed(engine, network, guardian.author, guardian.key, guardian.sign, "recovery/by-guardian", payload)


def vouch(node: "Node", account: str, new: NewCredential, check: ladder.Check, staff: list[Signer]) -> None:
    """This organisation, with two of its staff, has recognised a person who is linked here. Raises AccountError,
    LookupError if she is not: a clinic that holds no record of hers vouches for nobody."""
    with node.store.read() as connection:
        if node.journal.person_of_account(connection, account) is None:
            raise LookupError("This account is not linked here.")
    digest = ladder.credential_hash(new)
    now = node.clock()
    message = ladder.vouch_message(node.network, node.organisation, account, digest, check, now)
    proofs = [[member.key, member.sign(message)] for member in staff]
    payload = {"account": account, "credential": plain(new), "check": check, "staff": proofs, "time": now}
    submit_as_organisation(node, "recovery/by-clinic", payload)


def name_staff(node: "Node", credentials: list[NewCredential]) -> None:
    """Put the keys of this organisation's staff on the ledger. Raises AccountError."""
    submit_as_organisation(node, "organisation/staff", {"credentials": [plain(one) for one in credentials]})


def forget_staff(node: "Node", key: bytes) -> bool:
    """Take somebody's key off the ledger's list of our staff; False if it did not stand there. Raises AccountError."""
    with node.engine.view() as view:
        known = (state.read(view, ladder.staff_key(node.organisation), ladder.Staff) or ladder.Staff()).keys
    if key.hex() not in known:
        return False
    name_staff(node, [kept.credential for name, kept in known.items() if name != key.hex()])
    return True


def veto(engine: Engine, network: bytes, by: Signer, new: NewCredential) -> None:
    """A live key stops a recovery of its account. Raises AccountError."""
    payload = {"credential": ladder.credential_hash(new)}
    submit_signed(engine, network, by.author, by.key, by.sign, "recovery/veto", payload)


def stop(
    engine: Engine, network: bytes, guardian: Signer, account: str, new: NewCredential, guardians: Revealed
) -> None:
    """A guardian is against a recovery. Raises AccountError."""
    payload = {"account": account, "credential": ladder.credential_hash(new), "guardians": plain(guardians)}
    submit_signed(engine, network, guardian.author, guardian.key, guardian.sign, "recovery/stop", payload)


def finish(engine: Engine, network: bytes, by: Signer) -> None:
    """The new key takes its account over. Raises AccountError."""
    submit_signed(engine, network, by.author, by.key, by.sign, "recovery/finish", {})


def freeze(engine: Engine, network: bytes, by: Signer, account: str, guardians: Revealed | None = None) -> None:
    """The owner, or with the set a guardian, freezes an account. Raises AccountError."""
    revealed = plain(guardians) if guardians is not None else None
    payload: dict[str, Any] = {"account": account, "guardians": revealed, "staff": []}
    submit_signed(engine, network, by.author, by.key, by.sign, "account/freeze", payload)


def freeze_here(node: "Node", account: str, member: Signer) -> None:
    """This clinic freezes an account at the word of one of its staff. Raises AccountError."""
    with node.engine.view() as view:
        nonce = state.read_integer(view, state.nonce_key(node.organisation)) + 1
    message = ladder.freeze_message(node.network, node.organisation, account, nonce)
    payload: dict[str, Any] = {"account": account, "guardians": None, "staff": [[member.key, member.sign(message)]]}
    submit_as_organisation(node, "account/freeze", payload)


def unfreeze(engine: Engine, network: bytes, by: Signer, account: str, guardians: Revealed | None = None) -> None:
    """The owner, or with the set a guardian, wants a freeze ended. Raises AccountError."""
    payload = {"account": account, "guardians": plain(guardians) if guardians is not None else None}
    submit_signed(engine, network, by.author, by.key, by.sign, "account/unfreeze", payload)


def readiness(node: "Node", account: str) -> Readiness:
    """The ways back that an account has now, as her agent can open them: the ledger does not tell who guards her."""
    with node.engine.view() as view:
        held = state.account(view, account)
        doors: Doors = ladder.ladder_of(view, account).doors_at(view.tip.time)
    devices = len(held.credentials) if held is not None else 0
    known = doors.guardians is not None and guardians_of(node, account) is not None
    return Readiness(devices, len(doors.papers), known, doors.clinic, guardians_lost(node, account))


def guardians_lost(node: "Node", account: str) -> bool:
    """Whether guardians are in force whose list is not here, as after a move to this agent, and none that is here comes
    after them. They have to be chosen again."""
    with node.engine.view() as view:
        found, now = ladder.ladder_of(view, account), max(node.clock(), view.tip.time)
    if found.doors_at(now).guardians is None or guardians_of(node, account, now) is not None:
        return False
    return found.waiting_at(now) is None or guardians_of(node, account, found.next_at) is None


def keep_guardians(node: "Node", account: str, guardians: Revealed) -> None:
    """Keep the set behind a person's commitment, sealed, so that it can be shown when it is needed."""
    sealed = node.vault.seal(None, codec.encode(plain(guardians)), b"guardians " + account.encode())
    row = {"account": account, "commitment": ladder.guardians_commitment(guardians), "sealed": sealed}

    def closure(connection: sql.Connection) -> None:
        same = (guardian_set.c.account == account) & (guardian_set.c.commitment == row["commitment"])
        connection.execute(sql.delete(guardian_set).where(same))
        connection.execute(sql.insert(guardian_set).values(**row))

    node.store.write(closure)


def guardians_of(node: "Node", account: str, time: int | None = None) -> Revealed | None:
    """The guardians of a person who are in force at a time (now), as her agent keeps them."""
    with node.engine.view() as view:
        at = max(node.clock(), view.tip.time) if time is None else time
        guardians = ladder.ladder_of(view, account).doors_at(at).guardians
    if guardians is None:
        return None
    return next((one for one in sets(node, account) if _stands_behind(one, guardians)), None)


def _stands_behind(revealed: Revealed, guardians: Guardians) -> bool:
    return ladder.guardians_commitment(revealed) == guardians.commitment


def sets(node: "Node", account: str) -> list[Revealed]:
    """Every set of a person's guardians that is kept here, in force or not."""
    query = sql.select(guardian_set.c.sealed).where(guardian_set.c.account == account)
    with node.store.read() as connection:
        sealed = [bytes(one) for one in connection.execute(query).scalars()]
    values = [codec.decode(node.vault.open(None, one, b"guardians " + account.encode())) for one in sealed]
    return [msgspec.convert(value, Revealed, builtin_types=(bytes,)) for value in values]


def submit_as_organisation(node: "Node", kind: str, payload: Any) -> None:
    """A transaction of this organisation's own. Raises AccountError."""
    submit_body(node, next_body(node.engine, node.network, node.organisation, node.keys.key_id, kind, payload))


def submit_body(node: "Node", body: bytes) -> None:
    """The same for a body that is made already. Raises AccountError."""
    proof = ["ed25519", node.keys.sign_transaction_id(transaction_id(body))]
    try:
        position = node.engine.submit([encode_transaction(body, proof)])[0]
        outcome = node.engine.blocks(position.height - 1)[0].outcomes[position.index]
    except TransactionRefused as refused:
        outcome = refused.outcome
    if outcome.code != Code.OK:
        raise AccountError(outcome)


class AccountWatch:
    """Tells the people whom an agent serves of everything that happens to their accounts, and to those they guard.

    The ledger is read, not the word of anybody: who recovers an account cannot leave the notice out. `channels` are
    called with each event; one that fails holds up neither the others nor the ledger.
    """

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()
        self.channels: list[Callable[[Event], None]] = []

    def step(self) -> list[Event]:
        """Read what is new on the ledger, keep it, tell it; the events."""
        with self._lock:
            with self._node.store.read() as connection:
                value = connection.execute(sql.select(store.setting.c.value).where(_is_watched())).scalar()
                served = set(connection.execute(sql.select(store.client.c.account)).scalars())
            after = 0 if value is None else int(codec.decode(bytes(value)))
            blocks = self._node.engine.blocks(after)
            if not blocks:
                return []
            found = [event for block in blocks for event in self._events(block, served)]
            height = blocks[-1].block.height
            self._node.store.write(lambda connection: _keep(connection, found, height))
        for _, event in found:
            for channel in self.channels:
                try:
                    channel(event)
                except Exception as error:
                    _log.error("a channel of notices failed: %s", type(error).__name__)
        return [event for _, event in found]

    def _events(self, block: CommittedBlock, served: set[str]) -> list[tuple[int, Event]]:
        found: list[tuple[int, Event]] = []
        for place, (data, outcome) in enumerate(zip(block.block.transactions, block.outcomes, strict=True)):
            if outcome.code != Code.OK or outcome.detail:
                continue
            body = decode_transaction(data).body
            if not body.kind.startswith(WATCHED_KINDS):
                continue
            about = str(body.payload.get("account", body.author))
            concerned = {about, *self._guardians(about, body.payload.get("guardians"))}
            for account in sorted(concerned & served):
                event = Event(account, about, body.kind, body.author, block.block.time, block.block.height)
                found.append((place, event))
        return found

    def _guardians(self, about: str, revealed: Any) -> list[str]:
        """Whom a transaction names as guardians, and whom the account's owner chose, if she is served here."""
        named = list(revealed.get("members", [])) if isinstance(revealed, dict) else []
        try:
            kept = sets(self._node, about)
        except VaultError:
            kept = []
        return named + [member for one in kept for member in one.members]

    def of(self, account: str, limit: int = 200) -> list[Event]:
        """What a person was told, newest first."""
        row = account_event.c
        query = sql.select(account_event).where(row.account == account).order_by(row.height.desc(), row.place.desc())
        with self._node.store.read() as connection:
            rows = connection.execute(query.limit(limit)).all()
        return [_event(row) for row in rows]

    def within(self, account: str, since: int, until: int) -> list[Event]:
        """What a person was told of this time (ms), however much."""
        row = account_event.c
        query = sql.select(account_event).where(row.account == account, row.time.between(since, until))
        with self._node.store.read() as connection:
            rows = connection.execute(query.order_by(row.height, row.place)).all()
        return [_event(row) for row in rows]


def _event(row: Any) -> Event:
    return Event(row.account, row.about, row.kind, row.author, row.time, row.height)


def _is_watched() -> sql.ColumnElement[bool]:
    return store.setting.c.name == WATCHED


def _keep(connection: sql.Connection, found: list[tuple[int, Event]], height: int) -> None:
    for _, event in found:
        if event.kind == aftermath.FINISHED and event.account == event.about:
            aftermath.note(connection, event.account, event.time)
    if found:
        connection.execute(sql.insert(account_event), [{"place": place, **event._asdict()} for place, event in found])
    connection.execute(sql.delete(store.setting).where(_is_watched()))
    connection.execute(sql.insert(store.setting).values(name=WATCHED, value=codec.encode(height)))


def plain(value: Any) -> Any:
    """A structure as it stands in a payload."""
    return msgspec.to_builtins(value, builtin_types=(bytes,))
