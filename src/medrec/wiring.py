"""The composition root: the only file that names concrete engines, stores, signers, sources and clocks."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from medrec.core import codec
from medrec.core.forms import learn_forms
from medrec.core.genesis import GenesisError, network_id, read_genesis
from medrec.engines import cometbft_binary
from medrec.engines.cometbft import AUTHORITIES_FILE, CometBftEngine
from medrec.engines.cometbft_files import StateSync, read_keys
from medrec.engines.cometbft_founding import Place as EnginePlace
from medrec.engines.cometbft_founding import begin_from, follow, found, has_blocks
from medrec.engines.engine import Engine, EngineError
from medrec.engines.memory import MemoryEngine
from medrec.engines.sqlite import SqliteEngine
from medrec.node.app import make_app
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.keeping.store import Store, StoreError
from medrec.node.keeping.vault import Vault
from medrec.node.ledger import rotation
from medrec.node.ledger.together import check_key_file, check_together
from medrec.node.lists import checking
from medrec.node.lists.lists import PersonLists
from medrec.node.node import LAW, MERGE_DELAY_MS, Node
from medrec.node.notify.ways import Relay
from medrec.node.peers import tls
from medrec.node.peers.peers import HttpPeers, Peers
from medrec.node.peers.proxied import Proxied
from medrec.node.peers.web import HttpWeb
from medrec.node.records.ingest import FolderReader
from medrec.node.release.labels import Labels
from medrec.node.right_person import estimating
from medrec.node.serve import Site
from medrec.node.settings import Place, Settings, SettingsError
from medrec.node.terminology import held
from medrec.node.witness.witness import Witness, read_logs
from medrec.node.witness.witness_app import witness_app
from medrec.node.witness.witness_keys import WitnessKeys
from medrec.node.witness.witnesses import Web, WitnessPlace
from medrec.portal.app import pages

ENGINES = ("sqlite", "memory", "cometbft")

# Here everything is imported, and nothing is started yet.
learn_forms()


def now_ms() -> int:
    """Milliseconds since 1970 by the machine's clock."""
    return time.time_ns() // 1_000_000


def open_engine(kind: str, path: Path, genesis: dict[str, Any]) -> Engine:
    """The engine of a name in ENGINES, over the ledger's file, or folder for cometbft. Raises EngineError."""
    if kind == "memory":
        return MemoryEngine(genesis, now_ms)
    if kind == "sqlite":
        return SqliteEngine(path, genesis, now_ms)
    if kind == "cometbft":
        return CometBftEngine(path, genesis, lambda: cometbft_binary.program(_tell))
    raise ValueError(f"no engine is called {kind!r}; known are {', '.join(ENGINES)}")


def found_engines(genesis: dict[str, Any], places: Mapping[str, tuple[Path, int, int]], host: str) -> None:
    """Make the network engines of a genesis document's founders on one machine: (folder, port, port of its calls)."""
    found(
        genesis,
        {
            name: EnginePlace(folder, f"{host}:{listen}", f"{host}:{rpc}")
            for name, (folder, listen, rpc) in places.items()
        },
    )


def follow_engine(
    folder: Path,
    listen: str,
    rpc: str,
    address: str,
    peers: list[str],
    validators: bytes,
    sync: tuple[str, dict[str, Any]] | None = None,
) -> None:
    """Make the network engine of an organisation that joins. `sync`: a member's reading door, and a block to trust."""
    follow(folder, listen, rpc, peers, validators, address=address, state_sync=_state_sync(sync))


def follow_from(folder: Path, sync: tuple[str, dict[str, Any]] | None) -> None:
    """Have the network engine of an organisation that joins begin otherwise than it was told before; see follow_engine.

    Raises EngineError.
    """
    begin_from(folder, _state_sync(sync))


def has_begun(folder: Path, genesis: dict[str, Any]) -> bool:
    """Whether a network engine that does not run has any of the ledger. Raises EngineError."""
    return has_blocks(folder, genesis)


def _state_sync(sync: tuple[str, dict[str, Any]] | None) -> StateSync | None:
    if sync is None:
        return None
    door, trust = sync
    return StateSync([door, door], int(trust["height"]), str(trust["hash"]))


def consensus_key(place: Place) -> bytes | None:
    """The public consensus key of a node's network engine, None if it has none."""
    return read_keys(place.ledger / "comet").consensus if place.settings.engine == "cometbft" else None


def own_consensus_key(engine: Engine) -> bytes:
    """The same of an engine that runs."""
    assert isinstance(engine, CometBftEngine)
    return engine.keys.consensus


def engine_id(folder: Path) -> str:
    """The id by which the other members' engines know the network engine of a folder."""
    return read_keys(folder / "comet").node


def build_network_engine() -> None:
    """Have the network engine's program at hand: built on first use, which takes a few minutes. Raises EngineError."""
    cometbft_binary.program(_tell)


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


def genesis_document(name: str, created: int, organisations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A genesis document; each organisation is {id, name, roles, endpoint, keys}."""
    return {
        "medrec": "genesis/1",
        "name": name,
        "created": created,
        "protocol": 1,
        "organisations": list(organisations),
    }


def build_node(
    *,
    organisation: str,
    genesis: dict[str, Any],
    engine: Engine,
    folder: Path,
    records: Path | None = None,
    agent: bool = False,
    keys: OrganisationKeys | None = None,
    peers: Peers | None = None,
    store: str | None = None,
    merge_delay_ms: int = MERGE_DELAY_MS,
    relay: Relay | None = None,
    witnesses: Sequence[WitnessPlace] = (),
    web: Web | None = None,
    tiles: Path | None = None,
    labels: Path | None = None,
    law: Sequence[str] = LAW,
) -> Node:
    """A node over a data folder: keys/, master.key, node.db; `records` is the folder its records live in.

    `store` is a database address (PostgreSQL) that takes the place of node.db, `labels` a site's own labelling rules.
    """
    loaded = held.loaded(folder)
    keys = keys or OrganisationKeys.load(folder / "keys")
    kept = Store(store or folder / "node.db")
    for name in ("master.key", "master.ring"):
        check_key_file(folder / name, kept)
    vault = Vault.at(folder / "master.key", os.urandom)
    node = Node(
        organisation=organisation,
        genesis=genesis,
        keys=keys,
        engine=engine,
        store=kept,
        vault=vault,
        clock=now_ms,
        peers=peers or HttpPeers(keys, engine, now_ms),
        source=FolderReader(kept) if records is not None else None,
        agent=agent,
        merge_delay_ms=merge_delay_ms,
        relay=relay,
        witnesses=witnesses,
        web=web,
        evidence=folder / "evidence",
        tiles=tiles,
        law=law,
        labels=Labels(_own_rules(labels), loaded, held.digest(loaded) if loaded is not None else ""),
    )
    # What the site has loaded, and behind it what ships; and what it has of checkers.
    node.lists = PersonLists(node, loaded, checking.installed())
    if (folder / estimating.FILE).exists():
        node.matching.weights = estimating.read((folder / estimating.FILE).read_bytes())
    check_together(node)
    return node


def node_of(place: Place) -> tuple[Node, Engine]:
    """The node that a settings file describes, and the engine it runs on, which the caller closes.

    Raises EngineError, StoreError, KeyFileError, GenesisError, SettingsError, TerminologyError, OSError.
    """
    settings = place.settings
    genesis = read_json(place.genesis)
    engine = open_engine(settings.engine, place.ledger, genesis)
    try:
        keys, former = rotation.settled(place.data, engine)
        if place.certificate is not None:
            tls.follow_keys(keys, settings.endpoint, place.certificate.parent, now_ms())
    except BaseException:
        close(engine)
        raise
    peers = HttpPeers(keys, engine, now_ms, call_s=settings.call_seconds, plain_http=settings.plain_http)
    try:
        node = build_node(
            organisation=settings.organisation,
            genesis=genesis,
            engine=engine,
            folder=place.data,
            records=place.records,
            agent="agent" in settings.roles,
            keys=keys,
            peers=peers,
            store=settings.store or None,
            merge_delay_ms=settings.merge_delay_seconds * 1000,
            relay=_relay(settings),
            witnesses=place.witnesses,
            web=HttpWeb(call_s=settings.call_seconds, plain_http=settings.plain_http) if place.witnesses else None,
            tiles=place.tiles,
            labels=place.labels,
            law=sorted(set(settings.law)),
        )
        node.checkpoints.members.former = former
        with suppress(EngineError, StoreError):
            rotation.finish(node, place.data)
    except BaseException:
        close(engine)
        raise
    return node, engine


def _own_rules(path: Path | None) -> list[bytes]:
    """A site's own file of labelling rules. Raises SettingsError where it is not there."""
    if path is None:
        return []
    try:
        return [path.read_bytes()]
    except OSError as error:
        raise SettingsError(f"`labels`: {path.name} cannot be read: {error.strerror}.") from None


def _relay(settings: Settings) -> Relay | None:
    """The mail server of the settings; None where there is none."""
    host, _, port = settings.mail_relay.rpartition(":")
    if not host or not port.isdecimal():
        return None
    return Relay(host, int(port), settings.mail_sender or f"medrec@{host}")


def close(engine: Engine) -> None:
    """Close an engine that keeps a file or a connection."""
    closing = getattr(engine, "close", None)
    if closing is not None:
        closing()


def close_node(node: Node) -> None:
    """End a node's loops, its calls to others, and its store; the engine goes on."""
    node.stop()
    if isinstance(node.peers, HttpPeers):
        node.peers.close()
    if node.checkpoints.witnesses is not None and isinstance(node.checkpoints.witnesses.web, HttpWeb):
        node.checkpoints.witnesses.web.close()
    node.store.close()


def check_genesis(document: dict[str, Any]) -> None:
    """Raises GenesisError if no network can begin with this document."""
    read_genesis(document)


def read_json(path: Path) -> dict[str, Any]:
    """A canonical JSON document from a file. Raises GenesisError."""
    try:
        value = codec.decode_json(path.read_bytes().strip())
    except (OSError, codec.CodecError) as error:
        raise GenesisError(f"The genesis file {path.name} cannot be read: {error}.") from None
    if not isinstance(value, dict):
        raise GenesisError(f"The genesis file {path.name} holds no genesis document.")
    return value


def site(node: Node, host: str, port: int, *, demonstration: bool = False, proxies: Sequence[str] = ()) -> Site:
    """A node's application, pages included, at an address; `proxies` are believed about who came to them."""
    return Site(Proxied(make_app(node, pages(node, demonstration=demonstration)), proxies), host, port)


def open_witness(folder: Path) -> Witness:
    """The witness that lives in a folder; close it. Raises WitnessError, KeyFileError."""
    return Witness(WitnessKeys.load(folder), folder, read_logs(folder), now_ms)


def witness_site(witness: Witness, host: str, port: int, certificate: Path | None, key: Path | None) -> Site:
    """A witness's application at an address."""
    return Site(witness_app(witness), host, port, certificate, key)


__all__ = [
    "AUTHORITIES_FILE",
    "ENGINES",
    "build_node",
    "genesis_document",
    "network_id",
    "node_of",
    "now_ms",
    "open_engine",
    "site",
]
