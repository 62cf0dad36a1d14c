"""Signing in and out: a passkey signs a challenge of ours, and the browser gets a cookie.

GET  /sign-in            the page
POST /sign-in/challenge  -> {nonce, network, organisation, rp}, each nonce good once, for two minutes
POST /sign-in/answer     {nonce, id, authenticatorData, clientDataJSON, signature} -> {to}, and the cookie
                         (or {nonce, account, key, signature} for a person whose key is no passkey)
POST /sign-in/register   {code, id, authenticatorData, label} -> {to}: a member of the staff registers a passkey
POST /sign-in/demonstration  a form with `person` or `role`; in a demonstration only
POST /sign-out           a form; ends the session

What is signed is `sign_in_message`; the page computes it itself. Bytes in JSON are base64url without padding.
"""

import base64
import binascii
import hmac
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medrec.core import state
from medrec.core.credential import NewCredential, verify_account_signature
from medrec.core.webauthn import NewPasskey, SignatureRefused, low_s, read_registration, registered_id
from medrec.node.account import devices, returning, staff
from medrec.node.account.devices import sign_in_message
from medrec.node.account.staff import StaffError
from medrec.portal.page import PageError, Visit
from medrec.portal.people import account_of
from medrec.portal.security import Limiter, check_rate
from medrec.portal.session import Session, Who

if TYPE_CHECKING:
    from medrec.node.node import Node

NONCE_LIFE_MS = 2 * 60_000
TIME_BYTES, CHANCE_BYTES, SEAL_BYTES = 8, 8, 16
DEMONSTRATION_STAFF = {
    Who.CLINICIAN: "Dr Demo Clinician",
    Who.DESK: "Demo Desk",
    Who.PRIVACY_OFFICER: "Demo Privacy Officer",
    Who.OPERATOR: "Demo Operator",
}


class Challenges:
    """Nonces to be signed: the time, chance, and a seal of ours. None is kept before it is used, so nobody can use up
    what all have; a used one is known for as long as it would be good."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._key = random(32)
        self._lock = threading.Lock()
        self._used: dict[bytes, int] = {}

    def give(self, now: int) -> bytes:
        """A fresh nonce."""
        stated = now.to_bytes(TIME_BYTES, "big") + self._random(CHANCE_BYTES)
        return stated + self._seal(stated)

    def is_open(self, nonce: bytes, now: int) -> bool:
        """Whether this nonce is ours, not too old, and not used."""
        stated, seal = nonce[:-SEAL_BYTES], nonce[-SEAL_BYTES:]
        if len(stated) != TIME_BYTES + CHANCE_BYTES or not hmac.compare_digest(seal, self._seal(stated)):
            return False
        with self._lock:
            return now <= int.from_bytes(stated[:TIME_BYTES], "big") + NONCE_LIFE_MS and nonce not in self._used

    def use(self, nonce: bytes, now: int) -> bool:
        """Use up a nonce that was signed rightly; False if that was done before."""
        with self._lock:
            self._used = {kept: until for kept, until in self._used.items() if until >= now}
            if nonce in self._used:
                return False
            self._used[nonce] = now + NONCE_LIFE_MS
            return True

    def _seal(self, stated: bytes) -> bytes:
        return hmac.digest(self._key, b"medrec/sign-in-nonce/1" + stated, "sha256")[:SEAL_BYTES]


class Door:
    """Signing in at one site."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._challenges = Challenges(node.vault.random)
        # Never by the address alone: a whole hospital may come from one, and one visitor must not shut out all others.
        self._by_credential = Limiter(10, 60_000)
        self._registrations = Limiter(20, 60_000)

    def challenge(self) -> dict[str, Any]:
        """What the page needs to let a key sign. It costs nothing and is not counted."""
        now = self._node.clock()
        home = devices.home_of(self._node)
        return {
            "nonce": to_text(self._challenges.give(now)),
            "network": to_text(self._node.network),
            "organisation": self._node.organisation,
            "rp": home.rp if home is not None else "",
        }

    def answer(self, address: str, body: bytes) -> Session:
        """The session that a signed challenge opens. Raises PageError; every failure of the key looks the same."""
        now = self._node.clock()
        asked = read_json(body)
        nonce = from_text(asked.get("nonce"), 64)
        if not self._challenges.is_open(nonce, now):
            raise PageError(401, "challenge-over")
        # Whoever tries somebody else's key from elsewhere does not use up her tries.
        named = str(asked["account"])[:80] if "account" in asked else str(asked.get("id"))[:1400]
        check_rate(self._by_credential, f"{address} {named}", now)
        digest = sign_in_message(self._node.network, self._node.organisation, nonce)
        session = self._with_key(asked, digest) if "account" in asked else self._with_passkey(asked, digest)
        if not self._challenges.use(nonce, now):
            raise PageError(401, "challenge-over")
        return session

    def _with_passkey(self, asked: dict[str, Any], digest: bytes) -> Session:
        credential_id = from_text(asked.get("id"), devices.CREDENTIAL_ID_BYTES_MAX)
        parts = [from_text(asked.get(name), 1024) for name in ("authenticatorData", "clientDataJSON", "signature")]
        member = staff.find(self._node, credential_id)
        if member is not None:
            self._verify(member[1], digest, parts)
            return _of_staff(member[0], credential_id)
        found = devices.find(self._node, credential_id) if self._node.agent is not None else None
        if found is None:
            return self._returning(credential_id, digest, parts)
        device, credential, frozen = found
        self._verify(credential, digest, parts)
        return self._of_device(device, frozen)

    def _of_device(self, device: devices.Device, frozen: bool) -> Session:
        devices.mark_used(self._node, device.credential_id)
        who = Who.FROZEN if frozen else Who.PATIENT
        name = self._name(device.account)
        return Session(who, name, account=device.account, key=device.key, credential=device.credential_id)

    def _returning(self, credential_id: bytes, digest: bytes, parts: list[bytes]) -> Session:
        """A new key that waits for its account opens the page that says how that stands, and nothing else."""
        case = returning.by_passkey(self._node, credential_id) if self._node.agent is not None else None
        if case is None:
            raise PageError(401, "key-unknown")
        self._verify(case.credential, digest, parts)
        if returning.settle(self._node, case):
            found = devices.find(self._node, credential_id)
            assert found is not None
            return self._of_device(found[0], found[2])
        if case.name:
            # Whoever joins has no account before the ledger says so.
            raise PageError(401, "key-unknown")
        let_in = case.account is not None and returning.course(self._node, case).done
        return of_case(case, str(case.account) if let_in else "")

    def _verify(self, credential: NewCredential, digest: bytes, parts: list[bytes]) -> None:
        if isinstance(credential, NewPasskey) and credential.alg == -7:
            parts = [*parts[:2], low_s(parts[2])]
        try:
            verify_account_signature(credential, digest, ["webauthn", *parts])
        except SignatureRefused:
            raise PageError(401, "key-unknown") from None

    def _with_key(self, asked: dict[str, Any], digest: bytes) -> Session:
        account, key = str(asked["account"]), from_text(asked.get("key"), 16)
        with self._node.engine.view() as view:
            held = state.account(view, account) if len(account) < 80 else None
        credential = held.credentials.get(key.hex()) if held is not None else None
        if held is None or credential is None or isinstance(credential, NewPasskey) or self._node.agent is None:
            raise PageError(401, "key-unknown")
        try:
            verify_account_signature(credential, digest, ["ed25519", from_text(asked.get("signature"), 64)])
        except SignatureRefused:
            raise PageError(401, "key-unknown") from None
        if held.frozen:
            raise PageError(403, "account-frozen")
        return Session(Who.PATIENT, self._name(account), account=account, key=key)

    def _name(self, account: str) -> str:
        assert self._node.agent is not None
        name = self._node.agent.name_of(account)
        if name is None:
            raise PageError(401, "key-unknown")
        return name

    def register(self, address: str, body: bytes) -> Session:
        """A member of the staff registers a passkey with her code, and is signed in. Raises PageError."""
        asked = read_json(body)
        check_rate(self._registrations, f"{address} {str(asked.get('code'))[:80]}", self._node.clock())
        home = devices.home_of(self._node)
        if home is None:
            raise PageError(503, "no-home")
        made, credential_id = new_passkey(home, asked)
        try:
            code = bytes.fromhex(str(asked.get("code")).replace(" ", "").replace("-", ""))
            member = staff.register(self._node, code, made, credential_id)
        except StaffError as error:
            raise PageError(403, error.code, error.sentence) from None
        except ValueError:
            raise PageError(400, "form-unreadable") from None
        return _of_staff(member, credential_id)

    def demonstrate(self, form: dict[str, str]) -> Session:
        """Sign in without a key, as an invented person or one of the staff: for demonstrations. Raises PageError."""
        if "person" in form and self._node.agent is not None:
            account = account_of(self._node, form["person"])
            return Session(Who.PATIENT, self._name(account), account=account)
        roles = {role.value: role for role in DEMONSTRATION_STAFF}
        role = roles.get(form.get("role", ""))
        if role is None:
            raise PageError(400, "form-unreadable")
        return Session(role, DEMONSTRATION_STAFF[role], staff=f"demonstration-{role.value}")


def new_passkey(home: devices.Home, asked: dict[str, Any]) -> tuple[NewPasskey, bytes]:
    """The passkey that a browser made at this site just now, and its id. Raises PageError.

    The id is the one within: under any other, one passkey would stand as often as somebody likes.
    """
    data = from_text(asked.get("authenticatorData"), 4096)
    try:
        made = read_registration(data, [home.origin])
    except ValueError:
        raise PageError(400, "key-unfit") from None
    credential_id = from_text(asked.get("id"), devices.CREDENTIAL_ID_BYTES_MAX)
    if made.rp != home.rp_hash or not credential_id or credential_id != registered_id(data):
        raise PageError(400, "key-unfit")
    return made, credential_id


def is_current(node: "Node", session: Session) -> bool:
    """Whether the key that signed in may still do so: a removed key and a dismissed member are out at once."""
    if session.staff:
        if session.staff.startswith("demonstration-"):
            return True
        try:
            return staff.member(node, session.staff).active
        except StaffError:
            return False
    if session.case:
        return returning.find(node, session.case) is not None
    if not session.key:
        return True
    with node.engine.view() as view:
        held = state.account(view, session.account)
    frozen = session.who is Who.FROZEN
    return held is not None and held.frozen is frozen and session.key.hex() in held.credentials


def of_case(case: returning.Case, account: str = "") -> Session:
    """The session of a new key that waits for its account; `account` is the one that it was let into, where the key has
    signed that it is here."""
    who = Who.RETURNING
    return Session(who, case.label, account, key=case.key, credential=case.credential_id, case=case.digest)


def _of_staff(member: staff.Member, credential_id: bytes) -> Session:
    key = member.key or b""
    return Session(Who(member.role), member.name, staff=member.id, key=key, credential=credential_id)


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of sign_in.html."""
    from medrec.portal.people import handle

    people = node.agent.clients() if visit.demonstration and node.agent is not None else []
    return {
        "has_home": devices.home_of(node) is not None,
        "joining": node.agent is not None,
        "people": [{"name": name, "handle": handle(account)} for account, name in people],
        "roles": [role.value for role in DEMONSTRATION_STAFF] if visit.demonstration else [],
    }


def read_json(body: bytes) -> dict[str, Any]:
    """A small JSON object. Raises PageError."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise PageError(400, "form-unreadable") from None
    if not isinstance(value, dict):
        raise PageError(400, "form-unreadable")
    return value


def to_text(data: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_text(value: Any, bytes_max: int) -> bytes:
    """The bytes of base64url without padding. Raises PageError."""
    if not isinstance(value, str) or len(value) > bytes_max * 4 // 3 + 3 or not value.isascii():
        raise PageError(400, "form-unreadable")
    try:
        data = base64.b64decode(value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        raise PageError(400, "form-unreadable") from None
    if len(data) > bytes_max:
        raise PageError(400, "form-unreadable")
    return data
