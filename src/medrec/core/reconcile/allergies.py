"""Allergies: one row for each substance or class, with every reaction and the highest criticality anybody gave.

Nothing is resolved away: refuted stays visible, and "no known allergies" beside an allergy is a conflict of both.
"""

import msgspec

from medrec.core.reconcile import held as holding
from medrec.core.reconcile.gathered import copied, gathered, taken_back
from medrec.core.reconcile.grouping import Groups
from medrec.core.reconcile.held import Held, alone, latest, not_future
from medrec.core.reconcile.rows import AllergyRow, Conflict, likeness, staleness
from medrec.core.reconcile.taken import Rule, Says, Signal
from medrec.core.records.allergen_names import one_word
from medrec.core.records.allergy_intolerance import substance_name
from medrec.core.records.general import empty_words, telling
from medrec.core.records.terms import SNOMED, UNII, cleaned
from medrec.core.records.understood import AllergyDetail, NoteCode, Reaction

_CRITICALITY = ("", "unable-to-assess", "low", "high")
_VERIFICATION = ("", "unconfirmed", "presumed", "confirmed")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A held record of an allergy, its signal, and what it is found by: `key` and `names`, `codes` that may be of
    several substances, and whether it has no words beside them (`bare`). `number`: no other entry of these lists has or
    had it."""

    item: Held
    detail: AllergyDetail
    signal: Signal
    key: str
    names: tuple[str, ...]
    codes: tuple[str, ...]
    bare: bool
    number: int


def entry(item: Held, now: int, number: int) -> Entry:
    """The entry of a record at `now` (ms)."""
    detail, record = item.record.detail, item.record
    assert isinstance(detail, AllergyDetail)
    start = not_future(detail.onset or record.when, now)
    at = latest(start, not_future(record.recorded, now))
    if holding.in_error(record):
        said = Signal(Says.ERROR, at, start, Rule.IN_ERROR)
    elif detail.refuted or record.status == "stopped":
        said = Signal(Says.STOPPED, at, start)
    elif record.status == "active":
        said = Signal(Says.TAKEN, at, start)
    else:
        said = Signal(Says.OPEN, at, start)
    key = key_of(item, detail)
    codes = () if key.startswith("only:") else _codes(detail)
    return Entry(item, detail, said, key, _names(key, detail), codes, _bare(detail), number)


def key_of(item: Held, detail: AllergyDetail) -> str:
    """What an allergy is found by: what there is none of, the ingredients, the classes, the words, the first code.

    What names nothing in particular ("drug allergy"), and what contradicts itself, has a key of its own.
    """
    if detail.no_known:
        return f"none:{detail.no_known}"
    if holding.has_note(item.record, NoteCode.NAME_DIFFERS):
        return alone(item)
    classes = ("class:" + "+".join(detail.classes),) if detail.classes else ()
    if detail.ingredients or classes:
        return "+".join((*detail.ingredients, *classes))
    codes = _codes(detail)
    if codes and codes[0].startswith(_PUBLIC):
        return codes[0]
    return alone(item) if empty_words(detail.name_cleaned) else "text:" + detail.name_cleaned


def _names(key: str, detail: AllergyDetail) -> tuple[str, ...]:
    """All that an allergy may be found by; two records with one of these in common are of one substance."""
    if key.startswith(("none:", "only:")) or empty_words(detail.name_cleaned):
        return (key,)
    named = "name:" + one_word(detail.name_cleaned)
    return (key, named) if detail.ingredients or detail.classes else (named,)


_PUBLIC = (SNOMED, UNII)


def _codes(detail: AllergyDetail) -> tuple[str, ...]:
    """The codes of what is no medicine and no class. One code may be of several substances ("allergy to nut")."""
    if detail.no_known or detail.ingredients or detail.classes:
        return ()
    return tuple(f"{code.system}|{code.code}" for code in telling(detail.codes))


def _bare(detail: AllergyDetail) -> bool:
    """Whether there are no words but the code and what it is called."""
    called = [word for code in detail.codes for word in (code.code, code.display) if word]
    return detail.name_cleaned in [cleaned(word) for word in called] + [substance_name(word) for word in called]


Known = dict[tuple[int, ...], AllergyRow]
"""Rows worked out before, by the numbers of all their entries."""


def rows_of(entries: list[Entry], now: int, known: Known) -> list[AllergyRow]:
    """The rows of a set of entries, whatever their order, by key. `known` is looked into and filled."""
    ordered = sorted(entries, key=lambda one: one.item.name)
    groups = Groups(len(ordered))
    groups.by_names(one.names for one in ordered)
    groups.by_codes([one.codes for one in ordered], [one.bare for one in ordered])
    rows = []
    for places in groups.places():
        group = [ordered[place] for place in places]
        mark = tuple(one.number for one in group)
        if mark not in known:
            known[mark] = _row(group, now)
        rows.append(known[mark])
    return _marked(sorted(rows, key=lambda row: row.key))


def _row(entries: list[Entry], now: int) -> AllergyRow:
    entries = sorted(entries, key=lambda one: one.item.name)
    # Nobody argues another's allergy away: a stop ends what its own source said and nothing else.
    voices = [one.item.voice for one in entries]
    marks = _marks(entries)
    together = gathered(
        [(one.item, one.signal) for one in entries], copied(marks), lambda stop, word: voices[stop] == voices[word]
    )
    good = [place for place in together.places if entries[place].signal.says is not Says.ERROR] or together.places
    coded = [place for place in good if entries[place].detail.codes] or good
    leading = entries[coded[0]].detail
    counted = [one for one in entries if one.signal.says is not Says.ERROR]
    positive = [one for one in counted if not one.detail.refuted]
    refuted = bool(counted) and not positive
    disputed = together.verdict.disputed or taken_back(marks, [one.signal.says for one in entries])
    conflicts = {Conflict.STATUS: None} if disputed else {}
    if positive and len(positive) < len(counted):
        conflicts[Conflict.REFUTED] = None
    if any(holding.has_note(one.item.record, NoteCode.NAME_DIFFERS) for one in entries if one.item.record.notes):
        conflicts[Conflict.CODE_NAME] = None
    given = {one.detail.criticality: None for one in counted if one.detail.criticality in ("low", "high")}
    if len(given) > 1:
        conflicts[Conflict.CRITICALITY] = None
    # The highest stands, whoever gave it, also who has refuted it since; a "high" is not lowered by a newer silence.
    criticality = max((one.detail.criticality for one in counted), key=_rank, default="")
    verification = max((one.detail.verification for one in positive), key=_certainty, default="")
    told = [entries[place].detail.reactions for place in together.places]
    reactions = {said: None for some in told for said in map(_said, some) if said}
    same = len({(one.key, one.item.record.status, one.detail.criticality): None for one in counted}) < 2
    return AllergyRow(
        min(one.key for one in entries),
        leading.name,
        tuple(sorted({code: None for one in entries for code in one.detail.ingredients})),
        tuple(sorted({code: None for one in entries for code in one.detail.classes})),
        "stopped" if refuted else together.verdict.status,
        criticality,
        tuple(reactions),
        "refuted" if refuted else verification,
        refuted,
        leading.no_known,
        likeness(together.sources, same),
        tuple(sorted(conflicts)),
        together.verdict.rules,
        together.confirmed,
        staleness(together.confirmed, now),
        together.lines,
        tuple(sorted({kind: None for one in positive for kind in one.detail.categories})),
        bool(positive) and all(one.detail.no_medicine for one in positive),
        any(reaction.severity == "severe" for one in positive for reaction in one.detail.reactions),
    )


def _rank(criticality: str) -> int:
    return _CRITICALITY.index(criticality) if criticality in _CRITICALITY else 1


def _certainty(verification: str) -> int:
    return _VERIFICATION.index(verification) if verification in _VERIFICATION else 0


def _said(reaction: Reaction) -> str:
    words = ", ".join(reaction.manifestations)
    return f"{words} ({reaction.severity})" if words and reaction.severity else words or reaction.severity


def _marks(entries: list[Entry]) -> list[tuple[Held, tuple[object, ...] | None]]:
    """What each record and a copy of it have in common."""
    marks: list[tuple[Held, tuple[object, ...] | None]] = []
    for one in entries:
        record = one.item.record
        dates = tuple(date.text if date is not None else "" for date in (record.when, record.recorded))
        marks.append((one.item, (record.codes, one.detail.name_cleaned, *dates) if any(dates) else None))
    return marks


def _marked(rows: list[AllergyRow]) -> list[AllergyRow]:
    """A statement that there is none, in force, against an allergy of its kind that nobody has refuted."""
    nothing = [row for row in rows if row.no_known and row.status != "stopped"]
    marked: dict[str, None] = {}
    for none in nothing:
        against = [row for row in rows if not row.no_known and not row.refuted and row.status != "stopped"]
        against = [row for row in against if _speaks_of(none.no_known, row)]
        marked |= dict.fromkeys(row.key for row in (*against, *([none] if against else [])))
    return [_with(row) if row.key in marked else row for row in rows]


def _speaks_of(kind: str, row: AllergyRow) -> bool:
    if kind == "any":
        return True
    known = bool(row.ingredients or row.classes) and not row.no_medicine
    if kind == "medicine":
        # Latex and pollen are ingredients of RxNorm's, and some places file every allergy as one to a medicine.
        return known or ("medication" in row.categories and not row.no_medicine)
    # What is no medicine, and of which nobody gives a category, may be a food or something around us.
    unsaid = kind in ("food", "environment") and not (row.categories or known)
    return unsaid or kind in row.categories or kind in row.name.lower()


def _with(row: AllergyRow) -> AllergyRow:
    conflicts = tuple(sorted({**dict.fromkeys(row.conflicts), Conflict.NONE_KNOWN: None}))
    return msgspec.structs.replace(row, conflicts=conflicts)
