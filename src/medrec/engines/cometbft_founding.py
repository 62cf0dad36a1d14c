"""The beginning of a network's engines: keys for each founder, and the files by which they know one another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from medrec.core import codec
from medrec.core.genesis import network_id
from medrec.engines.cometbft_files import (
    VALIDATORS_FILE,
    EngineKeys,
    EngineSettings,
    StateSync,
    make_keys,
    open_ledger,
    read_engine_settings,
    write_engine_settings,
)
from medrec.engines.cometbft_validators import Founders


class Place(NamedTuple):
    """Where a founder's engine lives and listens: its folder, host:port for the others, host:port for itself."""

    folder: Path
    listen: str
    rpc: str


def found(genesis: dict[str, Any], places: Mapping[str, Place], **settings: Any) -> dict[str, EngineKeys]:
    """Make the engine folders of the founders of a genesis document: every one validates and knows all others.

    `settings` are further fields of EngineSettings. Nothing may be in the folders yet.
    """
    keys = {name: make_keys(place.folder / "comet") for name, place in places.items()}
    founders = Founders(network_id(genesis), {name: own.consensus for name, own in keys.items()})
    for name, place in places.items():
        peers = [f"{keys[other].node}@{there.listen}" for other, there in places.items() if other != name]
        write_engine_settings(place.folder, EngineSettings(listen=place.listen, rpc=place.rpc, peers=peers, **settings))
        (place.folder / VALIDATORS_FILE).write_bytes(codec.encode_json(founders.document))
    return keys


def follow(folder: Path, listen: str, rpc: str, peers: list[str], validators: bytes, **settings: Any) -> EngineKeys:
    """Make the engine folder of an organisation that joins a running network: it follows, and validates after a vote.

    `validators` are the bytes of validators.json.
    """
    keys = make_keys(folder / "comet")
    write_engine_settings(folder, EngineSettings(listen=listen, rpc=rpc, peers=peers, **settings))
    (folder / VALIDATORS_FILE).write_bytes(validators)
    return keys


def has_blocks(folder: Path, genesis: dict[str, Any]) -> bool:
    """Whether the ledger of an engine that does not run has come beyond genesis. Raises EngineError."""
    file = folder / "ledger.db"
    if not file.exists():
        return False
    ledger = open_ledger(file, genesis, lambda step: None)
    try:
        return ledger.tip().height > 0
    finally:
        ledger.close()


def begin_from(folder: Path, sync: StateSync | None) -> None:
    """Have an engine without blocks begin from a snapshot, or, with None, from the first block. Raises EngineError."""
    settings = read_engine_settings(folder)
    if settings.state_sync != sync:
        write_engine_settings(folder, msgspec.structs.replace(settings, state_sync=sync))
