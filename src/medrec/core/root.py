"""The root file of a network: whom a verifier of receipts trusts, and how the files around receipts are read.

Reading is laxer than the ledger's in one way only: roles and endpoints that come later must not spoil old receipts.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from medrec.core import codec
from medrec.core.genesis import network_id
from medrec.core.records.canonical import RecordError, canonical
from medrec.core.state import Keys
from medrec.core.types import Fields

NEWER = "This was made by a newer version of MedRec than this one."

Natural = Annotated[int, msgspec.Meta(ge=0)]
Hex32 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class ReceiptError(ValueError):
    """A step failed: `code` as the specification names it, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation of the root file: name and keys."""

    name: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class Root:
    """What a root file says: the network, and who belongs to it by organisation id."""

    network: bytes
    name: str
    members: dict[str, Member]

    @property
    def quorum(self) -> int:
        """More than two thirds of the organisations."""
        return len(self.members) * 2 // 3 + 1


class _FoundingKeys(Fields, frozen=True):
    ed25519: Hex32
    cosign_ed25519: Hex32
    cosign_mldsa44: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{2624}\Z")]


class _Founder(Fields, frozen=True):
    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?\Z")]
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


def root_file(genesis: dict[str, Any], changes: list[dict[str, Any]] | None = None) -> bytes:
    """The root file of a network: what a verifier has to trust."""
    return codec.encode_json({"medrec": "root/1", "genesis": genesis, "changes": changes or []})


def read_root(data: bytes) -> Root:
    """Step 1. Raises ReceiptError root or newer-version."""
    value = strict_json("root", data)
    check_version("root", value, "medrec", "root/1")
    if set(value) != {"medrec", "genesis", "changes"} or type(value["changes"]) is not list:
        raise ReceiptError("root", "The root file lacks a field or has one too many.")
    document = value["genesis"]
    check_version("root", document, "medrec", "genesis/1")
    genesis: _Genesis = convert("root", document, _Genesis)
    demand(genesis.protocol == 1 and not value["changes"], "newer-version", NEWER)
    founders = genesis.organisations
    members = {
        founder.id: Member(founder.name, Keys(*map(bytes.fromhex, msgspec.structs.astuple(founder.keys))))
        for founder in founders
    }
    for field in ("ed25519", "cosign_ed25519", "cosign_mldsa44"):
        alike = {getattr(member.keys, field) for member in members.values()}
        demand(len(alike) == len(founders), "root", "Two organisations of the root file share an id or a key.")
    return Root(network_id(document), genesis.name, members)


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
