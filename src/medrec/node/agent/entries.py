"""What people enter themselves: symptoms, readings at home, medicines taken or stopped, wishes.

`prepare` makes the resource and the statement that the person's key signs; `take` checks both and signs the version as
that of any record. The resource lies sealed at her agent, which is its source: the gate reads it here and lets it out
by her permissions alone. Taking an entry back is a new version, as every deletion.
"""

import datetime
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import codec
from medrec.core.manifests.entry import ENTRY_TYPES, EntryStatement, entry_message
from medrec.core.records.canonical import Canonical, RecordError, canonical
from medrec.core.types import is_organisation_id
from medrec.node.account import staff
from medrec.node.agent.own import handle, person_here
from medrec.node.consent.consents import AHEAD_MS_MAX
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.records.publish import Incoming, Published
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node, RecordReader

ORIGIN = "entered by the person"
CONTENT_BYTES_MAX = 64 << 10
LATE_MS_MAX = 15 * 60_000
"""How long a prepared entry may wait for its signature."""
MARK = "\x00"
_MARKED = re.compile(r'"\\u0000(-?[0-9.]+)"')
WISH_SCOPES = frozenset({"adr", "treatment"})

own_entry = Table(
    "own_entry",
    metadata,
    Column("type", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("author", String(80), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


class Line(NamedTuple):
    """An entry with its author's account, the tag of its line, its canonical bytes, and when the line came."""

    type: str
    id: str
    author: str
    tag: bytes
    content: bytes
    time: int


class _Words(NamedTuple):
    """Who speaks: the person's account, the account or organisation that signs, its name, its key, by which right."""

    account: str
    author: str
    name: str
    key: bytes
    delegation: bytes | None


class Entries:
    """The entries of the people whom this agent serves, and the source that they are read from."""

    def __init__(self, node: "Node", otherwise: "RecordReader") -> None:
        self._node = node
        self._otherwise = otherwise

    def read(self, kind: str, identifier: str) -> bytes | None:
        """The canonical bytes of an entry, or what the node's other source has under this name."""
        with self._node.store.read() as connection:
            found = connection.execute(
                sql.select(own_entry.c.account, own_entry.c.sealed).where(
                    own_entry.c.type == kind, own_entry.c.id == identifier
                )
            ).one_or_none()
            if found is None:
                return self._otherwise.read(kind, identifier)
            person = self._node.journal.person_of_account(connection, found.account)
        if person is None:
            return None
        return self._node.vault.open(person.keys.data, bytes(found.sealed), _context(kind, identifier))

    def of(self, account: str) -> list[tuple[str, str]]:
        """Type and id of everything that a person's record has from herself and her helpers."""
        query = sql.select(own_entry.c.type, own_entry.c.id).where(own_entry.c.account == account)
        with self._node.store.read() as connection:
            return sorted((row.type, row.id) for row in connection.execute(query))

    def lines(self, account: str) -> list[Line]:
        """Everything that a person's record has from herself and her helpers, each with the line that proves it."""
        mine = (own_entry.c.type == store.record.c.type) & (own_entry.c.id == store.record.c.id)
        query = (
            sql.select(own_entry, store.line.c.entry, store.line.c.time)
            .join(store.record, mine)
            .join(store.line, store.line.c.manifest == store.record.c.manifest)
            .where(own_entry.c.account == account, store.record.c.action != "delete")
        )
        with self._node.store.read() as connection:
            rows = connection.execute(query).all()
            person = self._node.journal.person_of_account(connection, account)
        if person is None:
            return []
        found = []
        for row in rows:
            content = self._node.vault.open(person.keys.data, bytes(row.sealed), _context(row.type, row.id))
            tag = bytes(codec.decode(bytes(row.entry))[1])
            found.append(Line(row.type, row.id, row.author, tag, content, row.time))
        return found

    def prepare(
        self,
        account: str,
        author: str,
        name: str,
        key: bytes,
        resource: dict[str, Any],
        *,
        delegation: bytes | None = None,
        identifier: str = "",
    ) -> tuple[EntryStatement, bytes]:
        """The statement to sign (without its signature) and the resource's canonical bytes.

        `resource` is FHIR without id and subject, which are filled in; `identifier` is that of the entry it replaces.
        `key` is the id of the key that will sign. Raises Refusal.
        """
        kind = str(resource.get("resourceType"))
        identifier = identifier or self._node.vault.random(16).hex()
        content = self._canonical(
            {**resource, "id": identifier, subject_field(kind): {"reference": f"Patient/{handle(account)}"}}
        )
        words = _Words(account, author, name, key, delegation)
        return self._statement(words, kind, identifier, content.sha256, None), content.data

    def prepare_back(
        self,
        account: str,
        author: str,
        name: str,
        key: bytes,
        kind: str,
        identifier: str,
        *,
        delegation: bytes | None = None,
    ) -> tuple[EntryStatement, bytes]:
        """As `prepare`, to take an entry back: the bytes are what it says now. Raises Refusal."""
        content = self.read(kind, identifier)
        if content is None or (kind, identifier) not in self.of(account):
            raise Refusal(Code.ENTRY_UNFIT, "unknown")
        words = _Words(account, author, name, key, delegation)
        return self._statement(words, kind, identifier, None, hashlib.sha256(content).digest()), content

    def _statement(
        self, words: "_Words", kind: str, identifier: str, digest: bytes | None, back: bytes | None
    ) -> EntryStatement:
        return EntryStatement(
            statement="entry/1",
            network=self._node.network.hex(),
            account=words.account,
            author=words.author,
            name=words.name,
            delegation=words.delegation.hex() if words.delegation is not None else None,
            time=self._node.clock(),
            type=kind,
            id=identifier,
            sha256=digest.hex() if digest is not None else None,
            key=words.key.hex(),
            back=back.hex() if back is not None else None,
        )

    def take(self, statement: EntryStatement, content: bytes | None) -> Published:
        """Enter what was signed; `content` None takes it back. Raises Refusal."""
        node, now = self._node, self._node.clock()
        if statement.network != node.network.hex():
            raise Refusal(Code.WRONG_NETWORK)
        if statement.type not in ENTRY_TYPES:
            raise Refusal(Code.ENTRY_UNFIT, statement.type)
        if not now - LATE_MS_MAX <= statement.time <= now + AHEAD_MS_MAX:
            raise Refusal(Code.FROM_THE_FUTURE if statement.time > now else Code.REQUEST_EXPIRED)
        record = self._checked(statement, content)
        self._check_author(statement)
        try:
            person = person_here(node, statement.account)
        except LookupError:
            raise Refusal(Code.NOT_LINKED) from None
        self._check_owner(statement)
        signed = (msgspec.to_builtins(statement),)
        arrival = Incoming(statement.type, statement.id, record, ORIGIN, signed=signed)

        def keep(connection: sql.Connection, last: Incoming) -> None:
            where = (own_entry.c.type == statement.type) & (own_entry.c.id == statement.id)
            connection.execute(sql.delete(own_entry).where(where))
            if record is not None:
                sealed = node.vault.seal(person.keys.data, record.data, _context(statement.type, statement.id))
                values = {"type": statement.type, "id": statement.id, "account": statement.account}
                connection.execute(sql.insert(own_entry).values(**values, author=statement.author, sealed=sealed))

        return node.publisher.publish([arrival], keep)

    def _canonical(self, resource: dict[str, Any]) -> Canonical:
        try:
            text = json.dumps(resource, ensure_ascii=True, allow_nan=False)
            return canonical(_MARKED.sub(r"\1", text).encode())
        except (RecordError, ValueError, TypeError, RecursionError):
            raise Refusal(Code.ENTRY_UNFIT) from None

    def _checked(self, statement: EntryStatement, content: bytes | None) -> Canonical | None:
        """The resource, if it is the one that was signed, and is about this person and nothing else."""
        if content is None:
            if statement.sha256 is not None:
                raise Refusal(Code.MALFORMED)
            held = self.read(statement.type, statement.id)
            if held is not None and statement.back != hashlib.sha256(held).hexdigest():
                raise Refusal(Code.ENTRY_UNFIT, "it says something else now")
            return None
        if statement.back is not None:
            raise Refusal(Code.MALFORMED)
        if len(content) > CONTENT_BYTES_MAX:
            raise Refusal(Code.TOO_LARGE)
        try:
            record = canonical(content)
        except RecordError:
            raise Refusal(Code.MALFORMED) from None
        if statement.sha256 != record.sha256.hex():
            raise Refusal(Code.BAD_SIGNATURE)
        value: Any = record.value
        if (value.get("resourceType"), value.get("id")) != (statement.type, statement.id):
            raise Refusal(Code.ENTRY_UNFIT)
        subject = value.get(subject_field(statement.type))
        if not isinstance(subject, dict) or subject.get("reference") != f"Patient/{handle(statement.account)}":
            raise Refusal(Code.ENTRY_UNFIT, "subject")
        if statement.type == "Consent" and not _is_wish(value):
            raise Refusal(Code.ENTRY_UNFIT, "scope")
        return record

    def _check_author(self, statement: EntryStatement) -> None:
        node = self._node
        node.consents.check_signature(statement.author, statement.key, entry_message(statement), statement.signature)
        if statement.author == statement.account:
            if statement.delegation is not None:
                raise Refusal(Code.MALFORMED)
            return
        found = node.delegates.require(
            statement.account, statement.author, "add", statement.type, bytes.fromhex(statement.key)
        )
        named = found.delegation.name
        if is_organisation_id(statement.author):
            member = staff.by_key(node, bytes.fromhex(statement.key))
            if member is None:
                raise Refusal(Code.NOT_A_DELEGATE)
            named = staff.called(member[0].name, named)
        if statement.delegation != found.hash.hex() or statement.name != named:
            raise Refusal(Code.NOT_A_DELEGATE)

    def _check_owner(self, statement: EntryStatement) -> None:
        """An id belongs to whom it was first entered for, and a helper changes only what she entered."""
        with self._node.store.read() as connection:
            row = connection.execute(
                sql.select(own_entry).where(own_entry.c.type == statement.type, own_entry.c.id == statement.id)
            ).one_or_none()
        if row is None:
            if statement.sha256 is None:
                raise Refusal(Code.ENTRY_UNFIT, "unknown")
            return
        if row.account != statement.account or statement.author not in (row.author, row.account):
            raise Refusal(Code.ENTRY_UNFIT, "of somebody else")


def subject_field(kind: str) -> str:
    """Where a resource names whom it is about."""
    return "patient" if kind in ("Consent", "AllergyIntolerance") else "subject"


def symptom(text: str, when: int, note: str = "") -> dict[str, Any]:
    """A symptom in a person's own words, at a time in milliseconds."""
    return _observation(text, when, note) | {"category": [_category("survey")]}


def reading(text: str, value: str, unit: str, when: int, code: str = "") -> dict[str, Any]:
    """Something measured at home: what, the number as it was read, and its unit; `code` is LOINC."""
    made = _observation(text, when, "")
    if code:
        made["code"]["coding"] = [{"system": "http://loinc.org", "code": code}]
    quantity: dict[str, Any] = {"value": number(value)}
    if unit:
        quantity["unit"] = unit
    made["valueQuantity"] = quantity
    return made | {"category": [_category("vital-signs")]}


def medicine(text: str, taken: bool, when: int, reason: str = "", code: str = "") -> dict[str, Any]:
    """A medicine that a person takes, or has stopped; `code` is RxNorm."""
    made: dict[str, Any] = {
        "resourceType": "MedicationStatement",
        "status": "active" if taken else "stopped",
        "medicationCodeableConcept": {"text": text},
        "dateAsserted": moment(when),
    }
    if code:
        system = "http://www.nlm.nih.gov/research/umls/rxnorm"
        made["medicationCodeableConcept"]["coding"] = [{"system": system, "code": code}]
    if reason:
        made["statusReason" if not taken else "reasonCode"] = [{"text": reason}]
    return made


def wish(text: str, when: int) -> dict[str, Any]:
    """Something a person wants or does not want."""
    return {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": text},
        "startDate": moment(when)[:10],
    }


def number(literal: str) -> str:
    """A decimal number as it was written, for a resource; `prepare` turns it into a number with just these digits.

    Raises Refusal for what is no number.
    """
    if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?", literal):
        raise Refusal(Code.ENTRY_UNFIT, "number")
    return MARK + literal


def moment(ms: int) -> str:
    """Milliseconds as a FHIR instant in UTC."""
    when = datetime.datetime.fromtimestamp(ms // 1000, tz=datetime.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _observation(text: str, when: int, note: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": text},
        "effectiveDateTime": moment(when),
    }
    if note:
        made["note"] = [{"text": note}]
    return made


def _category(code: str) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {"coding": [{"system": system, "code": code}]}


def _is_wish(value: Any) -> bool:
    scope = value.get("scope")
    codings = scope.get("coding") if isinstance(scope, dict) else None
    codes = [one.get("code") for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []
    return bool(codes) and all(code in WISH_SCOPES for code in codes)


def _context(kind: str, identifier: str) -> bytes:
    return f"entry {kind}/{identifier}".encode()
