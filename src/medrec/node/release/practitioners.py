"""Who asks in an organisation's name: its practitioners and programs, their credentials, and the check of others'.

The node keeps a key for each of them, sealed under its master key, and signs a credential for it that lasts a shift.
Signing somebody in is the business of whoever calls `present`; from then on each request is signed with her key.
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sql
from nacl.signing import SigningKey
from sqlalchemy import Boolean, Column, LargeBinary, String, Table

from medrec.core import codec, manifests
from medrec.core.crypto import verify_ed25519
from medrec.core.manifests.access import Request
from medrec.core.manifests.practitioner import LIFE_MS_MAX, Credential, assertion_message, credential_message
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Code, Refusal
from medrec.node.release.access import Ask

if TYPE_CHECKING:
    from medrec.node.node import Node

SHIFT_MS = 12 * 3_600_000
EARLY_MS = 5 * 60_000
CREDENTIAL_BYTES_MAX = 4096
REMEMBERED_MAX = 10_000
SNOMED = "http://snomed.info/sct"
PHYSICIAN, NURSE, SYSTEM = f"{SNOMED}|158965000", f"{SNOMED}|224535009", f"{SNOMED}|706594005"
"""Roles: medical practitioner, registered nurse, and information system for a program."""
PARAMEDIC, OTHER = f"{SNOMED}|397897005", f"{SNOMED}|223366009"
PROFESSIONS = {"physician": PHYSICIAN, "nurse": NURSE, "paramedic": PARAMEDIC, "other": OTHER}
"""What a clinician is, as her organisation enters her; only some may declare an emergency."""

practitioner = Table(
    "practitioner",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("role", String(200), nullable=False),
    Column("machine", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


class Practitioner(NamedTuple):
    """Somebody who may ask now: the credential, its bytes, and the key that signs requests."""

    credential: Credential
    credential_bytes: bytes
    key: SigningKey

    def request(self, identifier: bytes, purpose: str, reason: str, **wanted: object) -> Request:
        """A request in her name; `wanted` are further fields of a Request (door, types, ids, after, query). Raises
        UnwritableError for what no request may say."""
        parts: dict[str, object] = {
            "id": identifier.hex(),
            "requester": self.credential.organisation,
            "practitioner": self.credential.name,
            "purpose": purpose,
            "reason": reason,
            "door": "pull",
            "types": [],
            "ids": [],
            "identity": self.credential.id,
            "role": self.credential.role,
            "machine": self.credential.machine,
            **wanted,
        }
        return manifests.made(parts, Request)

    def ask(self, network: bytes, holder: str, account: str, expires: int, request: Request) -> Ask:
        """The request, signed, as it goes to the organisation that holds the records."""
        signature = self.key.sign(assertion_message(network, holder, account, expires, request)).signature
        return Ask(account, expires, network, request, self.credential_bytes, signature)

    def __repr__(self) -> str:
        return f"Practitioner({self.credential.id!r})"


class Practitioners:
    """The practitioners of one organisation."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._present: dict[str, Practitioner] = {}

    def enter(self, identifier: str, name: str, role: str, *, machine: bool = False) -> Practitioner:
        """Enter somebody, or change her name and role; her key stays. Raises ValueError for fields of wrong form."""
        row = {"id": identifier, "name": name, "role": role, "machine": machine}
        key = SigningKey(self._node.vault.random(32))
        # The form is checked before anything is kept.
        self._sign(identifier, name, role, machine, key)
        sealed = self._node.vault.seal(None, bytes(key), identifier.encode())

        def write(connection: sql.Connection) -> None:
            known = sql.select(practitioner.c.id).where(practitioner.c.id == identifier)
            if connection.execute(known).first() is None:
                connection.execute(sql.insert(practitioner).values(**row, sealed=sealed))
            else:
                connection.execute(sql.update(practitioner).where(practitioner.c.id == identifier).values(**row))

        self._node.store.write(write)
        self._present.pop(identifier, None)
        return self.present(identifier)

    def dismiss(self, identifier: str) -> None:
        """She may ask no more: her key is gone. What she holds already ends with its shift."""
        self._node.store.write(lambda connection: self.end(connection, identifier))
        self.forget(identifier)

    def end(self, connection: sql.Connection, identifier: str) -> None:
        """The same within a write, after which what is at hand of her is to be forgotten."""
        connection.execute(sql.delete(practitioner).where(practitioner.c.id == identifier))

    def forget(self, identifier: str) -> None:
        """What is at hand of somebody is read again."""
        self._present.pop(identifier, None)

    def all(self) -> list[tuple[str, str, str, bool]]:
        """(id, name, role, whether a program) of everybody, by id."""
        column = practitioner.c
        with self._node.store.read() as connection:
            rows = connection.execute(
                sql.select(column.id, column.name, column.role, column.machine).order_by(column.id)
            ).all()
        return [(row.id, row.name, row.role, row.machine) for row in rows]

    def present(self, identifier: str) -> Practitioner:
        """Somebody with a credential for this shift. Raises LookupError if she was never entered."""
        now, found = self._node.clock(), self._present.get(identifier)
        if found is not None and self._holds(found.credential, now):
            return found
        with self._node.store.read() as connection:
            row = connection.execute(sql.select(practitioner).where(practitioner.c.id == identifier)).one_or_none()
        if row is None:
            raise LookupError(f"Nobody called {identifier} works here.")
        key = SigningKey(self._node.vault.open(None, bytes(row.sealed), identifier.encode()))
        credential = self._sign(identifier, row.name, row.role, row.machine, key)
        made = Practitioner(credential, codec.encode_json(msgspec.to_builtins(credential)), key)
        self._present[identifier] = made
        return made

    def _holds(self, credential: Credential, now: int) -> bool:
        """Whether it goes on for a while, and the organisation's present key signed it."""
        mine = bytes.fromhex(self._node.keys.public()["ed25519"])
        lasts = credential.since <= now < credential.until - SHIFT_MS // 12
        return lasts and verify_ed25519(mine, credential_message(credential), _signature(credential))

    def _sign(self, identifier: str, name: str, role: str, machine: bool, key: SigningKey) -> Credential:
        now = self._node.clock()
        unsigned = {
            "credential": "practitioner/1",
            "network": self._node.network.hex(),
            "organisation": self._node.organisation,
            "id": identifier,
            "name": name,
            "role": role,
            "machine": machine,
            # Others' clocks may be a little behind.
            "since": now - EARLY_MS,
            "until": now + SHIFT_MS,
            "key": bytes(key.verify_key).hex(),
        }
        credential = msgspec.convert(unsigned, Credential)
        signature = self._node.keys.sign_request(credential_message(credential))
        return msgspec.structs.replace(credential, signature=signature.hex())


class CredentialCheck:
    """Checks what another organisation's practitioner shows. Remembers credentials whose signature held."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._held: dict[tuple[bytes, bytes], Credential] = {}

    def check(self, ask: Ask, now: int) -> Credential:
        """The credential of a request that is signed with its key. Raises Refusal, EngineError."""
        if not ask.credential:
            raise Refusal(Code.CREDENTIAL_MISSING)
        credential, request = self.genuine(ask), ask.request
        if credential.organisation != self._answers_for(ask) or credential.network != self._node.network.hex():
            raise Refusal(Code.CREDENTIAL_FOREIGN)
        if not credential.since <= now < credential.until:
            raise Refusal(Code.CREDENTIAL_OVER)
        if credential.until - credential.since > LIFE_MS_MAX:
            raise Refusal(Code.CREDENTIAL_TOO_LONG)
        if not _names(credential, request):
            raise Refusal(Code.NOT_THE_PRACTITIONER)
        if not self._signed(credential, ask):
            raise Refusal(Code.ASSERTION_BAD)
        return credential

    def still(self, ask: Ask) -> None:
        """Whether the organisation vouches for who asked also now. Raises Refusal, EngineError, VaultError.

        What is pushed may wait longer than a shift lasts, and this organisation knows whom it has today: she has to be
        among them still, as the one that she was and under the key that signed.
        """
        if ask.request.door != "push":
            self.genuine(ask)
            return
        try:
            today = self._node.practitioners.present(ask.request.identity).credential
        except LookupError:
            raise Refusal(Code.REFERRER_GONE) from None
        if not (_names(today, ask.request) and self._signed(today, ask)):
            raise Refusal(Code.REFERRER_GONE)

    def _signed(self, credential: Credential, ask: Ask) -> bool:
        message = assertion_message(ask.network, self._node.organisation, ask.account, ask.expires, ask.request)
        return verify_ed25519(bytes.fromhex(credential.key), message, ask.assertion)

    def _answers_for(self, ask: Ask) -> str:
        """The organisation that answers for who asks; what is pushed is asked for by this organisation's own people."""
        return ask.request.vouched_by(self._node.organisation)

    def genuine(self, ask: Ask) -> Credential:
        """The credential, if its organisation's present key signed it. Raises Refusal, EngineError."""
        organisation = self._node.directory.find(self._answers_for(ask))
        if organisation is None:
            raise Refusal(Code.REQUESTER_SUSPENDED)
        key = organisation.keys.ed25519
        name = (hashlib.sha256(ask.credential).digest(), key)
        found = self._held.get(name)
        if found is not None:
            return found
        credential = _read(ask.credential)
        message, signature = credential_message(credential), _signature(credential)
        if not verify_ed25519(key, message, signature):
            former = self._node.directory.former_keys(organisation.id)
            if any(verify_ed25519(old, message, signature) for old in former):
                raise Refusal(Code.CREDENTIAL_KEY_RETIRED)
            raise Refusal(Code.CREDENTIAL_BAD)
        if len(self._held) >= REMEMBERED_MAX:
            self._held = {}
        self._held[name] = credential
        return credential


def _names(credential: Credential, request: Request) -> bool:
    """Whether a request names the one of whom a credential speaks."""
    shown = (credential.name, credential.id, credential.role, credential.machine)
    return shown == (request.practitioner, request.identity, request.role, request.machine)


def _read(data: bytes) -> Credential:
    try:
        return msgspec.convert(codec.decode_json(data), Credential)
    except (codec.CodecError, msgspec.ValidationError, RecursionError):
        raise Refusal(Code.CREDENTIAL_BAD) from None


def _signature(credential: Credential) -> bytes:
    return bytes.fromhex(credential.signature)
