"""New phones of people whose keys are gone: a passkey waits at an agent until its owner's way back is over.

A case gives no right. It is also what a node goes on by that stopped between the ledger, where a new key acts already,
and its own rows (`settle`): for a way back, a second device, and an account that somebody opened by joining.

A case lets those who may speak for a person (her guardians, a clinic that has her before it, or who
holds her paper code) say which new key they speak of, by a number that she reads to them. Whose case it is stands here
only when one of them has said so. Numbers can be guessed: a key that somebody else let into an account opens it when
its owner has been told whose it is, and said that it is hers (`say_hers`).
"""

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec, ladder, state
from medrec.core.credential import NewCredential
from medrec.core.crypto import key_id
from medrec.core.ladder import Attempt
from medrec.node.account import devices, paper, recovery
from medrec.node.account.devices import LABEL_LENGTH_MAX
from medrec.node.agent.own import places
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.peers.limiter import Limiter
from medrec.node.peers.proxied import site_of
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

RETURNING_PATH = "/medrec/returning"
LIFE_MS = 30 * 86_400_000
NUMBER_DIGITS = 9
UNSAID_MAX = 5_000
"""So many keys wait of which nobody has said yet whose they are. Then one of those gives way that came from where most
come from: whoever fills the room pushes out nobody but himself."""
SEEN_MS = 10 * 60_000
"""How long a key whose page was asked for gives way after the others from the same place."""


class _Looked(NamedTuple):
    """What is known of a waiting key in memory alone, since no address is kept: where it came from, and when its page
    was last asked for."""

    origin: str = ""
    seen: int = 0


NUMBERS_OF_CALLER, NUMBERS_MS = 200, 3_600_000
"""So many numbers a caller may give in so long: nobody finds the new phones that wait by trying."""
_numbers: "WeakKeyDictionary[Node, Limiter]" = WeakKeyDictionary()
_looked: "WeakKeyDictionary[Node, dict[bytes, _Looked]]" = WeakKeyDictionary()

new_phone = Table(
    "new_phone",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("number", String(NUMBER_DIGITS), nullable=False, unique=True),
    Column("account", String(80)),
    Column("since", BigInteger, nullable=False),
    Column("began", BigInteger),
    Column("sealed", LargeBinary, nullable=False),
)


class Case(NamedTuple):
    """A new key that waits: its number to read aloud, whose it is said to be (None: nobody said yet), since when, and
    when a way back was begun for it here. `name` is that of somebody who joins with it; "" for all others. `hers`: who
    holds the key has said herself that the account is hers."""

    digest: bytes
    number: str
    account: str | None
    since: int
    began: int | None
    credential: NewCredential
    credential_id: bytes
    label: str
    name: str = ""
    hers: bool = False

    @property
    def key(self) -> bytes:
        """The id of the new key."""
        return key_id(self.credential.key)

    @property
    def short_code(self) -> str:
        """The six digits that everybody compares; "" before it is known whose case it is."""
        return ladder.short_code(self.account, ladder.credential_hash(self.credential)) if self.account else ""


class Course(NamedTuple):
    """How a case stands on the ledger: whether it is done, the attempt for its key, how many guardians agreed to it of
    how many that are needed, and whether another attempt is under way."""

    done: bool
    attempt: Attempt | None
    agreed: int
    needed: int
    other: bool


def begin(
    node: "Node",
    credential: NewCredential,
    credential_id: bytes,
    label: str,
    account: str | None = None,
    name: str = "",
    origin: str = "",
) -> Case:
    """Let a new key wait that came from an address. The same passkey begun again is a new case under a new number.
    Somebody who joins brings the address of her account to come, and her name."""
    number = "".join(str(byte % 10) for byte in node.vault.random(NUMBER_DIGITS))
    digest, now = _digest(credential_id), node.clock()
    case = Case(
        digest, number, account, now, None, credential, credential_id, label[:LABEL_LENGTH_MAX], name, bool(name)
    )
    row = {"digest": digest, "number": number, "account": account, "since": now, "began": None}
    row["sealed"] = _sealed(node, case)

    def closure(connection: sql.Connection) -> None:
        over = (new_phone.c.since < now - LIFE_MS) | (new_phone.c.digest == digest)
        connection.execute(sql.delete(new_phone).where(over))
        if account is None:
            _make_room(node, connection, now)
        connection.execute(sql.insert(new_phone).values(**row))

    node.store.write(closure)
    if account is None:
        _looked.setdefault(node, {})[digest] = _Looked(origin, 0)
    return case


def _make_room(node: "Node", connection: sql.Connection, now: int) -> None:
    unsaid = new_phone.c.account.is_(None) & new_phone.c.began.is_(None)
    rows = connection.execute(sql.select(new_phone.c.digest).where(unsaid).order_by(new_phone.c.since)).scalars()
    waiting = [bytes(one) for one in rows]
    if len(waiting) < UNSAID_MAX:
        return
    known = _looked.get(node, {})
    looked = _looked[node] = {digest: known.get(digest, _Looked()) for digest in waiting}
    from_where = Counter(site_of(one.origin) for one in looked.values())

    def gives_way(digest: bytes) -> tuple[int, bool]:
        one = looked[digest]
        return -from_where[site_of(one.origin)], one.seen > now - SEEN_MS

    # Of equals the oldest: the sort keeps their order.
    for digest in sorted(waiting, key=gives_way)[: len(waiting) - UNSAID_MAX + 1]:
        connection.execute(sql.delete(new_phone).where(new_phone.c.digest == digest))


def saw(node: "Node", case: Case) -> None:
    """Somebody asked for the page of a case."""
    kept = _looked.setdefault(node, {})
    kept[case.digest] = _Looked(origin(node, case), node.clock())


def origin(node: "Node", case: Case) -> str:
    """Where a case came from; "" if that is not known any more."""
    return _looked.get(node, {}).get(case.digest, _Looked()).origin


def find(node: "Node", digest: bytes) -> Case | None:
    """A case by the digest of its passkey's id."""
    return _one(node, new_phone.c.digest == digest)


def by_passkey(node: "Node", credential_id: bytes) -> Case | None:
    """The case of a passkey, by the id that browsers know it by."""
    return find(node, _digest(credential_id))


def by_number(node: "Node", number: str) -> Case | None:
    """The case of a number, as somebody typed it."""
    return _one(node, new_phone.c.number == "".join(number.split()).replace("-", ""))


def let_in(node: "Node", account: str) -> list[Case]:
    """The new keys that act for an account, and whose owners have not said yet that it is theirs."""
    with node.store.read() as connection:
        digests = [bytes(one) for one in connection.execute(
            sql.select(new_phone.c.digest).where(new_phone.c.account == account).order_by(new_phone.c.since)
        ).scalars()]  # fmt: skip
    cases = [case for digest in digests if (case := find(node, digest)) is not None]
    # Anybody knows a public key: a case with one of hers is no new key.
    known = {device.key for device in devices.of_account(node, account)}
    return [case for case in cases if not case.hers and case.key not in known and course(node, case).done]


def bind(node: "Node", case: Case, account: str) -> Case:
    """Say whose case it is. What one has said, no other says otherwise. Raises LookupError."""

    def closure(connection: sql.Connection) -> str:
        mine = new_phone.c.digest == case.digest
        before = connection.execute(sql.select(new_phone.c.account).where(mine)).scalar()
        if before is None:
            connection.execute(sql.update(new_phone).where(mine).values(account=account))
        return before or account

    if node.store.write(closure) != account:
        raise LookupError("This number belongs to another account.")
    return case._replace(account=account)


def say_hers(node: "Node", case: Case) -> Case:
    """Whoever holds the key says that the account of the case is hers: by her paper code, by the words of her record,
    or when it was named to her."""
    said = case._replace(hers=True)
    where, values = new_phone.c.digest == case.digest, {"sealed": _sealed(node, said)}
    node.store.write(lambda connection: connection.execute(sql.update(new_phone).where(where).values(**values)))
    return said


def mark_begun(node: "Node", case: Case) -> None:
    """Remember that a way back was begun for a case, so that it can be said when it was stopped."""
    values = {"began": node.clock()}
    where = new_phone.c.digest == case.digest
    node.store.write(lambda connection: connection.execute(sql.update(new_phone).where(where).values(**values)))


def forget(node: "Node", case: Case) -> None:
    """A case is over."""
    node.store.write(lambda connection: connection.execute(_gone(case)))


def settle(node: "Node", case: Case) -> bool:
    """Take in a new key that the ledger has let into its account; False if it has not, if she is not served here, or if
    the one who holds the key has not said that the account is hers: then her case stays until she has.

    What lets it in calls this as its last step. If the node stops before that, the next visit of the key does.
    """
    assert node.agent is not None
    account = case.account
    if account is None or not case.hers or not course(node, case).done:
        return False
    if not is_served(node, account):
        if not case.name:
            return False
        node.agent.enroll(account, case.name, node.vault.random(paper.VIEW_BYTES))
    # A key has one row: the same public key under another id is nobody's new device.
    known = [one for one in devices.of_account(node, account) if one.key == case.key]
    if all(one.credential_id == case.credential_id for one in known):
        devices.remember(node, account, case.key, case.credential_id, case.label)
    forget(node, case)
    return not known or known[0].credential_id == case.credential_id


def is_served(node: "Node", account: str) -> bool:
    """Whether this agent serves a person."""
    with node.store.read() as connection:
        mine = sql.select(store.client.c.account).where(store.client.c.account == account)
        return connection.execute(mine).first() is not None


def course(node: "Node", case: Case) -> Course:
    """How a case stands on the ledger now."""
    if case.account is None:
        return Course(False, None, 0, 0, False)
    digest = ladder.credential_hash(case.credential)
    with node.engine.view() as view:
        held = state.account(view, case.account)
        found = ladder.ladder_of(view, case.account)
        now = max(node.clock(), view.tip.time)
    attempt, guardians = found.attempt_at(now), found.doors_at(now).guardians
    mine = attempt is not None and ladder.credential_hash(attempt.credential) == digest
    recent = [word for word in found.approvals.values() if now < word.time + ladder.LIFE_MS]
    return Course(
        done=held is not None and case.key.hex() in held.credentials,
        attempt=attempt if mine else None,
        agreed=sum(word.credential == digest for word in recent),
        needed=guardians.needs if guardians is not None else 0,
        other=attempt is not None and not mine,
    )


def account_of_paper(node: "Node", code: bytes) -> str | None:
    """Whose paper code this is, among the people whom this agent serves."""
    wanted = paper.paper_hash(code)
    with node.store.read() as connection:
        served = list(connection.execute(sql.select(store.client.c.account)).scalars())
    with node.engine.view() as view:
        now = max(node.clock(), view.tip.time)
        return next((one for one in served if wanted in ladder.ladder_of(view, one).doors_at(now).papers), None)


def answer_returning(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/returning, by a clinic that has a person before it, or by the agent of a guardian of hers: CBOR
    {account, number}, and of such an agent {guardian}, too -> CBOR {credential}.

    The number is what she reads from her new phone; without it nothing is said, not even whether she is served here.
    """
    try:
        asked = codec.decode(body)
        account, number, guardian = asked["account"], asked["number"], asked.get("guardian", "")
    except (codec.CodecError, KeyError, TypeError, AttributeError):
        raise Refusal(Code.MALFORMED) from None
    if any(type(one) is not str for one in (account, number, guardian)):
        raise Refusal(Code.MALFORMED)
    tries = _numbers.setdefault(node, Limiter(NUMBERS_OF_CALLER, NUMBERS_MS))
    if not tries.allow(caller, node.clock()):
        raise Refusal(Code.TOO_MANY_NUMBERS)
    case = by_number(node, number)
    # Only a place that she is linked to can have her before it, and only a guardian hear the number; for all others she
    # does not exist.
    may = is_served(node, account) and (caller in places(node, account) or _guards(node, account, guardian))
    if case is None or not may:
        raise Refusal(Code.NO_SUCH_NUMBER)
    try:
        bound = bind(node, case, account)
    except LookupError:
        raise Refusal(Code.NO_SUCH_NUMBER) from None
    return codec.encode({"credential": _plain(bound.credential)})


def _guards(node: "Node", account: str, guardian: str) -> bool:
    chosen = recovery.guardians_of(node, account) if guardian else None
    return chosen is not None and guardian in chosen.members


def credential_in(data: Any) -> NewCredential:
    """A credential as it goes between nodes. Raises ValueError."""
    form: Any = NewCredential
    credential: NewCredential = msgspec.convert(data, form, builtin_types=(bytes,))
    return credential


def _one(node: "Node", where: sql.ColumnElement[bool]) -> Case | None:
    with node.store.read() as connection:
        row = connection.execute(sql.select(new_phone).where(where)).one_or_none()
    if row is None or row.since < node.clock() - LIFE_MS:
        return None
    stated, credential_id, label, *said = codec.decode(node.vault.open(None, bytes(row.sealed), bytes(row.digest)))
    # A row of an earlier version has no word on whose it is; who joins says so by joining.
    name, hers = (*said, bool(said[0]))[:2] if said else ("", False)
    return Case(
        bytes(row.digest), row.number, row.account, row.since, row.began, credential_in(stated), credential_id, label,
        name, hers,
    )  # fmt: skip


def _sealed(node: "Node", case: Case) -> bytes:
    kept = [_plain(case.credential), case.credential_id, case.label, case.name, case.hers]
    return node.vault.seal(None, codec.encode(kept), case.digest)


def _gone(case: Case) -> Any:
    return sql.delete(new_phone).where(new_phone.c.digest == case.digest)


def _digest(credential_id: bytes) -> bytes:
    return hashlib.sha256(b"medrec/returning/1" + credential_id).digest()


def _plain(credential: NewCredential) -> Any:
    return msgspec.to_builtins(credential, builtin_types=(bytes,))
