"""Plays CometBFT to an application: handshake, pool, proposals and blocks, in one process and without a network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger_world import CREATED, SECOND, public
from suite import MANY

from medrec.core.genesis import network_id
from medrec.core.outcome import Outcome
from medrec.engines.abci import messages as abci
from medrec.engines.cometbft_app import Application
from medrec.engines.cometbft_marks import Marks
from medrec.engines.cometbft_snapshot import Snapshots
from medrec.engines.cometbft_validators import Founders
from medrec.engines.storage import Storage


def at(ms: int) -> abci.Timestamp:
    """A time of the wire."""
    return abci.Timestamp(ms // 1000, ms % 1000 * 1_000_000)


class Driver:
    """One node without CometBFT."""

    def __init__(self, folder: Path, genesis: dict[str, Any] = MANY, interval: int = 0) -> None:
        names = [organisation["id"] for organisation in genesis["organisations"]]
        self.founders = Founders(network_id(genesis), {name: public(name + " consensus") for name in names[:4]})
        self.storage = Storage(folder / "ledger.db", genesis, lambda step: self.fault(step))
        self.snapshots = Snapshots(folder / "snapshots", self.storage, interval)
        self.marks = Marks()
        self.dropped: list[tuple[bytes, Outcome]] = []
        self.steps: list[str] = []
        self.app = Application(
            self.storage,
            self.founders,
            self.snapshots,
            self.marks,
            dropped=lambda data, outcome: self.dropped.append((data, outcome)),
            fault=lambda step: self.fault(step),
        )
        self.time = CREATED

    def fault(self, step: str) -> None:
        """Called at every step; tests replace it."""
        self.steps.append(step)

    def ask(self, request: abci.Message) -> Any:
        """The answer, through the bytes of both."""
        answer = self.app.handle(abci.decode_request(abci.encode_request(request)))
        if isinstance(answer, abci.ResponseApplySnapshotChunk):
            return answer
        return abci.decode_response(abci.encode_response(answer))

    def check(self, data: bytes, again: bool = False) -> int:
        """The code of CheckTx."""
        return int(self.ask(abci.RequestCheckTx(data, int(again))).code)

    def propose(self, transactions: Sequence[bytes], room: int = 1 << 22) -> list[bytes]:
        """What this node proposes."""
        height = self.storage.tip().height + 1
        return list(self.ask(abci.RequestPrepareProposal(room, list(transactions), [], height, at(self.time))).txs)

    def accepts(self, transactions: Sequence[bytes]) -> bool:
        """Whether this node votes for a block."""
        height = self.storage.tip().height + 1
        request = abci.RequestProcessProposal(list(transactions), [], b"h", height, at(self.time + SECOND))
        return bool(self.ask(request).status == 1)

    def finalize(self, transactions: Sequence[bytes], evidence: Sequence[abci.Misbehavior] = ()) -> Any:
        """The answer to an agreed block, which is not kept yet."""
        height = self.storage.tip().height + 1
        return self.ask(
            abci.RequestFinalizeBlock(list(transactions), list(evidence), b"h", height, at(self.time + SECOND))
        )

    def block(self, *transactions: bytes) -> Any:
        """Agree on a block and keep it."""
        answer = self.finalize(transactions)
        self.ask(abci.RequestCommit())
        self.time += SECOND
        return answer

    def close(self) -> None:
        """Let the files go."""
        self.snapshots.wait()
        self.storage.close()
