"""A receipt: one file from which anybody can check, offline, what an organisation signed and when
(docs/spec/receipt.md).

`verify` takes the steps of the specification in its order and gives the verdict and code of the step that fails;
tools/verify_receipt.py does the same with nothing but the standard library, and the vectors in tests/vectors/receipt
bind the two. `build` makes a receipt from its parts without checking that they belong together.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

from medrec.core import codec, merkle
from medrec.core.checkpoint import (
    Checkpoint,
    Note,
    NoteError,
    parse_checkpoint,
    parse_note,
    parse_proof,
)
from medrec.core.commitment import commitment
from medrec.core.cosigned import ALGORITHMS, Members, Retired, allowed, count, quorum_of
from medrec.core.crypto import key_id, verify_ed25519
from medrec.core.note import from_base64, to_base64
from medrec.core.records.canonical import FORM, RecordError, canonical
from medrec.core.renewal import Renewal, heads_of, read_renewal
from medrec.core.root import (
    NEWER,
    Hex32,
    Natural,
    ReceiptError,
    Root,
    check_version,
    convert,
    demand,
    read_root,
    root_file,
    strict_json,
)
from medrec.core.types import BODY_BYTES_MAX, Bytes16, Bytes32, Fields, log_leaf, transaction_id

__all__ = [
    "GENUINE",
    "UNREADABLE",
    "Batch",
    "Receipt",
    "ReceiptError",
    "Root",
    "Verdict",
    "build",
    "members_note",
    "parse",
    "read_root",
    "root_file",
    "verify",
]

ENTRY_BYTES_MAX = 16 << 10
GENUINE = "genuine"
UNREADABLE = frozenset(
    {"root", "change", "receipt", "record", "record-missing", "record-not-needed", "quorum", "newer-version"}
    | {"newer-root", "organisation"}
)
WITNESSES = "witnesses"
RENEWAL_CODES = frozenset({"renewal", "retired", WITNESSES})
"""Codes of what is asked for beyond the rest: a renewal, witnesses; they, too, say nothing about genuineness."""

Facts: TypeAlias = dict[str, Any]


class Batch(Fields, frozen=True):
    """Where the entry stands: the anchor's body and signature (base64), index and path in it, height and block time."""

    body: str
    signature: str
    index: Natural
    path: list[str]
    height: Natural
    time: Natural


class Receipt(Fields, frozen=True):
    """The fields of the file as they are written; bytes are base64, `manifest` and `proof` are texts."""

    medrec: str
    network: Hex32
    manifest: str
    salt: str
    entry: str
    batch: Batch
    proof: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """ok and code "genuine" with facts, or not ok with the code of the failed step. `readable` is False when nothing is
    known about genuineness."""

    ok: bool
    code: str
    sentence: str
    facts: Facts | None = None

    @property
    def readable(self) -> bool:
        """False for the codes that say nothing about genuineness."""
        return self.code not in UNREADABLE | RENEWAL_CODES

    @property
    def word(self) -> str:
        """ "genuine", "not-genuine" or "unreadable"."""
        return GENUINE if self.ok else "not-genuine" if self.readable else "unreadable"


class _Manifest(msgspec.Struct):
    manifest: str
    network: str
    organisation: str
    time: Natural


class _Version(msgspec.Struct):
    type: str
    id: str
    version: Natural
    form: str
    action: Literal["create", "update", "delete"]
    sha256: Hex32 | None
    previous: Hex32 | None


class _RecordManifest(_Manifest):
    account: str | None
    record: _Version


class _Payload(Fields, frozen=True):
    count: Natural
    first: Natural
    journal: Bytes32
    previous: Bytes32
    root: Bytes32


class _Body(Fields, frozen=True):
    author: str
    expires: Natural
    key: Bytes16
    kind: str
    network: Bytes32
    nonce: Natural
    payload: dict[str, Any]


# --- making and reading -----------------------------------------------------------------------------------


def build(
    *,
    network: bytes,
    manifest: bytes,
    salt: bytes,
    entry: bytes,
    body: bytes,
    signature: bytes,
    index: int,
    path: list[bytes],
    height: int,
    time: int,
    proof: bytes,
) -> bytes:
    """The receipt file. `proof` is a tlog-proof with its checkpoint note; `time` is the block's, in milliseconds.

    Nothing is verified here: a node runs `verify` on what it built before it hands it out.
    """
    batch = Batch(to_base64(body), to_base64(signature), index, [to_base64(step) for step in path], height, time)
    fields = (network.hex(), manifest.decode(), to_base64(salt), to_base64(entry), batch, proof.decode())
    return codec.encode_json(msgspec.to_builtins(Receipt("receipt/1", *fields)))


def parse(data: bytes) -> Receipt:
    """Step 2: the fields, types, base64 and lengths checked. Raises ReceiptError receipt or newer-version."""
    value = strict_json("receipt", data)
    check_version("receipt", value, "medrec", "receipt/1")
    receipt: Receipt = convert("receipt", value, Receipt)
    batch = receipt.batch
    lengths = [(receipt.salt, 32), (batch.signature, 64), *((step, 32) for step in batch.path)]
    try:
        sizes_hold = all(len(from_base64(text)) == length for text, length in lengths)
        from_base64(receipt.entry), from_base64(batch.body)
    except NoteError as error:
        raise ReceiptError("receipt", f"The receipt cannot be read: {error}.") from None
    demand(sizes_hold, "receipt", "A salt, hash or signature in the receipt has the wrong length.")
    return receipt


# --- the steps --------------------------------------------------------------------------------------------


def verify(
    root: bytes,
    receipt: bytes,
    record: bytes | None,
    quorum: int | None = None,
    *,
    renewal: bytes | None = None,
    retired: Retired | None = None,
) -> Verdict:
    """The verdict on a receipt and the record it speaks of, under a root file (all as files' bytes).

    `record` is the JSON in any spelling (its canonical form is taken here), None for what has no content; `quorum`
    overrides the number of organisations that must vouch; `retired` says since when signatures of an algorithm prove
    nothing, `renewal` what was signed again before. Never raises for any bytes.
    """
    try:
        renewed = read_renewal(renewal) if renewal is not None else None
        facts = _facts(read_root(root, retired), parse(receipt), record, quorum, renewed, retired or {})
    except ReceiptError as error:
        return Verdict(False, error.code, error.sentence)
    return Verdict(True, GENUINE, "Every step of the verification holds.", facts)


def _facts(
    root: Root,
    receipt: Receipt,
    record: bytes | None,
    quorum: int | None,
    renewal: Renewal | None,
    retired: Retired,
) -> Facts:
    most = max(len(members) for _, members in root.sets)
    demand(quorum is None or 1 <= quorum <= most, "quorum", "The quorum makes no sense for this root file.")
    network = root.network.hex()
    demand(receipt.network == network, "network", "The receipt is of another network than the root file.")
    said = (
        "This root file lacks a change of members on which the receipt counts: get the newer root file of this network."
    )
    demand(_since(receipt.proof) <= root.sets[-1][0], "newer-root", said)
    manifest = _check_manifest(receipt.manifest.encode(), root)
    _check_record(manifest, record)
    who = manifest["organisation"]
    keys = [members[who].keys.ed25519 for _, members in root.sets if who in members]
    payload, key = _check_batch(receipt, root.network, who, keys)
    checkpoint, note, index = _check_log(receipt, root.network)
    maker = root.at(index).get(who)
    if maker is None or maker.keys.ed25519 != key:
        raise ReceiptError("member", "The maker was no member when the batch was accepted, or had another key.")
    heads: list[Note] = []
    if renewal is not None:
        heads = heads_of(renewal, root.network, note.text)
        note = parse_note(renewal.note)
    # From the newest head back: each shows by when the one before it was there.
    proven: int | None = None
    renewed: int | None = None
    for head in (*reversed(heads), note):
        # Whoever renews is a member then: of the set of the checkpoint, or of a later one.
        sets = root.since(checkpoint.size) if head is not note else [root.at(checkpoint.size)]
        members, needed, counted, dated = _vouched(sets, head, quorum, retired, proven)
        said = f"Only {len(counted)} of {len(members)} organisations vouch for the log head, and {needed} must."
        fallen = any(not allowed(kind, retired, proven) for kind in ALGORITHMS.values())
        demand(len(counted) >= needed, "retired" if fallen else "cosignatures", said)
        renewed, proven = proven, sorted(counted.values())[needed - 1] * 1000
    said = "The block is dated after the day from which its author's signature proves nothing."
    demand(receipt.batch.time < retired.get("ed25519", 1 << 63), "retired", said)
    return {
        **({"renewed_by": renewed} if heads else {}),
        "network": network,
        "network_name": root.name,
        "organisation": who,
        "name": maker.name,
        "line": payload.first + receipt.batch.index,
        "manifest": manifest,
        "height": receipt.batch.height,
        "time": receipt.batch.time,
        "size": checkpoint.size,
        "checkpoint": {"height": checkpoint.height, "time": checkpoint.time} if dated else None,
        "cosigners": counted,
        "needed": needed,
        "of": len(members),
        "existed_by": proven,
    }


def _vouched(
    sets: list[Members], head: Note, quorum: int | None, retired: Retired, proven: int | None
) -> tuple[Members, int, dict[str, int], bool]:
    """The first of these sets that reaches its quorum under a head, else the last; what it needs, and step 13."""
    for members in sets:
        needed = quorum_of(members) if quorum is None else quorum
        counted, dated = count(members, head, needed, retired, proven)
        if len(counted) >= needed:
            break
    return members, needed, counted, dated


def members_note(since: int) -> bytes:
    """The extra data of a proof that counts on the change of members at a size of the log."""
    return b"members %d" % since


def _since(proof: str) -> int:
    """The size that `members_note` names in a proof; 0 if it names none."""
    line = proof.split("\n", 2)[1:2]
    if not line or not line[0].startswith("extra "):
        return 0
    try:
        found = re.fullmatch(rb"members ([1-9][0-9]{0,15})", from_base64(line[0].removeprefix("extra ")))
    except NoteError:
        return 0
    return int(found[1]) if found else 0


def _check_manifest(data: bytes, root: Root) -> Facts:
    """Step 4."""
    try:
        manifest = codec.decode_json(data)
    except codec.CodecError as error:
        raise ReceiptError("manifest", f"The manifest in the receipt is malformed: {error}.") from None
    convert("manifest", manifest, _Manifest)
    if manifest["manifest"].startswith("record/"):
        check_version("manifest", manifest, "manifest", "record/1")
        record: _Version = convert("manifest", manifest, _RecordManifest).record
        hashed = (record.sha256 is None) == (record.action == "delete")
        demand(hashed, "manifest", "The manifest has a hash for a deletion, or none for content.")
        demand(record.form == FORM, "newer-version", NEWER)
    demand(manifest["network"] == root.network.hex(), "network", "The manifest is of another network.")
    known = any(manifest["organisation"] in members for _, members in root.sets)
    demand(known, "organisation", "The root file does not know the maker; a newer one may.")
    return dict(manifest)


def _check_record(manifest: Facts, record: bytes | None) -> None:
    """Step 5."""
    wanted = manifest["record"]["sha256"] if manifest["manifest"] == "record/1" else None
    demand(wanted is None or record is not None, "record-missing", "No record was given.")
    demand(wanted is not None or record is None, "record-not-needed", "There is no content: leave the record out.")
    if record is None:
        return
    try:
        found = canonical(record).sha256.hex()
    except RecordError as error:
        raise ReceiptError("record", f"The record cannot be read: {error.sentence}.") from None
    demand(found == wanted, "record-changed", "The record is not the one that was signed (or was cut at its source).")


def _check_batch(receipt: Receipt, network: bytes, organisation: str, keys: list[bytes]) -> tuple[_Payload, bytes]:
    """Steps 6 to 9; the key that signed."""
    entry, body_bytes = from_base64(receipt.entry), from_base64(receipt.batch.body)
    found = _cbor("entry", entry, ENTRY_BYTES_MAX)
    convert("entry", found, tuple[Bytes32, Bytes16, dict[str, Any]])
    bound = commitment(receipt.manifest.encode(), from_base64(receipt.salt)) == found[0]
    demand(bound, "commitment", "The entry does not commit to this manifest: one was exchanged.")
    body: _Body = convert("body", _cbor("body", body_bytes, BODY_BYTES_MAX), _Body)
    demand(body.kind == "anchor", "kind", "The transaction in the receipt is not a batch of entries.")
    payload: _Payload = convert("body", body.payload, _Payload)
    demand(body.network == network, "network", "The batch is of another network than the root file.")
    demand(body.author == organisation, "author", "The batch was made by another organisation.")
    path = [from_base64(step) for step in receipt.batch.path]
    leaf = merkle.leaf_hash(entry)
    inside = merkle.verify_inclusion(leaf, receipt.batch.index, payload.count, path, payload.root)
    demand(inside, "batch-path", "The entry is not in the batch: its path does not lead to the batch's root.")
    signature = from_base64(receipt.batch.signature)
    key = next((key for key in keys if body.key == key_id(key)), b"")
    signed = key != b"" and verify_ed25519(key, transaction_id(body_bytes), signature)
    demand(signed, "signature", "The batch is not signed with the organisation's key.")
    return payload, key


def _cbor(what: str, data: bytes, bytes_max: int) -> Any:
    try:
        return codec.decode(data, bytes_max=bytes_max)
    except codec.CodecError as error:
        raise ReceiptError(what, f"The {what} in the receipt is malformed: {error}.") from None


def _check_log(receipt: Receipt, network: bytes) -> tuple[Checkpoint, Note, int]:
    """Steps 10 to 12; the index of the batch's leaf."""
    first = receipt.proof.partition("\n")[0]
    check_version("proof", {"proof": first}, "proof", "c2sp.org/tlog-proof@v1")
    try:
        proof = parse_proof(receipt.proof.encode())
        note = parse_note(proof.checkpoint_note)
        checkpoint = parse_checkpoint(note.text)
    except NoteError as error:
        raise ReceiptError("proof", f"The log proof in the receipt is malformed: {error}.") from None
    demand(checkpoint.network == network, "network", "The log head is of another network than the root file.")
    demand(checkpoint.protocol == 1, "newer-version", NEWER)
    batch = receipt.batch
    leaf = merkle.leaf_hash(log_leaf(batch.height, batch.time, from_base64(batch.body)))
    inside = merkle.verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    demand(inside, "log-path", "The log does not hold this batch with that height and time.")
    later = batch.height <= checkpoint.height and batch.time <= checkpoint.time
    demand(later, "time", "The log head says that it is older than the block it holds.")
    return checkpoint, note, proof.index
