"""The passkeys that people sign in with at their agent: which account each acts for, and what its owner calls it.

The ledger holds keys, not the ids by which browsers know them, nor names of devices: those belong to the agent. Whether
a key may act is asked of the ledger every time; a row here gives no right.
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec, state
from medrec.core.credential import Credential, signed_by
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

CREDENTIAL_ID_BYTES_MAX = 1023
LABEL_LENGTH_MAX = 60

device = Table(
    "device",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("key", LargeBinary(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("used", BigInteger),
)


class Device(NamedTuple):
    """A passkey as its owner sees it: id for the browser, key id, her name for it, when it came and last signed in."""

    account: str
    key: bytes
    credential_id: bytes
    label: str
    added: int
    used: int | None


LOOPBACK = ("127.0.0.1", "::1")
"""The numbers of this very machine."""


class Home(NamedTuple):
    """Where people of a node sign: the id of the relying party, and the origin of its pages."""

    rp: str
    origin: str

    @property
    def rp_hash(self) -> bytes:
        """What authenticatorData begins with."""
        return hashlib.sha256(self.rp.encode()).digest()


def home_of(node: "Node") -> Home | None:
    """The home that follows from the node's endpoint on the ledger; None where browsers would refuse passkeys.

    A loopback address stands for localhost, the one name that browsers take without https.
    """
    found = node.directory.find(node.organisation)
    return home_at(found.endpoint if found is not None else "")


def pages_of(node: "Node", agent: str) -> str:
    """Where a browser finds the pages of an agent, by its address on the ledger. Raises LookupError if it has none."""
    found = node.directory.find(agent)
    if found is None or "agent" not in found.roles or not found.endpoint:
        raise LookupError(f"{agent} has no pages for people on the ledger.")
    home = home_at(found.endpoint)
    return (home.origin if home is not None else found.endpoint.rstrip("/")) + "/pages"


def home_at(endpoint: str) -> Home | None:
    """The home that follows from an endpoint."""
    parts = urlsplit(endpoint)
    host = "localhost" if parts.hostname in LOOPBACK else parts.hostname
    if not host or (parts.scheme != "https" and host != "localhost"):
        return None
    port = f":{parts.port}" if parts.port is not None else ""
    return Home(host, f"{parts.scheme}://{host}{port}")


def sign_in_message(network: bytes, organisation: str, nonce: bytes) -> bytes:
    """What is signed to sign in (32 bytes): SHA-256("medrec/sign-in/1" || CBOR [network, organisation, nonce]).

    The tag keeps a server from passing a transaction off as a sign-in: the page computes this itself.
    """
    return hashlib.sha256(b"medrec/sign-in/1" + codec.encode([network, organisation, nonce])).digest()


def show_words_message(network: bytes, account: str, nonce: bytes) -> tuple[bytes, bytes]:
    """What is signed to see the words of one's record (32 bytes), and the statement that it is the hash of:
    SHA-256("medrec/show-words/1" || CBOR [network, account, nonce])."""
    statement = codec.encode([network, account, nonce])
    return hashlib.sha256(b"medrec/show-words/1" + statement).digest(), statement


def check_signed(node: "Node", account: str, key: bytes, message: bytes, packed: bytes) -> None:
    """Raises Refusal BAD_SIGNATURE unless a key that acts for the account now signed this."""
    with node.engine.view() as view:
        held = state.account(view, account)
    credential = held.credentials.get(key.hex()) if held is not None and not held.frozen else None
    if credential is None or not signed_by(credential, message, packed):
        raise Refusal(Code.BAD_SIGNATURE)


def remember(node: "Node", account: str, key: bytes, credential_id: bytes, label: str) -> None:
    """Keep a passkey of a person who is served here, under her name for it. Raises LookupError if she is not."""
    assert node.agent is not None
    node.agent.view_secret(account)
    if not 0 < len(credential_id) <= CREDENTIAL_ID_BYTES_MAX:
        raise ValueError("a credential id has 1 to 1,023 bytes")
    digest = _digest(credential_id)
    sealed = node.vault.seal(None, codec.encode([credential_id, label[:LABEL_LENGTH_MAX]]), digest)
    row = {"digest": digest, "account": account, "key": key, "sealed": sealed, "added": node.clock(), "used": None}

    def closure(connection: sql.Connection) -> None:
        connection.execute(sql.delete(device).where(device.c.digest == digest, device.c.account == account))
        connection.execute(sql.insert(device).values(**row))

    node.store.write(closure)


def of_account(node: "Node", account: str) -> list[Device]:
    """A person's passkeys here, oldest first; those that the ledger no longer knows are left out."""
    with node.engine.view() as view:
        held = state.account(view, account)
    known = held.credentials if held is not None else {}
    with node.store.read() as connection:
        rows = connection.execute(sql.select(device).where(device.c.account == account).order_by(device.c.added)).all()
    return [_opened(node, row) for row in rows if bytes(row.key).hex() in known]


def find(node: "Node", credential_id: bytes) -> tuple[Device, Credential, bool] | None:
    """The passkey of this id with its record on the ledger and whether its account is frozen; None if it acts for
    nobody."""
    with node.store.read() as connection:
        row = connection.execute(sql.select(device).where(device.c.digest == _digest(credential_id))).one_or_none()
    if row is None:
        return None
    with node.engine.view() as view:
        held = state.account(view, row.account)
    credential = held.credentials.get(bytes(row.key).hex()) if held is not None else None
    if held is None or credential is None:
        return None
    try:
        return _opened(node, row), credential, held.frozen
    except VaultError:
        return None


def mark_used(node: "Node", credential_id: bytes) -> None:
    """Remember when a passkey last signed in."""
    where = device.c.digest == _digest(credential_id)
    node.store.write(lambda connection: connection.execute(sql.update(device).where(where).values(used=node.clock())))


def _digest(credential_id: bytes) -> bytes:
    return hashlib.sha256(b"medrec/device/1" + credential_id).digest()


def _opened(node: "Node", row: sql.Row[tuple[object, ...]]) -> Device:
    credential_id, label = codec.decode(node.vault.open(None, bytes(row.sealed), bytes(row.digest)))
    return Device(row.account, bytes(row.key), credential_id, label, row.added, row.used)
