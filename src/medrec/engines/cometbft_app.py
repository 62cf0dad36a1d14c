"""The application behind CometBFT: answers the calls of ABCI with the ledger's one state machine.

Every answer that the network compares follows from the last kept block and the request alone. The order of a block
and what a crash there means:

1. PrepareProposal, ProcessProposal: nothing is computed that outlives the answer;
2. FinalizeBlock: the block's writes are held in memory, one candidate at a time; after a crash it is asked again;
3. Commit: block, roots, outcomes and state are kept in one transaction. A crash before it: the block is replayed.
   A crash after it: Info names the new height, and the node goes on from there.

A block holds only transactions that pass `machine.check` against the state before it: proposers leave out the others,
and validators refuse a proposal that holds one. So garbage of a dishonest member never reaches the ledger.
"""

from collections.abc import Callable, Mapping

from medrec.core import machine, state
from medrec.core.outcome import Outcome, Refused
from medrec.core.types import TIME_MS_MAX, Block, BlockResult
from medrec.core.view import View
from medrec.engines.abci import messages as abci
from medrec.engines.abci.server import FatalError
from medrec.engines.abci.wire import encode_varint
from medrec.engines.cometbft_marks import Decoded, Marks, Pool
from medrec.engines.cometbft_query import answer_query
from medrec.engines.cometbft_snapshot import Restoring, Snapshots
from medrec.engines.cometbft_tick import TICKS_MAX, good_tick, is_tick
from medrec.engines.cometbft_validators import Founders, check_founding_keys, proven, validator_changes, validators
from medrec.engines.engine import CommittedBlock, EngineError
from medrec.engines.local import BLOCK_TRANSACTIONS_MAX
from medrec.engines.storage import Storage

ACCEPT, REJECT = 1, 2
REPLAY, STRANGE = 1, 2
"""The codes for a transaction that the ledger has already, and for a tick that is not for this node to follow; any code
but 0 keeps it out of the pool."""


class Application:
    """Answers ABCI calls over one storage. Not for several threads: the server hands on one call at a time.

    `committed` is told of every block that was kept, `dropped` of every transaction that leaves the pool without
    having been ordered. `admits` says which engines may connect. `marks` are the signatures that this process has
    checked. `fault` is called with the name of a step just before it.
    """

    def __init__(
        self,
        storage: Storage,
        founders: Founders,
        snapshots: Snapshots,
        marks: Marks,
        *,
        retain: int = 0,
        committed: Callable[[CommittedBlock], None] = lambda block: None,
        dropped: Callable[[bytes, Outcome], None] = lambda data, outcome: None,
        fault: Callable[[str], None] = lambda step: None,
        admits: Callable[[str], bool] = lambda engine: True,
    ) -> None:
        self._storage = storage
        self._admits = admits
        self._founders = founders
        self._snapshots = snapshots
        self._retain = retain
        self._committed = committed
        self._dropped = dropped
        self._fault = fault
        self._marks = marks
        self._pool = Pool()
        self._decode = Decoded()
        self._candidate: tuple[Block, BlockResult] | None = None
        self._restoring: Restoring | None = None
        self._ticks = 0

    def handle(self, request: abci.Message) -> abci.Message:
        """The answer to a request. Raises FatalError when the node must stop."""
        try:
            return CALLS[type(request)](self, request)
        except FatalError:
            raise
        except EngineError as error:
            raise FatalError(error.sentence) from error
        except machine.ProtocolError as error:
            raise FatalError(str(error)) from error
        except Exception as error:
            raise FatalError(f"The block could not be made: {type(error).__name__}: {error}.") from error

    # --- the beginning ------------------------------------------------------------------------------------

    def info(self, request: abci.RequestInfo) -> abci.Message:
        """Where the ledger stands on the disk."""
        self._candidate = None
        tip = self._storage.tip()
        return abci.ResponseInfo("medrec", "1", 1, tip.height, tip.app_hash if tip.height else b"")

    def init_chain(self, request: abci.RequestInitChain) -> abci.Message:
        """The network begins: with our genesis, or not at all."""
        keys = sorted(update.pub_key.ed25519 for update in request.validators)
        if request.chain_id != self._founders.chain_id or keys != sorted(self._founders.keys.values()):
            raise FatalError("The network's genesis is not ours: compare genesis.json and validators.json.")
        return abci.ResponseInitChain(app_hash=self._storage.tip().app_hash)

    # --- the pool -----------------------------------------------------------------------------------------

    def check_tx(self, request: abci.RequestCheckTx) -> abci.Message:
        """May it wait in the pool? Asked again after each block: then only what a block can change is looked at."""
        data = request.tx
        if is_tick(data):
            return self._check_tick(request)
        if request.type == 1:
            outcome = self._pool.recheck(self._storage.state(), self._storage.tip().height + 1, data)
            if outcome is not None:
                self._dropped(data, outcome)
                return abci.ResponseCheckTx(int(outcome.code))
            return abci.ResponseCheckTx()
        view, height = self._storage.state(), self._storage.tip().height + 1
        try:
            transaction = self._decode(data)
            if view.get(state.seen_key(transaction.body.expires, transaction.id)) is not None:
                return abci.ResponseCheckTx(REPLAY, codespace="replay")
            self._marks.forget_asked()
            machine.check(view, transaction, data, height, self._marks)
            check_founding_keys(transaction, self._founders)
        except Refused as refused:
            return abci.ResponseCheckTx(int(refused.outcome.code), log=refused.outcome.sentence, codespace="medrec")
        self._marks.remember()
        self._pool.add(data, transaction)
        return abci.ResponseCheckTx()

    def _check_tick(self, request: abci.RequestCheckTx) -> abci.Message:
        """A tick makes an empty block, into which it does not come itself: it leaves the pool with the next block."""
        if request.type == 1 or self._ticks >= TICKS_MAX:
            return abci.ResponseCheckTx(REPLAY, codespace="tick")
        keys = validators(self._storage.state(), self._founders).values()
        if not good_tick(request.tx, self._founders.chain_id, self._storage.tip().height + 1, keys):
            return abci.ResponseCheckTx(STRANGE, log="no tick of one who validates, for this height", codespace="tick")
        self._ticks += 1
        return abci.ResponseCheckTx()

    # --- blocks -------------------------------------------------------------------------------------------

    def prepare_proposal(self, request: abci.RequestPrepareProposal) -> abci.Message:
        """Of the transactions in the pool, those that may stand in the next block, as many as fit."""
        chosen: list[bytes] = []
        room = request.max_tx_bytes
        view = self._storage.state()
        for data in request.txs:
            room -= len(data) + 1 + len(encode_varint(len(data)))
            if room < 0 or len(chosen) == BLOCK_TRANSACTIONS_MAX:
                break
            if self._may_stand(view, data, request.height):
                chosen.append(data)
        return abci.ResponsePrepareProposal(chosen)

    def process_proposal(self, request: abci.RequestProcessProposal) -> abci.Message:
        """Whether an honest node could have made this block."""
        view, height = self._storage.state(), request.height
        good = len(request.txs) <= BLOCK_TRANSACTIONS_MAX and request.time.ms <= TIME_MS_MAX
        good = good and all(self._may_stand(view, data, height) for data in request.txs)
        return abci.ResponseProcessProposal(ACCEPT if good else REJECT)

    def _may_stand(self, view: View, data: bytes, height: int) -> bool:
        try:
            self._marks.forget_asked()
            transaction = self._decode(data)
            machine.check(view, transaction, data, height, self._marks)
            check_founding_keys(transaction, self._founders)
        except Refused:
            return False
        self._marks.remember()
        return True

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.Message:
        """What the agreed block does; kept by Commit."""
        self._fault("finalize")
        view = self._storage.state()
        block = Block(
            request.height,
            max(request.time.ms, self._storage.tip().time),
            tuple(request.txs),
            proven(view, request.misbehavior, self._founders),
        )
        result = machine.apply_block(view, block, self._marks, self._decode)
        self._candidate = (block, result)
        changes = validator_changes(view, result.writes, self._founders)
        self._fault("finalized")
        return abci.ResponseFinalizeBlock(
            [_result(outcome, index) for outcome, index in zip(result.outcomes, result.leaf_indices, strict=True)],
            [abci.ValidatorUpdate(abci.PublicKey(key), power) for key, power in changes],
            result.tip.app_hash,
        )

    def commit(self, request: abci.RequestCommit) -> abci.Message:
        """Keep the candidate: block, roots and state in one step."""
        if self._candidate is None:
            raise FatalError("The node asked to keep a block that it never had made; start it again.")
        (block, result), self._candidate = self._candidate, None
        self._storage.keep(block, result)
        self._ticks = 0
        self._pool.ordered(block.transactions)
        self._committed(CommittedBlock(block, result.outcomes, result.leaf_indices, result.tip))
        self._snapshots.due(block.height)
        retain = block.height - self._retain if 0 < self._retain < block.height else 0
        return abci.ResponseCommit(retain)

    def extend_vote(self, request: abci.Message) -> abci.Message:
        """Votes carry nothing of ours."""
        return abci.ResponseExtendVote()

    def verify_vote_extension(self, request: abci.RequestVerifyVoteExtension) -> abci.Message:
        """Votes carry nothing of ours."""
        return abci.ResponseVerifyVoteExtension(REJECT if request.vote_extension else ACCEPT)

    # --- reading, and state sync --------------------------------------------------------------------------

    def query(self, request: abci.RequestQuery) -> abci.Message:
        """A value with its proof; or whether an engine that connects is let in."""
        return answer_query(self._storage, request, self._admits)

    def list_snapshots(self, request: abci.Message) -> abci.Message:
        """The snapshots on this node's disk."""
        return abci.ResponseListSnapshots(self._snapshots.list())

    def load_snapshot_chunk(self, request: abci.RequestLoadSnapshotChunk) -> abci.Message:
        """A chunk for a peer."""
        return abci.ResponseLoadSnapshotChunk(self._snapshots.chunk(request.height, request.format, request.chunk))

    def offer_snapshot(self, request: abci.RequestOfferSnapshot) -> abci.Message:
        """Take a peer's snapshot if it belongs to the app hash that the network agreed on."""
        self._restoring = None
        if self._storage.tip().height:
            return abci.ResponseOfferSnapshot(2)
        self._restoring = Restoring.begin(self._storage, request.snapshot, request.app_hash)
        return abci.ResponseOfferSnapshot(1 if self._restoring else 3)

    def apply_snapshot_chunk(self, request: abci.RequestApplySnapshotChunk) -> abci.Message:
        """Take the next chunk if it proves itself; otherwise ask somebody else for it."""
        if self._restoring is None:
            return abci.ResponseApplySnapshotChunk(2)
        if not self._restoring.take(request.index, request.chunk):
            senders = [request.sender] if request.sender else []
            return abci.ResponseApplySnapshotChunk(3, [request.index], senders)
        if self._restoring.complete:
            self._restoring = None
        return abci.ResponseApplySnapshotChunk(1)

    def insert_tx(self, request: abci.Message) -> abci.Message:
        """The pool is CometBFT's own."""
        return abci.ResponseInsertTx(1)

    def reap_txs(self, request: abci.Message) -> abci.Message:
        """The pool is CometBFT's own."""
        return abci.ResponseReapTxs()


def _result(outcome: Outcome, index: int | None) -> abci.ExecTxResult:
    # Code and data are agreed on by the network; the detail of an outcome is for people and stays out of it.
    return abci.ExecTxResult(int(outcome.code), b"" if index is None else index.to_bytes(8, "big"))


CALLS: Mapping[type[abci.Message], Callable[..., abci.Message]] = {
    abci.RequestInfo: Application.info,
    abci.RequestInitChain: Application.init_chain,
    abci.RequestQuery: Application.query,
    abci.RequestCheckTx: Application.check_tx,
    abci.RequestPrepareProposal: Application.prepare_proposal,
    abci.RequestProcessProposal: Application.process_proposal,
    abci.RequestFinalizeBlock: Application.finalize_block,
    abci.RequestCommit: Application.commit,
    abci.RequestExtendVote: Application.extend_vote,
    abci.RequestVerifyVoteExtension: Application.verify_vote_extension,
    abci.RequestListSnapshots: Application.list_snapshots,
    abci.RequestOfferSnapshot: Application.offer_snapshot,
    abci.RequestLoadSnapshotChunk: Application.load_snapshot_chunk,
    abci.RequestApplySnapshotChunk: Application.apply_snapshot_chunk,
    abci.RequestInsertTx: Application.insert_tx,
    abci.RequestReapTxs: Application.reap_txs,
}
