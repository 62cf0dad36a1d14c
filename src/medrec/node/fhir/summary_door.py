"""$summary: what the gate lets out of a person's records, reconciled, as an International Patient Summary.

A door like the others: the gate decides, journals the disclosure of every record that is in the document, and reads
the records; only then are they understood and made into the document. The receipts of what was signed go with it.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from medrec.core.consent.redact import REDACTED
from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists
from medrec.core.reconcile.said import said
from medrec.core.records.canonical import Value, canonical
from medrec.core.records.dates import clinical_date
from medrec.core.records.table import understand
from medrec.core.records.terms import Terms
from medrec.node.fhir import bundle
from medrec.node.fhir.answer import Answer, header_fields, instant
from medrec.node.fhir.summary import About, document
from medrec.node.fhir.summary_words import Speech
from medrec.node.ledger import receipts
from medrec.node.ledger.receipts import ReceiptUnavailableError
from medrec.node.lists import acts_heard
from medrec.node.lists.sources import Source, medicine_of
from medrec.node.refusals import Code, Refusal
from medrec.node.release.access import Ask
from medrec.node.release.deciding import Allowed, Permitted
from medrec.node.release.gate import Chosen, Released
from medrec.node.release.pointed import Pointers

if TYPE_CHECKING:
    from medrec.node.node import Node

TYPES = (
    "AllergyIntolerance",
    "Condition",
    "Immunization",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Patient",
)
"""What a summary is made from."""

RECORDS_MAX = 5000
RECEIPTS_MAX = 400


class SummaryDoor:
    """Gives the summary of one person, as one document."""

    def __init__(self, node: "Node", patient: str, terms: Terms | None = None) -> None:
        self._node = node
        self._patient = patient
        self._terms = terms

    def choose(self, ask: Ask, permitted: Permitted) -> Chosen:
        """See gate.Door. Whoever asks for the summary of a Patient that is not the person's own is told nothing."""
        if next(permitted.records(("Patient",), (self._patient,)), None) is None:
            raise Refusal(Code.NOT_FOUND)
        said = tuple(acts_heard.with_records(self._node, ask.account, permitted, ask.request.requester))
        own = f"Patient/{self._patient}"
        every = permitted.records(TYPES)
        found = [one._replace(said=said) if one.name == own else one for one in every]
        if len(found) > RECORDS_MAX:
            raise Refusal(Code.TOO_LARGE)
        # Every line leads to a receipt, so nothing that was cut is in it; where she allows that, it is said.
        return Chosen(found, rest=permitted.incomplete())

    def give(self, ask: Ask, released: Released) -> Answer:
        """See gate.Door."""
        node = self._node
        organisation = node.directory.find(node.organisation)
        about = About(
            node.organisation,
            organisation.name if organisation is not None else "",
            instant(released.now),
            bytes.fromhex(ask.request.id),
            Speech(names={one.id: one.name for one in node.directory.organisations()}),
            missing=(bundle.WITHHELD,) if released.chosen.rest else (),
            words_in_part=True,
        )
        trees = {allowed.name: canonical(content).value for allowed, content in _pairs(released)}
        trees |= {name: canonical(content).value for name, (_, content) in released.beside.items()}
        held = self._held(released, trees)
        read = Lists(self._terms or self._node.lists.terms, released.now, held).read()
        subject = trees.get(f"Patient/{self._patient}")
        made = document(read, held, subject, self._receipts(held), about, instant).bundle
        if released.attach:
            made["meta"]["extension"] = bundle.notices(released.attach)
        if released.chosen.rest:
            made["meta"]["security"] = [REDACTED]
        return Answer(200, bundle.encode(made), header_fields(self._node, ask, released))

    def _held(self, released: Released, trees: dict[str, Value]) -> list[Held]:
        own = self._node.organisation
        patient = trees.get(f"Patient/{self._patient}") or {}
        pairs = _pairs(released)
        sources = [_source(own, one.row, content) for one, content in pairs]
        sources += [_source(own, row, content) for row, content in released.beside.values()]
        terms, servers = self._terms or self._node.lists.terms, self._node.directory.servers
        pointers = Pointers(sources, terms, released.now, servers)
        birth = clinical_date(patient.get("birthDate"))
        around = msgspec.structs.replace(pointers.around(own), birth=birth)
        found = []
        for (allowed, _), source in zip(pairs, sources, strict=False):
            row, tree = allowed.row, trees[allowed.name]
            if row.type == "Patient":
                continue
            record = understand(tree, around)
            meta = tree.get("meta")
            updated = clinical_date(meta.get("lastUpdated")) if isinstance(meta, dict) else None
            found.append(
                Held(
                    self._node.organisation,
                    record,
                    row.version,
                    row.sha256.hex(),
                    row.manifest.hex(),
                    row.time,
                    updated=updated.start_ms if updated is not None else None,
                    medicine=medicine_of(pointers.medicine(source)),
                )
            )
        terms = self._terms or self._node.lists.terms
        for one in (one for allowed, _ in pairs for one in allowed.said):
            found += said(one.kept.act, one.manifest.hex(), one.kept.time, terms)
        return found

    def _receipts(self, held: list[Held]) -> dict[str, bytes]:
        """The receipts that there are; what is not anchored yet has none, and its Provenance stands without."""
        found: dict[str, bytes] = {}
        pointed = [item.medicine.manifest for item in held if item.medicine is not None]
        signed = [item.manifest.partition("-")[0] for item in held]
        for manifest in list(dict.fromkeys([*signed, *pointed]))[:RECEIPTS_MAX]:
            try:
                found[manifest] = receipts.receipt_for(self._node, bytes.fromhex(manifest))
            except ReceiptUnavailableError:
                continue
        return found


def _source(organisation: str, row: Any, content: bytes) -> Source:
    return Source(organisation, row.type, row.id, row.version, content, bytes(row.manifest), row.time)


def _pairs(released: Released) -> list[tuple[Allowed, bytes]]:
    return list(zip(released.chosen.records, released.contents, strict=True))
