"""One validator of a measured network, as a process: `python -m bench.validator FOLDER ledger|bare`.

`ledger` is MedRec's own pair: rules, signatures, durable state. `bare` answers CometBFT through the same ABCI server
with nothing behind it: no signature, no rule, no disk, the app hash a running SHA-256. It is the ceiling.
"""

import hashlib
import sys
import threading
from pathlib import Path
from typing import Any

from medrec.core import codec
from medrec.core.genesis import genesis_writes, network_id, read_genesis
from medrec.engines import cometbft_binary
from medrec.engines.abci import messages as abci
from medrec.engines.abci.server import AbciServer
from medrec.engines.cometbft import CometBftEngine
from medrec.engines.cometbft_files import read_engine_settings, write_home
from medrec.engines.cometbft_process import Supervised
from medrec.engines.cometbft_validators import Founders


class Bare:
    """An application that agrees to everything and remembers a hash."""

    def __init__(self, app_hash: bytes) -> None:
        self.height = 0
        self.app_hash = app_hash

    def handle(self, request: abci.Message) -> abci.Message:
        """The answer."""
        kind = type(request)
        if kind is abci.RequestInfo:
            return abci.ResponseInfo("bare", "1", 1, self.height, self.app_hash if self.height else b"")
        if kind is abci.RequestInitChain:
            return abci.ResponseInitChain(app_hash=self.app_hash)
        if kind is abci.RequestCheckTx:
            return abci.ResponseCheckTx()
        if isinstance(request, abci.RequestPrepareProposal):
            return abci.ResponsePrepareProposal(_fitting(request))
        if kind is abci.RequestProcessProposal:
            return abci.ResponseProcessProposal(1)
        if isinstance(request, abci.RequestFinalizeBlock):
            for data in request.txs:
                self.app_hash = hashlib.sha256(self.app_hash + data).digest()
            self.height = request.height
            return abci.ResponseFinalizeBlock([abci.ExecTxResult() for _ in request.txs], [], self.app_hash)
        if kind is abci.RequestCommit:
            return abci.ResponseCommit()
        if kind is abci.RequestQuery:
            return abci.ResponseQuery()  # whoever connects is let in
        return abci.ResponseListSnapshots()


def _fitting(request: abci.RequestPrepareProposal) -> list[bytes]:
    chosen, room = [], request.max_tx_bytes
    for data in request.txs:
        room -= len(data) + 6
        if room < 0:
            break
        chosen.append(data)
    return chosen


def bare(folder: Path, genesis: dict[str, Any]) -> Any:
    """Start a bare pair; what stops it."""
    founders = Founders.read((folder / "validators.json").read_bytes(), network_id(genesis))
    tip, _ = genesis_writes(genesis)
    home, socket = folder / "comet", folder / "app.sock"
    settings = read_engine_settings(folder)

    def prepare() -> None:
        write_home(home, settings, read_genesis(genesis), founders, tip.app_hash, socket, "bare")
        AbciServer(socket, Bare(tip.app_hash).handle, lambda sentence: None).start()

    program = str(cometbft_binary.program())
    process = Supervised([program, "start", "--home", str(home)], folder / "cometbft.log", prepare, {})
    process.start()
    return process.stop


def main() -> None:
    """Run until standard input ends."""
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    genesis: Any = codec.decode_json((folder / "genesis.json").read_bytes())
    if kind == "bare":
        stop = bare(folder, genesis)
    else:
        stop = CometBftEngine(folder, genesis, cometbft_binary.program).close
    print("started", flush=True)
    sys.stdin.read()
    ending = threading.Thread(target=stop)
    ending.start()
    ending.join(30)


if __name__ == "__main__":
    main()
