"""What messages of ABCI are made of: keys, validators, evidence, snapshots, proofs."""

import msgspec

from medrec.engines.abci.form import Message


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
