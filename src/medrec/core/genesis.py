"""The beginning of a network: who founded it and with which keys. Its hash is the network id."""

import hashlib
from typing import Annotated, Any

import msgspec

from medrec.core import codec, merkle, state, statemap
from medrec.core.crypto import key_id
from medrec.core.state import ROLES, VOTING_ROLES, Keys, Organisation
from medrec.core.types import PROTOCOL_VERSION, Fields, OrganisationId, Text, TimeMs, Tip, Url
from medrec.core.view import Draft, View


class GenesisError(ValueError):
    """The document is not a genesis; the message says why."""


class FoundingKeys(Fields, frozen=True):
    """The public keys of a founding organisation, in hex."""

    ed25519: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    cosign_ed25519: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    cosign_mldsa44: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{2624}\Z")]

    def keys(self) -> Keys:
        """The same keys as bytes."""
        return Keys(
            bytes.fromhex(self.ed25519),
            bytes.fromhex(self.cosign_ed25519),
            bytes.fromhex(self.cosign_mldsa44),
        )


class Founder(Fields, frozen=True):
    """A founding organisation."""

    id: OrganisationId
    name: Text
    roles: Annotated[list[str], msgspec.Meta(min_length=1, max_length=8)]
    endpoint: Url
    keys: FoundingKeys


class Genesis(Fields, frozen=True):
    """The document. `created` is the time of height 0."""

    medrec: Annotated[str, msgspec.Meta(pattern=r"^genesis/1\Z")]
    name: Text
    created: TimeMs
    protocol: int
    organisations: Annotated[list[Founder], msgspec.Meta(min_length=1, max_length=200)]


def network_id(document: dict[str, Any]) -> bytes:
    """SHA-256("medrec/genesis/1" || canonical JSON of the document)."""
    return hashlib.sha256(b"medrec/genesis/1" + codec.encode_json(document)).digest()


def read_genesis(document: dict[str, Any]) -> Genesis:
    """The document in its strict form. Raises GenesisError."""
    try:
        genesis: Genesis = msgspec.convert(document, Genesis)
    except msgspec.ValidationError as error:
        raise GenesisError(f"the genesis document is not readable: {error}") from None
    if genesis.protocol != PROTOCOL_VERSION:
        raise GenesisError(
            f"the network begins with protocol {genesis.protocol}, this version knows {PROTOCOL_VERSION}"
        )
    for founder in genesis.organisations:
        if not ROLES.issuperset(founder.roles):
            raise GenesisError(f"{founder.id} has a role that is not one of {', '.join(sorted(ROLES))}")
    if not any(VOTING_ROLES.intersection(founder.roles) for founder in genesis.organisations):
        raise GenesisError("no founding organisation has a vote, so nothing could ever be decided")
    if len({founder.id for founder in genesis.organisations}) < len(genesis.organisations):
        raise GenesisError("two founding organisations have one id")
    publics = [public for founder in genesis.organisations for _, public in founder.keys.keys().by_role()]
    if len(set(publics)) < len(publics):
        raise GenesisError("a key stands twice: every key serves one founding organisation in one role")
    return genesis


class _Empty:
    def get(self, key: bytes) -> bytes | None:
        return None

    def scan(self, start: bytes, end: bytes) -> Any:
        return iter(())


def genesis_writes(document: dict[str, Any]) -> tuple[Tip, dict[bytes, bytes | None]]:
    """Height 0: the tip and the writes with which every engine begins."""
    genesis = read_genesis(document)
    empty: View = _Empty()
    draft = Draft(empty)
    draft.put(state.NETWORK, network_id(document))
    state.write_integer(draft, state.PROTOCOL, genesis.protocol)
    for founder in genesis.organisations:
        keys = founder.keys.keys()
        organisation = Organisation(founder.id, founder.name, sorted(set(founder.roles)), founder.endpoint, keys)
        state.write(draft, state.organisation_key(founder.id), organisation)
        for _, public in keys.by_role():
            draft.put(state.signing_key_key(key_id(public)), founder.id.encode())
    nodes, state_root = statemap.update(empty.get, dict(draft.changes))
    tip = Tip(0, genesis.created, 0, merkle.EMPTY_ROOT, state_root, genesis.protocol)
    return tip, {**draft.changes, **nodes, state.TIP: encode_tip(tip)}


def encode_tip(tip: Tip) -> bytes:
    """The stored form of a tip."""
    return codec.encode([tip.height, tip.time, tip.log_size, tip.log_root, tip.state_root, tip.protocol])


def decode_tip(data: bytes) -> Tip:
    """The tip of its stored form."""
    return Tip(*codec.decode(data))
