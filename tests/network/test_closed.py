"""An engine that is closed lets in its peers and the guests it was told of, and turns strangers away at the door."""

from pathlib import Path

import pytest
from cluster import Cluster, until

from medrec.engines import cometbft
from medrec.engines.cometbft_files import GUESTS_FILE, EngineSettings, door


def test_who_is_let_in(tmp_path: Path) -> None:
    member, guest, stranger = ("a" * 40, "b" * 40, "c" * 40)
    peers = [f"{member}@127.0.0.1:1"]
    assert all(door(tmp_path, EngineSettings(peers=peers))(one) for one in (member, guest, stranger))
    closed = door(tmp_path, EngineSettings(peers=peers, closed=True))
    assert [closed(one) for one in (member, guest, stranger)] == [True, False, False]
    (tmp_path / GUESTS_FILE).write_text(f"# who joins\n{guest.upper()}  # hill practice\n\n")
    assert [closed(one) for one in (member, guest, stranger, "", "#")] == [True, True, False, False, False]
    (tmp_path / GUESTS_FILE).write_bytes(b"\xff" + stranger.encode())
    assert [closed(one) for one in (member, guest, stranger)] == [True, False, False]


def test_a_stranger_follows_only_once_it_is_a_guest(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noted(folder: Path, settings: EngineSettings) -> object:
        inner = door(folder, settings)
        return lambda engine: asked.append(engine) or inner(engine)

    monkeypatch.setattr(cometbft, "door", noted)
    with Cluster(tmp_path, ("site-0",), closed=True) as cluster:
        keys = cluster.join("stranger")
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
