"""Whom the consents of a person name, looked up in this node's own signed records (core/consent/actors.py)."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.consent import actors, names, roles
from medrec.core.consent.access import given, looked_up, rules_of
from medrec.core.consent.actors import Known, Who
from medrec.core.consent.compiling import Rules, strange_codes
from medrec.core.consent.meant import NOBODY, Meant
from medrec.core.consent.pointers import called, local
from medrec.core.manifests.access import Request
from medrec.core.manifests.consent import ConsentManifest, FhirConsentManifest
from medrec.core.records.canonical import RecordError, canonical
from medrec.node.keeping import store
from medrec.node.refusals import Refusal
from medrec.node.right_person import holding

if TYPE_CHECKING:
    from medrec.node.node import Node
    from medrec.node.release.reading import Reader

_record = store.record.c
NOBODYS = -1
BEARERS_MAX = 5_000
"""Among how many records of people and places the bearer of an identifier is looked for; beyond them nobody says."""
"""The id of no person: whoever looks for her finds only what is nobody's in particular."""
_NAMED = (
    sql.select(store.record)
    .where(_record.id == sql.bindparam("wanted"), _record.action != "delete", _record.altered.is_(False))
    .where(sql.or_(_record.person.is_(None), _record.person == sql.bindparam("of")))
    .where(holding.holds_one(_record.type, _record.id))
)


_BEARERS = (
    sql.select(store.record)
    .where(_record.type.in_([*actors.PEOPLE, "Organization", "PractitionerRole", "CareTeam", "Group", "Device"]))
    .where(_record.action != "delete", _record.altered.is_(False))
    .where(sql.or_(_record.person.is_(None), _record.person == sql.bindparam("of")))
    .where(holding.holds_one(_record.type, _record.id))
    .limit(BEARERS_MAX + 1)
)


def who(node: "Node", request: Request, now: int) -> Who:
    """Who asks, as the request and the ledger say. What is pushed goes to an organisation: who is named in that is the
    source's own."""
    found = node.directory.find(request.requester)
    called = found.name if found is not None else ""
    if request.door == "push":
        return Who(request.requester, called, time=now)
    roles = frozenset([request.role] if request.role else ())
    return Who(request.requester, called, request.identity, request.practitioner, roles, request.machine, now)


class Actors:
    """Looks up people, teams, roles and groups for one person's consents, as they stand now."""

    def __init__(self, node: "Node", reader: "Reader", connection: sql.Connection, person: int) -> None:
        self._node = node
        self._reader = reader
        self._connection = connection
        self._person = person
        self._servers = node.directory.servers(node.organisation)
        self._found: dict[str, Mapping[str, Any] | None] = {}

    def meant(self, who: Who, rules: Rules) -> Meant:
        """Which of those whom the rules name mean the one who asks."""
        found = actors.resolve(looked_up(rules), who, self.look)
        return actors.held(found, rules.unheld, self._node.organisation, self.look)

    def known(self, references: Iterable[str], now: int) -> Known:
        """Whom these references lead to, and which of them the records here do not tell wholly."""
        return actors.known(references, self.look, now)

    def strange(self, rules: Rules, now: int) -> tuple[str, ...]:
        """The references in rules of which nobody here can say, wholly or in part, whom they mean, and the codes of
        which nobody can say what they mean, in order."""
        meant = actors.held(NOBODY, rules.unheld, self._node.organisation, self.look)
        known = meant.holds | meant.elsewhere
        unheld = [names.split(token)[0] for token in rules.unheld if token not in known]
        return tuple(sorted({*unheld, *self.known(looked_up(rules), now).strange, *_unsaid(rules)}))

    def look(self, reference: str) -> Mapping[str, Any] | None:
        """The record that a reference names, as it was signed: of this person, or of nobody in particular. Where the
        members say which organisation is called so, that one."""
        if reference not in self._found:
            self._found[reference] = self._read(reference)
        return self._found[reference]

    def _read(self, reference: str) -> Mapping[str, Any] | None:
        called = self._node.directory.meant_by(reference.removeprefix("identifier:"))
        if called is not None:
            return _organisation(called)
        # Without what says that it is here: an address of this organisation's own servers, or "urn:uuid:".
        found = self._here(local(reference, self._servers).removeprefix("urn:uuid:"))
        if found is None and reference.startswith("identifier:"):
            return self._bearing(reference.removeprefix("identifier:"))
        if found is None and self._servers:
            # Only under this software's own address an id is the ledger's, where no record says what it is.
            here = local(reference, self._servers[:1])
            return _organisation(names.organisation_of(here)) if here != reference and names.is_holder(here) else None
        return found

    def _bearing(self, identifier: str) -> Mapping[str, Any] | None:
        """The one record here of whoever bears an identifier ("system|value": an NPI, a number of staff). None where
        there is none or more than one, and where one of those that may bear it cannot be read."""
        system, _, value = identifier.partition("|")
        wanted = called({"identifier": {"system": system, "value": value}})
        rows = self._connection.execute(_BEARERS, {"of": self._person}).all()
        try:
            known = [(row, self._reader.facts(row).facts.called) for row in rows[:BEARERS_MAX]]
        except Refusal:
            return None
        bearing = [row for row, found in known if found is not None and wanted <= found]
        if len(bearing) != 1 or len(rows) > BEARERS_MAX or any(found is None for _, found in known):
            return None
        return self._here(f"{bearing[0].type}/{bearing[0].id}")

    def _here(self, reference: str) -> Mapping[str, Any] | None:
        kind, _, identifier = reference.rpartition("/")
        rows = self._connection.execute(_NAMED, {"wanted": identifier, "of": self._person}).all()
        rows = [row for row in rows if kind in ("", row.type)]
        if not identifier or len(rows) != 1:
            return None
        try:
            value = canonical(self._reader.content(rows[0])).value
        except (Refusal, RecordError):
            # What cannot be read, or is not what was signed, says nothing of anybody.
            return None
        return value if isinstance(value, dict) else None


def _organisation(name: str | None) -> Mapping[str, Any] | None:
    """An organisation of the ledger as a record."""
    if name is None:
        return None
    return {"resourceType": "Organization", "identifier": [{"system": names.ORGANISATION, "value": name}]}


def _unsaid(rules: Rules) -> set[str]:
    """The codes and the roles in rules of which nobody can say what, or whose, they are not."""
    return {*strange_codes(rules.every), *roles.strange(rules.roles)}


def strange(node: "Node", data: bytes) -> list[str]:
    """The people, organisations, teams and groups in a signed consent of whom nobody here can say, wholly or in part,
    who they are, and the codes of systems and classes that nobody knows: for whoever signed it. Of a person who is not
    linked here only the holders and the codes are told: the teams that are hers cannot be looked up."""
    consent = manifests.decode(data)
    assert isinstance(consent, ConsentManifest | FhirConsentManifest)
    rules = rules_of([given(consent, "")], ())
    if not rules.strangers and not rules.unheld:
        return sorted(_unsaid(rules))
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, consent.account)
        if person is None:
            rules = msgspec.structs.replace(rules, strangers=())
        looking = Actors(node, node.gate.reader, connection, person.id if person is not None else NOBODYS)
        return list(looking.strange(rules, node.clock()))
