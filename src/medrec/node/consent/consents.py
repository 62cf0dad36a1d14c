"""Consents given to this organisation and taken back: checked, journalled, kept under the person's own key.

A consent is dead as soon as its nullifier is in our journal or on the ledger, whichever comes first, and stays dead
when it arrives again.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core import codec, commitment, ladder, manifests, state
from medrec.core.consent import access as consent_access
from medrec.core.consent import names
from medrec.core.consent.compiling import Rules
from medrec.core.consent.policy import Given as Stated
from medrec.core.consent.policy import Unreadable
from medrec.core.credential import signed_by
from medrec.core.manifests.consent import (
    ConsentManifest,
    FhirConsentManifest,
    Grant,
    RevocationManifest,
    consent_message,
    fhir_consent_message,
    misfit,
    revocation_message,
)
from medrec.engines.engine import EngineError
from medrec.node.account import attested
from medrec.node.account.accounts import signing_keys
from medrec.node.consent import attested_secrets, attesting
from medrec.node.consent.about_her import is_about
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Person
from medrec.node.keeping.vault import VaultError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.access import revoked
from medrec.node.release.actors import strange
from medrec.node.right_person.unlinking import bury, linked_at, taken_back
from medrec.node.right_person.waiting_links import keep_consent, waits

if TYPE_CHECKING:
    from medrec.node.node import Node

CONSENTS_PATH = "/medrec/consents"
REVOCATIONS_PATH = "/medrec/revocations"
AHEAD_MS_MAX = 5 * 60_000
RULES_REMEMBERED_MAX = 50_000
Sign = Callable[[bytes], tuple[bytes, bytes]]
"""Signs 32 bytes with a person's credential: (key id, packed proof; see core.credential)."""

AnyConsent = ConsentManifest | FhirConsentManifest


class Given(NamedTuple):
    """A consent that stands here: its SHA-256, and whether it stood here before."""

    hash: bytes
    known: bool


class Kept(NamedTuple):
    """A consent as it is shown: its SHA-256 and its content."""

    hash: bytes
    consent: AnyConsent


class Consents:
    """The consents of the people linked to one organisation."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._stated: dict[bytes, Stated] = {}
        self._rules: dict[tuple[Sequence[str], Sequence[str]], Rules] = {}
        self.changes = 0
        """Counts up whenever a consent or revocation was taken; two equal counts mean that nothing changed."""

    def give(self, data: bytes, waited_ms: int = 0) -> Given:
        """Take a signed consent; the same one again is answered as before. It may have waited for `waited_ms` here, for
        the desk to confirm the link that it came with. Raises Refusal, StoreError."""
        consent = _read_consent(data)
        if consent.network != self._node.network.hex():
            raise Refusal(Code.WRONG_NETWORK)
        if consent.organisation != self._node.organisation:
            raise Refusal(Code.WRONG_ORGANISATION)
        self._check_author(consent)
        digest, now = hashlib.sha256(data).digest(), self._node.clock()
        if consent.time > now + AHEAD_MS_MAX:
            raise Refusal(Code.FROM_THE_FUTURE)
        if self._on_ledger(bytes.fromhex(consent.nullifier)):
            raise Refusal(Code.CONSENT_REVOKED)
        self._check_parties(consent)
        self._check_waits(consent, now)
        given = self._node.store.write(lambda connection: self._give(connection, consent, data, digest, now, waited_ms))
        self.changes += 1
        return given

    def _give(
        self, connection: sql.Connection, consent: AnyConsent, data: bytes, digest: bytes, now: int, waited_ms: int
    ) -> Given:
        nullifier = bytes.fromhex(consent.nullifier)
        person = self._node.journal.person_of_account(connection, consent.account)
        if person is None:
            raise Refusal(Code.NOT_LINKED)
        if connection.execute(sql.select(revoked.c.seq).where(revoked.c.nullifier == nullifier)).first() is not None:
            raise Refusal(Code.CONSENT_REVOKED)
        same = connection.execute(sql.select(store.consent.c.hash).where(store.consent.c.nullifier == nullifier)).all()
        if same:
            if bytes(same[0].hash) == digest:
                return Given(digest, True)
            raise Refusal(Code.NULLIFIER_USED)
        if not is_about(connection, person.id, consent):
            raise Refusal(Code.CONSENT_ABOUT_ANOTHER)
        if consent.time < linked_at(connection, person.id) - AHEAD_MS_MAX - waited_ms:
            # It was signed for a link that was undone or erased since. Clocks may differ by what is forgiven ahead.
            raise Refusal(Code.CONSENT_OVER)
        if isinstance(consent, ConsentManifest) and consent.grant.until is not None and consent.grant.until <= now:
            raise Refusal(Code.CONSENT_OVER)
        effect = consent.grant.effect if isinstance(consent, ConsentManifest) else "fhir"
        summary = [5, consent.time, effect, nullifier]
        self._node.journal.append(connection, [Draft(consent.manifest, data, person.id, None, summary)])
        sealed = self._node.vault.seal(person.keys.data, data, digest)
        row = {"hash": digest, "account": consent.account, "nullifier": nullifier, "sealed": sealed}
        connection.execute(sql.insert(store.consent).values(**row))
        self.changes += 1  # and again after the commit: whoever read the old rules finds the count changed
        return Given(digest, False)

    def take_back(self, account: str, secret: bytes, key: bytes, signature: bytes) -> bool:
        """Take a consent back, or forbid one that has not come yet; False if it was taken back before.

        `signature` covers `revocation_message`; the secret goes on the ledger with the next batch. Raises Refusal,
        StoreError.
        """
        if len(secret) != commitment.SECRET_BYTES:
            raise Refusal(Code.WRONG_SECRET)
        nullifier = commitment.nullifier(secret)
        self.check_signature(account, key.hex(), revocation_message(nullifier), signature.hex())
        done = self._node.store.write(
            lambda connection: self.end(connection, account, nullifier, secret, key, signature)
        )
        self.changes += 1
        return done

    def end(
        self,
        connection: sql.Connection,
        account: str,
        nullifier: bytes,
        secret: bytes | None,
        key: bytes,
        signed: bytes,
    ) -> bool:
        """`take_back`, once the signature was checked; without a `secret` the ledger is told of none. Inside
        `Store.write` only."""
        person = self._node.journal.person_of_account(connection, account)
        if person is None and waits(connection, account):
            # It came with a link that the desk has not confirmed, and opened nothing yet: nor will it ever.
            bury(connection, [nullifier])
            return True
        if person is None:
            raise Refusal(Code.NOT_LINKED)
        if taken_back(connection, nullifier):
            return False
        column = store.consent.c
        owner = connection.execute(sql.select(column.account).where(column.nullifier == nullifier)).scalar()
        if owner is not None and owner != account:
            raise Refusal(Code.WRONG_SECRET)
        now = self._node.clock()
        manifest = RevocationManifest(
            "revocation/1", self._node.network.hex(), self._node.organisation, account, now, nullifier.hex(), key.hex(),
            signed.hex(),
        )  # fmt: skip
        told = {"nullifier": secret} if secret is not None else None
        draft = Draft("revocation/1", manifests.encode(manifest), person.id, told, [6, now, nullifier])
        line = self._node.journal.append(connection, [draft])[0]
        connection.execute(sql.delete(revoked).where(revoked.c.nullifier == nullifier))
        connection.execute(sql.insert(revoked).values(nullifier=nullifier, account=account, seq=line.seq))
        connection.execute(sql.delete(store.consent).where(column.nullifier == nullifier))
        self.changes += 1
        return True

    def rules(
        self, connection: sql.Connection, person: Person | None, names: Sequence[str], law: tuple[str, ...]
    ) -> Rules:
        """The rules of a person's standing consents (SHA-256 in hex, sorted), with the `law` that binds.

        A consent that cannot be opened is a broken one, which closes everything.
        """
        name = (law, tuple(names))
        found = self._rules.get(name)
        if found is not None:
            return found
        digests = [bytes.fromhex(one) for one in names]
        column = store.consent.c
        chosen = sql.select(column.hash, column.sealed).where(column.hash.in_(digests))
        sealed = {bytes(row.hash): bytes(row.sealed) for row in connection.execute(chosen)} if digests else {}
        stated = [self._state(digest, sealed.get(digest, b""), person) for digest in digests]
        rules = consent_access.rules_of(stated, law)
        # What could not be opened may be readable again in a moment: it is not remembered.
        if all(digest in self._stated for digest in digests):
            if len(self._rules) >= RULES_REMEMBERED_MAX:
                self._rules = {}
            self._rules[name] = rules
        return rules

    def _state(self, digest: bytes, sealed: bytes, person: Person | None) -> Stated:
        found = self._stated.get(digest)
        if found is None:
            try:
                assert person is not None
                found = consent_access.given(self._open(digest, sealed, person), digest.hex())
            except (VaultError, Refusal):
                return consent_access.broken(digest.hex())
            if len(self._stated) >= RULES_REMEMBERED_MAX:
                self._stated = {}
            self._stated[digest] = found
        return found

    def of(self, account: str) -> list[Kept]:
        """The consents of a person that are in force or will end by themselves, oldest first. Raises VaultError."""
        with self._node.store.read() as connection:
            person = self._node.journal.person_of_account(connection, account)
            rows = connection.execute(sql.select(store.consent).where(store.consent.c.account == account)).all()
        if person is None:
            return []
        kept = [
            Kept(bytes(row.hash), self._open(bytes(row.hash), bytes(row.sealed), person))
            for row in rows
            if not self._on_ledger(bytes(row.nullifier))
        ]
        return sorted(kept, key=lambda item: (item.consent.time, item.hash))

    def _open(self, digest: bytes, sealed: bytes, person: Person) -> AnyConsent:
        return _read_consent(self._node.vault.open(person.keys.data, sealed, digest))

    def _on_ledger(self, nullifier: bytes) -> bool:
        try:
            with self._node.engine.view() as view:
                return view.get(state.nullifier_key(nullifier)) is not None
        except EngineError:
            raise Refusal(Code.LEDGER_UNUSABLE) from None

    def _check_author(self, consent: AnyConsent) -> None:
        """Whether the one who signed may decide for the person. Raises Refusal."""
        if isinstance(consent, ConsentManifest):
            self.check_signature(consent.account, consent.key, consent_message(consent), consent.signature)
            return
        if misfit(consent):
            raise Refusal(Code.MALFORMED)
        message = fhir_consent_message(consent)
        if consent.assurance == "self":
            self.check_signature(consent.account, consent.key, message, consent.signature)
        elif consent.assurance == "clinic":
            attesting.check_clerk(self._node, consent, message)
            attesting.check_end(consent)
        else:
            assert consent.acting is not None
            self.check_signature(consent.acting, consent.key, message, consent.signature)
            attested.check_consent(self._node, consent, consent.acting)

    def _check_parties(self, consent: AnyConsent) -> None:
        """Whether every organisation that it names is on the ledger, suspended or not. Raises Refusal.

        To deny a stranger denies nobody, and who is meant would be seen no more once it is signed. A consent that
        cannot be read names nobody, and closes everything.
        """
        try:
            policy = consent_access.read_manifest(consent)
        except Unreadable:
            return
        for reference in sorted(consent_access.parties(policy)):
            name = names.organisation_of(reference)
            try:
                known = name is None or self._node.directory.find(name) is not None
            except EngineError:
                raise Refusal(Code.LEDGER_UNUSABLE) from None
            if not known:
                raise Refusal(Code.CONSENT_STRANGER, f"Organization/{name}")

    def _check_waits(self, consent: AnyConsent, now: int) -> None:
        """While somebody gets an account back, it gives nothing new: it may be a thief who gives. Raises Refusal.

        Denials in the simple form go through; what stands, and taking back, is not touched.
        """
        if isinstance(consent, ConsentManifest) and consent.grant.effect == "deny":
            return
        try:
            with self._node.engine.view() as view:
                waits = ladder.recovery_waits(view, consent.account, max(now, view.tip.time))
        except EngineError:
            raise Refusal(Code.LEDGER_UNUSABLE) from None
        if waits:
            raise Refusal(Code.RECOVERY_WAITS)

    def check_signature(self, account: str, key: str, message: bytes, signature: str) -> None:
        """Whether a key (id in hex) of an account, or of an organisation's staff, signed 32 bytes. Raises Refusal."""
        try:
            with self._node.engine.view() as view:
                found = signing_keys(view, account)
        except EngineError:
            raise Refusal(Code.LEDGER_UNUSABLE) from None
        if found is None:
            raise Refusal(Code.UNKNOWN_ACCOUNT)
        credential = found.get(key)
        if credential is None:
            raise Refusal(Code.UNKNOWN_CREDENTIAL)
        if not signed_by(credential, message, bytes.fromhex(signature)):
            raise Refusal(Code.BAD_SIGNATURE)


def write_consent(
    network: bytes, organisation: str, account: str, time: int, grant: Grant, secret: bytes, key: bytes, sign: Sign
) -> bytes:
    """The bytes of a signed consent, for whoever holds the person's key.

    `secret` (32 random bytes) will take it back; `key` is the id of the credential that `sign` signs with.
    """
    unsigned = ConsentManifest(
        manifest="consent/1",
        network=network.hex(),
        organisation=organisation,
        account=account,
        time=time,
        grant=grant,
        nullifier=commitment.nullifier(secret).hex(),
        key=key.hex(),
    )
    _, signature = sign(consent_message(unsigned))
    return manifests.encode(msgspec.structs.replace(unsigned, signature=signature.hex()))


def write_fhir_consent(
    network: bytes, organisation: str, account: str, time: int, consent: str, secret: bytes, key: bytes, sign: Sign
) -> bytes:
    """The same for a FHIR Consent, given as its JSON text."""
    unsigned = FhirConsentManifest(
        manifest="consent/2",
        network=network.hex(),
        organisation=organisation,
        account=account,
        time=time,
        consent=consent,
        assurance="self",
        acting=None,
        attested=None,
        nullifier=commitment.nullifier(secret).hex(),
        key=key.hex(),
    )
    _, signature = sign(fhir_consent_message(unsigned))
    return manifests.encode(msgspec.structs.replace(unsigned, signature=signature.hex()))


def write_revocation(account: str, secret: bytes, sign: Sign) -> bytes:
    """The body to send to REVOCATIONS_PATH, for whoever holds the person's key."""
    key, signature = sign(revocation_message(commitment.nullifier(secret)))
    return codec.encode({"account": account, "key": key, "secret": secret, "signature": signature})


def answer_consent(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/consents: canonical JSON of a consent -> CBOR {"hash", "known", "strange"}."""
    try:
        given = node.consents.give(body)
    except Refusal as refusal:  # Given with a link that the desk has not confirmed, it waits there and opens nothing.
        if refusal.reason is not Code.NOT_LINKED or not keep_consent(node, caller, _read_consent(body).account, body):
            raise
        given = Given(hashlib.sha256(body).digest(), False)
    return codec.encode({"hash": given.hash, "known": given.known, "strange": strange(node, body)})


def answer_revocation(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/revocations: CBOR {account, key, secret, signature} -> CBOR {"fresh"}; of what was written down here
    for her, `nullifier` in the place of `secret`."""
    try:
        asked = codec.decode(body)
        named = "nullifier" if "nullifier" in asked else "secret"
        account, parts = asked["account"], [asked[name] for name in (named, "key", "signature")]
    except (codec.CodecError, KeyError, TypeError):
        raise Refusal(Code.MALFORMED) from None
    if [type(part) for part in (account, *parts)] != [str, bytes, bytes, bytes]:
        raise Refusal(Code.MALFORMED)
    if named == "nullifier":
        return codec.encode({"fresh": attested_secrets.take_back(node, account, *parts)})
    return codec.encode({"fresh": node.consents.take_back(account, *parts)})


def _read_consent(data: bytes) -> AnyConsent:
    try:
        consent = manifests.decode(data)
    except manifests.ManifestError:
        raise Refusal(Code.MALFORMED) from None
    if not isinstance(consent, ConsentManifest | FhirConsentManifest):
        raise Refusal(Code.MALFORMED)
    return consent
