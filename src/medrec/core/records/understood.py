"""What MedRec understands of one record: the form that every reader of a FHIR type gives and everybody else reads.

Nothing is interpreted away: `codes` are as the record has them, `notes` say what was not understood or looks odd, and
a record of which nothing was understood still has a type, a key and a line. All amounts are decimal text as written.
"""

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from medrec.core.records.dates import ClinicalDate

Status: TypeAlias = Literal["active", "stopped", "unknown"]
"""`active`: the record says that it goes on now. `stopped`: it says that it ended, or that it never was (entered in
error, refuted). `unknown`: it says neither. A past event (a visit, a result) is `stopped` when it is over."""

MedicineKind: TypeAlias = Literal["order", "statement", "dispense", "administration", "definition"]
Laterality: TypeAlias = Literal["left", "right", "bilateral", ""]


class NoteCode(StrEnum):
    """Why a reader left a note; each has a heading in docs/spec/records-understood.md."""

    UNKNOWN_TYPE = "unknown-type"
    NO_CODE = "no-code"
    TEXT_ONLY = "text-only"
    UNKNOWN_CODE = "unknown-code"
    RETIRED_CODE = "retired-code"
    WRONG_SYSTEM = "wrong-system"
    NAME_DIFFERS = "name-differs"
    BAD_DATE = "bad-date"
    FUTURE_DATE = "future-date"
    BEFORE_BIRTH = "before-birth"
    DATES_CROSSED = "dates-crossed"
    NO_DATE = "no-date"
    NO_STATUS = "no-status"
    UNKNOWN_STATUS = "unknown-status"
    STATUS_CONFLICT = "status-conflict"
    DOSE_NOT_UNDERSTOOD = "dose-not-understood"
    DOSE_PARTLY = "dose-partly-understood"
    UNIT_NOT_UNDERSTOOD = "unit-not-understood"
    STRENGTH_DIFFERS = "strength-differs"
    TOTAL_DIFFERS = "total-differs"
    REFERENCE_MISSING = "reference-missing"
    NO_VALUE = "no-value"
    IMPLAUSIBLE = "implausible"
    ENTERED_IN_ERROR = "entered-in-error"
    MODIFIER_EXTENSION = "modifier-extension"
    ODD_SHAPE = "odd-shape"
    REMARK = "remark"
    READ_AS = "read-as"
    NAME_NOT_KNOWN = "name-not-known"
    SUBJECT_GONE = "subject-gone"


class Note(msgspec.Struct, frozen=True, gc=False):
    """Something not understood or odd: its code, and one plain sentence."""

    code: NoteCode
    text: str


_BESIDE = 'Beside the record stands: "'
_BESIDE_MAX = 160


def remarked(words: str) -> Note:
    """The note of what was written beside a record."""
    return Note(NoteCode.REMARK, f'{_BESIDE}{words[:_BESIDE_MAX]}{"…" if len(words) > _BESIDE_MAX else ""}".')


def remark_of(notes: tuple[Note, ...]) -> str:
    """What was written beside a record, as its note has it; "" where nothing was."""
    said = (note.text for note in notes if note.code == NoteCode.REMARK)
    return next((text.removeprefix(_BESIDE).removesuffix('".') for text in said if text.startswith(_BESIDE)), "")


class Coding(msgspec.Struct, frozen=True, gc=False):
    """One code as the record has it; absent parts are empty text."""

    system: str
    code: str
    display: str


class Amount(msgspec.Struct, frozen=True, gc=False):
    """A range low..high (equal for one value) as decimal text, and its unit as UCUM code or plain word ("tablet")."""

    low: str
    high: str
    unit: str


class Strength(msgspec.Struct, frozen=True, gc=False):
    """How much of one ingredient (RxNorm code of kind IN, or its name where there is none) one unit holds.

    `unit` is UCUM: "mg", "mg/mL", "ug", "[iU]/mL", "%"; `value` is decimal text.
    """

    ingredient: str
    value: str
    unit: str


class PerDay(msgspec.Struct, frozen=True, gc=False):
    """What is taken in a day, as far as the directions say: `dose` in units of what is taken ("tablet", "mg", "mL"),
    `ingredients` the same per ingredient where the strength is known. `at_most`: a ceiling (as needed), not a plan."""

    dose: Amount
    ingredients: tuple[Strength, ...] = ()
    ingredients_high: tuple[Strength, ...] = ()
    at_most: bool = False


class MedicineDetail(msgspec.Struct, frozen=True, gc=False):
    """A medicine in one record in its normal form.

    `ingredients`: RxNorm codes of kind IN, sorted, all that the product holds; empty when not known: then
    `name_cleaned` (lower case, one space) is all there is to compare by. `basis` says what the normal form rests on.
    `lasting`: an order may be filled again, or says that it is for long. `when`: the parts of the day and days of the
    week that its directions name; `group`: the prescription that it is of, with others (groupIdentifier). `may_be`: the
    ingredients of all that the record names, where that is not one medicine and `ingredients` is empty for it.
    `replaces`: the id of its source's order that this one stands in place of (priorPrescription).
    """

    kind: MedicineKind
    name: str
    name_cleaned: str
    basis: Literal["code", "name", "text"]
    product: str = ""
    product_kind: str = ""
    generic: str = ""
    brand: str = ""
    ingredients: tuple[str, ...] = ()
    ingredient_names: tuple[str, ...] = ()
    strengths: tuple[Strength, ...] = ()
    form: str = ""
    route: str = ""
    sig: str = ""
    dose: Amount | None = None
    per_day: PerDay | None = None
    times_per_day: Amount | None = None
    as_needed: bool = False
    intent: str = ""
    do_not_take: bool = False
    not_taken: bool = False
    days_supply: str = ""
    lasting: bool = False
    reasons: tuple[str, ...] = ()
    reported: bool = False
    recorder: str = ""
    asserter: str = ""
    when: tuple[str, ...] = ()
    group: str = ""
    may_be: tuple[str, ...] = ()
    replaces: str = ""


class AllergyTo(msgspec.Struct, frozen=True, gc=False):
    """What an allergy among the problems is to: RxNorm ingredients and classes (codes). `medicine`: to a medicine, also
    where nobody says to which. `event`: it is a reaction that happened ("anaphylaxis due to amoxicillin"): that is over
    in days, and what it was to is not."""

    ingredients: tuple[str, ...]
    classes: tuple[str, ...]
    medicine: bool
    event: bool = False


class ProblemDetail(msgspec.Struct, frozen=True, gc=False):
    """A problem, diagnosis or event of the past.

    `families` group codes of one problem (icd_families.py, or the code itself; "weak:" before those that may be of
    several). `standing`: how its name says that it stands (problem_words.py); `history`: it is about the past ("history
    of ...") or a relative; `absent`: says that there is none (refuted, denied, or the code for "no known problems"),
    `none_known`: that there is none at all. `sites`: what tells its place on the body from another (body_site.py),
    `site` that place in words; `side_unsure`: what may say a side, and nobody can be sure: a code that no table here
    knows, or the side in a remark. `allergy`: what it is an allergy to, where it is one.

    Verification and clinical status are FHIR's codes, empty where not given.
    """

    name: str
    name_cleaned: str
    codes: tuple[Coding, ...]
    families: tuple[str, ...]
    laterality: Laterality = ""
    onset: ClinicalDate | None = None
    abatement: ClinicalDate | None = None
    clinical: str = ""
    verification: str = ""
    categories: tuple[str, ...] = ()
    severity: str = ""
    standing: str = ""
    history: bool = False
    absent: bool = False
    none_known: bool = False
    recorder: str = ""
    asserter: str = ""
    sites: tuple[str, ...] = ()
    site: str = ""
    side_unsure: str = ""
    allergy: AllergyTo | None = None


class Reaction(msgspec.Struct, frozen=True, gc=False):
    """What happened: manifestations in the record's words, severity (mild, moderate, severe or empty), and when."""

    manifestations: tuple[str, ...]
    severity: str = ""
    onset: ClinicalDate | None = None
    substance: str = ""


class AllergyDetail(msgspec.Struct, frozen=True, gc=False):
    """An allergy or intolerance, or the statement that there is none (`no_known` says of what: "any", "medicine",
    "food", "environment", "latex"; empty for a positive one). `ingredients`: RxNorm IN codes of the substance;
    `classes`: drug classes, only where the allergy is to a class as such. `no_medicine`: it is surely to none."""

    name: str
    name_cleaned: str
    codes: tuple[Coding, ...]
    ingredients: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    kind: str = ""
    reactions: tuple[Reaction, ...] = ()
    criticality: str = ""
    clinical: str = ""
    verification: str = ""
    refuted: bool = False
    no_known: str = ""
    onset: ClinicalDate | None = None
    recorder: str = ""
    asserter: str = ""
    no_medicine: bool = False


Detail: TypeAlias = MedicineDetail | ProblemDetail | AllergyDetail


class Understood(msgspec.Struct, frozen=True, gc=False):
    """One record, understood.

    `person`: the reference as written ("Patient/12"), empty when there is none. `when`: the date that counts for a
    clinician (start, onset, event), `until` its end where said, `recorded` when it was written down. `key`: equal for
    two records about the same thing (not: with the same content); it never depends on the record's own id where the
    record has codes. `plain` and `clinical` are one line each; `understood` is false when the line is only a fallback.
    """

    type: str
    id: str
    person: str
    codes: tuple[Coding, ...]
    when: ClinicalDate | None
    until: ClinicalDate | None
    recorded: ClinicalDate | None
    status: Status
    status_reason: str
    key: str
    plain: str
    clinical: str
    understood: bool
    by: str = ""
    notes: tuple[Note, ...] = ()
    detail: Detail | None = None
