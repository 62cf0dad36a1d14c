"""SMART Health Links: a person shows part of her record to whoever holds a QR code, for as long as she likes.

What she chose is encrypted when the link is made, under a key that stands in the link alone: this node keeps a file it
cannot read. Each opening is journalled before anything is sent, as every disclosure; a passcode that is tried too often
ends the link, however many try at once, since attempts are counted by the store's one writer.

Specification: HL7 SMART Health Cards and Links, links-specification (flags, payload, 401 with remainingAttempts).
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from joserfc import jwe
from joserfc.jwk import OctKey
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table

from medrec.core import ladder, manifests, state
from medrec.core.manifests.sharing import SharedRecord, ShareManifest
from medrec.node.journal import Draft
from medrec.node.own import person_here
from medrec.node.refusals import Code, Refusal
from medrec.node.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

ID_BYTES, KEY_BYTES = 32, 32
ATTEMPTS = 5
LIFE_MS_MAX = 90 * 86_400_000
LABEL_LENGTH_MAX, RECIPIENT_LENGTH_MAX, URL_LENGTH_MAX = 80, 200, 128
PASSCODE_LENGTH_MIN, PASSCODE_LENGTH_MAX = 4, 64
FHIR = "application/fhir+json"

share_link = Table(
    "share_link",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("account", String(80), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("file", LargeBinary, nullable=False),
    Column("salt", LargeBinary),
    Column("passcode", LargeBinary(32)),
    Column("made", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("views", Integer, nullable=False),
    Column("views_max", Integer),
    Column("stopped", Boolean, nullable=False),
)


# The key that a link's owner was signed in with when it was made.
share_key = Table(
    "share_key",
    metadata,
    Column("link", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("key", LargeBinary(16), nullable=False),
)


class WrongPasscodeError(Exception):
    """The passcode is missing or wrong; `remaining` says how many tries are left."""

    def __init__(self, remaining: int) -> None:
        super().__init__("wrong passcode")
        self.remaining = remaining


class LinkGoneError(Exception):
    """There is no such link, or it is over, stopped or locked: nobody is told which."""


class Made(NamedTuple):
    """A new link: its name here, and the text of the QR code, which is shown once and kept nowhere."""

    id: bytes
    text: str
    records: int


class Shared(NamedTuple):
    """A link as its owner sees it."""

    id: bytes
    label: str
    made: int
    until: int
    views: int
    views_max: int | None
    attempts: int
    passcode: bool
    stopped: bool
    records: int

    def is_live(self, now: int) -> bool:
        """Whether it can still be opened."""
        used_up = self.views_max is not None and self.views >= self.views_max
        return not self.stopped and now < self.until and self.attempts > 0 and not used_up


def make(
    node: "Node",
    account: str,
    base: str,
    *,
    types: Sequence[str] = (),
    label: str = "",
    passcode: str = "",
    life_ms: int = 3_600_000,
    views_max: int | None = None,
    key_id: bytes = b"",
) -> Made:
    """Share what the person's agent has of her records (of these types; none named: all), by her own decision.

    `base` goes before the link's id; with the key `key_id`, which made it, the link ends. Raises Refusal.
    """
    now = node.clock()
    if not 0 < life_ms <= LIFE_MS_MAX or (views_max is not None and views_max < 1):
        raise Refusal(Code.REQUEST_TOO_LONG)
    if passcode and not PASSCODE_LENGTH_MIN <= len(passcode) <= PASSCODE_LENGTH_MAX:
        raise Refusal(Code.MALFORMED)
    _check_account(node, account)
    person = person_here(node, account)
    records, disclosed = _chosen(node, account, frozenset(types))
    name, secret, key = node.vault.random(16), node.vault.random(ID_BYTES), node.vault.random(KEY_BYTES)
    url = base + _text(secret)
    if len(url) > URL_LENGTH_MAX:
        raise Refusal(Code.MALFORMED)
    label = label[:LABEL_LENGTH_MAX]
    salt = node.vault.random(16) if passcode else None
    row = {
        "id": name,
        "digest": _digest(secret),
        "account": account,
        "sealed": node.vault.seal(person.keys.data, json.dumps([label, len(records)]).encode(), name),
        "file": _encrypt(_bundle(records), key),
        "salt": salt,
        "passcode": _stretched(passcode, salt) if salt is not None else None,
        "made": now,
        "until": now + life_ms,
        "attempts": ATTEMPTS,
        "views": 0,
        "views_max": views_max,
        "stopped": False,
    }

    def closure(connection: sql.Connection) -> None:
        _journal(node, connection, person.id, account, "made", name, disclosed=disclosed, until=now + life_ms)
        connection.execute(sql.insert(share_link).values(**row))
        connection.execute(sql.insert(share_key).values(link=name, account=account, key=key_id))

    node.store.write(closure)
    payload: dict[str, Any] = {"url": url, "key": _text(key), "exp": (now + life_ms) // 1000, "v": 1}
    if passcode:
        payload["flag"] = "P"
    if label:
        payload["label"] = label
    text = "shlink:/" + _text(json.dumps(payload, separators=(",", ":")).encode())
    return Made(name, text, len(records))


def open_link(node: "Node", secret_text: str, recipient: str, passcode: str) -> bytes:
    """The encrypted file (a compact JWE) of a link that somebody holds. Raises LinkGoneError, WrongPasscodeError.

    A crash before the line is durable: nothing happened. A crash after it: the journal says it was opened, and nothing
    was sent.
    """
    recipient = recipient.encode(errors="replace").decode()
    digest = _digest(_bytes(secret_text))
    with node.store.read() as connection:
        row = connection.execute(sql.select(share_link).where(share_link.c.digest == digest)).one_or_none()
        by = connection.execute(sql.select(share_key.c.key).where(share_key.c.link == row.id)).scalar() if row else None
    if row is None or _is_doubtful(node, row.account, bytes(by or b"")):
        raise LinkGoneError
    # Slow on purpose, and therefore outside of the writer.
    tried = _stretched(passcode, bytes(row.salt)) if row.salt is not None and passcode else None

    def closure(connection: sql.Connection) -> int | bytes | None:
        return _open(node, connection, digest, recipient, tried)

    # The writer's answer is durable before it is told: a wrong try is counted even if the one who tries goes away.
    found = node.store.write(closure)
    if found is None:
        raise LinkGoneError
    if isinstance(found, int):
        raise WrongPasscodeError(found)
    return found


def _open(
    node: "Node", connection: sql.Connection, digest: bytes, recipient: str, tried: bytes | None
) -> int | bytes | None:
    """The file; how many tries are left; or None for a link that is gone. Inside the store's one writer."""
    row = connection.execute(sql.select(share_link).where(share_link.c.digest == digest)).one_or_none()
    person = node.journal.person_of_account(connection, row.account) if row is not None else None
    if row is None or person is None or not _shared(node, row, person.keys.data).is_live(node.clock()):
        return None
    where, name = share_link.c.digest == digest, bytes(row.id)
    if row.passcode is not None:
        if tried is None:
            return int(row.attempts)
        if not hmac.compare_digest(tried, bytes(row.passcode)):
            left = int(row.attempts) - 1
            connection.execute(sql.update(share_link).where(where).values(attempts=left))
            _journal(node, connection, person.id, row.account, "refused", name, recipient=recipient, until=row.until)
            return left
    views = int(row.views) + 1
    _journal(
        node, connection, person.id, row.account, "opened", name, recipient=recipient, until=row.until, views=views
    )
    connection.execute(sql.update(share_link).where(where).values(views=views))
    return bytes(row.file)


def stop(node: "Node", account: str, name: bytes) -> bool:
    """Stop a link of a person's own, at once; False if it was stopped before. Raises Refusal for another's."""
    person = person_here(node, account)

    def closure(connection: sql.Connection) -> bool:
        row = connection.execute(
            sql.select(share_link).where(share_link.c.id == name, share_link.c.account == account)
        ).one_or_none()
        if row is None:
            raise Refusal(Code.NOT_PERMITTED)
        if row.stopped:
            return False
        _journal(node, connection, person.id, account, "stopped", name, until=row.until, views=row.views)
        # The file goes: what was stopped cannot be opened by any mistake of ours.
        connection.execute(sql.update(share_link).where(share_link.c.id == name).values(stopped=True, file=b""))
        return True

    return node.store.write(closure)


def of_account(node: "Node", account: str) -> list[Shared]:
    """A person's links, newest first."""
    person = person_here(node, account)
    query = sql.select(share_link).where(share_link.c.account == account).order_by(share_link.c.made.desc())
    with node.store.read() as connection:
        return [_shared(node, row, person.keys.data) for row in connection.execute(query)]


def _is_doubtful(node: "Node", account: str, key: bytes) -> bool:
    """Whether somebody else may have made the link with a stolen phone: the account is frozen, a recovery of it waits,
    or the key that was signed in with when it was made acts for it no more."""
    held, waits = _account(node, account)
    return held is None or held.frozen or waits or bool(key and key.hex() not in held.credentials)


def _account(node: "Node", account: str) -> tuple[state.Account | None, bool]:
    """An account as the ledger has it, and whether a recovery of it waits."""
    with node.engine.view() as view:
        return state.account(view, account), ladder.recovery_waits(view, account, max(node.clock(), view.tip.time))


def _check_account(node: "Node", account: str) -> None:
    held, waits = _account(node, account)
    if held is None or held.frozen:
        raise Refusal(Code.UNKNOWN_ACCOUNT)
    if waits:
        raise Refusal(Code.RECOVERY_WAITS)


def _chosen(node: "Node", account: str, types: frozenset[str]) -> tuple[list[bytes], list[SharedRecord]]:
    """The canonical bytes of what is shared, and what the journal says of each."""
    contents: list[tuple[str, str, bytes]] = []
    if node.copies is not None:
        contents += [(copy.type, copy.id, copy.content) for copy in node.copies.all(account)]
    for kind, identifier in node.entries.of(account):
        own = node.entries.read(kind, identifier)
        if own is not None:
            contents.append((kind, identifier, own))
    chosen = [item for item in contents if not types or item[0] in types]
    disclosed = [SharedRecord(kind, identifier) for kind, identifier, _ in chosen]
    return [content for _, _, content in chosen], disclosed


def _bundle(records: list[bytes]) -> bytes:
    """A collection of records, each as it was signed, byte for byte."""
    entries = b",".join(b'{"resource":' + record + b"}" for record in records)
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + entries + b"]}"


def _encrypt(content: bytes, key: bytes) -> bytes:
    header = {"alg": "dir", "enc": "A256GCM", "cty": FHIR, "zip": "DEF"}
    made = jwe.encrypt_compact(header, content, OctKey.import_key(key), algorithms=["dir", "A256GCM", "DEF"])
    return made.encode()


def _journal(
    node: "Node",
    connection: sql.Connection,
    person: int,
    account: str,
    action: Any,
    name: bytes,
    *,
    recipient: str = "",
    disclosed: list[SharedRecord] | None = None,
    until: int = 0,
    views: int = 0,
) -> None:
    time, claimed = node.clock(), recipient[:RECIPIENT_LENGTH_MAX]
    manifest = ShareManifest(
        "share/1", node.network.hex(), node.organisation, account, time, action, name.hex(),
        node.vault.random(16).hex(), claimed, disclosed or [], until, views,
    )  # fmt: skip
    node.journal.append(connection, [Draft("share/1", manifests.encode(manifest), person, None, [43, time, action])])


def _shared(node: "Node", row: Any, key: bytes) -> Shared:
    label, records = json.loads(node.vault.open(key, bytes(row.sealed), bytes(row.id)))
    return Shared(
        bytes(row.id), label, row.made, row.until, row.views, row.views_max, row.attempts, row.passcode is not None,
        row.stopped, records,
    )  # fmt: skip


def _stretched(passcode: str, salt: bytes) -> bytes:
    # What is no text (half a pair of UTF-16) is a wrong passcode as any other.
    return hashlib.scrypt(passcode.encode("utf-8", "surrogatepass"), salt=salt, n=1 << 14, r=8, p=1, dklen=32)


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(b"medrec/share-link/1" + secret).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        raise LinkGoneError
    return base64.urlsafe_b64decode(text + "=")
