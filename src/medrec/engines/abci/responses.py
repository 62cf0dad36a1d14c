"""The responses of ABCI 2.0, as far as the application gives them."""

import msgspec

from medrec.engines.abci.form import Message
from medrec.engines.abci.parts import ConsensusParams, ExecTxResult, ProofOps, Snapshot, ValidatorUpdate
from medrec.engines.abci.requests import RequestEcho


class ResponseException(Message):
    """The application cannot go on; the node stops."""

    error: str = ""
    FORM = ((1, "error", "text"),)


class ResponseEcho(RequestEcho):
    """What was said."""


class ResponseFlush(Message):
    """Everything before this is on its way."""


class ResponseInfo(Message):
    """The last block that was kept, and its app hash."""

    data: str = ""
    version: str = ""
    app_version: int = 0
    last_block_height: int = 0
    last_block_app_hash: bytes = b""
    FORM = (
        (1, "data", "text"),
        (2, "version", "text"),
        (3, "app_version", "uint"),
        (4, "last_block_height", "int"),
        (5, "last_block_app_hash", "bytes"),
    )


class ResponseInitChain(Message):
    """The app hash of height 0."""

    consensus_params: ConsensusParams | None = None
    validators: list[ValidatorUpdate] = msgspec.field(default_factory=list)
    app_hash: bytes = b""
    FORM = ((1, "consensus_params", ConsensusParams), (2, "validators", [ValidatorUpdate]), (3, "app_hash", "bytes"))


class ResponseQuery(Message):
    """A value of the state at a height, and its proof."""

    code: int = 0
    log: str = ""
    key: bytes = b""
    value: bytes = b""
    proof_ops: ProofOps | None = None
    height: int = 0
    codespace: str = ""
    FORM = (
        (1, "code", "uint"),
        (3, "log", "text"),
        (6, "key", "bytes"),
        (7, "value", "bytes"),
        (8, "proof_ops", ProofOps),
        (9, "height", "int"),
        (10, "codespace", "text"),
    )


class ResponseCheckTx(Message):
    """0 lets the transaction wait in the pool."""

    code: int = 0
    data: bytes = b""
    log: str = ""
    codespace: str = ""
    FORM = ((1, "code", "uint"), (2, "data", "bytes"), (3, "log", "text"), (8, "codespace", "text"))


class ResponseInsertTx(Message):
    """1: not taken."""

    code: int = 0
    FORM = ((1, "code", "uint"),)


class ResponseReapTxs(Message):
    """No transactions."""

    txs: list[bytes] = msgspec.field(default_factory=list)
    FORM = ((1, "txs", ["bytes"]),)


class ResponseCommit(Message):
    """Blocks below this height need not be kept; 0 keeps all."""

    retain_height: int = 0
    FORM = ((3, "retain_height", "int"),)


class ResponseListSnapshots(Message):
    """The snapshots that can be had here."""

    snapshots: list[Snapshot] = msgspec.field(default_factory=list)
    FORM = ((1, "snapshots", [Snapshot]),)


class ResponseOfferSnapshot(Message):
    """1 accept, 2 abort, 3 reject, 4 reject this form, 5 reject the sender."""

    result: int = 0
    FORM = ((1, "result", "int"),)


class ResponseLoadSnapshotChunk(Message):
    """The chunk; empty if there is none."""

    chunk: bytes = b""
    FORM = ((1, "chunk", "bytes"),)


class ResponseApplySnapshotChunk(Message):
    """1 accept, 2 abort, 3 try the chunk again, 4 try the snapshot again, 5 reject the snapshot."""

    result: int = 0
    refetch_chunks: list[int] = msgspec.field(default_factory=list)
    reject_senders: list[str] = msgspec.field(default_factory=list)
    FORM = ((1, "result", "int"), (2, "refetch_chunks", ["uint"]), (3, "reject_senders", ["text"]))


class ResponsePrepareProposal(Message):
    """The transactions of the proposal."""

    txs: list[bytes] = msgspec.field(default_factory=list)
    FORM = ((1, "txs", ["bytes"]),)


class ResponseProcessProposal(Message):
    """1 accept, 2 reject."""

    status: int = 0
    FORM = ((1, "status", "int"),)


class ResponseExtendVote(Message):
    """Nothing."""


class ResponseVerifyVoteExtension(ResponseProcessProposal):
    """1 accept, 2 reject."""


class ResponseFinalizeBlock(Message):
    """Outcomes, changes of validators, and the app hash after the block."""

    tx_results: list[ExecTxResult] = msgspec.field(default_factory=list)
    validator_updates: list[ValidatorUpdate] = msgspec.field(default_factory=list)
    app_hash: bytes = b""
    FORM = (
        (2, "tx_results", [ExecTxResult]),
        (3, "validator_updates", [ValidatorUpdate]),
        (5, "app_hash", "bytes"),
    )
