"""How a person wants to be told: which channels, and whether at once or once a day. Sealed at her agent.

She signs each change with her key: whoever holds an open page neither turns notices off nor sends them elsewhere.
"""

import hashlib
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import codec
from medrec.core.types import Fields
from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

BROWSERS_MAX = 10

wish = Table(
    "notice_wish",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)


class Browser(Fields, frozen=True):
    """A browser that takes pushes."""

    endpoint: Annotated[str, msgspec.Meta(max_length=1000)]
    p256dh: Annotated[bytes, msgspec.Meta(min_length=65, max_length=65)]
    auth: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


class Wishes(Fields, frozen=True):
    """A person's wishes; an empty address is a channel that is off.

    `pace`: "digest" tells once a day, and at once of emergencies, first looks and changes of keys; "at-once" tells of
    everything at once; "quiet" tells at once of those three and nothing else.
    """

    pace: Literal["digest", "at-once", "quiet"] = "digest"
    email: Annotated[str, msgspec.Meta(max_length=254)] = ""
    webhook: Annotated[str, msgspec.Meta(max_length=500)] = ""
    secret: bytes = b""
    browsers: Annotated[list[Browser], msgspec.Meta(max_length=BROWSERS_MAX)] = []
    language: str = "en"


def statement(node: "Node", account: str, wishes: Wishes, key: bytes) -> bytes:
    """What a person signs to be told otherwise than until now, as canonical JSON (docs/spec/account.md, section 7)."""
    return codec.encode_json(
        {
            "network": node.network.hex(),
            "account": account,
            "organisation": node.organisation,
            "time": node.clock(),
            "pace": wishes.pace,
            "email": wishes.email,
            "webhook": wishes.webhook,
            "browsers": [browser.endpoint for browser in wishes.browsers],
            "key": key.hex(),
        }
    )


def message(statement: bytes) -> bytes:
    """The 32 bytes that are signed: SHA-256("medrec/notices/1" || statement)."""
    return hashlib.sha256(b"medrec/notices/1" + statement).digest()


def checked(wishes: Wishes) -> Wishes:
    """The same wishes. Raises msgspec.ValidationError for what has not the form."""
    return msgspec.convert(msgspec.to_builtins(wishes, builtin_types=(bytes,)), Wishes)


def of(node: "Node", account: str) -> Wishes:
    """A person's wishes; those that everybody begins with if she never said."""
    with node.store.read() as connection:
        sealed = connection.execute(sql.select(wish.c.sealed).where(wish.c.account == account)).scalar()
    if sealed is None:
        return Wishes()
    return msgspec.convert(codec.decode(node.vault.open(None, bytes(sealed), account.encode())), Wishes)


def keep(node: "Node", account: str, wishes: Wishes) -> None:
    """Keep what a person wishes. Raises msgspec.ValidationError for what has not the form."""
    value = msgspec.to_builtins(checked(wishes), builtin_types=(bytes,))
    sealed = node.vault.seal(None, codec.encode(value), account.encode())

    def write(connection: sql.Connection) -> None:
        connection.execute(sql.delete(wish).where(wish.c.account == account))
        connection.execute(sql.insert(wish).values(account=account, sealed=sealed))

    node.store.write(write)
