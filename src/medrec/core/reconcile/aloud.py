"""What has to stand with a row, wherever it is read alone: on a list, on the card, on paper, in a document."""

from medrec.core.reconcile.held import Line
from medrec.core.reconcile.rows import AllergyRow, MedicineRow, ProblemRow
from medrec.core.records.understood import NoteCode

LOUD = (
    NoteCode.BEFORE_BIRTH,
    NoteCode.DATES_CROSSED,
    NoteCode.FUTURE_DATE,
    NoteCode.MODIFIER_EXTENSION,
    NoteCode.NAME_NOT_KNOWN,
    NoteCode.NO_CODE,
    NoteCode.READ_AS,
    NoteCode.REMARK,
    NoteCode.STATUS_CONFLICT,
    NoteCode.STRENGTH_DIFFERS,
    NoteCode.SUBJECT_GONE,
    NoteCode.TOTAL_DIFFERS,
    NoteCode.UNIT_NOT_UNDERSTOOD,
    NoteCode.WRONG_SYSTEM,
)
"""Notes that stand with the row and not only with the entry (that name and code differ is a conflict of the row)."""


def aloud(row: MedicineRow | ProblemRow | AllergyRow) -> list[str]:
    """The notes (NoteCode) of entries that still count and could mislead whoever reads the row alone, each once."""
    return list(dict.fromkeys(note for line in _live(row) for note in line.notes if note in LOUD))


def beside(row: MedicineRow | ProblemRow | AllergyRow) -> list[str]:
    """What was written beside the entries that still count, in their own words, each once."""
    return list(dict.fromkeys(line.remark for line in _live(row) if line.remark))


def _live(row: MedicineRow | ProblemRow | AllergyRow) -> list[Line]:
    return [line for line in row.lines if not line.outdone and line.says != "error"]
