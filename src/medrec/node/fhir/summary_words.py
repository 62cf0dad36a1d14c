"""A row of the lists in the words of a summary: what it is, how it stands, from whom, and what has to stand with it.

The narrative of the document and the page to print are made of the same parts, so neither says less than the other.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from medrec.core.consent.times import write_date
from medrec.core.reconcile.aloud import aloud, beside
from medrec.core.reconcile.held import PATIENT
from medrec.core.reconcile.rows import LONG_UNCONFIRMED, AllergyRow, Conflict, MedicineRow, ProblemRow, Variant
from medrec.core.records.problem_where import KIND_OF
from medrec.core.records.understood import NoteCode

Row = MedicineRow | ProblemRow | AllergyRow

PHRASES = {
    "stopped": "stopped",
    "unknown": "not known whether it goes on",
    "refuted": "refuted",
    "high": "high risk",
    "low": "low risk",
    "unable-to-assess": "risk not known",
    "from": "from {places}",
    "the_patient": "the patient",
    "no_medications": "No information about medications",
    "no_allergies": "No information about allergies",
    "no_problems": "No information about problems",
    "a_day": "{amount} a day",
    "a_day_most": "at most {amount} a day",
    "dose_not_said": "dose not said",
    "needed": "when needed",
    "left": "left side",
    "right": "right side",
    "bilateral": "both sides",
    "stands_uncertain": "not certain",
    "unnamed": "A medicine that is not named",
    "none_any": "No known allergies",
    "none_medicine": "No known medication allergies",
    "none_food": "No known food allergies",
    "none_environment": "No known environmental allergies",
    "none_latex": "No known allergy to latex",
    "none_insect": "No known allergies to insects",
    "none_problems": "No known problems",
    "kind_of": "{code}, a kind of: {name}",
    "not_confirmed": "Nobody has confirmed this since {when}",
    "beside": "Beside it stands: “{words}”",
    "conflict_status": "The sources disagree whether this goes on.",
    "conflict_dose": "The sources give different doses.",
    "conflict_form": "The sources give different forms.",
    "conflict_patient": "The patient says something else than a source.",
    "conflict_criticality": "The sources give different risks.",
    "conflict_refuted": "One source refutes what another says.",
    "conflict_none-known": "One source says that there is none.",
    "conflict_code-and-name": "The code and the name in a source contradict each other.",
    "conflict_stage": "Different stages of it are written down.",
    "note_before-birth": "It has a date before the person was born.",
    "note_dates-crossed": "It ends before it begins.",
    "note_future-date": "It has a date that is still to come.",
    "note_modifier-extension": "It has an addition that can change its meaning and was not understood.",
    "note_name-not-known": "What this is to was not understood; read the words themselves.",
    "note_no-code": "It has no code and no name.",
    "note_read-as": "Its name may be misspelled; read the words themselves.",
    "note_status-conflict": "It says two things about whether it still holds.",
    "note_strength-differs": "No product is known with this strength; the unit may be wrong.",
    "note_subject-gone": "What this word was said of is not here any more.",
    "note_total-differs": "The total in its directions is not what so many of this product hold.",
    "note_unit-not-understood": "An amount was not understood: its unit, or what it is of.",
    "note_wrong-system": "Its code is not one of the list that it says it is from.",
}
"""Words by which a row is told, or that there is none; of a mark (conflict_, note_) a whole sentence."""


class Said(NamedTuple):
    """A row in words: its name, what is said of it, and sentences that have to stand with it."""

    name: str
    parts: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The row on one line of a narrative."""
        told = "; ".join((self.name, *self.parts))
        return f"{told}. {' '.join(self.marks)}" if self.marks else told


class Speech(NamedTuple):
    """How rows are told: the words (PHRASES), what organisations are called, and how a day (ms) is written."""

    say: Mapping[str, str] = PHRASES
    names: Mapping[str, str] = {}
    day: Callable[[int], str] = write_date

    def of(self, row: Row) -> Said:
        """What is said of a row."""
        say = self.say
        sources = sorted({self._called(line.source) for line in row.lines})
        told = (*self._more(row), self._stands(row), say["from"].format(places=", ".join(sources)))
        return Said(self.name(row), tuple(part for part in told if part), self.marks(row))

    def name(self, row: Row) -> str:
        """What a row is called: a statement that there is none in words, a medicine with strength and form."""
        if isinstance(row, MedicineRow):
            return called(row, self.say["unnamed"])
        if isinstance(row, ProblemRow):
            code, wider, name = row.name.partition(KIND_OF)
            said = self.say["kind_of"].format(code=code, name=name) if wider else row.name
            return self.say["none_problems"] if row.none_known else said
        return self.say.get(f"none_{row.no_known}", row.name) if row.no_known else row.name

    def marks(self, row: Row) -> tuple[str, ...]:
        """What the sources disagree about, what is odd, what was written beside it, and that it was confirmed long ago:
        each a sentence."""
        say = self.say
        words = beside(row)
        odd = [note for note in aloud(row) if note != NoteCode.REMARK]
        found = [say[f"conflict_{one.value}"] for one in row.conflicts] + [say[f"note_{note}"] for note in odd]
        found += [say["beside"].format(words=one) + "." for one in words]
        if row.stale.startswith(LONG_UNCONFIRMED) and row.confirmed is not None:
            found.append(say["not_confirmed"].format(when=self.day(row.confirmed.at)) + ".")
        return tuple(found)

    def _called(self, source: str) -> str:
        return self.say["the_patient"] if source == PATIENT else self.names.get(source, source)

    def _stands(self, row: Row) -> str:
        refuted = row.refuted if isinstance(row, AllergyRow) else isinstance(row, ProblemRow) and row.absent
        if isinstance(row, ProblemRow) and row.none_known:
            return ""
        return self.say["refuted"] if refuted else self.say.get(row.status, "")

    def _more(self, row: Row) -> list[str]:
        say = self.say
        if isinstance(row, MedicineRow):
            told = directions(row, {line.source: self._called(line.source) for line in row.lines}, say)
            said = [f"{words}, {say['needed']}" if needed else words for words, needed in told]
            return said or ([say["needed"]] if row.as_needed else [])
        if isinstance(row, AllergyRow):
            return [", ".join(part for part in (*row.reactions, say.get(row.criticality, "")) if part)]
        side = row.laterality if row.laterality and row.laterality not in row.name.lower() else ""
        return [say.get(side, ""), say["stands_uncertain"] if row.standing == "uncertain" else ""]


def called(row: MedicineRow, unnamed: str = PHRASES["unnamed"]) -> str:
    """A medicine with its strength and form, where all sources that count have the same."""
    name = row.name.strip() if any(sign.isalnum() for sign in row.name) else unnamed
    if Conflict.DOSE in row.conflicts or Conflict.FORM in row.conflicts:
        return name
    form = next((variant.form for variant in row.variants if variant.strength == row.strength and variant.form), "")
    return " ".join(part for part in (name, row.strength, form) if part == name or (part and part not in name))


def directions(row: MedicineRow, names: Mapping[str, str], say: Mapping[str, str] = PHRASES) -> list[tuple[str, bool]]:
    """How it is taken, and whether as needed: the row's directions; where live lines give other doses or forms, one for
    each, with the places that say so, by their `names`."""
    live = [line for line in row.lines if line.says == "taken" and not line.outdone]
    if live and (Conflict.DOSE in row.conflicts or Conflict.FORM in row.conflicts):
        found = []
        for variant in row.variants:
            sources = {line.source: None for number in variant.lines if (line := row.lines[number]) in live}
            amounts = [variant.strength, variant.form, _a_day(variant, say)]
            if sources:
                said = ", ".join(part for part in amounts if part) or say["dose_not_said"]
                places = ", ".join(names.get(source, place(source)) for source in sources)
                found.append((f"{said} ({say['from'].format(places=places)})", variant.as_needed))
        return found
    unsaid = bool(row.per_day) and row.per_day not in row.directions
    words = "; ".join(part for part in (row.directions, _a_day(row, say) if unsaid else "") if part)
    return [(words, row.as_needed)] if words else []


def place(source: str) -> str:
    """A source as a reader may be shown it."""
    return PHRASES["the_patient"] if source == PATIENT else source


def _a_day(one: MedicineRow | Variant, say: Mapping[str, str]) -> str:
    """What is taken in a day; as needed only the most is known."""
    return say["a_day_most" if one.as_needed else "a_day"].format(amount=one.per_day) if one.per_day else ""
