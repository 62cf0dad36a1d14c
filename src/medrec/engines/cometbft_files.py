"""The files of one organisation's engine: engine.toml, which people write, and what CometBFT reads, made from it.

The reasons for each value that differs from CometBFT's own are in docs/guides/network.md.
"""

import base64
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import msgspec
from nacl.signing import SigningKey

from medrec.core.genesis import Genesis
from medrec.core.types import TRANSACTION_BYTES_MAX
from medrec.engines.cometbft_validators import Founders
from medrec.engines.engine import EngineError
from medrec.engines.storage import Storage

ENGINE_FILE = "engine.toml"
VALIDATORS_FILE = "validators.json"
BLOCK_BYTES = 4 << 20
SOCKET_PATH_MAX = 100

Address = Annotated[str, msgspec.Meta(pattern=r"^[^\s\"\\]{1,255}:[0-9]{1,5}\Z")]
Peer = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}@[^\s\",\\]{1,255}:[0-9]{1,5}\Z")]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=3_600_000)]


class StateSync(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Begin from a peer's snapshot: two RPC addresses of members, and a block that the operator trusts."""

    rpc_servers: list[str]
    trust_height: int
    trust_hash: str


class EngineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """engine.toml."""

    listen: Address = "0.0.0.0:26656"
    """Where other organisations' engines reach this one; the connection is encrypted and both ends are known."""

    address: str = ""
    """The same as the others see it, host:port, when `listen` is not it; stands in invitations."""

    rpc: Address = "127.0.0.1:26657"
    """Where this node reaches its own engine. Never open it to the world."""

    peers: list[Peer] = msgspec.field(default_factory=list)
    """The engines of the other organisations: id@host:port. Nobody else is looked for."""

    closed: bool = True
    """Let in only the engines of `peers`, those that a proposal to admit names, and those whose ids stand in the file
    `guests` beside this one."""

    block_pause_ms: Milliseconds = 200
    """The rest after a block. Smaller is quicker, and costs traffic and power."""

    gossip_ms: Milliseconds = 20
    """How often news for a peer is looked for."""

    flush_ms: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    """How long what is to be sent to a peer waits for more. Smaller is a little quicker, and costs much more power."""

    propose_ms: Milliseconds = 1000
    """How long a proposer is waited for before the next one has its turn."""

    empty_block_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    """An empty block after so many seconds without another; 0: none."""

    keep_blocks: Annotated[int, msgspec.Meta(ge=0)] = 100_000
    """How many blocks CometBFT keeps for late joiners; the ledger itself keeps all. 0: every one."""

    snapshot_every: Annotated[int, msgspec.Meta(ge=0)] = 10_000
    """Make a snapshot for late joiners every so many blocks; 0: none."""

    state_sync: StateSync | None = None
    """Set by a member that joins late; only a node without a ledger looks at it."""

    log: str = "error"
    """What CometBFT writes into cometbft.log: error, info or debug."""


def read_engine_settings(folder: Path) -> EngineSettings:
    """engine.toml of a folder. Raises EngineError."""
    try:
        return msgspec.toml.decode((folder / ENGINE_FILE).read_bytes(), type=EngineSettings)
    except OSError as error:
        raise EngineError(
            "no-settings",
            f"{ENGINE_FILE} cannot be read: {error.strerror}. `medrec network` and `medrec join` make it.",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EngineError("settings", f"{ENGINE_FILE}: {error}.") from None


def write_engine_settings(folder: Path, settings: EngineSettings) -> None:
    """Write engine.toml, whole or not at all; what has its default is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    default = EngineSettings()
    lines = [
        f"{name} = {_toml(value)}\n"
        for name in EngineSettings.__struct_fields__
        if (value := getattr(settings, name)) != getattr(default, name)
    ]
    partial = folder / f".{ENGINE_FILE}.partial"
    with partial.open("w") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / ENGINE_FILE)


def _toml(value: Any) -> str:
    if isinstance(value, StateSync):
        return "{" + ", ".join(f"{name} = {_toml(getattr(value, name))}" for name in value.__struct_fields__) + "}"
    return json.dumps(value)  # texts, integers and lists of them are written alike


def open_ledger(path: Path, genesis: dict[str, Any], fault: Callable[[str], None]) -> Storage:
    """The ledger's file. Raises EngineError; what is damaged is never the only copy."""
    try:
        return Storage(path, genesis, fault)
    except EngineError as error:
        if error.code != "corrupted":
            raise
        sentence = f"The ledger file {path.name} is damaged and nothing is lost: set {path.name}* aside and start; it "
        raise EngineError(
            error.code, sentence + "is made anew from the engine's blocks or the other members."
        ) from error


class EngineKeys(msgspec.Struct, frozen=True):
    """The public half of an engine's keys: the consensus key and the id on the wire."""

    consensus: bytes
    node: str


def make_keys(home: Path) -> EngineKeys:
    """New keys for an engine that has none yet."""
    for folder in (home / "config", home / "data"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    consensus, node = SigningKey(secrets.token_bytes(32)), SigningKey(secrets.token_bytes(32))
    public = bytes(consensus.verify_key)
    document = {
        "address": sha256(public).hexdigest()[:40].upper(),
        "pub_key": {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(public).decode()},
        "priv_key": _private(consensus),
    }
    _secret(home / "config" / "priv_validator_key.json", document)
    _secret(home / "config" / "node_key.json", {"priv_key": _private(node)})
    (home / "data" / "priv_validator_state.json").write_text('{"height": "0", "round": 0, "step": 0}')
    return read_keys(home)


def read_keys(home: Path) -> EngineKeys:
    """The public keys of an engine. Raises EngineError."""
    try:
        consensus = json.loads((home / "config" / "priv_validator_key.json").read_bytes())
        node = json.loads((home / "config" / "node_key.json").read_bytes())
        public = base64.b64decode(node["priv_key"]["value"])[32:]
        return EngineKeys(base64.b64decode(consensus["pub_key"]["value"]), sha256(public).hexdigest()[:40])
    except (OSError, ValueError, KeyError, TypeError):
        raise EngineError("engine-keys", "The engine's key files cannot be read; restore them from a backup.") from None


def read_signer(home: Path) -> SigningKey:
    """The consensus key itself, with which this process signs its ticks. Raises EngineError."""
    try:
        key = json.loads((home / "config" / "priv_validator_key.json").read_bytes())
        return SigningKey(base64.b64decode(key["priv_key"]["value"])[:32])
    except (OSError, ValueError, KeyError, TypeError):
        raise EngineError("engine-keys", "The engine's key files cannot be read; restore them from a backup.") from None


def check_peers(settings: EngineSettings, keys: EngineKeys, founders: Founders) -> None:
    """Raises EngineError where nobody is named to meet and somebody is there: a file that was emptied says nothing."""
    if not settings.peers and set(founders.keys.values()) != {keys.consensus}:
        raise EngineError(
            "settings",
            f"{ENGINE_FILE} names no `peers` and the network has other members: the file was emptied or cut. Bring it "
            "back from a backup, or write the members' id@host:port into `peers`; `medrec invite` shows them.",
        )


def check_vote_memory(home: Path) -> None:
    """Raises EngineError where the last vote is forgotten: an engine that starts anew could vote twice at a height."""
    name = "priv_validator_state.json"
    try:
        found = json.loads((home / "data" / name).read_bytes())
        int(found["height"])
    except (OSError, ValueError, KeyError, TypeError):
        raise EngineError(
            "vote-memory",
            f"{name} cannot be read: it remembers this organisation's last vote. Bring it back, or write it as "
            "docs/guides/network.md says of a lost disk; the engine then starts by itself.",
        ) from None


def socket_path(folder: Path) -> Path:
    """A place for the application's socket: in the folder, unless its path is too long for one."""
    path = folder.absolute() / "app.sock"
    if len(str(path)) <= SOCKET_PATH_MAX:
        return path
    return Path(tempfile.mkdtemp(prefix="medrec-")) / "app.sock"


def _private(key: SigningKey) -> dict[str, str]:
    whole = bytes(key) + bytes(key.verify_key)
    return {"type": "tendermint/PrivKeyEd25519", "value": base64.b64encode(whole).decode()}


def _secret(path: Path, document: dict[str, Any]) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(json.dumps(document))


def write_home(home: Path, settings: EngineSettings, genesis: Genesis, founders: Founders, app_hash: bytes,
               socket: Path, moniker: str) -> None:  # fmt: skip
    """config.toml and genesis.json of CometBFT; made anew at every start, since all of it follows from our files.

    Raises EngineError where the last vote is forgotten.
    """
    check_vote_memory(home)
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "genesis.json").write_text(json.dumps(chain_genesis(genesis, founders, app_hash), indent=1))
    (home / "config" / "config.toml").write_text(_config(settings, socket, moniker))


def chain_genesis(genesis: Genesis, founders: Founders, app_hash: bytes) -> dict[str, Any]:
    """CometBFT's genesis document: the same at every member."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(genesis.created // 1000)) + f".{genesis.created % 1000:03}Z"
    return {
        "genesis_time": moment,
        "chain_id": founders.chain_id,
        "initial_height": "1",
        "consensus_params": {
            "block": {"max_bytes": str(BLOCK_BYTES), "max_gas": "-1"},
            "evidence": {
                "max_age_num_blocks": "100000",
                "max_age_duration": str(14 * 86_400 * 10**9),
                "max_bytes": "65536",
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": "1"},
            "abci": {"vote_extensions_enable_height": "0"},
        },
        "validators": [
            {
                "address": sha256(key).hexdigest()[:40].upper(),
                "pub_key": {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(key).decode()},
                "power": "1",
                "name": name,
            }
            for name, key in sorted(founders.keys.items())
        ],
        "app_hash": app_hash.hex().upper(),
    }


def _config(settings: EngineSettings, socket: Path, moniker: str) -> str:
    sync = settings.state_sync
    return _CONFIG.format(
        socket=socket,
        moniker=moniker,
        log=settings.log,
        closed="true" if settings.closed else "false",
        rpc=settings.rpc,
        body_bytes=8 * TRANSACTION_BYTES_MAX,
        listen=settings.listen,
        peers=",".join(settings.peers),
        members=",".join(peer.split("@")[0] for peer in settings.peers),
        transaction_bytes=TRANSACTION_BYTES_MAX,
        sync="true" if sync else "false",
        servers=",".join(sync.rpc_servers) if sync else "",
        height=sync.trust_height if sync else 0,
        hash=sync.trust_hash if sync else "",
        propose=settings.propose_ms,
        pause=settings.block_pause_ms,
        empties="true" if settings.empty_block_seconds else "false",
        empty=settings.empty_block_seconds,
        gossip=settings.gossip_ms,
        flush=settings.flush_ms,
    )


_CONFIG = """# Made by MedRec at every start from engine.toml: edit that file.
proxy_app = "unix://{socket}"
abci = "socket"
moniker = "{moniker}"
db_backend = "goleveldb"
log_level = "{log}"
log_format = "plain"
filter_peers = {closed}

[rpc]
laddr = "tcp://{rpc}"
max_body_bytes = {body_bytes}
max_request_batch_size = 0
timeout_broadcast_tx_commit = "30s"

[p2p]
laddr = "tcp://{listen}"
persistent_peers = "{peers}"
unconditional_peer_ids = "{members}"
persistent_peers_max_dial_period = "5s"
pex = false
addr_book_strict = false
allow_duplicate_ip = true
send_rate = 20480000
recv_rate = 20480000
max_packet_msg_payload_size = 10240
flush_throttle_timeout = "{flush}ms"

[mempool]
type = "flood"
recheck = true
recheck_timeout = "30s"
size = 10000
max_tx_bytes = {transaction_bytes}
max_txs_bytes = 268435456
cache_size = 20000

[statesync]
enable = {sync}
rpc_servers = "{servers}"
trust_height = {height}
trust_hash = "{hash}"
trust_period = "168h0m0s"
discovery_time = "5s"

[consensus]
timeout_propose = "{propose}ms"
timeout_propose_delta = "500ms"
timeout_prevote = "500ms"
timeout_prevote_delta = "500ms"
timeout_precommit = "500ms"
timeout_precommit_delta = "500ms"
timeout_commit = "{pause}ms"
create_empty_blocks = {empties}
create_empty_blocks_interval = "{empty}s"
peer_gossip_sleep_duration = "{gossip}ms"

[storage]
discard_abci_responses = true

[tx_index]
indexer = "null"
"""
