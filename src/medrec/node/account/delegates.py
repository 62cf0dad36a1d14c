"""Helpers of people: who may act for whom, what for, and until when; taken in, asked about, ended, written down.

The one question is `may`: every page, consent, correction and entry of a delegate asks it, each time. A delegation is
dead as soon as its nullifier is in our journal or on the ledger, and so is the right of whoever acted by it with her
next request. Nobody is told that a person ended one, except the person.
"""

import hashlib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec, commitment, ladder, manifests, state
from medrec.core.credential import signed_by
from medrec.core.crypto import key_id, verify_ed25519
from medrec.core.delegation import Standing, covers, flaw, standing
from medrec.core.kinds.recovery import CLINIC_ROLES
from medrec.core.manifests.delegation import (
    ActingManifest,
    Clerk,
    Delegation,
    DelegationEndManifest,
    DelegationManifest,
    Right,
    decode_delegation,
    delegation_end_message,
    delegation_message,
    encode_delegation,
)
from medrec.engines.engine import EngineError
from medrec.node.account.accounts import signing_keys
from medrec.node.account.resting import mark_used, use_of
from medrec.node.agent.own import person_here, places
from medrec.node.consent.consents import AHEAD_MS_MAX, answer_consent
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

By = Literal["person", "delegate", "attested"]
BY_PERSON: By = "person"
BY_DELEGATE: By = "delegate"
DELEGATIONS_PATH = "/medrec/delegations"
DELEGATION_ENDS_PATH = "/medrec/delegation-ends"
ATTESTED = b"medrec/attested-delegation/1"
"""What stands before the message of a delegation when an organisation's key signs it: it signs nothing of 32 bytes but
transactions."""
ATTESTED_END = b"medrec/attested-delegation-end/1"
"""The same for the end of one."""
FORWARD_BYTES_MAX = 16 << 10

delegation_table = Table(
    "delegation",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("delegate", String(80), nullable=False, index=True),
    Column("nullifier", LargeBinary(32), nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("ended", BigInteger),
)

# Delegations ended here, by nullifier; they stay, so that one which arrives later is dead.
delegation_ended = Table(
    "delegation_ended",
    metadata,
    Column("nullifier", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("time", BigInteger, nullable=False),
)


class Held(NamedTuple):
    """A delegation as it is kept here: its SHA-256, its content, how it stands now; whether the person lets it rest,
    and when it goes since nobody uses it."""

    hash: bytes
    delegation: Delegation
    standing: Standing
    ended: int | None
    rests: bool = False
    goes: int = 0
    unused: bool = False

    @property
    def holds(self) -> bool:
        """Whether the delegate may act now."""
        return self.ended is None and self.standing.holds and not self.rests and not self.unused


class Delegates:
    """The delegations that this node knows."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def take(self, data: bytes, clerk: Clerk | None = None) -> bytes:
        """Take in a signed delegation of a person who is linked or served here; its SHA-256. `clerk` saw the papers of
        one that this organisation states. Raises Refusal."""
        try:
            if len(data) > FORWARD_BYTES_MAX:
                raise ValueError
            delegation = decode_delegation(data)
        except ValueError:
            raise Refusal(Code.MALFORMED) from None
        node, now, digest = self._node, self._node.clock(), hashlib.sha256(data).digest()
        if delegation.network != node.network.hex():
            raise Refusal(Code.WRONG_NETWORK)
        found = flaw(delegation)
        if found is not None:
            raise Refusal(Code.DELEGATION_VOID, found.sentence)
        if delegation.time > now + AHEAD_MS_MAX:
            raise Refusal(Code.FROM_THE_FUTURE)
        self._check_signature(delegation, now)
        try:
            person = person_here(node, delegation.account)
        except LookupError:
            raise Refusal(Code.NOT_LINKED) from None
        nullifier = bytes.fromhex(delegation.nullifier)
        if self._nullified(nullifier):
            raise Refusal(Code.DELEGATION_OVER)
        manifest = DelegationManifest(
            "delegation/1", node.network.hex(), node.organisation, delegation.account, now, delegation, clerk
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
            same = connection.execute(sql.select(column.hash).where(column.nullifier == nullifier)).scalar()
            if same is not None:
                if bytes(same) == digest:
                    return False
                raise Refusal(Code.NULLIFIER_USED)
            if self._ended_here(connection, nullifier):
                raise Refusal(Code.DELEGATION_OVER)
            summary = [40, now, delegation.basis, nullifier]
            node.journal.append(
                connection, [Draft("delegation/1", manifests.encode(manifest), person.id, None, summary)]
            )
            connection.execute(sql.insert(delegation_table).values(**row))
            return True

        if node.store.write(closure):
            self._tell(delegation.account)
        return digest

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
        if issuer is None or not issuer.active or not CLINIC_ROLES.intersection(issuer.roles):
            raise Refusal(Code.DELEGATION_VOID, "It is not of a hospital or a clinic.")
        public = issuer.keys.ed25519
        if delegation.key != key_id(public).hex() or not verify_ed25519(public, ATTESTED + message, signature):
            raise Refusal(Code.BAD_SIGNATURE)
        if not self._knows(issuer.id, delegation.account):
            raise Refusal(Code.DELEGATION_VOID, "That organisation does not know the person.")

    def _knows(self, issuer: str, account: str) -> bool:
        """Whether an organisation that attests is one the person is linked at, as far as this node can tell."""
        node = self._node
        if issuer == node.organisation:
            with node.store.read() as connection:
                return node.journal.person_of_account(connection, account) is not None
        return node.agent is None or issuer in places(node, account)

    def end(self, account: str, secret: bytes, key: bytes, signature: bytes) -> bool:
        """End a delegation, or forbid one that has not come yet; False if it was ended before. Raises Refusal.

        The signature, over `delegation_end_message`, is the person's, the delegate's, or that of the organisation that
        attested it; the secret goes on the ledger with the next batch.
        """
        if len(secret) != commitment.SECRET_BYTES:
            raise Refusal(Code.WRONG_SECRET)
        nullifier, node = commitment.nullifier(secret), self._node
        with node.store.read() as connection:
            row = connection.execute(
                sql.select(delegation_table).where(delegation_table.c.nullifier == nullifier)
            ).one_or_none()
        if row is not None and row.account != account:
            raise Refusal(Code.WRONG_SECRET)
        by = self._who_ends(account, row, key, nullifier, signature)
        try:
            person = person_here(node, account)
        except LookupError:
            raise Refusal(Code.NOT_LINKED) from None
        now = node.clock()
        manifest = DelegationEndManifest(
            "delegation-end/1", node.network.hex(), node.organisation, account, now,
            by, nullifier.hex(), key.hex(), signature.hex(),
        )  # fmt: skip

        def closure(connection: sql.Connection) -> bool:
            if self._ended_here(connection, nullifier):
                return False
            line = Draft(
                "delegation-end/1",
                manifests.encode(manifest),
                person.id,
                {"nullifier": secret},
                [41, now, by, nullifier],
            )
            node.journal.append(connection, [line])
            connection.execute(sql.insert(delegation_ended).values(nullifier=nullifier, account=account, time=now))
            where = delegation_table.c.nullifier == nullifier
            connection.execute(sql.update(delegation_table).where(where).values(ended=now))
            return True

        ended = node.store.write(closure)
        if ended:
            self._tell(account)
        return ended

    def _who_ends(self, account: str, row: Any, key: bytes, nullifier: bytes, signature: bytes) -> By:
        message = delegation_end_message(nullifier)
        ended = self.find(bytes(row.hash)) if row is not None else None
        stated = ended.delegation.attested if ended is not None else None
        with self._node.engine.view() as view:
            # A frozen account may still take away what it gave.
            for who, by in ((account, BY_PERSON), (row.delegate if row is not None else "", BY_DELEGATE)):
                held = state.account(view, who) if who else None
                credential = held.credentials.get(key.hex()) if held is not None else None
                if credential is not None and signed_by(credential, message, signature):
                    return by
            issuer = state.organisation(view, stated) if stated is not None else None
        public = issuer.keys.ed25519 if issuer is not None else b""
        if public and key == key_id(public) and verify_ed25519(public, ATTESTED_END + message, signature):
            return "attested"
        raise Refusal(Code.BAD_SIGNATURE)

    def may(self, account: str, delegate: str, right: Right, kind: str = "", key: bytes = b"") -> Held | None:
        """The delegation by which `delegate` may do this for `account` now, None if there is none.

        `delegate` is an account, or an organisation; with `key`, this key must be one of the account's, or of the
        organisation's staff on the ledger. Raises Refusal if the ledger cannot be read.
        """
        for held in self.of(account):
            if held.holds and held.delegation.delegate == delegate and covers(held.delegation, right, kind):
                if key and not self.acts_with(delegate, key):
                    continue
                return held
        return None

    def require(self, account: str, delegate: str, right: Right, kind: str = "", key: bytes = b"") -> Held:
        """As `may`. Raises Refusal NOT_A_DELEGATE where there is none."""
        held = self.may(account, delegate, right, kind, key)
        if held is None:
            raise Refusal(Code.NOT_A_DELEGATE)
        return held

    def present(self, organisation: str, account: str, delegate: str, right: Right, key: bytes) -> None:
        """Show an organisation by what right somebody acts for a person, before she does: it checks that by itself, and
        knows it if it was shown before. Raises Refusal NOT_A_DELEGATE, PeerError."""
        held = self.require(account, delegate, right, key=key)
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

    def find(self, digest: bytes) -> Held | None:
        """A delegation by its SHA-256."""
        found = self._held(delegation_table.c.hash == digest)
        return found[0] if found else None

    def _held(self, where: sql.ColumnElement[bool]) -> list[Held]:
        node, now = self._node, self._node.clock()
        kept: list[Held] = []
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
                ended = row.ended
                if ended is None and self._nullified(bytes(row.nullifier)):
                    ended = now
                use = use_of(connection, digest, row.account, delegation.time)
                stands = standing(delegation, now)
                kept.append(Held(digest, delegation, stands, ended, use.rests, use.goes, now >= use.goes))
        return sorted(kept, key=lambda held: (held.delegation.time, held.hash))

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

    @staticmethod
    def _ended_here(connection: sql.Connection, nullifier: bytes) -> bool:
        where = delegation_ended.c.nullifier == nullifier
        return connection.execute(sql.select(delegation_ended.c.time).where(where)).first() is not None


def answer_brought_consent(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/consents: as consents.answer_consent; who may bring what a helper signed is asked first."""
    node.delegates.check_bringer(caller, body)
    return answer_consent(node, caller, body)


def answer_delegation(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/delegations: canonical JSON of a delegation -> CBOR {"hash"}."""
    return codec.encode({"hash": node.delegates.take(body)})


def answer_delegation_end(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/delegation-ends: CBOR {account, key, secret, signature} -> CBOR {"fresh"}."""
    try:
        asked = codec.decode(body)
        account, parts = asked["account"], [asked[name] for name in ("secret", "key", "signature")]
    except (codec.CodecError, KeyError, TypeError):
        raise Refusal(Code.MALFORMED) from None
    if type(account) is not str or any(type(part) is not bytes for part in parts):
        raise Refusal(Code.MALFORMED)
    return codec.encode({"fresh": node.delegates.end(account, *parts)})
