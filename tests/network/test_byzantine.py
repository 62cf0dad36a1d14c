"""One validator of four lies: the other three go on with one history, and what can be proven of it is on the ledger."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import LONG_S, NAMES, Cluster, until, whole_chain

from medrec.core import state
from medrec.engines.abci import messages as abci
from medrec.engines.cometbft import CometBftEngine
from medrec.engines.cometbft_app import ACCEPT, Application

pytestmark = pytest.mark.xdist_group("byzantine")

HONEST, LIAR = NAMES[:3], NAMES[3]
GARBAGE = [b"garbage", b"\x83" + b"\x00" * 4000]


class GarbageApplication(Application):
    """Proposes what no rule lets in, and accepts everything."""

    proposed = 0

    def handle(self, request: abci.Message) -> abci.Message:
        if isinstance(request, abci.RequestPrepareProposal):
            GarbageApplication.proposed += 1
            return abci.ResponsePrepareProposal([*GARBAGE, *request.txs])
        if type(request) is abci.RequestProcessProposal:  # FinalizeBlock is one, too
            return abci.ResponseProcessProposal(ACCEPT)
        return super().handle(request)


class EmptyApplication(Application):
    """Proposes blocks that hold nothing, whatever waits."""

    def handle(self, request: abci.Message) -> abci.Message:
        if isinstance(request, abci.RequestPrepareProposal):
            return abci.ResponsePrepareProposal([])
        return super().handle(request)


class ForgetfulApplication(Application):
    """Computes another app hash than the rules do."""

    def handle(self, request: abci.Message) -> abci.Message:
        answer = super().handle(request)
        if isinstance(request, abci.RequestFinalizeBlock):
            assert isinstance(answer, abci.ResponseFinalizeBlock)
            return abci.ResponseFinalizeBlock(answer.tx_results, answer.validator_updates, bytes(32))
        return answer


def engine_with(application: type[Application]) -> type[CometBftEngine]:
    """An engine that lies in one way."""
    return type("Liar", (CometBftEngine,), {"application": application})


@pytest.fixture
def network(program: Path, tmp_path: Path) -> Iterator[Cluster]:
    """Four validators, of which the honest three run."""
    cluster = Cluster(tmp_path, block_pause_ms=50, propose_ms=500)
    try:
        for name in HONEST:
            cluster.open(name)
        yield cluster
    finally:
        cluster.close()


def garbage_on(engine: CometBftEngine) -> bool:
    return any(data in GARBAGE for block in whole_chain(engine) for data in block.block.transactions)


def honest_check(cluster: Cluster, said: list[tuple[str, int]]) -> None:
    for name in [name for name in cluster.engines if name not in HONEST]:
        cluster.close(name)
    cluster.check(said)


def test_garbage_in_proposals_never_reaches_the_ledger(network: Cluster) -> None:
    liar = network.open(LIAR, engine_with(GarbageApplication))
    GarbageApplication.proposed = 0
    said: list[tuple[str, int]] = []

    def proposed_twice() -> bool:
        said.extend(network.describe(name) for name in HONEST)
        return GarbageApplication.proposed >= 2

    until(proposed_twice, "the liar had its turn")
    assert liar.rpc.broadcast(GARBAGE[:1])[0][0] > 0
    assert not any(garbage_on(network.engines[name]) for name in HONEST)
    honest_check(network, said)


def test_a_wrong_app_hash_stops_the_liar_and_nobody_else(network: Cluster) -> None:
    liar = network.open(LIAR, engine_with(ForgetfulApplication))
    said = [network.describe(name) for name in HONEST for _ in range(2)]
    until(lambda: "another app hash" in liar.trouble, "the liar is told in words that it stands alone")
    said += [network.describe(name) for name in HONEST]
    honest_check(network, said)


def test_double_votes_are_proven_and_counted_on_the_ledger_of_everybody(network: Cluster) -> None:
    liar = network.open(LIAR, submit_s=LONG_S)
    # A second pair with the same consensus key proposes and votes something else.
    network.join("twin", propose_ms=500, block_pause_ms=50)
    key = "comet/config/priv_validator_key.json"
    shutil.copy(network.folders[LIAR] / key, network.folders["twin"] / key)
    twin = network.open("twin", engine_with(EmptyApplication))
    del network.folders["twin"]
    said: list[tuple[str, int]] = []

    def counted(engine: Any) -> int:
        with engine.view() as view:
            return state.read_integer(view, state.faults_key(LIAR))

    def found() -> bool:
        said.extend(network.describe(name) for name in HONEST)
        return counted(network.engines[HONEST[0]]) > 0

    until(found, "the proof stands on the ledger")
    honest_check(network, said)
    with network.engines[HONEST[0]].view() as view:
        kept = list(view.scan(b"misbehaviour/", b"misbehaviour0"))
        assert len(kept) == counted(network.engines[HONEST[0]]) and all(LIAR.encode() in key for key, _ in kept)
        assert not any(state.read_integer(view, state.faults_key(name)) for name in HONEST)
    # A member that replays the history afterwards comes to the same count.
    network.join("late")
    late = network.open("late")
    until(lambda: late.tip().height >= network.engines[HONEST[0]].tip().height, "the late joiner follows")
    assert counted(late) == counted(network.engines[HONEST[1]]) and liar is not twin
