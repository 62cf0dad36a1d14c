"""What peers forgot while they looked for blocks holds nobody up: seen with members that are deaf for a while.

On a real network it happens by chance, when a transaction is handed over in the moment in which the members start.
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster import NAMES, Cluster

from medrec.engines import cometbft_standstill
from medrec.engines.abci import messages as abci
from medrec.engines.cometbft import CometBftEngine
from medrec.engines.cometbft_app import REPLAY, Application
from medrec.engines.cometbft_tick import is_tick

pytestmark = pytest.mark.xdist_group("standstill")

FIRST, OTHERS = NAMES[0], NAMES[1:]


class DeafApplication(Application):
    """Forgets what is sent to its pool."""

    heard: Callable[[bytes], bool] = staticmethod(lambda data: True)

    def handle(self, request: abci.Message) -> abci.Message:
        if isinstance(request, abci.RequestCheckTx) and not DeafApplication.heard(request.tx):
            return abci.ResponseCheckTx(REPLAY)
        return super().handle(request)


class DeafEngine(CometBftEngine):
    """A member that can be deaf."""

    application = DeafApplication


@pytest.fixture(scope="module")
def network(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Four validators, three of which can be deaf; all know the first block."""
    cluster = Cluster(tmp_path_factory.mktemp("standstill"), block_pause_ms=20, propose_ms=300)
    try:
        cluster.open(FIRST)
        for name in OTHERS:
            cluster.open(name, DeafEngine)
        cluster.describe(FIRST)
        yield cluster
    finally:
        cluster.close()


def test_a_transaction_of_which_no_other_member_heard_is_ordered(
    network: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeafApplication, "heard", staticmethod(is_tick))
    standstill = network.engines[FIRST].standstill
    # Everybody proposes in turn: of four heights at most one is made by the first without help.
    said = []
    while standstill.ticks == 0:
        assert len(said) < len(NAMES), "members that heard nothing made blocks"
        said.append(network.describe(FIRST))
    assert standstill.restarts == 0
    network.check(said)


def test_an_engine_whose_peers_hear_nothing_at_all_is_started_again_once_and_says_so(
    network: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cometbft_standstill, "RESTART_S", 3.0)
    engine = network.engines[FIRST]
    starts = engine._process.starts
    monkeypatch.setattr(DeafApplication, "heard", staticmethod(lambda data: engine._process.starts > starts))
    said = []
    with caplog.at_level(logging.ERROR, "medrec.engine"):
        while engine.standstill.restarts == 0:
            assert len(said) < len(NAMES), "members that heard nothing made blocks"
            said.append(network.describe(FIRST))
    assert engine.standstill.restarts == 1 and engine._process.starts == starts + 1
    assert "stands at height" in caplog.text and "start number 1" in caplog.text
    network.check(said)
