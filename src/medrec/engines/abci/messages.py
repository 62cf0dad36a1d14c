"""The messages of ABCI 2.0 (CometBFT 0.38 to 0.40, package tendermint.abci) that the application reads or writes.

A message is a struct with a FORM: one (number, name, kind) a field. A kind is "int", "uint", "bool", "bytes", "text",
a message class, or a list of one kind for a repeated field. Numbers are facts of the wire; fields that the
application has no use for are not listed, and skipped when read. REQUESTS and RESPONSES are the two envelopes.
"""

from typing import Any, ClassVar, TypeVar

import msgspec

from medrec.engines.abci.wire import BYTES, VARINT, WireError, encode_varint, fields, signed

Kind = Any
Form = tuple[tuple[int, str, Kind], ...]


class Message(msgspec.Struct):
    """The base of all messages: every field has its default, which is not written."""

    FORM: ClassVar[Form] = ()


class Timestamp(Message):
    """A time since 1970 UTC."""

    seconds: int = 0
    nanos: int = 0
    FORM = ((1, "seconds", "int"), (2, "nanos", "int"))

    @property
    def ms(self) -> int:
        """Whole milliseconds."""
        return self.seconds * 1000 + self.nanos // 1_000_000


class PublicKey(Message):
    """A consensus key."""

    ed25519: bytes = b""
    FORM = ((1, "ed25519", "bytes"),)


class ValidatorUpdate(Message):
    """A consensus key and its power; 0 removes it."""

    pub_key: PublicKey = msgspec.field(default_factory=PublicKey)
    power: int = 0
    FORM = ((1, "pub_key", PublicKey), (2, "power", "int"))


class Validator(Message):
    """A validator by its address, the first 20 bytes of SHA-256(key)."""

    address: bytes = b""
    power: int = 0
    FORM = ((1, "address", "bytes"), (3, "power", "int"))


class Misbehavior(Message):
    """Evidence that the network has agreed on: type 1 is voting twice, 2 an attack on light clients."""

    type: int = 0
    validator: Validator = msgspec.field(default_factory=Validator)
    height: int = 0
    time: Timestamp = msgspec.field(default_factory=Timestamp)
    FORM = ((1, "type", "int"), (2, "validator", Validator), (3, "height", "int"), (4, "time", Timestamp))


class Snapshot(Message):
    """A snapshot by its height, form, number of chunks, hash and metadata."""

    height: int = 0
    format: int = 0
    chunks: int = 0
    hash: bytes = b""
    metadata: bytes = b""
    FORM = (
        (1, "height", "uint"),
        (2, "format", "uint"),
        (3, "chunks", "uint"),
        (4, "hash", "bytes"),
        (5, "metadata", "bytes"),
    )


class BlockParams(Message):
    """Bounds of a block."""

    max_bytes: int = 0
    max_gas: int = 0
    FORM = ((1, "max_bytes", "int"), (2, "max_gas", "int"))


class ConsensusParams(Message):
    """The consensus parameters, as far as the application sets them."""

    block: BlockParams | None = None
    FORM = ((1, "block", BlockParams),)


class ProofOp(Message):
    """One step of a proof."""

    type: str = ""
    key: bytes = b""
    data: bytes = b""
    FORM = ((1, "type", "text"), (2, "key", "bytes"), (3, "data", "bytes"))


class ProofOps(Message):
    """The steps of a proof."""

    ops: list[ProofOp] = msgspec.field(default_factory=list)
    FORM = ((1, "ops", [ProofOp]),)


class ExecTxResult(Message):
    """The outcome of a transaction; code and data are agreed on, log is for people."""

    code: int = 0
    data: bytes = b""
    log: str = ""
    FORM = ((1, "code", "uint"), (2, "data", "bytes"), (3, "log", "text"))


# --- requests ---------------------------------------------------------------------------------------------


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


# --- responses --------------------------------------------------------------------------------------------


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

M = TypeVar("M", bound=Message)


def encode_request(message: Message) -> bytes:
    """A request in its envelope."""
    return _field(_REQUEST_NUMBERS[type(message)], encode(message))


def encode_response(message: Message) -> bytes:
    """A response in its envelope."""
    return _field(_RESPONSE_NUMBERS[type(message)], encode(message))


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


def encode(message: Message) -> bytes:
    """The bytes of a message, fields in the order of their numbers, defaults left out."""
    out = bytearray()
    for number, name, kind in message.FORM:
        value = getattr(message, name)
        if isinstance(kind, list):
            _encode_repeated(out, number, value, kind[0])
        elif value is not None and (value or isinstance(value, Message)):
            _encode_value(out, number, value)
    return bytes(out)


def _encode_repeated(out: bytearray, number: int, values: list[Any], kind: Kind) -> None:
    if kind in ("int", "uint", "bool"):
        if values:
            out += _field(number, b"".join(map(encode_varint, values)))
        return
    for value in values:
        _encode_value(out, number, value)


def _encode_value(out: bytearray, number: int, value: Any) -> None:
    if isinstance(value, int):
        out += encode_varint(number << 3 | VARINT) + encode_varint(value)
    elif isinstance(value, bytes):
        out += _field(number, value)
    elif isinstance(value, str):
        out += _field(number, value.encode())
    else:
        out += _field(number, encode(value))


def _field(number: int, data: bytes) -> bytes:
    return encode_varint(number << 3 | BYTES) + encode_varint(len(data)) + data


def decode(data: bytes, form: type[M]) -> M:
    """The message of a form in these bytes; fields it does not list are passed over. Raises WireError."""
    kinds = {number: (name, kind) for number, name, kind in form.FORM}
    message = form()
    for number, wire, value in fields(data):
        if number not in kinds:
            continue
        name, kind = kinds[number]
        if isinstance(kind, list):
            getattr(message, name).append(_value(kind[0], wire, value))
        else:
            setattr(message, name, _value(kind, wire, value))
    return message


def _value(kind: Kind, wire: int, value: int | bytes) -> Any:
    if kind in ("int", "uint", "bool"):
        if wire != VARINT:
            raise WireError("a number has the wire type of something else")
        assert isinstance(value, int)
        return bool(value) if kind == "bool" else signed(value) if kind == "int" else value
    if wire != BYTES:
        raise WireError("bytes have the wire type of something else")
    assert isinstance(value, bytes)
    if kind == "bytes":
        return value
    if kind == "text":
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise WireError("a text is not UTF-8") from None
    return decode(value, kind)
