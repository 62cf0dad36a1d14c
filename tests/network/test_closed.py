"""An engine is closed: it lets in its peers, who is about to join, and the guests it was told of; strangers it turns
away at the door. Where it is open to all, a stranger still makes nobody write."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cluster import Cluster, genesis_of, until
from ledger_world import World, admission

from medrec.core.view import View
from medrec.engines import cometbft
from medrec.engines.cometbft_door import GUESTS_FILE, door
from medrec.engines.cometbft_files import EngineSettings
from medrec.engines.cometbft_tick import make_tick


def test_who_is_let_in(tmp_path: Path) -> None:
    member, guest, stranger, newcomer = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
    world = World(genesis_of())
    peers = [f"{member}@127.0.0.1:1"]
    view = world.view
    everybody = (member, guest, stranger, newcomer)
    assert all(door(tmp_path, EngineSettings(peers=peers, closed=False), lambda: view)(one) for one in everybody)
    closed = door(tmp_path, EngineSettings(peers=peers), lambda: world.view)
    assert [closed(one) for one in everybody] == [True, False, False, False]
    (tmp_path / GUESTS_FILE).write_text(f"# who joins\n{guest.upper()}  # hill practice\n\n")
    assert [closed(one) for one in (*everybody, "", "#")] == [True, True, False, False, False, False]
    (tmp_path / GUESTS_FILE).write_bytes(b"\xff" + stranger.encode())
    assert [closed(one) for one in everybody] == [True, False, False, False]
    world.propose("site-0", "admit", **admission("west"), engine=newcomer)
    assert [closed(one) for one in everybody] == [True, False, False, True]


def test_a_stranger_follows_only_once_it_is_a_guest(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noted(folder: Path, settings: EngineSettings, view: Callable[[], View]) -> object:
        inner = door(folder, settings, view)
        return lambda engine: asked.append(engine) or inner(engine)

    monkeypatch.setattr(cometbft, "door", noted)
    with Cluster(tmp_path, ("site-0",)) as cluster:
        keys = cluster.join("stranger", guest=False)
        member, stranger = cluster.engines["site-0"], cluster.open("stranger")
        cluster.describe("site-0")
        until(lambda: keys.node in asked, "the stranger knocks")
        assert int(member.rpc.call("net_info")["n_peers"]) == 0 and stranger.tip().height == 0
        # Whoever was turned away may knock no more until it is started again.
        (cluster.folders["site-0"] / GUESTS_FILE).write_text(keys.node + "\n")
        cluster.close("stranger")
        stranger = cluster.open("stranger")
        until(lambda: stranger.tip().height >= member.tip().height > 0, "the guest follows")
        cluster.even()


def test_a_stranger_makes_nobody_write_where_the_door_stands_open(program: Path, tmp_path: Path) -> None:
    with Cluster(tmp_path, ("site-0",), closed=False, block_pause_ms=20) as cluster:
        cluster.join("stranger", guest=False)
        member, stranger = cluster.engines["site-0"], cluster.open("stranger")
        cluster.describe("site-0")
        top = cluster.even()
        assert stranger.submit([]) == [] and stranger.tip() == top  # at once: others see to what is due
        forged = make_tick(stranger._signer, stranger.founders.chain_id, top.height + 1)
        for engine in (stranger, member):
            ((code, why),) = engine.rpc.broadcast([forged])
            assert code and "validates" in why
        member.submit([])
        until(lambda: stranger.tip().height == top.height + 1, "a member's tick makes one block")
