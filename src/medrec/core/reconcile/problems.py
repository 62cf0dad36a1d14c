"""Problems: one row for each code family and stretch of time, of one side of the body, now or of the past."""

import msgspec

from medrec.core.reconcile import held as holding
from medrec.core.reconcile.gathered import copied, gathered, taken_back
from medrec.core.reconcile.held import Held, alone, latest, not_future
from medrec.core.reconcile.problem_families import APART, GAP_MS, Named, answers, families, named, passes
from medrec.core.reconcile.rows import Conflict, ProblemRow, likeness, staleness
from medrec.core.reconcile.taken import Rule, Says, Signal
from medrec.core.records.dates import DAY_MS
from medrec.core.records.stages import differ, stages
from medrec.core.records.terms import ICD10CM, cleaned
from medrec.core.records.understood import AllergyTo, NoteCode, ProblemDetail

PASSES_MS = 180 * DAY_MS
"""What passes by itself (a pneumonia, a fracture), and was left open, is not known to go on half a year after anybody
last wrote of it: wounds and bones have healed by then, a clot is treated for months, an infection for weeks."""
_FAR = 1 << 62


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A held record of a problem, what it is found by, its signal, and the stretch of time (ms) it speaks of; None
    without any date.

    `ended`: it says when it ended. `vague`: it is over, and when it began is not said. `number`: no other entry of
    these lists has or had it.
    """

    item: Held
    detail: ProblemDetail
    named: Named
    signal: Signal
    span: tuple[int, int] | None
    ended: bool = False
    vague: bool = False
    number: int = 0


def entry(item: Held, now: int, number: int = 0) -> Entry:
    """The entry of a record at `now` (ms)."""
    detail = item.record.detail
    assert isinstance(detail, ProblemDetail)
    record, found = item.record, named(detail, holding.has_note(item.record, NoteCode.NAME_DIFFERS))
    onset = not_future(detail.onset or record.when, now)
    at = latest(onset, not_future(record.recorded, now))
    end = not_future(detail.abatement or record.until, now)
    start = onset if onset is not None else not_future(record.recorded, now)
    if holding.in_error(record):
        said = Signal(Says.ERROR, at, start, Rule.IN_ERROR)
    elif detail.absent or record.status == "stopped":
        said = Signal(Says.STOPPED, end if end is not None else at, start)
    elif record.status == "active" and at is not None and at + PASSES_MS < now and passes(detail, found.names):
        said = Signal(Says.OPEN, at, start, Rule.SHORT_ILLNESS)
    elif record.status == "active":
        said = Signal(Says.TAKEN, at, start)
    else:
        said = Signal(Says.OPEN, at, start)
    span = None
    if start is not None:
        # An onset of "2019" is some day of that year: it is the same as one in December.
        dated = detail.onset.end_ms if detail.onset is not None and onset is not None else start
        if said.rule is Rule.SHORT_ILLNESS and at is not None:
            dated = at + PASSES_MS
        until = _FAR if said.says is Says.TAKEN else max(start, end if end is not None else min(dated, now))
        span = start, until
    over = said.says is Says.STOPPED
    return Entry(item, detail, found, said, span, over and end is not None, over and onset is None, number)


Known = dict[tuple[int, ...], list[ProblemRow]]
"""Rows worked out before, by the numbers of all the entries that they follow from."""


def rows_of(entries: list[Entry], now: int, known: Known) -> list[ProblemRow]:
    """The rows of a set of entries, whatever their order, by key. `known` is looked into and filled."""
    rows = []
    ordered = sorted(entries, key=_name)
    for places in families([one.named for one in ordered]):
        group = [ordered[place] for place in places]
        mark = tuple(found.number for found in group)
        if mark not in known:
            known[mark] = [_row(episode, now) for kind in _kinds(group) for episode in _episodes(kind)]
        rows += known[mark]
    return _marked(_numbered(rows))


def _numbered(rows: list[ProblemRow]) -> list[ProblemRow]:
    """The rows by key, each with a key of its own: of two episodes of one year the later one has a number in it."""
    seen: dict[str, int] = {}
    made = []
    for row in sorted(rows, key=lambda row: (row.key, row.onset or (), row.lines[0].manifest)):
        seen[row.key] = seen.get(row.key, 0) + 1
        again = seen[row.key] > 1
        made.append(msgspec.structs.replace(row, key=f"{row.key}|{seen[row.key]}") if again else row)
    return made


def _name(found: Entry) -> tuple[str, str, str]:
    return found.item.name


def _kinds(group: list[Entry]) -> list[list[Entry]]:
    """Apart by now and past, by place on the body and by side; left, right and both are never one problem, nor an
    ankle and a wrist."""
    found: list[list[Entry]] = []
    for past in (False, True):
        of_time = [one for one in group if one.detail.history == past]
        for of_place in _by_place(of_time):
            found += [sorted(kind, key=_name) for kind in _by_side(of_place)]
    return found


def _by_place(entries: list[Entry]) -> list[list[Entry]]:
    """Apart by the places that no other place holds ("leg" and "ankle" are of one). What goes into several, or names
    none, joins the one that began or ended when it did, as `_side` says; else those of its kind."""
    told = _without_both(list(dict.fromkeys(one.detail.sites for one in entries if one.detail.sites)))
    whole = sorted(sites for sites in told if not any(frozenset(sites) < frozenset(other) for other in told))
    if len(whole) < 2:
        return [entries] if entries else []
    places = {sites: [one for one in entries if one.detail.sites == sites] for sites in whole}
    named = {"+".join(sites): sites for sites in whole}
    sure = {place: list(places[sites]) for place, sites in named.items()}
    for one in entries:
        mine = frozenset(one.detail.sites)
        if one.detail.sites not in named.values():
            fits = {place: held for place, held in sure.items() if mine <= frozenset(named[place])}
            places.setdefault(named.get(_side(one, fits), one.detail.sites), []).append(one)
    return [places[sites] for sites in sorted(places)]


def _without_both(told: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """These places without those that hold two which are apart (a heart that is weak in both ways, I50.42, beside one
    of each): such a problem is of neither alone, and is no bridge between them."""
    sets = [frozenset(sites) for sites in told]

    def both(whole: frozenset[str]) -> bool:
        parts = [one for one in sets if one < whole]
        return any(not one <= other and not other <= one for place, one in enumerate(parts) for other in parts[:place])

    return [sites for sites, whole in zip(told, sets, strict=True) if not both(whole)]


def _by_side(entries: list[Entry]) -> list[list[Entry]]:
    """Apart by side. A record without one goes with that of others as `_side` says; one of whose side nobody can be
    sure stays apart from every side that is told, save that a remark may be of the very side."""
    sides: dict[str, list[Entry]] = {}
    for one in entries:
        unsure = f"?{one.detail.side_unsure}" if one.detail.side_unsure else ""
        sides.setdefault(one.detail.laterality or unsure, []).append(one)
    for remarked in ("?left", "?right", "?bilateral"):
        same = {side: list(held) for side, held in sides.items() if side == remarked[1:]}
        for one in sides.pop(remarked, []):
            sides.setdefault(_side(one, same) or remarked, []).append(one)
    unsided = sides.pop("", [])
    sided = {side: list(sides[side]) for side in sorted(sides)}
    for one in unsided:
        sides.setdefault(_side(one, sided), []).append(one)
    return [sides[side] for side in sorted(sides)]


def _side(one: Entry, sided: dict[str, list[Entry]]) -> str:
    """The side (or place) of a record that names none: the only one that others name, unless both say when it began or
    ended and these lie apart; of several the only one that began or ended when it did. Else it stays without."""
    near = {side: {_near(one, other): None for other in others} for side, others in sided.items()}
    met = [side for side, found in near.items() if True in found]
    if len(met) == 1:
        return met[0]
    if len(sided) == 1 and None in next(iter(near.values())):
        return next(iter(sided))
    return ""


def _near(one: Entry, other: Entry) -> bool | None:
    """Whether two records give the same time of the beginning, or of the end; None where they have none to compare."""
    found = None
    for mine, its in ((one.detail.onset, other.detail.onset), (one.detail.abatement, other.detail.abatement)):
        if mine is not None and its is not None:
            if mine.start_ms <= its.end_ms + GAP_MS and its.start_ms <= mine.end_ms + GAP_MS:
                return True
            found = False
    return found


def _episodes(kind: list[Entry]) -> list[list[Entry]]:
    """Apart by stretches of time. What has no date goes with the only episode there is, else it stays alone; what is
    over and does not say when it began goes with the only one too, else with the one at its date."""
    if all(one.detail.standing in APART or (one.detail.history and one.detail.onset is None) for one in kind):
        # When "history of" was written down says nothing about when it was; what is not there has no time.
        return [kind]
    vague = [one for one in kind if one.vague and one.span is not None]
    undated = [one for one in kind if one.span is None]
    episodes = _stretches([one for one in kind if one.span is not None and not one.vague])
    if len(episodes) == 1:
        episodes[0].extend(vague)
    elif vague:
        episodes = _stretches([one for one in kind if one.span is not None])
    if undated:
        if len(episodes) == 1:
            episodes[0].extend(undated)
        else:
            episodes.append(undated)
    return episodes


def _stretches(dated: list[Entry]) -> list[list[Entry]]:
    ends = [one.span for one in dated if one.ended and one.span is not None]
    ordered = sorted((*_stretch(one, ends), one.item.name, one) for one in dated)
    episodes: list[list[Entry]] = []
    until = -_FAR
    for start, end, _, one in ordered:
        if episodes and start <= until + GAP_MS:
            episodes[-1].append(one)
        else:
            episodes.append([one])
            until = -_FAR
        until = max(until, end)
    return episodes


def _stretch(one: Entry, ends: list[tuple[int, int]]) -> tuple[int, int]:
    """The stretch of a record. One that was left open ends where another says that what it speaks of ended."""
    assert one.span is not None
    start, until = one.span
    if until < _FAR:
        return start, until
    return start, max((end for first, end in ends if first - GAP_MS <= start <= end), default=until)


def _row(entries: list[Entry], now: int) -> ProblemRow:
    entries = sorted(entries, key=_name)
    marks = _marks(entries)
    together = gathered(
        [(one.item, one.signal) for one in entries],
        copied(marks),
        lambda stop, word: answers(entries[stop].detail, entries[word].detail),
    )
    leading = entries[_leading(entries, together.places, together.verdict.status == "active")]
    counted = [one for one in entries if one.signal.says is not Says.ERROR]
    absent = bool(counted) and all(one.detail.absent for one in counted)
    disputed = together.verdict.disputed or taken_back(marks, [one.signal.says for one in entries])
    conflicts = {Conflict.STATUS: None} if disputed or _ends_another(counted) else {}
    if not absent and any(one.detail.absent for one in counted):
        conflicts[Conflict.REFUTED] = None
    if any(holding.has_note(one.item.record, NoteCode.NAME_DIFFERS) for one in entries if one.item.record.notes):
        conflicts[Conflict.CODE_NAME] = None
    if _stages_differ(counted):
        conflicts[Conflict.STAGE] = None
    spans = [one.span for one in entries if one.span is not None]
    onset = (min(span[0] for span in spans), max(span[0] for span in spans)) if spans else None
    side = next((one.detail.laterality for one in entries if one.detail.laterality), "")
    # The key is that of the oldest name in the alphabet and the first onset: it stays when lines are added later.
    first = min((name for one in entries for name in one.named.names), default=alone(entries[0].item))
    year = str(1970 + onset[0] // (365 * DAY_MS + DAY_MS // 4)) if onset is not None else ""
    where = max((one.detail.sites for one in entries), key=lambda sites: (len(sites), sites))
    parts = [
        first,
        side,
        "+".join(where),
        "history" if leading.detail.history else "",
        year,
        "absent" if absent else "",
    ]
    rules = together.verdict.rules
    if len({one.named.by_others: None for one in entries}) > 1:
        rules += (Rule.SHORT_NAME,)
    same = len({(one.detail.name_cleaned, one.item.record.status): None for one in counted}) < 2
    return ProblemRow(
        "|".join(part for part in parts if part),
        _called(leading.detail, entries),
        side,
        leading.detail.history,
        together.verdict.status,
        absent,
        onset,
        likeness(together.sources, same),
        tuple(sorted(conflicts)),
        tuple(sorted(rules)),
        together.confirmed,
        staleness(together.confirmed, now),
        together.lines,
        absent and all(one.detail.none_known for one in counted),
        leading.detail.standing if leading.detail.standing in APART else "",
        _allergy([one.detail for one in counted if not one.detail.absent]),
    )


def _stages_differ(entries: list[Entry]) -> bool:
    """Whether two that say that it goes on tell different stages of it: it has gone on since one of them, or one is
    wrong."""
    going = [one.detail for one in entries if one.signal.says is Says.TAKEN]
    said = {
        (detail.name_cleaned, *(f"{code.system}|{code.code}|{code.display}" for code in detail.codes)): detail
        for detail in going
    }
    if len(said) < 2:
        return False
    each = {
        stages(
            [code.code for code in detail.codes if code.system == ICD10CM],
            [detail.name_cleaned, *(cleaned(code.display) for code in detail.codes)],
        ): None
        for detail in said.values()
    }
    told = list(each)
    return any(differ(one, other) for place, one in enumerate(told) for other in told[:place])


def _allergy(details: list[ProblemDetail]) -> AllergyTo | None:
    """All that these are an allergy to; None where none is one."""
    told = [detail.allergy for detail in details if detail.allergy is not None]
    if not told:
        return None
    ingredients = sorted({code: None for one in told for code in one.ingredients})
    classes = sorted({code: None for one in told for code in one.classes})
    return AllergyTo(
        tuple(ingredients), tuple(classes), any(one.medicine for one in told), any(one.event for one in told)
    )


def _called(leading: ProblemDetail, entries: list[Entry]) -> str:
    """The name, with the place on the body where it says none."""
    site = leading.site or next((one.detail.site for one in entries if one.detail.site), "")
    return f"{leading.name} ({site})" if site and site not in leading.name_cleaned else leading.name


def _ends_another(entries: list[Entry]) -> bool:
    """Whether one source says of two lines that one goes on and one is over, and calls them differently: these may be
    two problems under one code (two sides in words that nobody reads), and the end of one is not shown as that of both
    without a word."""
    going = [one for one in entries if one.signal.says is Says.TAKEN]
    over = [one for one in entries if one.signal.says is Says.STOPPED]
    return any(
        one.item.source == other.item.source
        and (one.detail.name_cleaned, one.detail.laterality) != (other.detail.name_cleaned, other.detail.laterality)
        for one in going
        for other in over
    )


def _leading(entries: list[Entry], places: list[int], goes_on: bool) -> int:
    """Whose name stands in the row: the newest with a code and words that is not an error; of a row that goes on one
    of those that say so, for another stage of it may be over."""
    good = [place for place in places if entries[place].signal.says is not Says.ERROR] or places
    good = [place for place in good if goes_on and entries[place].signal.says is Says.TAKEN] or good
    coded = [place for place in good if entries[place].detail.codes] or good
    return next((place for place in coded if not entries[place].named.bare), coded[0])


def _marks(entries: list[Entry]) -> list[tuple[Held, tuple[object, ...] | None]]:
    """What each record and a copy of it have in common."""
    marks: list[tuple[Held, tuple[object, ...] | None]] = []
    for one in entries:
        record = one.item.record
        dates = tuple(date.text if date is not None else "" for date in (record.when, record.recorded))
        marks.append((one.item, (record.codes, one.detail.name_cleaned, *dates) if any(dates) else None))
    return marks


def _marked(rows: list[ProblemRow]) -> list[ProblemRow]:
    """ "No known problems" against a problem that goes on is a conflict of both."""
    positive = [row for row in rows if row.status == "active" and not row.absent and not row.history]
    nothing = [row for row in rows if row.none_known]
    if not (positive and nothing):
        return rows
    marked = {row.key for row in (*positive, *nothing)}
    return [_with(row) if row.key in marked else row for row in rows]


def _with(row: ProblemRow) -> ProblemRow:
    conflicts = tuple(sorted({**dict.fromkeys(row.conflicts), Conflict.NONE_KNOWN: None}))
    return msgspec.structs.replace(row, conflicts=conflicts)
