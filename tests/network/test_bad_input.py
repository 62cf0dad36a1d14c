"""What a real network is fed that it should not be: each says what is wrong, and nothing is the worse for it."""

import contextlib
import json
import os
import socket
import time
from pathlib import Path

import msgspec
import pytest
from cluster import NAMES, Cluster, until

from medrec.core import codec, machine
from medrec.core.genesis import network_id
from medrec.core.types import transaction_id
from medrec.demo.ports import free_ports
from medrec.engines import cometbft_binary
from medrec.engines.abci.messages import RequestQuery
from medrec.engines.cometbft import CometBftEngine
from medrec.engines.cometbft_files import read_engine_settings, write_engine_settings
from medrec.engines.cometbft_query import verified
from medrec.engines.engine import EngineError

pytestmark = pytest.mark.xdist_group("bad-input")


def listen_of(cluster: Cluster, name: str) -> tuple[str, int]:
    host, _, port = read_engine_settings(cluster.folders[name]).listen.rpartition(":")
    return host, int(port)


def test_garbage_from_a_peer_disturbs_nobody(four: Cluster) -> None:
    said = [four.describe(NAMES[0])]
    for data in (
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        os.urandom(20_000),
        b"\x22\x0a\x20" + os.urandom(32) + os.urandom(2000),  # the form of a handshake, with noise behind it
        b"\xff" * 9 + b"\x01",
        b"",
    ):
        with socket.create_connection(listen_of(four, NAMES[0]), timeout=30) as peer:
            peer.sendall(data)
            time.sleep(0.05)
    said += [four.describe(name) for name in NAMES]
    four.check(said)


def test_garbage_on_the_applications_socket_is_answered_with_an_end(four: Cluster) -> None:
    path = four.folders[NAMES[1]] / "app.sock"
    for data in (b"\x00\x00\x00", os.urandom(300), b"\xff" * 10):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(30)
            stranger.connect(str(path))
            stranger.sendall(data)
            stranger.shutdown(socket.SHUT_WR)
            while stranger.recv(4096):
                pass
    four.check([four.describe(NAMES[1])])


def test_a_genesis_that_differs_by_a_byte_never_meets_the_network_and_is_told_so(four: Cluster) -> None:
    four.describe(NAMES[0])
    other = four.genesis | {"name": four.genesis["name"][:-1] + "x"}
    assert len(codec.encode_json(other)) == len(codec.encode_json(four.genesis))
    four.join("other")
    folder = four.folders.pop("other")
    validators = json.loads((folder / "validators.json").read_bytes())
    (folder / "validators.json").write_bytes(codec.encode_json(validators | {"network": network_id(other).hex()}))
    engine = CometBftEngine(folder, other, cometbft_binary.program)
    try:
        until(lambda: "differ by at least one byte" in engine.trouble, "the newcomer is told that the files differ")
        assert engine.tip().height == 0
    finally:
        engine.close()
    # And the two files of two networks in one folder do not even start.
    with pytest.raises(EngineError, match="two networks"):
        CometBftEngine(folder, four.genesis, cometbft_binary.program)


def test_a_port_that_is_taken_is_named_and_the_node_comes_up_when_it_is_free(four: Cluster) -> None:
    four.join("late")
    (port,) = free_ports(1)
    settings = msgspec.structs.replace(read_engine_settings(four.folders["late"]), listen=f"127.0.0.1:{port}")
    write_engine_settings(four.folders["late"], settings)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        engine = four.open("late")
        until(lambda: "`listen`" in engine.trouble, "the taken port is named")
    until(lambda: engine.tip().height >= four.engines[NAMES[0]].tip().height, "the node comes up and follows")
    four.close("late")
    del four.folders["late"]


def test_an_engine_of_another_version_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "cometbft"
    monkeypatch.setenv(cometbft_binary.PROGRAM_VARIABLE, str(other))
    with pytest.raises(EngineError) as caught:
        cometbft_binary.program()
    assert caught.value.code == "no-engine"
    for content, words in ((b"", "empty"), (b"#!/bin/sh\n", "unknown"),
                           (b"mod\tgithub.com/cometbft/cometbft\tv1.0.1\th1:x", "v1.0.1")):  # fmt: skip
        other.write_bytes(content)
        with pytest.raises(EngineError, match=words) as caught:
            cometbft_binary.program()
        assert caught.value.code == "wrong-engine" and "unset it" in caught.value.sentence


def test_an_engine_file_that_was_emptied_is_named_and_opens_no_door(program: Path, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, NAMES[:2])
    (cluster.folders[NAMES[0]] / "engine.toml").write_bytes(b"")
    with pytest.raises(EngineError, match="names no `peers`") as caught:
        cluster.open(NAMES[0])
    assert caught.value.code == "settings"
    alone = Cluster(tmp_path / "alone", NAMES[:1])
    assert alone.open(NAMES[0]).tip().height == 0  # who is alone needs none
    alone.close()


def test_the_real_binary_hands_queries_through_and_their_proofs_lead_to_the_next_header(four: Cluster) -> None:
    four.describe(NAMES[0])
    tip = four.even()
    engine = four.engines[NAMES[2]]
    for path, data in (("/state", b"network"), ("/state", b"nothing"), ("/log", (0).to_bytes(8, "big")), ("/tip", b"")):
        _, proven = verified(engine.rpc.query(RequestQuery(data, path, 0, True)))
        assert proven == engine.tip() and proven.log_root == tip.log_root
    four.describe(NAMES[1])
    until(lambda: engine.tip().height > tip.height, "another block")
    header = engine.rpc.call("header", height=str(tip.height + 1))["header"]
    assert header["app_hash"] == tip.app_hash.hex().upper()


def test_signatures_that_the_pool_has_checked_are_not_checked_again_in_the_block(four: Cluster) -> None:
    hits = [engine._marks.hits for engine in four.engines.values()]
    four.describe(NAMES[3])
    four.even()
    assert all(engine._marks.hits > before for engine, before in zip(four.engines.values(), hits, strict=True))


def test_an_upgrade_at_a_height_stops_old_software_in_words_and_new_software_goes_on(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cluster(tmp_path, block_pause_ms=20, submit_s=10) as cluster:
        said = [cluster.describe(name) for name in NAMES]
        world = cluster.world()
        height = cluster.even().height + 12
        proposal = world.proposal(NAMES[0], "upgrade", version=2, height=height)
        cluster.engines[NAMES[0]].submit([proposal])
        identifier = transaction_id(codec.decode(proposal)[0])
        for name in NAMES[1:3]:
            cluster.engines[name].submit([world.vote(name, identifier)])

        def stopped() -> bool:
            with contextlib.suppress(EngineError):
                cluster.engines[NAMES[0]].submit([])
            return all("upgrade it" in engine.trouble for engine in cluster.engines.values())

        # Those who agreed to the block of that height stop; the others stand before it, and say the same.
        until(stopped, "every node says that the software must be upgraded")
        until(
            lambda: {engine.tip().height for engine in cluster.engines.values()} == {height - 1},
            "every node stands before the block of the upgrade",
        )
        cluster.close()
        monkeypatch.setattr(machine, "PROTOCOLS", frozenset({1, 2}))  # the new software
        for name in NAMES:
            cluster.open(name, submit_s=120)
        said += [cluster.describe(name) for name in NAMES]
        cluster.check(said)
        assert cluster.engines[NAMES[0]].tip().protocol == 2
