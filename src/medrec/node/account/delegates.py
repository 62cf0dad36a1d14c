"""Helpers of people: who may act for whom, what for, and until when; taken in, asked about, ended, written down.

The one question is `may`: every page, consent, correction and entry of a delegate asks it, each time. A delegation is
dead as soon as its nullifier is in our journal or on the ledger, and so is the right of whoever acted by it with her
next request. Nobody is told that a person ended one, except the person.
"""

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, UniqueConstraint

from medrec.core import codec, ladder, manifests, state
from medrec.core.credential import signed_by
from medrec.core.delegation import Standing, covers, flaw, standing
from medrec.core.manifests.delegation import (
    ActingManifest,
    Clerk,
    Delegation,
    DelegationManifest,
    Right,
    decode_delegation,
    delegation_message,
    encode_delegation,
)
from medrec.engines.engine import EngineError
from medrec.node.account import attested, claims, ending
from medrec.node.account.accounts import signing_keys
from medrec.node.account.heard import Heard, heard
from medrec.node.account.resting import mark_used, use_of
from medrec.node.account.returning import is_served
from medrec.node.agent.own import person_here
from medrec.node.consent.consents import AHEAD_MS_MAX, answer_consent
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Person
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

DELEGATIONS_PATH = "/medrec/delegations"
FORWARD_BYTES_MAX = 16 << 10

delegation_table = Table(
    "delegation",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("delegate", String(80), nullable=False, index=True),
    Column("nullifier", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("ended", BigInteger),
    UniqueConstraint("account", "nullifier"),
)


class Held(NamedTuple):
    """A delegation as it is kept here: its SHA-256, its content, how it stands now; whether the person lets it rest,
    when it goes since nobody uses it, from when it may be used here (attested.py), whether something spoke against it
    when it was last asked about, and why nobody may act by it now (claims.py)."""

    hash: bytes
    delegation: Delegation
    standing: Standing
    ended: int | None
    rests: bool = False
    goes: int = 0
    begins: int = 0
    doubted: bool = False
    closed: claims.Closed | None = None

    @property
    def data(self) -> bytes:
        """The signed text."""
        return encode_delegation(self.delegation)

    @property
    def holds(self) -> bool:
        """Whether the delegate may act now."""
        return self.closed is None

    @property
    def lives(self) -> bool:
        """Whether it may hold still, or again: it was not ended, and its time is not over."""
        return self.ended is None and self.standing not in claims.LASTING


class Delegates:
    """The delegations that this node knows."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def take(self, data: bytes, *clerks: Clerk, caller: str = "") -> bytes:
        """Take in a signed delegation of a person who is linked or served here, which `caller` brings (this
        organisation, if nobody does); its SHA-256. `clerks`, one or two, saw the papers of one that this organisation
        states. Raises Refusal."""
        node, now, digest = self._node, self._node.clock(), hashlib.sha256(data).digest()
        delegation = self.opened(data, now)
        try:
            person = person_here(node, delegation.account)
        except LookupError:
            raise Refusal(Code.NOT_LINKED) from None
        doubt = claims.doubted(node, person, delegation)
        if doubt is not None:
            raise Refusal(Code.DELEGATION_VOID, doubt.why.value)
        shown = self._shown(person, delegation, caller)
        begins = attested.begins(delegation, self.of(delegation.account), shown, now)
        nullifier = bytes.fromhex(delegation.nullifier)
        over = delegation.attested is not None and delegation.nullifier in heard(node, delegation.account).ended
        if over or self._nullified(nullifier):
            raise Refusal(Code.DELEGATION_OVER)
        manifest = DelegationManifest(
            "delegation/1", node.network.hex(), node.organisation, delegation.account, now, delegation, *clerks
        )
        row = {
            "hash": digest,
            "account": delegation.account,
            "delegate": delegation.delegate,
            "nullifier": nullifier,
            "sealed": node.vault.seal(person.keys.data, data, digest),
        }

        def closure(connection: sql.Connection) -> bool:
            column = delegation_table.c
            where = _ends_by(delegation.account, nullifier)
            same = connection.execute(sql.select(column.hash).where(where)).scalar()
            if same is not None:
                if bytes(same) == digest:
                    if shown and now < attested.begun(connection, digest):
                        attested.begin_anew(connection, digest, delegation.account, now)
                    return False
                raise Refusal(Code.NULLIFIER_USED)
            if ending.ended_here(connection, delegation.account, nullifier):
                raise Refusal(Code.DELEGATION_OVER)
            summary = [40, now, delegation.basis, nullifier]
            node.journal.append(
                connection, [Draft("delegation/1", manifests.encode(manifest), person.id, None, summary)]
            )
            connection.execute(sql.insert(delegation_table).values(**row))
            attested.note_begin(connection, digest, delegation.account, begins)
            return True

        if node.store.write(closure):
            self._tell(delegation.account)
        return digest

    def opened(self, data: bytes, now: int) -> Delegation:
        """What is well made, and signed by who has to. Raises Refusal."""
        try:
            if len(data) > FORWARD_BYTES_MAX:
                raise ValueError
            delegation = decode_delegation(data)
        except ValueError:
            raise Refusal(Code.MALFORMED) from None
        if delegation.network != self._node.network.hex():
            raise Refusal(Code.WRONG_NETWORK)
        found = flaw(delegation)
        if found is not None:
            raise Refusal(Code.DELEGATION_VOID, found.sentence)
        if delegation.time > now + AHEAD_MS_MAX:
            raise Refusal(Code.FROM_THE_FUTURE)
        self._check_signature(delegation, now)
        return delegation

    def _shown(self, person: Person, delegation: Delegation, caller: str) -> bool:
        """Whether the person's agent shows a right that an organisation stated: elsewhere than there, nobody else does
        but who stated it, at its own. Raises Refusal."""
        node = self._node
        if delegation.attested is None or is_served(node, delegation.account):
            return False
        shown = person.agent is not None and caller == person.agent
        if not shown and delegation.attested != node.organisation:
            raise Refusal(Code.DELEGATION_VOID, "It comes neither from her agent nor from here.")
        return shown

    def _tell(self, account: str) -> None:
        """Tell a person whom this agent serves, outside too, that somebody may act for her or no longer may."""
        if self._node.teller is not None:
            self._node.teller.tell(account, "key-change")

    def _check_signature(self, delegation: Delegation, now: int) -> None:
        message, signature = delegation_message(delegation), bytes.fromhex(delegation.signature)
        try:
            with self._node.engine.view() as view:
                held = state.account(view, delegation.account)
                waits = ladder.recovery_waits(view, delegation.account, max(now, view.tip.time))
                issuer = state.organisation(view, delegation.attested) if delegation.attested is not None else None
        except EngineError:
            raise Refusal(Code.LEDGER_UNUSABLE) from None
        if held is None or held.frozen:
            raise Refusal(Code.UNKNOWN_ACCOUNT)
        if waits:
            raise Refusal(Code.RECOVERY_WAITS)
        if delegation.attested is None:
            credential = held.credentials.get(delegation.key)
            if credential is None:
                raise Refusal(Code.UNKNOWN_CREDENTIAL)
            if not signed_by(credential, message, signature):
                raise Refusal(Code.BAD_SIGNATURE)
            return
        attested.check_issuer(delegation, issuer)

    def end(self, account: str, secret: bytes, key: bytes, signature: bytes) -> bool:
        """End a delegation: see ending.end."""
        return ending.end(self._node, account, secret, key, signature)

    def mark_ended(self, connection: sql.Connection, account: str, nullifier: bytes, now: int) -> None:
        """It was ended here. Inside `Store.write` only."""
        where = _ends_by(account, nullifier)
        connection.execute(sql.update(delegation_table).where(where).values(ended=now))

    def may(self, account: str, delegate: str, right: Right, kind: str = "", key: bytes = b"") -> Held | None:
        """The delegation by which `delegate` may do this for `account` now, None if there is none.

        `delegate` is an account, or an organisation; with `key`, this key must be one of the account's, or of the
        organisation's staff on the ledger. Raises Refusal if the ledger cannot be read.
        """
        return next(iter(self.every(account, delegate, right, kind, key)), None)

    def every(self, account: str, delegate: str, right: Right, kind: str = "", key: bytes = b"") -> list[Held]:
        """As `may`: all of them, oldest first."""
        if key and not self.acts_with(delegate, key):
            return []
        return [
            held
            for held in self.of(account)
            if held.holds and held.delegation.delegate == delegate and covers(held.delegation, right, kind)
        ]

    def require(self, account: str, delegate: str, right: Right, kind: str = "", key: bytes = b"") -> Held:
        """As `may`. Raises Refusal NOT_A_DELEGATE where there is none."""
        held = self.may(account, delegate, right, kind, key)
        if held is None:
            raise Refusal(Code.NOT_A_DELEGATE)
        return held

    def present(self, organisation: str, account: str, delegate: str, right: Right, key: bytes) -> None:
        """Show an organisation by what right somebody acts for a person, before she does: it checks that by itself, and
        knows it if it was shown before. Raises Refusal NOT_A_DELEGATE, PeerError."""
        self.require(account, delegate, right, key=key)
        for held in self.every(account, delegate, right, key=key):
            self._node.peers.call(organisation, DELEGATIONS_PATH, encode_delegation(held.delegation))

    def check_bringer(self, caller: str, data: bytes) -> None:
        """A consent that a helper signed is brought by the person's own agent alone: it knows whom she lets rest, and
        has just asked whether the helper may. Raises Refusal NOT_A_DELEGATE."""
        try:
            consent: Any = codec.decode_json(data)
            acting, account = consent.get("acting"), consent["account"]
        except (codec.CodecError, AttributeError, KeyError, RecursionError):
            return  # Whoever reads the consent refuses it.
        if acting is None or not isinstance(account, str):
            return
        query = sql.select(store.person.c.agent).where(store.person.c.account == account)
        with self._node.store.read() as connection:
            agent = connection.execute(query).scalar()
        if agent is not None and caller not in (agent, self._node.organisation):
            raise Refusal(Code.NOT_A_DELEGATE)

    def acts_with(self, delegate: str, key: bytes) -> bool:
        """Whether a key is the delegate's: of an account that stands, or of an organisation's staff on the ledger."""
        with self._node.engine.view() as view:
            return key.hex() in (signing_keys(view, delegate) or {})

    def of(self, account: str) -> list[Held]:
        """Everybody who may or might act for a person, oldest first."""
        return self._held(delegation_table.c.account == account)

    def for_delegate(self, delegate: str) -> list[Held]:
        """Everybody whom somebody may act for now, oldest first."""
        return [held for held in self._held(delegation_table.c.delegate == delegate) if held.holds]

    def by_nullifier(self, account: str, nullifier: bytes) -> Held | None:
        """A person's delegation by what ends it: a stranger's that names the same nullifier is none of hers."""
        found = self._held(_ends_by(account, nullifier))
        return found[0] if found else None

    def find(self, digest: bytes) -> Held | None:
        """A delegation by its SHA-256."""
        found = self._held(delegation_table.c.hash == digest)
        return found[0] if found else None

    def _held(self, where: sql.ColumnElement[bool]) -> list[Held]:
        node, now = self._node, self._node.clock()
        kept: list[tuple[Held, Person]] = []
        with node.store.read() as connection:
            accounts = connection.execute(sql.select(delegation_table.c.account).where(where).distinct()).scalars()
            told = {account: Heard() for account in accounts}
        for account in told:
            told[account] = heard(node, account)
        with node.store.read() as connection:
            for row in connection.execute(sql.select(delegation_table).where(where)).all():
                person = node.journal.person_of_account(connection, row.account)
                if person is None:
                    continue
                digest = bytes(row.hash)
                try:
                    delegation = decode_delegation(node.vault.open(person.keys.data, bytes(row.sealed), digest))
                except (VaultError, ValueError):
                    # What cannot be read lets nobody act.
                    continue
                ended, words = row.ended, told.get(row.account, Heard())
                over = delegation.attested is not None and delegation.nullifier in words.ended
                if ended is None and (over or self._nullified(bytes(row.nullifier))):
                    ended = now
                before = self._same(connection, row, words) if delegation.attested is not None else ()
                use = use_of(connection, digest, row.account, delegation.time, before, words.rests)
                begins, doubted = attested.begun(connection, digest), claims.was_doubted(connection, digest)
                stands = standing(delegation, now)
                kept.append((Held(digest, delegation, stands, ended, use.rests, use.goes, begins, doubted), person))
        found = [claims.weighed(node, person, held) for held, person in kept]
        return sorted(found, key=lambda held: (held.delegation.time, held.hash))

    @staticmethod
    def _same(connection: sql.Connection, row: Any, told: Heard) -> list[bytes]:
        """Every delegation of a person to the same delegate: what she let rest, nobody else wakes by a new one."""
        column = delegation_table.c
        mine = (column.account == row.account) & (column.delegate == row.delegate)
        here = [bytes(one) for one in connection.execute(sql.select(column.hash).where(mine)).scalars()]
        return here + [digest for digest, delegate in told.named.items() if delegate == row.delegate]

    def record_act(self, held: Held, right: Right, name: str, person_name: str, subject: str = "") -> None:
        """Write down that somebody acted: with both names, in the person's own journal lines."""
        node, account = self._node, held.delegation.account
        person, now = person_here(node, account), node.clock()
        manifest = ActingManifest(
            "acting/1", node.network.hex(), node.organisation, account, now, held.delegation.delegate,
            f"{name} for {person_name}", held.hash.hex(), right, subject, node.vault.random(16).hex(),
        )  # fmt: skip
        draft = Draft("acting/1", manifests.encode(manifest), person.id, None, [42, now, right, held.hash])
        node.store.write(lambda connection: node.journal.append(connection, [draft]))
        mark_used(node, held.hash, account)

    def _nullified(self, nullifier: bytes) -> bool:
        try:
            with self._node.engine.view() as view:
                return view.get(state.nullifier_key(nullifier)) is not None
        except EngineError:
            raise Refusal(Code.LEDGER_UNUSABLE) from None


def _ends_by(account: str, nullifier: bytes) -> sql.ColumnElement[bool]:
    return sql.and_(delegation_table.c.account == account, delegation_table.c.nullifier == nullifier)


def answer_brought_consent(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/consents: as consents.answer_consent; who may bring what a helper signed is asked first."""
    node.delegates.check_bringer(caller, body)
    return answer_consent(node, caller, body)


def answer_delegation(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/delegations: canonical JSON of a delegation -> CBOR {"hash"}."""
    return codec.encode({"hash": node.delegates.take(body, caller=caller)})
