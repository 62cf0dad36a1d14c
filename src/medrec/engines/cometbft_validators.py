"""Who validates: one consensus key an organisation, all of the same weight, changed by vote on the ledger.

The founders' keys stand in validators.json beside the genesis document: {"medrec": "validators/1", "network": hex,
"validators": {organisation id: hex key}}. The chain's id is a hash over both documents, so that nodes whose files
differ by a byte never speak to one another. A key voted for (state validator/<organisation>) takes the place of the
founding one; an organisation that is suspended does not validate.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from medrec.core import codec, state
from medrec.core.crypto import consensus_address
from medrec.core.outcome import Code, claim
from medrec.core.types import Misbehaviour, Transaction
from medrec.core.view import View, prefix_end
from medrec.engines.abci.parts import Misbehavior
from medrec.engines.engine import EngineError

KEY_BYTES = 32


class Founders:
    """The founding validators of a network: consensus keys by organisation id."""

    def __init__(self, network: bytes, keys: Mapping[str, bytes]) -> None:
        self.network = network
        self.keys = dict(keys)

    @property
    def document(self) -> dict[str, Any]:
        """validators.json."""
        keys = {name: key.hex() for name, key in self.keys.items()}
        return {"medrec": "validators/1", "network": self.network.hex(), "validators": keys}

    @property
    def chain_id(self) -> str:
        """What the nodes of this network call their chain: at most 50 characters."""
        return "medrec-" + sha256(b"medrec/chain/1" + codec.encode_json(self.document)).hexdigest()[:40]

    @classmethod
    def read(cls, data: bytes, network: bytes) -> "Founders":
        """The founders in a file's bytes. Raises EngineError."""
        try:
            document = codec.decode_json(data.strip())
            assert isinstance(document, dict) and document["medrec"] == "validators/1"
            keys = {str(name): bytes.fromhex(key) for name, key in document["validators"].items()}
            assert keys and all(len(key) == KEY_BYTES for key in keys.values()) and len(set(keys.values())) == len(keys)
            belongs = document["network"] == network.hex()
        except (AssertionError, KeyError, TypeError, ValueError, AttributeError):
            raise EngineError("validators", "validators.json cannot be read; copy it from another member.") from None
        if not belongs:
            raise EngineError(
                "wrong-network", "validators.json and genesis.json belong to two networks; copy both from one member."
            )
        return cls(network, keys)


def validators(view: View, founders: Founders) -> dict[str, bytes]:
    """The consensus keys in force, by organisation."""
    keys = dict(founders.keys)
    founding = {key: name for name, key in founders.keys.items()}
    prefix = b"validator/"
    for key, value in view.scan(prefix, prefix_end(prefix)):
        public, power = codec.decode(value)
        name = key.removeprefix(prefix).decode()
        if founding.get(public, name) != name:
            continue  # another founder's key: misbehaviour with it would be the founder's
        if power:
            keys[name] = public
        else:
            keys.pop(name, None)
    active = {organisation.id for organisation in state.organisations(view) if organisation.active}
    return {name: key for name, key in keys.items() if name in active}


def check_founding_keys(transaction: Transaction, founders: Founders) -> None:
    """No organisation may ask for the consensus key of another one that founded the network. Raises Refused.

    The ledger itself knows only the keys that were voted for; whose founding key it is stands in validators.json.
    """
    change = transaction.body.payload.get("change")
    if transaction.body.kind != "governance/propose" or not isinstance(change, dict) or change.get("change") != KIND:
        return
    owner = next((name for name, key in founders.keys.items() if key == change.get("key")), None)
    claim(owner in (None, change.get("id")), Code.KEY_IN_USE, "consensus key")


KIND = "validator"
KINDS = {1: "double-vote", 2: "light-client-attack"}


def proven(view: View, found: Iterable[Misbehavior], founders: Founders) -> tuple[Misbehaviour, ...]:
    """The evidence of a block, by organisation. A key that no member ever had is nobody's."""
    owners = {consensus_address(key): name for name, key in founders.keys.items()}
    named = []
    for one in found:
        voted = view.get(state.consensus_key_key(one.validator.address))
        name = owners.get(one.validator.address) or (voted.decode() if voted else None)
        if name is not None and one.type in KINDS:
            named.append(Misbehaviour(name, KINDS[one.type], one.height, one.time.ms))
    return tuple(named)


class _After:
    """A view with a block's writes laid over it."""

    def __init__(self, view: View, writes: Mapping[bytes, bytes | None]) -> None:
        self._view, self._writes = view, writes

    def get(self, key: bytes) -> bytes | None:
        return self._writes[key] if key in self._writes else self._view.get(key)

    def scan(self, start: bytes, end: bytes) -> Any:
        found = {key: value for key, value in self._view.scan(start, end) if key not in self._writes}
        found |= {k: v for k, v in self._writes.items() if v is not None and start <= k < end}
        return iter(sorted(found.items()))


def validator_changes(view: View, writes: Mapping[bytes, bytes | None], founders: Founders) -> list[tuple[bytes, int]]:
    """What a block changes in the set of consensus keys: (key, 1 or 0), by key.

    Two organisations with one key count once. A block that would leave nobody changes nothing: a network without
    validators could never come back.
    """
    if not any(key.startswith((b"validator/", b"organisation/")) for key in writes):
        return []
    before = set(validators(view, founders).values())
    after = set(validators(_After(view, writes), founders).values())
    if not after:
        return []
    return sorted([(key, 1) for key in after - before] + [(key, 0) for key in before - after])
