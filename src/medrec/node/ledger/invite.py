"""Invitations: a file that lets one organisation ask, once and for a time, to be voted in.

The inviting node keeps the hash of the invitation's secret. Whoever brings the secret names its keys and proves that
it has them; the node then proposes the admission, with its own vote, and the others decide. The same request may come
again (its answer may have been lost) and has the same answer; another one with the same secret is refused.
"""

import hashlib
import secrets
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import sqlalchemy as sql

from medrec.core import codec, state
from medrec.core.crypto import verify_ed25519
from medrec.core.kinds.governance import EngineId
from medrec.core.state import ROLES
from medrec.core.types import Bytes32, OrganisationId, Text, TimeMs, Url
from medrec.node.keeping import store
from medrec.node.ledger import govern
from medrec.node.ledger.govern import GovernError

if TYPE_CHECKING:
    from medrec.node.node import Node

FORM = "invitation/1"
JOIN_PATH = "/medrec/join"
REQUEST_BYTES_MAX = 16 << 10
_SETTING = "invitation/"


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file, canonical JSON. `key` is the inviter's public key, which vouches for its certificate; `peers`,
    `validators` and `trust` (a block of now) are for the network engine. Whoever has the file can use it: hand it over
    like a key.
    """

    medrec: Annotated[str, msgspec.Meta(pattern=r"^invitation/1\Z")]
    id: OrganisationId
    name: Text
    roles: Annotated[list[str], msgspec.Meta(min_length=1, max_length=8)]
    inviter: OrganisationId
    endpoint: Url
    key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    genesis: dict[str, Any]
    validators: dict[str, Any]
    peers: list[str]
    trust: dict[str, int | str]
    expires: TimeMs
    secret: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the invited organisation sends; `engine` is the id of its network engine, which others will let in."""

    secret: Bytes32
    endpoint: Url
    engine: EngineId
    keys: state.Keys
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


def signed_text(
    network: bytes, organisation: str, secret: bytes, endpoint: str, engine: str, keys: dict[str, bytes]
) -> bytes:
    """What the new key signs: that it asks to join, under this id, address, engine and keys."""
    digest = hashlib.sha256(codec.encode([secret, endpoint, engine, keys])).hexdigest()
    return b"medrec/join/1\n" + network.hex().encode() + b"\n" + organisation.encode() + b"\n" + digest.encode()


def invite(node: "Node", organisation: str, name: str, roles: list[str], days: int) -> dict[str, Any]:
    """A new invitation. Raises GovernError, EngineError."""
    fields = {"id": organisation, "name": name, "roles": roles}
    introduction = getattr(node.engine, "introduction", None)
    if introduction is None:
        raise GovernError(
            "no-network", "This node's ledger is a file of its own, which nobody can join; see `medrec network`."
        )
    known = node.directory.find(node.organisation)
    endpoint = known.endpoint if known is not None else ""
    if not ROLES.issuperset(roles):
        raise GovernError("bad-role", f"The roles are {', '.join(sorted(ROLES))}.")
    if not endpoint:
        raise GovernError("no-endpoint", "The ledger has no address of this node that others could call.")
    with node.engine.view() as view:
        if state.organisation(view, organisation) is not None:
            raise GovernError("organisation-exists", f"An organisation called {organisation} is on the ledger already.")
    secret = secrets.token_bytes(32)
    expires = node.clock() + days * 86_400_000
    kept = {"expires": expires, "id": fields["id"], "name": fields["name"], "roles": fields["roles"]}
    _keep(node, secret, kept, fresh=True)
    return {
        "medrec": FORM,
        **fields,
        **introduction(),
        "inviter": node.organisation,
        "endpoint": endpoint,
        "key": node.keys.public()["ed25519"],
        "genesis": node.genesis,
        "expires": expires,
        "secret": secret.hex(),
    }


def open_invitations(node: "Node") -> list[str]:
    """The ids of those who hold an invitation of this node that has not expired, and are not on the ledger yet. Raises
    EngineError, StoreError.
    """
    name = store.setting.c.name
    with node.store.read() as connection:
        rows = connection.execute(sql.select(store.setting.c.value).where(name.startswith(_SETTING))).scalars().all()
    kept = [codec.decode(bytes(value)) for value in rows]
    now = node.clock()
    with node.engine.view() as view:
        waiting = {one["id"] for one in kept if now <= one["expires"] and state.organisation(view, one["id"]) is None}
    return sorted(waiting)


def accept(node: "Node", body: bytes) -> bytes:
    """Take a join request: CBOR in, CBOR {"proposal": id} out. Raises GovernError."""
    try:
        request = msgspec.convert(codec.decode(body, bytes_max=REQUEST_BYTES_MAX), JoinRequest, builtin_types=(bytes,))
    except (codec.CodecError, msgspec.ValidationError):
        raise GovernError("malformed", "The join request is not readable.") from None
    kept = _kept(node, request.secret)
    if kept is None:
        raise GovernError("invitation-unknown", "No invitation with this secret was given out by this node.")
    keys = msgspec.to_builtins(request.keys, builtin_types=(bytes,))
    text = signed_text(node.network, kept["id"], request.secret, request.endpoint, request.engine, keys)
    if not verify_ed25519(request.keys.ed25519, text, request.signature):
        raise GovernError("bad-signature", "The request is not signed with the key that it names.")
    used = hashlib.sha256(text).digest()
    kept = node.store.write(lambda connection: _use(connection, request.secret, used, node.clock()))
    if "proposal" in kept:
        return codec.encode({"proposal": kept["proposal"]})
    admit = {
        "change": "admit",
        "id": kept["id"],
        "name": kept["name"],
        "roles": kept["roles"],
        "endpoint": request.endpoint,
        "engine": request.engine,
        "keys": keys,
    }
    proposal = bytes.fromhex(govern.propose(node, admit)["id"])
    _keep(node, request.secret, kept | {"proposal": proposal})
    return codec.encode({"proposal": proposal})


def _setting(secret: bytes) -> str:
    return _SETTING + hashlib.sha256(b"medrec/invitation/1" + secret).hexdigest()[:48]


def _kept(node: "Node", secret: bytes) -> dict[str, Any] | None:
    with node.store.read() as connection:
        value = connection.execute(
            sql.select(store.setting.c.value).where(store.setting.c.name == _setting(secret))
        ).scalar()
    return None if value is None else dict(codec.decode(bytes(value)))


def _use(connection: sql.Connection, secret: bytes, used: bytes, now: int) -> dict[str, Any]:
    """Mark an invitation as used by this request, in one step: of two requests at once only one may pass."""
    name = store.setting.c.name == _setting(secret)
    kept: dict[str, Any] = dict(
        codec.decode(bytes(connection.execute(sql.select(store.setting.c.value).where(name)).scalar_one()))
    )
    if kept.get("used") not in (None, used):
        raise GovernError("invitation-used", "This invitation was used already; ask for a new one.")
    if "used" not in kept and now > kept["expires"]:
        raise GovernError("invitation-expired", "This invitation has expired; ask for a new one.")
    kept["used"] = used
    connection.execute(sql.update(store.setting).where(name).values(value=codec.encode(kept)))
    return kept


def _keep(node: "Node", secret: bytes, value: dict[str, Any], *, fresh: bool = False) -> None:
    name, data = _setting(secret), codec.encode(value)
    insert = sql.insert(store.setting).values(name=name, value=data)
    update = sql.update(store.setting).where(store.setting.c.name == name).values(value=data)
    node.store.write(lambda connection: connection.execute(insert if fresh else update))
