"""Data sets: a run of one journal, delivered as files, that a statement short enough for an SMS holds to.

    mr1 north 1204-1552 348 <128 characters of base64: root 32 bytes, Ed25519 signature 64 bytes>

The statement says: of the lines 1204 to 1552 of this journal, 348 are records whose content is delivered, and the
leaves of all lines, delivered or not, have this RFC 6962 root. It fits 160 characters of the plain SMS alphabet,
so the organisation's id is cut to what is left; the signature, over the whole id, tells which organisation it is.
The set itself is not trusted: its index brings a path for every line, so that each row stands or falls alone and
what is wrong can be named.

    leaf   = CBOR [seq, delivered, entry]; delivered: 0 the entry alone, 1 with its manifest, 2 with content
    signed = "medrec/dataset/1" || CBOR [network, organisation, first, last, count, root]

`check` reads no files: it is given the lines of the index and a way to get the content.
"""

import base64
import binascii
import hashlib
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec

from medrec.core import codec, manifests, merkle
from medrec.core.commitment import COMMITMENT_BYTES, SALT_BYTES, commitment
from medrec.core.crypto import ED25519_SIGNATURE_BYTES, verify_ed25519
from medrec.core.manifests.record import RecordManifest
from medrec.core.merkle import HASH_BYTES, ProofError
from medrec.core.note import NoteError, from_base64, to_base64
from medrec.core.records.canonical import RecordError, canonical
from medrec.core.types import Count, Fields

STATEMENT_CHARACTERS_MAX = 160
LINES_MAX = 1_000_000
ROW_BYTES_MAX = 2 << 20
ENTRY_ONLY, WITH_MANIFEST, WITH_CONTENT = 0, 1, 2

_NUMBER = "(0|[1-9][0-9]{0,15})"
_STATEMENT = re.compile(rf"mr1 ([a-z0-9-]{{1,32}}) {_NUMBER}-{_NUMBER} {_NUMBER} ([A-Za-z0-9+/]{{128}})")
_LABEL = b"medrec/dataset/1"
# An entry is a CBOR array of three that begins with the commitment, a byte string of 32.
_ENTRY_HEAD = bytes((0x83, 0x58, COMMITMENT_BYTES))

Kind = Literal["missing", "added", "reordered", "changed"]


class StatementError(ValueError):
    """The statement itself cannot be used. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Statement(NamedTuple):
    """What is said of the lines first to last of a journal; `organisation` may be cut to its beginning."""

    organisation: str
    first: int
    last: int
    delivered: int
    root: bytes
    signature: bytes


class Row(Fields, frozen=True):
    """One line of the index. Bytes are base64; manifest and salt are null for an entry alone."""

    delivered: Annotated[int, msgspec.Meta(ge=ENTRY_ONLY, le=WITH_CONTENT)]
    entry: str
    manifest: str | None
    path: list[str]
    salt: str | None
    seq: Count


class Finding(NamedTuple):
    """One thing that is wrong with a set: the journal line (None if it is no line's), what it is about, and how."""

    kind: Kind
    seq: int | None
    name: str
    sentence: str


# --- the statement ----------------------------------------------------------------------------------------


def statement_message(network: bytes, organisation: str, first: int, last: int, delivered: int, root: bytes) -> bytes:
    """What an organisation signs with the key that signs its transactions."""
    return _LABEL + codec.encode([network, organisation, first, last, delivered, root])


def render_statement(statement: Statement) -> str:
    """The text; the organisation's id is cut to fit. Raises StatementError too-long when the numbers leave no room."""
    span = f"{statement.first}-{statement.last} {statement.delivered}"
    proof = base64.b64encode(statement.root + statement.signature).decode()
    room = STATEMENT_CHARACTERS_MAX - len(f"mr1  {span} {proof}")
    if room < 1:
        raise StatementError("too-long", "These line numbers leave no room in an SMS; state a shorter or earlier run.")
    return f"mr1 {statement.organisation[:room]} {span} {proof}"


def parse_statement(text: str) -> Statement:
    """The statement in a text; white space around it, and breaks where a phone broke the line, do not matter.

    Raises StatementError statement-unreadable. The signature is not verified yet.
    """
    words = text.split()
    found = _STATEMENT.fullmatch(" ".join([*words[:4], "".join(words[4:])]))
    unreadable = StatementError("statement-unreadable", "This is not a statement about a data set; copy all of it.")
    if found is None or len(found[0]) > STATEMENT_CHARACTERS_MAX:
        raise unreadable
    proof = base64.b64decode(found[5])
    first, last, delivered = (int(found[group]) for group in (2, 3, 4))
    if not 1 <= first <= last < first + LINES_MAX or delivered > last - first + 1:
        raise unreadable
    return Statement(found[1], first, last, delivered, proof[:HASH_BYTES], proof[HASH_BYTES:])


def verify_statement(statement: Statement, network: bytes, keys: Mapping[str, bytes]) -> str:
    """The id of the organisation that signed, of those whose Ed25519 keys are given by id.

    Raises StatementError unknown-signer if no id fits, statement-signature if the signature does not hold.
    """
    fitting = sorted(name for name in keys if name.startswith(statement.organisation))
    if not fitting:
        raise StatementError(
            "unknown-signer",
            f"No organisation in the root file begins with {statement.organisation}; one that joined since stands in a "
            "newer root file.",
        )
    _, first, last, delivered, root, signature = statement
    for name in fitting:
        message = statement_message(network, name, first, last, delivered, root)
        if len(signature) == ED25519_SIGNATURE_BYTES and verify_ed25519(keys[name], message, signature):
            return name
    raise StatementError(
        "statement-signature",
        f"The statement is not signed by {' or '.join(fitting)}: a character was mistaken, the root file is of before "
        "its keys were replaced, or it was forged.",
    )


# --- the index --------------------------------------------------------------------------------------------


def leaf(seq: int, delivered: int, entry: bytes) -> bytes:
    """The leaf hash of a line."""
    return merkle.leaf_hash(codec.encode([seq, delivered, entry]))


def render_row(row: Row) -> bytes:
    """One line of the index with its newline: canonical JSON."""
    return codec.encode_json(msgspec.to_builtins(row)) + b"\n"


def make_row(seq: int, delivered: int, entry: bytes, path: Sequence[bytes], told: tuple[bytes, bytes] | None) -> Row:
    """A row from its parts; `told` is (salt, manifest), None for an entry alone."""
    salt, manifest = told or (None, None)
    return Row(
        delivered=delivered,
        entry=to_base64(entry),
        manifest=None if manifest is None else manifest.decode(),
        path=[to_base64(step) for step in path],
        salt=None if salt is None else to_base64(salt),
        seq=seq,
    )


def content_name(seq: int, manifest: RecordManifest) -> str:
    """The file in which a line's content is delivered, relative to the folder."""
    return f"records/{seq:010d}-{manifest.record.type}-{manifest.record.id}.json"


class _Read(NamedTuple):
    """A row that is what the statement holds to, or one that is not (`fault` says why)."""

    seq: int
    delivered: int
    manifest: RecordManifest | None
    fault: str


# --- the check --------------------------------------------------------------------------------------------


def check(
    statement: Statement,
    network: bytes,
    organisation: str,
    index: Iterable[bytes],
    content: Callable[[str], bytes | None],
    names: Iterable[str],
) -> list[Finding]:
    """Everything that is missing, added, reordered or changed in a delivered set; empty if it is whole and unaltered.

    `statement` was verified and `organisation` is its signer. `index` gives the lines of the index with their
    newlines, `content(name)` the bytes of a file (None if it is not there), `names` all files but the index.
    """
    rows: list[_Read | None] = []
    for data in index:
        rows.append(_read(statement, network, organisation, data))
    good: dict[int, _Read] = {}
    order: list[int] = []
    findings: list[Finding] = []
    for row in rows:
        if row is None or row.fault:
            continue
        if row.seq in good:
            findings.append(Finding("added", row.seq, _name(row), "Its row stands in the index more than once."))
            continue
        good[row.seq] = row
        order.append(row.seq)
    findings += _bad_rows(statement, rows, good)
    findings += _out_of_order(order, good)
    findings += _contents(statement, good, content, set(names))
    delivered = sum(row.delivered == WITH_CONTENT for row in good.values())
    if not findings and delivered != statement.delivered:
        said = f"The statement counts {statement.delivered} records with content, the lines it holds to {delivered}."
        findings.append(Finding("changed", None, "the statement", said))
    return sorted(findings, key=lambda finding: (finding.seq is None, finding.seq or 0, finding.kind, finding.name))


def _read(statement: Statement, network: bytes, organisation: str, data: bytes) -> _Read | None:
    """A row of the index; None if it cannot be read at all."""
    try:
        if len(data) > ROW_BYTES_MAX or not data.endswith(b"\n"):
            raise ValueError
        row = msgspec.convert(codec.decode_json(data[:-1]), Row)
        entry, path = from_base64(row.entry), [from_base64(step) for step in row.path]
        salt = None if row.salt is None else from_base64(row.salt)
    except (codec.CodecError, msgspec.ValidationError, NoteError, binascii.Error, ValueError):
        return None
    place, size = row.seq - statement.first, statement.last - statement.first + 1
    if not 0 <= place < size:
        return _Read(row.seq, row.delivered, None, "outside")
    try:
        held = merkle.root_from_path(leaf(row.seq, row.delivered, entry), place, size, path) == statement.root
    except (ProofError, codec.CodecError):
        held = False
    if not held:
        return _Read(row.seq, row.delivered, None, "Its row in the index is not the one that the statement holds to.")
    return _told(row, entry, salt, network, organisation)


def _told(row: Row, entry: bytes, salt: bytes | None, network: bytes, organisation: str) -> _Read:
    """The row, once its manifest is the one that its entry commits to."""
    if row.delivered == ENTRY_ONLY:
        fault = "" if row.manifest is None and salt is None else "It brings a manifest that does not belong to the set."
        return _Read(row.seq, row.delivered, None, fault)
    if row.manifest is None or salt is None or len(salt) != SALT_BYTES:
        return _Read(row.seq, row.delivered, None, "Its manifest or salt is missing.")
    manifest = row.manifest.encode()
    if not entry.startswith(_ENTRY_HEAD + commitment(manifest, salt)):
        return _Read(row.seq, row.delivered, None, "Its manifest or salt is not the one that was signed.")
    try:
        found = manifests.decode(manifest)
    except manifests.ManifestError as error:
        return _Read(row.seq, row.delivered, None, f"Its manifest cannot be read: {error}.")
    mine = isinstance(found, RecordManifest) and (found.network, found.organisation) == (network.hex(), organisation)
    if not mine:
        return _Read(row.seq, row.delivered, None, "Its manifest is not of a record of this organisation and network.")
    assert isinstance(found, RecordManifest)
    return _Read(row.seq, row.delivered, found, "")


def _bad_rows(statement: Statement, rows: Sequence[_Read | None], good: Mapping[int, _Read]) -> Iterator[Finding]:
    """Rows that do not hold, and lines of which there is no row at all."""
    told: set[int] = set()
    for place, row in enumerate(rows):
        where = f"row {place + 1} of the index"
        if row is None:
            # A row that cannot be read stands where its line would, unless that line is there.
            seq = statement.first + place
            if seq > statement.last or seq in good or seq in told:
                yield Finding("added", None, where, "It cannot be read and stands for no line of the run.")
            else:
                told.add(seq)
                yield Finding("changed", seq, f"line {seq}", f"Its row ({where}) cannot be read.")
        elif row.fault == "outside":
            yield Finding("added", row.seq, f"line {row.seq}", f"It is not in the run that was stated ({where}).")
        elif row.fault and (row.seq in good or row.seq in told):
            yield Finding("added", row.seq, f"line {row.seq}", f"A further row speaks of it ({where}). {row.fault}")
        elif row.fault:
            told.add(row.seq)
            yield Finding("changed", row.seq, f"line {row.seq}", row.fault)
    for seq in range(statement.first, statement.last + 1):
        if seq not in good and seq not in told:
            yield Finding("missing", seq, f"line {seq}", "Its row is not in the index.")


def _out_of_order(order: Sequence[int], good: Mapping[int, _Read]) -> Iterator[Finding]:
    """The fewest rows that would have to move for the index to be in order."""
    ends: list[int] = []
    ranks: list[int] = []
    for seq in order:
        rank = bisect_left(ends, seq)
        ends[rank : rank + 1] = [seq]
        ranks.append(rank)
    rank, above = len(ends) - 1, None
    for seq, found in zip(reversed(order), reversed(ranks), strict=True):
        if found == rank and (above is None or seq < above):
            rank, above = rank - 1, seq
        else:
            yield Finding("reordered", seq, _name(good[seq]), "Its row stands out of its place in the index.")


def _contents(
    statement: Statement, good: Mapping[int, _Read], content: Callable[[str], bytes | None], names: set[str]
) -> Iterator[Finding]:
    """Files that are missing, changed, or of no line."""
    wanted: dict[str, tuple[int, RecordManifest]] = {}
    for seq, row in good.items():
        if row.manifest is not None and row.delivered == WITH_CONTENT:
            wanted[content_name(seq, row.manifest)] = (seq, row.manifest)
    by_hash = {manifest.record.sha256: seq for seq, manifest in wanted.values()}
    for name, (seq, manifest) in wanted.items():
        data = content(name) if name in names else None
        if data is None:
            yield Finding("missing", seq, _name(good[seq]), f"The file {name} is not there.")
            continue
        digest = hashlib.sha256(data).hexdigest()
        if digest == manifest.record.sha256:
            continue
        if digest in by_hash:
            said = f"The file {name} holds the content of line {by_hash[digest]}."
            yield Finding("reordered", seq, _name(good[seq]), said)
        elif _canonical(data) == manifest.record.sha256:
            said = f"The file {name} says the same in other bytes than were delivered; somebody has saved it again."
            yield Finding("changed", seq, _name(good[seq]), said)
        else:
            yield Finding("changed", seq, _name(good[seq]), f"The content of {name} is not what was signed.")
    lost = {seq for seq in range(statement.first, statement.last + 1) if seq not in good}
    for name in sorted(names - set(wanted)):
        number = re.match(r"records/([0-9]{10})-", name)
        if number is None or int(number[1]) not in lost:
            shown = name.encode("utf-8", "replace").decode()
            yield Finding("added", None, shown, "The file belongs to no line of the run.")


def _canonical(data: bytes) -> str | None:
    try:
        return canonical(data).sha256.hex()
    except RecordError:
        return None


def _name(row: _Read) -> str:
    if row.manifest is None:
        return f"line {row.seq}"
    record = row.manifest.record
    return f"{record.type}/{record.id} version {record.version}"
