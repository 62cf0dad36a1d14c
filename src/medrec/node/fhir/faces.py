"""What a node itself has to say, as FHIR: AuditEvent, Consent, Provenance.

AuditEvents and Consents belong to the person: only the organisation that serves her here (her agent) is answered,
at her request; for everybody else there is no such person. Reading her AuditEvents is written down. A Provenance is
about a record, and goes through the gate like the record.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from medrec.node.consent import consents_over
from medrec.node.fhir import bundle
from medrec.node.fhir.answer import Answer, base_url, header_fields, instant
from medrec.node.fhir.audit import Auditor
from medrec.node.fhir.bundle import Entry
from medrec.node.fhir.consent_face import consent_resource
from medrec.node.fhir.query import EVENT, EVENTS, PROVENANCE, interaction
from medrec.node.fhir.search import date_test
from medrec.node.fhir.signed import provenance
from medrec.node.keeping import charted
from medrec.node.keeping.journal import Person
from medrec.node.looks.access_log import lines_before, lines_here, write_down
from medrec.node.refusals import Code, Refusal
from medrec.node.release.access import Ask
from medrec.node.release.actors import strange
from medrec.node.release.deciding import Allowed, Permitted
from medrec.node.release.gate import Chosen, Released

if TYPE_CHECKING:
    from medrec.node.node import Node

PROVENANCE_MAX = 50
STRANGE = "actor-strange"
WARNING = (
    "The consent stands. Nobody here can say who or what these are; a permit of them may open nothing, and a denial "
    "may keep everybody out, or every record back. Name people as the ledger does, or ask us to enter who they are; "
    "name kinds of records and codes as FHIR does: "
)


def answer_face(node: "Node", caller: str, ask: Ask, path: str, parameters: str) -> Answer:
    """A read or search of AuditEvents or Consents, a search for Provenance. Raises Refusal, journalled."""
    try:
        kind, places = interaction(path)
        wanted = _parameters(parameters)
        if ask.request.query != (f"{path}?{parameters}" if parameters else path) or ask.request.door != "pull":
            raise Refusal(Code.MALFORMED)
        if kind == PROVENANCE:
            if set(wanted) != {"target"}:
                raise Refusal(Code.QUERY_UNKNOWN, "Provenance takes target")
            door = ProvenanceDoor(node, wanted["target"][0].split(","))
            if (list(ask.request.types), list(ask.request.ids)) != door.wanted:
                raise Refusal(Code.MALFORMED)
    except Refusal as refusal:
        raise node.gate.refuse(caller, ask, refusal) from None
    if kind == PROVENANCE:
        return node.gate.release(caller, ask, door)
    # From here on: the person's own.
    person, identifier = _her_agent(node, caller, ask), places.get("id", "")
    try:
        if kind in (EVENTS, EVENT):
            shown, answer = _audit_events(node, ask, person, identifier, wanted, parameters)
        else:
            shown, answer = 0, _consents(node, ask, person, identifier, wanted, parameters)
    except Refusal as refusal:
        raise node.gate.refuse(caller, ask, refusal) from None
    node.gate.use(caller, ask)
    if kind in (EVENTS, EVENT):
        write_down(node, ask.account, "agent", ask.request.practitioner, shown)
    return answer


def create_consent(node: "Node", body: bytes, caller: str | None = None) -> Answer:
    """POST /fhir/Consent: a signed manifest -> 201, with a warning if it names somebody whom nobody here knows. Raises
    Refusal, StoreError."""
    if caller is not None:
        node.delegates.check_bringer(caller, body)
    given = node.consents.give(body)
    fields = {
        "content-type": bundle.JSON,
        "location": f"{base_url(node)}/Consent/{given.hash.hex()}",
        "cache-control": "no-store",
    }
    unknown = strange(node, body)
    told = bundle.outcome(STRANGE, WARNING + ", ".join(unknown) + ".", 200, "warning") if unknown else b""
    return Answer(200 if given.known else 201, told, fields)


def _parameters(parameters: str) -> dict[str, list[str]]:
    """The values of each parameter; a date may come twice, from and to (IHE ITI-81)."""
    try:
        pairs = parse_qsl(parameters, keep_blank_values=True, strict_parsing=bool(parameters), max_num_fields=10)
    except ValueError:
        raise Refusal(Code.QUERY_UNKNOWN) from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    if any(len(values) > 1 and name != "date" for name, values in found.items()):
        raise Refusal(Code.QUERY_UNKNOWN, "a parameter comes twice")
    return found


def _her_agent(node: "Node", caller: str, ask: Ask) -> Person:
    """The person, if the one who calls serves her here, and says that it is at her request. Raises Refusal."""
    node.gate.greet(caller, ask)
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, ask.account)
    if person is None or person.agent != caller or ask.request.purpose != "PATRQT":
        raise node.gate.refuse(caller, ask, Refusal(Code.NOT_PERMITTED))
    return person


def _is_her(node: "Node", person: Person, value: str) -> bool:
    with node.store.read() as connection:
        hers = charted.numbers(connection, person.id)
    return value == person.account or value.removeprefix("Patient/") in hers


def _audit_events(
    node: "Node", ask: Ask, person: Person, identifier: str, wanted: dict[str, list[str]], parameters: str
) -> tuple[int, Answer]:
    """How many AuditEvents are shown, and the answer that shows them; one, if it is asked for by its id."""
    if not set(wanted) <= {"patient", "date"} or (identifier and wanted):
        raise Refusal(Code.QUERY_UNKNOWN, "AuditEvent takes patient and date")
    mine = "patient" not in wanted or _is_her(node, person, wanted["patient"][0])
    tests = [date_test(value) for value in wanted.get("date", [])]
    with node.store.read() as connection:
        links = [(person.patient or "", lines_here(node, connection, person))]
        links += lines_before(node, connection, ask.account)
        hers = {person.patient, *charted.numbers(connection, person.id)}
    # A number that is none of hers today is another's: such an event names her account alone.
    events = [
        event
        for patient, lines in links
        if mine
        for auditor in [Auditor(node, ask.account, patient if patient in hers else "")]
        for seq, stated in lines
        if all(test(stated.time) for test in tests)
        for event in auditor.events(seq, stated)
    ]
    if identifier:
        found = next((event for event in events if event["id"] == identifier), None)
        if found is None:
            raise Refusal(Code.NOT_FOUND)
        return 1, Answer(200, bundle.encode(found), header_fields(node, ask))
    entries = [Entry(f"{base_url(node)}/AuditEvent/{event['id']}", bundle.encode(event), "match") for event in events]
    return len(entries), _searchset(node, ask, "AuditEvent", parameters, entries)


def _consents(
    node: "Node", ask: Ask, person: Person, identifier: str, wanted: dict[str, list[str]], parameters: str
) -> Answer:
    if not set(wanted) <= {"patient", "status"} or (identifier and wanted):
        raise Refusal(Code.QUERY_UNKNOWN, "Consent takes patient and status")
    kept = [one for one in node.consents.of(ask.account) if not identifier or one.hash.hex() == identifier]
    found = [consent_resource(one, person) for one in kept]
    if identifier and not found:
        # What a look rested on can be read as long as the look stands in her log.
        over = consents_over.find(node, person, identifier)
        found = [] if over is None else [{**consent_resource(over, person), "status": "inactive"}]
    if identifier:
        if not found:
            raise Refusal(Code.NOT_FOUND)
        return Answer(200, bundle.encode(found[0]), header_fields(node, ask))
    mine = "patient" not in wanted or _is_her(node, person, wanted["patient"][0])
    status = wanted["status"][0].split(",") if "status" in wanted else None
    shown = [one for one in found if mine and (status is None or one["status"] in status)]
    entries = [Entry(f"{base_url(node)}/Consent/{one['id']}", bundle.encode(one), "match") for one in shown]
    return _searchset(node, ask, "Consent", parameters, entries)


class ProvenanceDoor:
    """Who signed a record, and when, with a signature that others can check; the record itself stays."""

    def __init__(self, node: "Node", targets: Sequence[str]) -> None:
        self._node = node
        self._targets = [tuple(target.split("/", 1)) for target in targets]
        fits = all(len(target) == 2 and all(target) for target in self._targets)
        if not fits or len(self._targets) > PROVENANCE_MAX:
            raise Refusal(Code.QUERY_UNKNOWN, "target names records as Type/id")
        self.wanted = provenance_wants(targets)

    def choose(self, ask: Ask, permitted: Permitted) -> Chosen:
        """See gate.Door."""
        found: list[Allowed] = []
        for kind, identifier in sorted(set(self._targets)):
            found += permitted.records((kind,), (identifier,))
        # No content leaves, and so none of what they point at.
        return Chosen([allowed._replace(beside=()) for allowed in found])

    def give(self, ask: Ask, released: Released) -> Answer:
        """See gate.Door."""
        node, url = self._node, f"{base_url(self._node)}/Provenance/"
        entries = []
        for allowed, content in zip(released.chosen.records, released.contents, strict=True):
            made = provenance(node, allowed.row, content)
            entries.append(Entry(url + str(made["id"]), bundle.encode(made), "match"))
        return _searchset(node, ask, "Provenance", ask.request.query.partition("?")[2], entries, released)


def provenance_wants(targets: Sequence[str]) -> tuple[list[str], list[str]]:
    """The types and ids that a request for Provenance of these targets states."""
    pairs = [target.partition("/") for target in targets]
    return sorted({kind for kind, _, _ in pairs}), sorted({identifier for _, _, identifier in pairs})


def _searchset(
    node: "Node", ask: Ask, kind: str, parameters: str, entries: list[Entry], released: Released | None = None
) -> Answer:
    here = f"{base_url(node)}/{kind}" + (f"?{parameters}" if parameters else "")
    time = instant(released.now if released is not None else node.clock())
    body = bundle.searchset(ask.request.id, time, entries, [("self", here)], len(entries))
    return Answer(200, body, header_fields(node, ask, released))
