"""The root file of a network: whom a verifier of receipts trusts, and how the files around receipts are read.

Reading is laxer than the ledger's in one way only: roles and endpoints that come later must not spoil old receipts.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from medrec.core import codec
from medrec.core.checkpoint import ORIGIN_PREFIX, CheckpointBody
from medrec.core.cosigned import Member, Members, Retired, count, quorum_of
from medrec.core.genesis import network_id
from medrec.core.note import KEY_ID_BYTES, Note, NoteError, SignatureLine, from_base64
from medrec.core.records.canonical import RecordError, canonical
from medrec.core.state import Keys
from medrec.core.types import ORGANISATION_ID, Fields

NEWER = "This was made by a newer version of MedRec than this one."

Natural = Annotated[int, msgspec.Meta(ge=0)]
Hex32 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class ReceiptError(ValueError):
    """A step failed: `code` as the specification names it, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


@dataclass(frozen=True, slots=True)
class Root:
    """What a root file says: the network, and who belongs to it.

    `sets` are the sets of members since genesis, each with the size of the log from which it is in force.
    """

    network: bytes
    name: str
    sets: tuple[tuple[int, Members], ...]

    @property
    def members(self) -> Members:
        """The newest set."""
        return self.sets[-1][1]

    @property
    def quorum(self) -> int:
        """More than two thirds of the newest set."""
        return quorum_of(self.members)

    def at(self, size: int) -> Members:
        """The set in force at a size of the log, or for the leaf of this index."""
        return next(members for start, members in reversed(self.sets) if start <= size)

    def since(self, size: int) -> list[Members]:
        """The set in force at a size of the log and all later ones, the newest first."""
        later = [members for start, members in reversed(self.sets) if start > size]
        return [*later, self.at(size)]


class _FoundingKeys(Fields, frozen=True):
    ed25519: Hex32
    cosign_ed25519: Hex32
    cosign_mldsa44: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{2624}\Z")]


class _Founder(Fields, frozen=True):
    id: Annotated[str, msgspec.Meta(pattern=ORGANISATION_ID)]
    name: str
    roles: list[str]
    endpoint: str
    keys: _FoundingKeys


class _Genesis(Fields, frozen=True):
    medrec: str
    name: str
    created: Natural
    protocol: Natural
    organisations: Annotated[list[_Founder], msgspec.Meta(min_length=1)]


class _Line(Fields, frozen=True):
    by: Annotated[str, msgspec.Meta(pattern=ORGANISATION_ID)]
    line: str


class _Change(Fields, frozen=True):
    size: Natural
    gone: list[Annotated[str, msgspec.Meta(pattern=ORGANISATION_ID)]]
    set: list[_Founder]
    lines: list[_Line]


def root_file(genesis: dict[str, Any], changes: list[dict[str, Any]] | None = None) -> bytes:
    """The root file of a network: what a verifier has to trust."""
    return codec.encode_json({"medrec": "root/1", "genesis": genesis, "changes": changes or []})


def read_root(data: bytes, retired: Retired | None = None) -> Root:
    """Step 1; signatures of a retired algorithm prove no change. Raises ReceiptError root, change or newer-version."""
    value = strict_json("root", data)
    check_version("root", value, "medrec", "root/1")
    if set(value) != {"medrec", "genesis", "changes"} or type(value["changes"]) is not list:
        raise ReceiptError("root", "The root file lacks a field or has one too many.")
    changes: list[_Change] = convert("root", value["changes"], list[_Change])
    document = value["genesis"]
    check_version("root", document, "medrec", "genesis/1")
    genesis: _Genesis = convert("root", document, _Genesis)
    demand(genesis.protocol == 1, "newer-version", NEWER)
    network = before = network_id(document)
    present: dict[str, _Founder] = {}
    sets: list[tuple[int, Members]] = []
    for change in (_Change(0, [], genesis.organisations, []), *changes):
        came = {one.id: one for one in change.set}
        distinct = len(came) == len(change.set)
        demand(distinct, "root", "Two organisations of the root file share an id or a key.")
        in_order = set(change.gone) <= present.keys() and (not sets or change.size > sets[-1][0])
        demand(in_order, "root", "A change of members is out of order, or takes away who is not there.")
        present = {**{name: one for name, one in present.items() if name not in change.gone}, **came}
        members = _members(present)
        if sets:
            before = members_hash(before, [msgspec.to_builtins(present[name]) for name in sorted(present)])
            _check_change(network, change, before, sets[-1][1], retired or {})
        sets.append((change.size, members))
    return Root(network, genesis.name, tuple(sets))


def members_hash(before: bytes, organisations: list[dict[str, Any]]) -> bytes:
    """The hash of a set of members, as the root file lists them, sorted by id; `before` is that of the set before it,
    or the network id."""
    return hashlib.sha256(b"medrec/members/1" + before + codec.encode_json(organisations)).digest()


def members_text(network: bytes, size: int, digest: bytes) -> bytes:
    """What the members before a change sign: from which size of the log on the set of this hash is in force."""
    return CheckpointBody(f"{ORIGIN_PREFIX}{network.hex()}/members", size, digest).text()


def _members(present: dict[str, _Founder]) -> Members:
    found = {
        name: Member(one.name, Keys(*map(bytes.fromhex, msgspec.structs.astuple(one.keys))))
        for name, one in present.items()
    }
    demand(bool(found), "root", "There is no member left.")
    for field in ("ed25519", "cosign_ed25519", "cosign_mldsa44"):
        alike = {getattr(member.keys, field) for member in found.values()}
        demand(len(alike) == len(found), "root", "Two organisations of the root file share an id or a key.")
    return found


def _check_change(network: bytes, change: _Change, digest: bytes, before: Members, retired: Retired) -> None:
    lines = []
    for one in change.lines:
        try:
            payload = from_base64(one.line)
        except NoteError as error:
            raise ReceiptError("root", f"A signature in the root file cannot be read: {error}.") from None
        lines.append(SignatureLine(f"{ORIGIN_PREFIX}{one.by}", payload[:KEY_ID_BYTES], payload[KEY_ID_BYTES:]))
    note = Note(members_text(network, change.size, digest), tuple(lines))
    counted, _ = count(before, note, quorum_of(before), retired, None)
    said = f"Fewer than {quorum_of(before)} of the members before it signed the change of members at {change.size}."
    demand(len(counted) >= quorum_of(before), "change", said)


def demand(good: bool, code: str, sentence: str) -> None:
    """Raise ReceiptError unless the condition holds."""
    if not good:
        raise ReceiptError(code, sentence)


def strict_json(what: str, data: bytes) -> Any:
    """Strict JSON in any spacing and order: no key twice, integers below 2^53 and no fractions."""
    try:
        return codec.decode_json(canonical(data, bytes_max=codec.JSON_BYTES_MAX).data)
    except (RecordError, codec.CodecError) as error:
        raise ReceiptError(what, f"The {what} cannot be read: {error}.") from None


def convert(what: str, value: Any, form: type[Any]) -> Any:
    """The value in its strict form; bytes are bytes, never a base64 text that stands for them."""
    try:
        return msgspec.convert(value, form, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ReceiptError(what, f"The {what} cannot be read: {error}.") from None


def check_version(what: str, value: Any, field: str, known: str) -> None:
    """Raise newer-version for another number of a known format, and the code `what` for anything else."""
    found = value.get(field) if type(value) is dict else None
    if isinstance(found, str) and found != known:
        newer = re.fullmatch(re.escape(known[:-1]) + "[0-9]+", found)
        demand(newer is None, "newer-version", NEWER)
    demand(found == known, what, f"The {what} is not of the form {known}.")
