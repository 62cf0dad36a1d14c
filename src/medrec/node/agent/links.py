"""SMART Health Links: a person shows part of her record to whoever holds a QR code, for as long as she likes.

She signs with her key what she gives away, each time; with that key the link ends. What she chose is encrypted when the
link is made, under a key that stands in the link alone: this node keeps a file it cannot read. Each opening is
journalled before anything is sent, as every disclosure; a passcode that is tried too often ends the link, however many
try at once, since attempts are counted by the store's one writer.

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

from medrec.core import codec, ladder, manifests, state
from medrec.core.manifests.sharing import SharedRecord, ShareManifest
from medrec.node.agent.own import person_here
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

NAME_BYTES, ID_BYTES, KEY_BYTES = 16, 32, 32
ATTEMPTS = 5
LIFE_MS_MAX = 90 * 86_400_000
OPEN_LIFE_MS_MAX = 86_400_000
"""How long a link lives at the longest that has no passcode."""
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


# The key that signed for a link.
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


class Wanted(NamedTuple):
    """A link as its owner wants it: its name here, the FHIR types (none: all), what she calls it, the passcode ("" for
    none), until when (ms), and how often it may be opened (None: as often as they like)."""

    name: bytes
    types: tuple[str, ...]
    label: str
    passcode: str
    until: int
    views_max: int | None


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


def statement(node: "Node", account: str, wanted: Wanted, now: int, key: bytes) -> bytes:
    """What a person signs to make a link, as canonical JSON (docs/spec/helpers.md). The passcode is not in it, only
    whether there is one. Raises Refusal for what is not made."""
    _check(wanted, now)
    return codec.encode_json(
        {
            "network": node.network.hex(),
            "account": account,
            "organisation": node.organisation,
            "time": now,
            "id": wanted.name.hex(),
            "types": list(wanted.types),
            "name": wanted.label,
            "until": wanted.until,
            "views": wanted.views_max,
            "passcode": bool(wanted.passcode),
            "key": key.hex(),
        }
    )


def sharing_message(statement: bytes) -> bytes:
    """The 32 bytes that are signed: SHA-256("medrec/sharing/1" || statement)."""
    return hashlib.sha256(b"medrec/sharing/1" + statement).digest()


def count(node: "Node", account: str, types: Sequence[str]) -> int:
    """How many records a link of these types would hold."""
    return len(_chosen(node, account, frozenset(types))[0])


def make(node: "Node", account: str, base: str, wanted: Wanted, key_id: bytes = b"") -> Made:
    """Share what the person's agent has of her records, by her own decision.

    `base` goes before the link's id; with the key `key_id`, which signed for it, the link ends. Raises Refusal.
    """
    now, passcode, label = node.clock(), wanted.passcode, wanted.label
    _check(wanted, now)
    _check_account(node, account)
    person = person_here(node, account)
    records, disclosed = _chosen(node, account, frozenset(wanted.types))
    name, secret, key = wanted.name, node.vault.random(ID_BYTES), node.vault.random(KEY_BYTES)
    url = base + _text(secret)
    if len(url) > URL_LENGTH_MAX:
        raise Refusal(Code.MALFORMED)
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
        "until": wanted.until,
        "attempts": ATTEMPTS,
        "views": 0,
        "views_max": wanted.views_max,
        "stopped": False,
    }

    def closure(connection: sql.Connection) -> None:
        _journal(node, connection, person.id, account, "made", name, disclosed=disclosed, until=wanted.until)
        connection.execute(sql.insert(share_link).values(**row))
        connection.execute(sql.insert(share_key).values(link=name, account=account, key=key_id))

    node.store.write(closure)
    payload: dict[str, Any] = {"url": url, "key": _text(key), "exp": wanted.until // 1000, "v": 1}
    if passcode:
        payload["flag"] = "P"
    if label:
        payload["label"] = label
    text = "shlink:/" + _text(json.dumps(payload, separators=(",", ":")).encode())
    return Made(name, text, len(records))


def _check(wanted: Wanted, now: int) -> None:
    """Raises Refusal for a link that lives too long, or whose passcode or name is not taken."""
    life_max = LIFE_MS_MAX if wanted.passcode else OPEN_LIFE_MS_MAX
    if not 0 < wanted.until - now <= life_max or (wanted.views_max is not None and wanted.views_max < 1):
        raise Refusal(Code.REQUEST_TOO_LONG)
    if wanted.passcode and not PASSCODE_LENGTH_MIN <= len(wanted.passcode) <= PASSCODE_LENGTH_MAX:
        raise Refusal(Code.MALFORMED)
    if len(wanted.label) > LABEL_LENGTH_MAX:
        raise Refusal(Code.MALFORMED)


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
    if row is None or row.stopped:
        raise LinkGoneError
    held, waits = _account(node, row.account)
    if _key_gone(held, by):
        # For good: a key that comes back gives nothing back.
        stop(node, row.account, bytes(row.id))
        raise LinkGoneError
    if held is None or held.frozen or waits:
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
    held, _ = _account(node, account)
    joined = share_link.outerjoin(share_key, share_key.c.link == share_link.c.id)
    query = sql.select(share_link, share_key.c.key).select_from(joined).where(share_link.c.account == account)
    with node.store.read() as connection:
        rows = connection.execute(query.order_by(share_link.c.made.desc())).all()
    found = [(_shared(node, row, person.keys.data), _key_gone(held, row.key)) for row in rows]
    return [link._replace(until=min(link.until, node.clock())) if gone else link for link, gone in found]


def _key_gone(held: state.Account | None, key: bytes | None) -> bool:
    """Whether the key that signed for a link acts for its account no more: a thief may have made it."""
    return held is not None and bool(key and key.hex() not in held.credentials)


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
        contents += [(copy.type, copy.id, copy.content) for copy in node.copies.hers(account)]
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
