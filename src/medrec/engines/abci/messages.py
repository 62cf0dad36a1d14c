"""The messages of ABCI 2.0 (CometBFT 0.38 to 0.40, package tendermint.abci), and the two envelopes they travel in.

Numbers are facts of the wire. Fields that the application has no use for are not listed, and skipped when read.
"""

from medrec.engines.abci.form import Message, decode, encode, field
from medrec.engines.abci.parts import (
    BlockParams,
    ConsensusParams,
    ExecTxResult,
    Misbehavior,
    ProofOp,
    ProofOps,
    PublicKey,
    Snapshot,
    Timestamp,
    Validator,
    ValidatorUpdate,
)
from medrec.engines.abci.requests import (
    RequestApplySnapshotChunk,
    RequestCheckTx,
    RequestCommit,
    RequestEcho,
    RequestExtendVote,
    RequestFinalizeBlock,
    RequestFlush,
    RequestInfo,
    RequestInitChain,
    RequestInsertTx,
    RequestListSnapshots,
    RequestLoadSnapshotChunk,
    RequestOfferSnapshot,
    RequestPrepareProposal,
    RequestProcessProposal,
    RequestQuery,
    RequestReapTxs,
    RequestVerifyVoteExtension,
)
from medrec.engines.abci.responses import (
    ResponseApplySnapshotChunk,
    ResponseCheckTx,
    ResponseCommit,
    ResponseEcho,
    ResponseException,
    ResponseExtendVote,
    ResponseFinalizeBlock,
    ResponseFlush,
    ResponseInfo,
    ResponseInitChain,
    ResponseInsertTx,
    ResponseListSnapshots,
    ResponseLoadSnapshotChunk,
    ResponseOfferSnapshot,
    ResponsePrepareProposal,
    ResponseProcessProposal,
    ResponseQuery,
    ResponseReapTxs,
    ResponseVerifyVoteExtension,
)
from medrec.engines.abci.wire import BYTES, WireError, fields

REQUESTS: dict[int, type[Message]] = {
    1: RequestEcho,
    2: RequestFlush,
    3: RequestInfo,
    5: RequestInitChain,
    6: RequestQuery,
    8: RequestCheckTx,
    11: RequestCommit,
    12: RequestListSnapshots,
    13: RequestOfferSnapshot,
    14: RequestLoadSnapshotChunk,
    15: RequestApplySnapshotChunk,
    16: RequestPrepareProposal,
    17: RequestProcessProposal,
    18: RequestExtendVote,
    19: RequestVerifyVoteExtension,
    20: RequestFinalizeBlock,
    21: RequestInsertTx,
    22: RequestReapTxs,
}
RESPONSES: dict[int, type[Message]] = {
    1: ResponseException,
    2: ResponseEcho,
    3: ResponseFlush,
    4: ResponseInfo,
    6: ResponseInitChain,
    7: ResponseQuery,
    9: ResponseCheckTx,
    12: ResponseCommit,
    13: ResponseListSnapshots,
    14: ResponseOfferSnapshot,
    15: ResponseLoadSnapshotChunk,
    16: ResponseApplySnapshotChunk,
    17: ResponsePrepareProposal,
    18: ResponseProcessProposal,
    19: ResponseExtendVote,
    20: ResponseVerifyVoteExtension,
    21: ResponseFinalizeBlock,
    22: ResponseInsertTx,
    23: ResponseReapTxs,
}
_REQUEST_NUMBERS = {kind: number for number, kind in REQUESTS.items()}
_RESPONSE_NUMBERS = {kind: number for number, kind in RESPONSES.items()}


def encode_request(message: Message) -> bytes:
    """A request in its envelope."""
    return field(_REQUEST_NUMBERS[type(message)], encode(message))


def encode_response(message: Message) -> bytes:
    """A response in its envelope."""
    return field(_RESPONSE_NUMBERS[type(message)], encode(message))


def decode_request(data: bytes) -> Message:
    """The request in an envelope. Raises WireError."""
    return _open(data, REQUESTS)


def decode_response(data: bytes) -> Message:
    """The response in an envelope. Raises WireError."""
    return _open(data, RESPONSES)


def _open(data: bytes, known: dict[int, type[Message]]) -> Message:
    # The last value of a oneof counts (protobuf.dev/programming-guides/encoding#last-one-wins).
    found: Message | None = None
    for number, kind, value in fields(data):
        form = known.get(number)
        if form is not None and kind == BYTES:
            assert isinstance(value, bytes)
            found = decode(value, form)
    if found is None:
        raise WireError("the envelope holds no message that is known")
    return found


__all__ = [
    "REQUESTS",
    "RESPONSES",
    "BlockParams",
    "ConsensusParams",
    "ExecTxResult",
    "Message",
    "Misbehavior",
    "ProofOp",
    "ProofOps",
    "PublicKey",
    "RequestApplySnapshotChunk",
    "RequestCheckTx",
    "RequestCommit",
    "RequestEcho",
    "RequestExtendVote",
    "RequestFinalizeBlock",
    "RequestFlush",
    "RequestInfo",
    "RequestInitChain",
    "RequestInsertTx",
    "RequestListSnapshots",
    "RequestLoadSnapshotChunk",
    "RequestOfferSnapshot",
    "RequestPrepareProposal",
    "RequestProcessProposal",
    "RequestQuery",
    "RequestReapTxs",
    "RequestVerifyVoteExtension",
    "ResponseApplySnapshotChunk",
    "ResponseCheckTx",
    "ResponseCommit",
    "ResponseEcho",
    "ResponseException",
    "ResponseExtendVote",
    "ResponseFinalizeBlock",
    "ResponseFlush",
    "ResponseInfo",
    "ResponseInitChain",
    "ResponseInsertTx",
    "ResponseListSnapshots",
    "ResponseLoadSnapshotChunk",
    "ResponseOfferSnapshot",
    "ResponsePrepareProposal",
    "ResponseProcessProposal",
    "ResponseQuery",
    "ResponseReapTxs",
    "ResponseVerifyVoteExtension",
    "Snapshot",
    "Timestamp",
    "Validator",
    "ValidatorUpdate",
    "decode",
    "decode_request",
    "decode_response",
    "encode",
    "encode_request",
    "encode_response",
]
