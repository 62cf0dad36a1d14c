"""The entries of a summary: one resource for each row of the lists, in the words and codes of the records behind it.

Profiles are those of the International Patient Summary 1.1.0 (hl7.org/fhir/uv/ips). What the sources disagree about
stands in the entry's note, and a status that nobody gives is never made up.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from medrec.core.consent.times import write_date
from medrec.core.reconcile.held import Held, Line
from medrec.core.reconcile.rows import LONG_UNCONFIRMED, AllergyRow, Conflict, MedicineRow, ProblemRow
from medrec.core.records.dates import ClinicalDate
from medrec.core.records.general import telling
from medrec.core.records.terms import RXNORM
from medrec.core.records.understood import Coding, NoteCode
from medrec.core.signs import seen
from medrec.node.fhir import summary_parts as parts
from medrec.node.fhir.summary_words import Speech, called, directions

IPS = "http://hl7.org/fhir/uv/ips/StructureDefinition/"
ABSENT = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
Names = Mapping[tuple[str, str, str], Held]
Resource = dict[str, Any]

_NONE_KNOWN = {
    "any": "no-known-allergies",
    "medicine": "no-known-medication-allergies",
    "food": "no-known-food-allergies",
    "environment": "no-known-environmental-allergies",
}


def medicine(row: MedicineRow, held: Names, subject: str, names: Mapping[str, str]) -> Resource:
    """A MedicationStatement. `status` is unknown where the sources do not say.

    The text says name, strength and form as in the narrative. Codes are those of the leading line alone, and none where
    the code and the words of a source contradict each other. Of sources with other doses each has a dosage of its own.
    """
    made = _base("MedicationStatement", "MedicationStatement-uv-ips")
    made["status"] = {"active": "active", "stopped": _ended(row)}.get(row.status, "unknown")
    believed = Conflict.CODE_NAME not in row.conflicts
    ingredient = [{"system": RXNORM, "code": row.ingredients[0]}] if len(row.ingredients) == 1 and believed else []
    codes, odd = ([], []) if not believed or Conflict.DOSE in row.conflicts else _codes(row.lines, held)
    made["medicationCodeableConcept"] = _concept(called(row), codes or ingredient)
    made["subject"] = {"reference": subject}
    if row.since is not None:
        made["effectivePeriod"] = {"start": write_date(row.since)}
    else:
        made["_effectiveDateTime"] = _absent("unknown")
    if _told_by_her(row):
        made["informationSource"] = {"reference": subject}
    if row.reasons:
        made["reasonCode"] = [{"text": reason} for reason in row.reasons]
    told = directions(row, names)
    if told:
        made["dosage"] = [{"text": words, "asNeededBoolean": as_needed} for words, as_needed in told]
    made = _noted(made, _notes(row) + odd)
    spoken = [_annotation(line, subject, names) for line in row.lines if _is_act(line)]
    return made | ({"note": [*made.get("note", []), *spoken]} if spoken else {})


def _is_act(line: Line) -> bool:
    """Whether a line is what somebody said of the list, and no record."""
    return line.author != "record" and not line.sha256


def _told_by_her(row: MedicineRow) -> bool:
    """Whether the patient alone says what the row says."""
    return all(line.author == "patient" for line in row.lines if line.says != "error" and not line.outdone)


def _ended(row: MedicineRow) -> str:
    """How a medicine that is over is called: one that the patient alone says that she does not take is not taken."""
    stops = [line for line in row.lines if line.says == "stopped" and not line.outdone]
    return "not-taken" if stops and all(line.author == "patient" for line in stops) else "stopped"


def _annotation(line: Line, subject: str, names: Mapping[str, str]) -> Resource:
    """What somebody said of a line of the list, with who and when."""
    hers = line.author == "patient"
    place = names.get(line.source, line.source)
    who = {"authorReference": {"reference": subject}} if hers else {"authorString": f"{line.by}, {place}"}
    return {**who, **({"time": write_date(line.at)} if line.at is not None else {}), "text": line.plain}


def in_error(row: MedicineRow | ProblemRow | AllergyRow) -> bool:
    """Whether every record behind a row takes itself back: it was never true, and is no illness of the past."""
    return all(line.says == "error" for line in row.lines)


def problem(row: ProblemRow, held: Names, subject: str) -> Resource:
    """A Condition. One that is over, or of the past, says so; one that nobody calls active is not called so here."""
    made = _base("Condition", "Condition-uv-ips")
    status = {"active": "active", "stopped": "resolved"}.get(row.status, "")
    if status:
        made["clinicalStatus"] = _coded("condition-clinical", status)
    if row.absent:
        made["verificationStatus"] = _coded("condition-ver-status", "refuted")
    elif row.standing == "uncertain":
        made["verificationStatus"] = _coded("condition-ver-status", "unconfirmed")
    # A problem on the list must have a status; without one it is a diagnosis that was made.
    kind = "problem-list-item" if status else "encounter-diagnosis"
    made["category"] = [_coded("condition-category", kind)]
    if row.none_known:
        del made["verificationStatus"]
        made["clinicalStatus"] = _coded("condition-clinical", "active")
        made["category"] = [_coded("condition-category", "problem-list-item")]
        made["code"] = _concept("No known problems", [{"system": ABSENT, "code": "no-known-problems"}])
        made["subject"] = {"reference": subject}
        return _noted(made, _notes(row))
    side = f" ({row.laterality})" if row.laterality and row.laterality not in row.name.lower() else ""
    codes, odd = _codes(row.lines, held) if Conflict.CODE_NAME not in row.conflicts else ([], [])
    made["code"] = _concept(row.name + side, codes)
    made["subject"] = {"reference": subject}
    if row.onset is not None:
        made["onsetDateTime"] = _onset(row, held) or write_date(row.onset[0])
    return _noted(made, _notes(row) + odd)


def allergy(row: AllergyRow, held: Names, subject: str) -> Resource:
    """An AllergyIntolerance, or the statement that none is known."""
    made = _base("AllergyIntolerance", "AllergyIntolerance-uv-ips")
    status = {"active": "active", "stopped": "resolved"}.get(row.status, "")
    made["clinicalStatus"] = _coded("allergyintolerance-clinical", status or "active")
    if not status:
        # R4 binds the element to active, inactive and resolved and has no code for "not known" (ait-1 asks for one): an
        # allergy of which nobody says that it is over is not called over, and the words say what is known.
        made["clinicalStatus"]["text"] = "No source says whether it still holds."
    refuted = {"verificationStatus": _coded("allergyintolerance-verification", "refuted")} if row.refuted else {}
    if row.verification in ("confirmed", "unconfirmed") and not row.refuted:
        refuted = {"verificationStatus": _coded("allergyintolerance-verification", row.verification)}
    made |= refuted
    if row.criticality in ("low", "high", "unable-to-assess"):
        made["criticality"] = row.criticality
    odd: list[str] = []
    if row.no_known:
        # Of one substance IPS has no code that says "none": the code for all of them would say more.
        code = _NONE_KNOWN.get(row.no_known)
        made["code"] = _concept(Speech().name(row), [{"system": ABSENT, "code": code}] if code else [])
    else:
        codes, odd = _codes(row.lines, held) if Conflict.CODE_NAME not in row.conflicts else ([], [])
        made["code"] = _concept(row.name, codes)
    made["patient"] = {"reference": subject}
    if row.reactions:
        made["reaction"] = [{"manifestation": [{"text": words}]} for words in row.reactions]
    return _noted(made, _notes(row) + odd)


def immunization(item: Held, subject: str) -> Resource:
    """An Immunization that took place."""
    record = item.record
    made = _base("Immunization", "Immunization-uv-ips")
    made["status"] = "completed"
    codes, odd = _checked(record.codes)
    coding = [{"system": one["system"], "code": one["code"]} for one in codes]
    made["vaccineCode"] = _concept(record.plain.partition(",")[0].removeprefix("Vaccine "), coding)
    made["patient"] = {"reference": subject}
    if record.when is not None:
        made["occurrenceDateTime"] = parts.date_time(record.when)
    else:
        made["_occurrenceDateTime"] = _absent("unknown")
    return _noted(made, odd)


def nothing(kind: str, subject: str) -> Resource:
    """The entry of a section of which nothing is known here: IPS's "no information" code, which is not "none"."""
    code, words = {
        "MedicationStatement": ("no-medication-info", "No information about medications"),
        "AllergyIntolerance": ("no-allergy-info", "No information about allergies"),
        "Condition": ("no-problem-info", "No information about problems"),
    }[kind]
    made = _base(kind, f"{kind}-uv-ips")
    coded = _concept(words, [{"system": ABSENT, "code": code}])
    if kind == "MedicationStatement":
        return made | {
            "status": "unknown",
            "medicationCodeableConcept": coded,
            "subject": {"reference": subject},
            "_effectiveDateTime": _absent("unknown"),
        }
    if kind == "AllergyIntolerance":
        active = _coded("allergyintolerance-clinical", "active")
        return made | {"clinicalStatus": active, "code": coded, "patient": {"reference": subject}}
    active = _coded("condition-clinical", "active")
    return made | {"clinicalStatus": active, "code": coded, "subject": {"reference": subject}}


def patient(record: Mapping[str, Any] | None) -> Resource:
    """Name, birth and sex out of the person's own Patient record, so far as they are written as FHIR has them; what it
    does not say is said to be absent, and what is written otherwise stands in words."""
    made = _base("Patient", "Patient-uv-ips")
    record = record or {}
    odd = parts.left_out(record)
    if odd:
        made["text"] = narrative(odd)
    made["name"] = parts.names(record) or [{"_text": _absent("unknown" if record.get("name") else "masked")}]
    born = parts.birth(record)
    if born:
        made["birthDate"] = born
    else:
        made["_birthDate"] = _absent("masked" if record.get("birthDate") is None else "as-text")
    if parts.sex(record):
        made["gender"] = parts.sex(record)
    return made


def narrative(lines: Sequence[str]) -> Resource:
    """A generated narrative: a list of lines."""
    items = "".join(f"<li>{escape(_printable(line))}</li>" for line in lines)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><ul>{items}</ul></div>'}


def _printable(line: str) -> str:
    """Without signs that XHTML may not hold, and that nobody sees."""
    return "".join(sign for sign in seen(line) if sign not in "\ufffe\uffff")


def _base(kind: str, profile: str) -> Resource:
    return {"resourceType": kind, "meta": {"profile": [IPS + profile]}}


def _concept(words: str, coding: Sequence[Mapping[str, str]]) -> Resource:
    made: Resource = {"coding": [dict(code) for code in coding]} if coding else {}
    return made | {"text": parts.said(words) or "not named"}


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": _TERMINOLOGY + system, "code": code}]}


def _absent(reason: str) -> Resource:
    return {"extension": [{"url": _ABSENT_REASON, "valueCode": reason}]}


def _noted(made: Resource, notes: list[str]) -> Resource:
    if notes:
        made["note"] = [{"text": " ".join(notes)}]
    return made


def _notes(row: MedicineRow | ProblemRow | AllergyRow) -> list[str]:
    """The marks of a row, and how long ago it was confirmed, where that is not among them."""
    marks, stale = list(Speech().marks(row)), row.stale
    said = not stale or (stale.startswith(LONG_UNCONFIRMED) and row.confirmed is not None)
    return marks if said else [*marks, stale[:1].upper() + stale[1:] + "."]


def _codes(lines: Sequence[Line], held: Names) -> tuple[list[dict[str, str]], list[str]]:
    """The codes of the newest record behind a row that has any and that counts, and sentences about those that are
    left out: not of what was taken back, what was overtaken while others stand, or what is no code of its system."""
    counted = [line for line in lines if line.says != "error"]
    odd: list[str] = []
    for line in [line for line in counted if not line.outdone] or counted:
        item = held.get((line.source, line.type, line.id))
        if item is None or {NoteCode.WRONG_SYSTEM, NoteCode.NAME_DIFFERS} & set(line.notes):
            continue
        codes, left = _checked(telling(item.record.codes))
        odd += left
        if codes:
            return codes[:5], list(dict.fromkeys(odd))
    return [], list(dict.fromkeys(odd))


def _checked(codes: Sequence[Coding]) -> tuple[list[dict[str, str]], list[str]]:
    """The codes that are written as FHIR has them, and a sentence about each other one."""
    whole = [code for code in codes if code.system and code.code]
    made = [(code, parts.coding(code)) for code in whole]
    return [found for _, found in made if found is not None], [parts.odd_code(one) for one, found in made if not found]


def _onset(row: ProblemRow, held: Names) -> str:
    """The onset as exactly as the records say it: the text of the date that begins with the row's window."""
    found: list[ClinicalDate] = []
    for line in row.lines:
        item = held.get((line.source, line.type, line.id))
        if item is not None and item.record.when is not None and row.onset is not None:
            found += [item.record.when] if item.record.when.start_ms == row.onset[0] else []
    return parts.date_time(found[0]) if found else ""
