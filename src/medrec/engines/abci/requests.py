"""The requests of ABCI 2.0, as far as the application reads them."""

import msgspec

from medrec.engines.abci.form import Message
from medrec.engines.abci.parts import Misbehavior, Snapshot, Timestamp, ValidatorUpdate


class RequestEcho(Message):
    """Say it again."""

    message: str = ""
    FORM = ((1, "message", "text"),)


class RequestFlush(Message):
    """Everything before this has to be on its way."""


class RequestInfo(Message):
    """Where does the application stand?"""

    version: str = ""
    abci_version: str = ""
    FORM = ((1, "version", "text"), (4, "abci_version", "text"))


class RequestInitChain(Message):
    """The network begins."""

    time: Timestamp = msgspec.field(default_factory=Timestamp)
    chain_id: str = ""
    validators: list[ValidatorUpdate] = msgspec.field(default_factory=list)
    app_state_bytes: bytes = b""
    initial_height: int = 0
    FORM = (
        (1, "time", Timestamp),
        (2, "chain_id", "text"),
        (4, "validators", [ValidatorUpdate]),
        (5, "app_state_bytes", "bytes"),
        (6, "initial_height", "int"),
    )


class RequestQuery(Message):
    """Read the state."""

    data: bytes = b""
    path: str = ""
    height: int = 0
    prove: bool = False
    FORM = ((1, "data", "bytes"), (2, "path", "text"), (3, "height", "int"), (4, "prove", "bool"))


class RequestCheckTx(Message):
    """May this transaction wait in the pool? type 1 asks again after a block."""

    tx: bytes = b""
    type: int = 0
    FORM = ((1, "tx", "bytes"), (2, "type", "int"))


class RequestInsertTx(Message):
    """For a pool of the application's own, which this one has not."""

    tx: bytes = b""
    FORM = ((1, "tx", "bytes"),)


class RequestReapTxs(Message):
    """For a pool of the application's own, which this one has not."""

    max_bytes: int = 0
    max_gas: int = 0
    FORM = ((1, "max_bytes", "uint"), (2, "max_gas", "uint"))


class RequestCommit(Message):
    """Keep the block that was finalized."""


class RequestListSnapshots(Message):
    """Which snapshots are there?"""


class RequestOfferSnapshot(Message):
    """A peer has this snapshot; the app hash is the one that the network agreed on for its height."""

    snapshot: Snapshot = msgspec.field(default_factory=Snapshot)
    app_hash: bytes = b""
    FORM = ((1, "snapshot", Snapshot), (2, "app_hash", "bytes"))


class RequestLoadSnapshotChunk(Message):
    """Give a chunk of a snapshot."""

    height: int = 0
    format: int = 0
    chunk: int = 0
    FORM = ((1, "height", "uint"), (2, "format", "uint"), (3, "chunk", "uint"))


class RequestApplySnapshotChunk(Message):
    """Take the next chunk of the accepted snapshot."""

    index: int = 0
    chunk: bytes = b""
    sender: str = ""
    FORM = ((1, "index", "uint"), (2, "chunk", "bytes"), (3, "sender", "text"))


class RequestPrepareProposal(Message):
    """This node proposes: which of these transactions, at most so many bytes?"""

    max_tx_bytes: int = 0
    txs: list[bytes] = msgspec.field(default_factory=list)
    misbehavior: list[Misbehavior] = msgspec.field(default_factory=list)
    height: int = 0
    time: Timestamp = msgspec.field(default_factory=Timestamp)
    FORM = (
        (1, "max_tx_bytes", "int"),
        (2, "txs", ["bytes"]),
        (4, "misbehavior", [Misbehavior]),
        (5, "height", "int"),
        (6, "time", Timestamp),
    )


class RequestProcessProposal(Message):
    """Another node proposes this block: is it one that an honest node makes?"""

    txs: list[bytes] = msgspec.field(default_factory=list)
    misbehavior: list[Misbehavior] = msgspec.field(default_factory=list)
    hash: bytes = b""
    height: int = 0
    time: Timestamp = msgspec.field(default_factory=Timestamp)
    FORM = (
        (1, "txs", ["bytes"]),
        (3, "misbehavior", [Misbehavior]),
        (4, "hash", "bytes"),
        (5, "height", "int"),
        (6, "time", Timestamp),
    )


class RequestExtendVote(Message):
    """Vote extensions are not in use."""


class RequestVerifyVoteExtension(Message):
    """Vote extensions are not in use: only an empty one is right."""

    vote_extension: bytes = b""
    FORM = ((4, "vote_extension", "bytes"),)


class RequestFinalizeBlock(RequestProcessProposal):
    """The network has agreed on this block: what does it do?"""
