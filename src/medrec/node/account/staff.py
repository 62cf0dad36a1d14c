"""An organisation's staff: named people with a role, each with a passkey registered at their own organisation.

An operator invites somebody under a name and a role and hands over a code; whoever presents it once, within a day,
registers the passkey. A dismissed one is out with the next request.
"""

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, String, Table

from medrec.core import codec
from medrec.core.credential import NewCredential, can_sign
from medrec.core.crypto import key_id
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.release.practitioners import PROFESSIONS, Practitioner

if TYPE_CHECKING:
    from medrec.node.node import Node

PROFESSION = "physician"
"""What a clinician is who was entered without a word about it."""
ROLES = ("clinician", "desk", "privacy-officer", "operator", "helper")
CODE_BYTES = 16
CODE_LIFE_MS = 24 * 3_600_000
NAME_LENGTH_MAX = 120

staff = Table(
    "staff",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("code", LargeBinary(32), unique=True),
    Column("expires", BigInteger),
    Column("digest", LargeBinary(32), unique=True),
    Column("credential", LargeBinary),
    Column("active", Boolean, nullable=False),
)


class StaffError(Exception):
    """A registration is refused; `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Member(NamedTuple):
    """Somebody of the staff; `key` is the id of the registered key, None before it was registered; `profession` (of
    practitioners.PROFESSIONS) is what her requests to others say that she is. `person` is one for all entries of one
    person, who may have several roles: the id of the first of them."""

    id: str
    name: str
    role: str
    active: bool
    key: bytes | None
    profession: str = PROFESSION
    person: str = ""


def invite(node: "Node", name: str, role: str, profession: str = PROFESSION, same_as: str = "") -> tuple[str, bytes]:
    """Enter somebody new: (id, one-time code). `same_as` is another entry (id) of the same person, who has two roles or
    two names. Raises StaffError."""
    name = " ".join(name.split())
    if profession not in PROFESSIONS:
        known = ", ".join(PROFESSIONS)
        raise StaffError("unknown-profession", f"There is no profession {profession!r}; there are {known}.")
    if role not in ROLES:
        raise StaffError("unknown-role", f"There is no role {role!r}; there are {', '.join(ROLES)}.")
    if not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise StaffError("bad-name", f"A name has 1 to {NAME_LENGTH_MAX} printable characters.")
    identifier, code = node.vault.random(16).hex(), node.vault.random(CODE_BYTES)
    person = member(node, same_as).person if same_as else identifier
    row = {
        "id": identifier,
        "role": role,
        "sealed": node.vault.seal(None, codec.encode([name, profession, person]), identifier.encode()),
        "code": _digest(code),
        "expires": node.clock() + CODE_LIFE_MS,
        "active": True,
    }
    node.store.write(lambda connection: connection.execute(sql.insert(staff).values(**row)))
    return identifier, code


def register(node: "Node", code: bytes, credential: NewCredential, credential_id: bytes) -> Member:
    """Bind a key to the one whom the code was given to; the code is used up. Raises StaffError."""
    if not can_sign(credential):
        raise StaffError("bad-key", "The key could never sign.")
    data = codec.encode(msgspec.to_builtins(credential, builtin_types=(bytes,)))

    def closure(connection: sql.Connection) -> Any:
        row = connection.execute(sql.select(staff).where(staff.c.code == _digest(code))).one_or_none()
        if row is None or not row.active or row.expires < node.clock():
            raise StaffError("code-unknown", "The code was used, has run out, or was never given; ask for a new one.")
        digest = _digest(credential_id)
        if connection.execute(sql.select(staff.c.id).where(staff.c.digest == digest)).first() is not None:
            raise StaffError("key-in-use", "This key is registered already; choose another one.")
        values = {"code": None, "expires": None, "digest": digest, "credential": data}
        connection.execute(sql.update(staff).where(staff.c.id == row.id).values(**values))
        return row.id

    return member(node, node.store.write(closure))


def dismiss(node: "Node", identifier: str) -> None:
    """End somebody's rights here, with the next request, and her key for requests to others, in one step. Raises
    StaffError."""

    def write(connection: sql.Connection) -> None:
        gone = sql.update(staff).where(staff.c.id == identifier).values(active=False, code=None)
        if not connection.execute(gone).rowcount:
            raise StaffError("unknown-staff", "Nobody of the staff has this id.")
        node.practitioners.end(connection, identifier)

    node.store.write(write)
    node.practitioners.forget(identifier)


def present(node: "Node", identifier: str, name: str) -> Practitioner:
    """Somebody of the staff as she signs requests to others: under her name and her profession as they are now.

    Who is not in the list (in a demonstration) is a physician of this name. Raises StaffError for who was dismissed.
    """
    try:
        known = member(node, identifier)
    except StaffError:
        known = Member(identifier, name, "clinician", True, None)
    if not known.active:
        raise StaffError("unknown-staff", "Nobody of the staff has this id.")
    role = PROFESSIONS[known.profession]
    try:
        found = node.practitioners.present(identifier)
    except LookupError:
        return node.practitioners.enter(identifier, known.name, role)
    same = (found.credential.name, found.credential.role) == (known.name, role)
    return found if same else node.practitioners.enter(identifier, known.name, role)


def member(node: "Node", identifier: str) -> Member:
    """Somebody of the staff. Raises StaffError."""
    with node.store.read() as connection:
        row = connection.execute(sql.select(staff).where(staff.c.id == identifier)).one_or_none()
    if row is None:
        raise StaffError("unknown-staff", "Nobody of the staff has this id.")
    return _opened(node, row)


def person_of(node: "Node", identifier: str) -> str:
    """Who somebody of the staff is, whatever her entry; an id that is in no list, or whose entry cannot be opened, is
    somebody by itself."""
    try:
        return member(node, identifier).person
    except (StaffError, VaultError):
        return identifier


def one_person(node: "Node", *identifiers: str) -> bool:
    """Whether these entries of the staff are all of one person."""
    return len({person_of(node, identifier) for identifier in identifiers}) == 1


def members(node: "Node") -> list[Member]:
    """The whole staff, the dismissed included, by name."""
    with node.store.read() as connection:
        rows = connection.execute(sql.select(staff)).all()
    return sorted((_opened(node, row) for row in rows), key=lambda item: (item.name, item.id))


def credentials(node: "Node", roles: tuple[str, ...]) -> list[NewCredential]:
    """The keys of the active members in these roles, as they go on the ledger."""
    query = sql.select(staff.c.credential).where(
        staff.c.active.is_(True), staff.c.credential.is_not(None), staff.c.role.in_(roles)
    )
    with node.store.read() as connection:
        return [_credential(bytes(data)) for data in connection.execute(query.order_by(staff.c.id)).scalars()]


def find(node: "Node", credential_id: bytes) -> tuple[Member, NewCredential] | None:
    """The active member who registered this passkey, and the passkey; None if there is none."""
    with node.store.read() as connection:
        row = connection.execute(sql.select(staff).where(staff.c.digest == _digest(credential_id))).one_or_none()
    if row is None or not row.active:
        return None
    return _opened(node, row), _credential(bytes(row.credential))


def called(name: str, organisation: str) -> str:
    """How one of the staff is called who acts for a person in the name of her organisation: by both names."""
    return f"{name} ({organisation})"


def by_key(node: "Node", key: bytes) -> tuple[Member, NewCredential] | None:
    """The active member whose registered key has this id, and the key; None if there is none."""
    query = sql.select(staff).where(staff.c.active.is_(True), staff.c.credential.is_not(None))
    with node.store.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        credential = _credential(bytes(row.credential))
        if key_id(credential.key) == key:
            return _opened(node, row), credential
    return None


def _credential(data: bytes) -> NewCredential:
    form: Any = NewCredential
    credential: NewCredential = msgspec.convert(codec.decode(data), form, builtin_types=(bytes,))
    return credential


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(b"medrec/staff/1" + secret).digest()


def _opened(node: "Node", row: Any) -> Member:
    opened = node.vault.open(None, bytes(row.sealed), row.id.encode())
    try:
        name, profession, *more = codec.decode(opened)
    except (codec.CodecError, TypeError, ValueError):
        # Entered before professions were.
        name, profession, more = opened.decode(), PROFESSION, []
    key = None if row.credential is None else key_id(_credential(bytes(row.credential)).key)
    return Member(row.id, name, row.role, row.active, key, profession, more[0] if more else row.id)
