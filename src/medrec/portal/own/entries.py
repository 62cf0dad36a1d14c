"""A person's record as lines that can be read: title, value, date, place, kind. From her agent's copies alone."""

import hashlib
import re
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from medrec.core.records.canonical import canonical
from medrec.core.records.dates import ClinicalDate
from medrec.core.records.observation import unit_in_words
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.understood import AllergyDetail, MedicineDetail, NoteCode, ProblemDetail, Understood
from medrec.node.agent.copies import Copy
from medrec.node.fhir import summary_parts
from medrec.node.terminology.shipped import shipped
from medrec.portal import words

if TYPE_CHECKING:
    from medrec.node.node import Node

GROUPS: dict[str, tuple[str, ...]] = {
    "medicines": ("MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration"),
    "allergies": ("AllergyIntolerance",),
    "problems": ("Condition",),
    "results": ("Observation", "DiagnosticReport"),
    "vaccines": ("Immunization",),
    "visits": ("Encounter", "Appointment"),
    "treatments": ("Procedure",),
    "letters": ("DocumentReference", "Composition"),
    "family": ("FamilyMemberHistory",),
}
OTHER = "other"
_GROUP_OF = {kind: group for group, kinds in GROUPS.items() for kind in kinds}
_NOT_ABOUT_HEALTH = {"Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "Provenance"}
_REMEMBERED_MAX = 30_000
_SYSTOLIC = "8480-6"  # LOINC
_PROPERTY = re.compile(r" \[(Mass|Moles|Volume|#|Entitic|Pure|Catalytic|Presence|Ratio|Enzymatic|Units)[^\]]*\]")


class Entry(NamedTuple):
    """One line of the record. `number` and `unit` are there for a measurement with one value; `second` is the other
    number of a pair (a blood pressure); `series` is equal for measurements of the same thing; `author` is the account
    of the person or helper who entered it, "" for a place's. `in_part`: its place left something out, and no line
    proves it."""

    group: str
    title: str
    value: str
    when: ClinicalDate | None
    status: str
    organisation: str
    tag: bytes
    series: str
    number: float | None
    unit: str
    understood: Understood
    author: str = ""
    in_part: bool = False
    type: str = ""
    id: str = ""
    second: float | None = None

    @property
    def implausible(self) -> bool:
        """Whether it is a value that nobody ever had."""
        return any(note.code is NoteCode.IMPLAUSIBLE for note in self.understood.notes)

    @property
    def denied(self) -> str:
        """What the record denies of its own title, by the name of a text (words.RECORD); "" for what it says is so."""
        known, detail = self.understood, self.understood.detail
        if any(note.code is NoteCode.ENTERED_IN_ERROR for note in known.notes):
            return "in_error"
        if isinstance(detail, MedicineDetail) and (detail.do_not_take or detail.not_taken):
            return "not_to_take" if detail.do_not_take else "not_taken"
        if known.status_reason in ("not done", "not given", "refuted"):
            return known.status_reason.replace(" ", "_")
        return "not_certain" if isinstance(detail, ProblemDetail) and detail.standing == "uncertain" else ""

    @property
    def sorts(self) -> int:
        """The time it is sorted by (ms); the undated come last."""
        return self.when.start_ms if self.when is not None and self.when.start_ms is not None else -(1 << 62)


class _Remembered:
    """Entries by the tag of their line and their content: neither changes, so neither does what they mean. (An agent
    that was restored from a backup may give a tag of its own once more.)"""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: OrderedDict[tuple[bytes, bytes], Entry | None] = OrderedDict()

    def of(self, copy: Copy) -> Entry | None:
        name = (copy.tag, hashlib.sha256(copy.content).digest())
        with self._lock:
            if name in self._entries:
                return self._entries[name]
        made = read(copy)
        with self._lock:
            self._entries[name] = made
            while len(self._entries) > _REMEMBERED_MAX:
                self._entries.popitem(last=False)
        return made


_remembered = _Remembered()


def entry_of(copy: Copy) -> Entry | None:
    """The entry of one copy; None for what is not about health."""
    return _remembered.of(copy)


def entries(node: "Node", account: str, groups: tuple[str, ...] = (), types: tuple[str, ...] = ()) -> list[Entry]:
    """A person's entries, newest first; of some groups or FHIR types only, if they are named."""
    if node.copies is None:
        return []
    copies = node.copies.hers(account)
    found = [entry for copy in copies if (entry := _remembered.of(copy)) is not None]
    for line in node.entries.lines(account):
        own = _remembered.of(Copy(node.organisation, line.type, line.id, line.tag, line.content))
        if own is not None:
            found.append(own._replace(author=line.author))
    wanted = [entry for entry in found if (not groups or entry.group in groups) and (not types or entry.type in types)]
    return sorted(wanted, key=lambda entry: (-entry.sorts, entry.title, entry.tag))


def read(copy: Copy) -> Entry | None:
    """The entry of one record; None for what is not about health (the person's details, staff, places)."""
    if copy.type in _NOT_ABOUT_HEALTH:
        return None
    tree: Any = canonical(copy.content).value
    known = understand(tree, Around(terms=shipped()))
    number, second, unit, value = _measured(tree)
    return Entry(
        group=_GROUP_OF.get(copy.type, OTHER),
        title=_title(known, tree),
        value=value,
        when=known.when,
        status=known.status,
        organisation=copy.organisation,
        tag=copy.tag,
        series=known.codes[0].code if known.codes else known.key,
        number=number,
        unit=unit,
        understood=known,
        in_part=copy.in_part,
        type=copy.type,
        id=copy.id,
        second=second,
    )


def plain_of(kind: str, content: bytes) -> str:
    """What a record of this type says, in one sentence of the language of the visit; "" for what is not about
    health."""
    entry = read(Copy("", kind, "", b"", content))
    return words.line(entry.understood.plain) if entry is not None else ""


def about(node: "Node", account: str) -> dict[str, str]:
    """Name and date of birth as the places have them, the first that has each; empty text where none has."""
    found = {"name": "", "born": ""}
    for copy in node.copies.hers(account, "Patient") if node.copies is not None else ():
        tree: Any = canonical(copy.content).value
        found["name"] = found["name"] or summary_parts.called(tree)
        found["born"] = found["born"] or str(tree.get("birthDate", ""))
    return found


def _title(known: Understood, tree: Any) -> str:
    detail = known.detail
    names = ("name", "name_cleaned") if isinstance(detail, AllergyDetail) else ("name_cleaned", "name")
    # What an allergy is found by may be more exact than what its place wrote ("walnut").
    name = next(filter(None, (str(getattr(detail, one, "")) for one in names)), "") if detail is not None else ""
    if not name and tree.get("resourceType") == "Goal" and isinstance(tree.get("description"), dict):
        name = str(tree["description"].get("text") or "")
    if not name and known.codes:
        name = everyday(known.codes[0].display)
    if not name:
        # "Observation: Body weight, 7 Dec 2023, final" is shown without its type, date and status: they stand beside.
        head = known.plain.split(": ", 1)[-1] if not known.understood else known.plain
        dated = known.when.plain if known.when is not None else ""
        name = everyday(head.split(f", {dated}")[0] if dated else head)
    return name[:1].upper() + name[1:]


def title_of(entry: Entry) -> str:
    """What an entry is called in the language of the visit: a test by its everyday name, where it has one."""
    own = words.MEASURES.get(entry.series) if entry.group == "results" else None
    return words.line(entry.title) if own is None else str(own)


def everyday(display: str) -> str:
    """LOINC's name of a test without what is for machines: the kind of quantity, and which parts a panel may lack."""
    return _PROPERTY.sub("", display).replace(" with all children optional", "").strip() or display


def _measured(tree: Any) -> tuple[float | None, float | None, str, str]:
    """(number, second number of a pair, unit, as text) of a measurement; other parts are told as text alone."""
    if tree.get("resourceType") != "Observation":
        return None, None, "", ""
    parts = [part for part in _list(tree, "component") if isinstance(part, dict)]
    if parts:
        told = [text for part in parts if (text := _quantity(part)[2])]
        # Written as it is spoken, 134/84, in whatever order its place has the two.
        pair = [_quantity(part) for part in sorted(parts, key=lambda part: _SYSTOLIC not in _codes(part))]
        if len(pair) == 2 and all(number is not None for number, _, _ in pair) and pair[0][1] == pair[1][1]:
            return pair[0][0], pair[1][0], pair[0][1], f"{_plain(pair[0][2])}/{pair[1][2]}"
        return None, None, "", ", ".join(told)
    number, unit, value = _quantity(tree)
    return number, None, unit, value


def _codes(part: Any) -> list[Any]:
    return [coding.get("code") for coding in _list(part.get("code"), "coding") if isinstance(coding, dict)]


def _plain(text: str) -> str:
    return text.split(" ")[0]


def _quantity(tree: Any) -> tuple[float | None, str, str]:
    quantity = tree.get("valueQuantity")
    if isinstance(quantity, dict):
        written = _text(quantity.get("value", ""))
        unit = unit_in_words(str(quantity.get("unit") or quantity.get("code") or ""))
        try:
            number: float | None = float(written)
        except ValueError:
            number = None
        return number, unit, f"{written} {unit}".strip()
    for name in ("valueString", "valueInteger", "valueBoolean", "valueDateTime"):
        if name in tree:
            said = tree[name]
            return None, "", ("yes" if said else "no") if isinstance(said, bool) else _text(said)
    concept = tree.get("valueCodeableConcept")
    if isinstance(concept, dict):
        coding = next((one for one in _list(concept, "coding") if isinstance(one, dict)), {})
        return None, "", str(concept.get("text") or coding.get("display") or "")
    return None, "", ""


def _text(value: Any) -> str:
    """A value as it is written; numbers keep their digits, which the canonical form has kept."""
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else str(value)


def _list(tree: Any, name: str) -> list[Any]:
    value = tree.get(name) if isinstance(tree, dict) else None
    return value if isinstance(value, list) else []
