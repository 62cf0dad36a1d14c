"""Medicines: one row for each drug and place of action, with every record version that speaks of it."""

import msgspec

from medrec.core.reconcile import doubles, pairs, taken, two_orderers
from medrec.core.reconcile import held as holding
from medrec.core.reconcile.gathered import copied, gathered, taken_back
from medrec.core.reconcile.held import Held
from medrec.core.reconcile.normal import Normal, normal, weighed
from medrec.core.reconcile.pairs import PairClass
from medrec.core.reconcile.rows import (
    Conflict,
    Link,
    MedicineRow,
    Variant,
    likeness,
    staleness,
)
from medrec.core.reconcile.said import ALSO_TAKEN, CHANGED, LIKE_THIS
from medrec.core.reconcile.taken import Says, Signal, Verdict
from medrec.core.records.general import empty_words
from medrec.core.records.terms import Terms
from medrec.core.records.understood import MedicineDetail, Note, NoteCode


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A held record of a medicine with its normal form and its signal."""

    item: Held
    detail: MedicineDetail
    form: Normal
    signal: Signal


def entry(item: Held, terms: Terms, now: int, forms: dict[MedicineDetail, Normal], short: dict[str, bool]) -> Entry:
    """The entry of a record; `forms` and `short` remember what was worked out before."""
    detail = item.record.detail
    assert isinstance(detail, MedicineDetail)
    form = forms.get(detail)
    if form is None:
        form = forms[detail] = normal(detail, terms)
    if form.block not in short:
        short[form.block] = any(
            group.code in taken.SHORT_COURSES for code in form.ingredients for group in terms.classes(code)
        )
    said = taken.signal(item, detail, now, short[form.block] and not form.as_needed)
    differs = bool(item.record.notes) and holding.has_note(item.record, NoteCode.NAME_DIFFERS)
    if not form.ingredients and (differs or empty_words(form.block.removeprefix("text:").strip("?"))):
        # "See note", nothing at all, and a code against its words may be of any two medicines: each is a row alone.
        form = msgspec.structs.replace(form, block="text:" + holding.alone(item))
    return Entry(item, detail, form, said)


def key_of(row_block: str, site: str) -> str:
    """The key of a row."""
    return f"{row_block}|{site}" if site else row_block


def rows_of(entries: list[Entry], now: int) -> list[MedicineRow]:
    """The rows of one block (one set of ingredients, or one unknown name), by key."""
    sites: dict[str, list[Entry]] = {}
    every = sorted(entries, key=_name)
    reviews = [found for found in every if found.signal.says is Says.REVIEWED]
    for found in every:
        if found.signal.says is not Says.REVIEWED:
            sites.setdefault(found.form.form.site, []).append(found)
    nowhere = sites.pop("", [])
    if nowhere:
        sites.setdefault(_only_place(sites, nowhere), []).extend(nowhere)
    # A review marks what somebody else says; of what nobody says it makes no row.
    for found in reviews:
        site = found.form.form.site
        if site in sites or len(sites) == 1:
            sites[site if site in sites else next(iter(sites))].append(found)
    whole = {site: _in_force(sorted(sites[site], key=_name)) for site in sorted(sites)}
    return [_row(_weighed(_aged(entries, now)), site, now) for site, entries in whole.items()]


def _only_place(sites: dict[str, list[Entry]], nowhere: list[Entry]) -> str:
    """Where what has no word on form or route belongs: where all the others are; where these differ, nowhere of them.

    Eye drops that ran out draw in nothing that is taken now: as drops it would be looked at by fewer rules of safety.
    The body is where most medicines are taken, and draws in all the same.
    """
    if any(found.signal.says is Says.TAKEN for found in nowhere):
        sites = {
            site: held
            for site, held in sites.items()
            if site == "body" or any(found.signal.says not in (Says.ENDED, Says.ERROR) for found in held)
        }
    return next(iter(sites)) if len(sites) == 1 else ""


def _in_force(entries: list[Entry]) -> list[Entry]:
    return _said_anew(_without_subject(_replaced(entries)))


def _without_subject(entries: list[Entry]) -> list[Entry]:
    """A word on how a medicine is taken starts none: where nothing that it was said of is here any more (a link was
    undone, a record is held back, was taken back or hidden), nobody knows."""
    subject = any(
        found.item.author == "record" or found.item.record.status_reason == ALSO_TAKEN
        for found in entries
        if found.signal.says is not Says.ERROR
    )
    return entries if subject else [_without_its_own(found) if _is_way(found) else found for found in entries]


def _is_way(found: Entry) -> bool:
    return found.item.author != "record" and found.item.record.status_reason in (LIKE_THIS, CHANGED)


def _without_its_own(found: Entry) -> Entry:
    record = found.item.record
    gone = Note(NoteCode.SUBJECT_GONE, "What this word was said of is not here any more.")
    item = msgspec.structs.replace(found.item, record=msgspec.structs.replace(record, notes=(*record.notes, gone)))
    return msgspec.structs.replace(_open(found, taken.Rule.SUBJECT_GONE), item=item)


def _open(found: Entry, rule: taken.Rule) -> Entry:
    """An entry that says nothing more of whether it is taken, by this rule."""
    return msgspec.structs.replace(found, signal=Signal(Says.OPEN, found.signal.at, found.signal.start, rule))


def _said_anew(entries: list[Entry]) -> list[Entry]:
    """Of the person's own words about a medicine the newest counts: what she put right outdoes nobody any more."""
    words = [found for found in entries if found.item.author == "patient" and found.signal.says in _WORDS]
    if len(words) < 2:
        return entries
    newest = max(words, key=lambda found: (found.signal.at or -1, found.item.signed, found.item.name))
    made = []
    for found in entries:
        if found is not newest and any(found is one for one in words):
            found = _open(found, taken.Rule.SAID_ANEW)
        made.append(found)
    return made


_WORDS = (Says.TAKEN, Says.STOPPED, Says.OPEN)


def _replaced(entries: list[Entry]) -> list[Entry]:
    """An order that its own source says another one in force stands in place of, not before it, says nothing more."""
    by = {(one.item.source, one.detail.replaces): one for one in entries if one.detail.replaces and _is_order(one)}
    made = []
    for found in entries:
        newer = by.get((found.item.source, found.item.record.id)) if _is_order(found) else None
        back = newer is not None and found.detail.replaces == newer.item.record.id
        if newer is not None and not back and (newer.signal.start or 0) >= (found.signal.start or 0):
            found = _open(found, taken.Rule.REPLACED)
        made.append(found)
    return made


def _is_order(found: Entry) -> bool:
    return found.detail.kind == "order" and found.item.author == "record" and found.signal.says is Says.TAKEN


def _weighed(entries: list[Entry]) -> list[Entry]:
    """What people say in tablets as a weight, where all records of the row that give a strength give the same."""
    strengths = {
        found.form.strengths: None for found in entries if found.form.strengths and found.signal.says is not Says.ERROR
    }
    if len(strengths) != 1:
        return entries
    (strength,) = strengths
    return [
        msgspec.structs.replace(found, form=weighed(found.form, strength)) if found.item.author != "record" else found
        for found in entries
    ]


def _aged(entries: list[Entry], now: int) -> list[Entry]:
    signals = taken.aged([found.signal for found in entries], now)
    return [
        found if said is found.signal else msgspec.structs.replace(found, signal=said)
        for found, said in zip(entries, signals, strict=True)
    ]


def _name(found: Entry) -> tuple[str, str, str]:
    return found.item.name


def _row(entries: list[Entry], site: str, now: int) -> MedicineRow:
    marks = _marks(entries)
    copies = copied(marks)
    together = gathered([(found.item, found.signal) for found in entries], copies)
    verdict, places = together.verdict, together.places
    orders = doubles.in_force(entries, verdict.live, copies) if len(verdict.live) > 1 else []
    leading = entries[_leading(entries, verdict, places)]
    parts = doubles.regimen(leading, orders)
    regimen = doubles.whole(parts)
    live = [entries[place] for place in verdict.live]
    ordered_by = two_orderers.ordered_by(live, orders) if len(orders) > 1 else ()
    variants, groups = _variants(entries, places)
    starts = [found.signal.start for found in entries if found.signal.says is not Says.ERROR]
    return MedicineRow(
        key_of(leading.form.block, site),
        " / ".join(leading.form.names) if leading.form.names else leading.detail.name,
        leading.form.ingredients,
        site,
        verdict.status,
        _directions(parts),
        " + ".join({part.form.strength: None for part in parts if part.form.strength}),
        _day(regimen),
        leading.form.as_needed,
        tuple(sorted({reason: None for found in entries for reason in found.detail.reasons})),
        likeness(together.sources, len(groups) < 2),
        _conflicts(entries, verdict, orders, taken_back(marks, [found.signal.says for found in entries])),
        verdict.rules,
        together.confirmed,
        staleness(together.confirmed, now),
        min((start for start in starts if start is not None), default=None),
        together.lines,
        variants,
        tuple(
            (a, b, pairs.within(groups[a], groups[b])) for a in range(len(groups)) for b in range(a + 1, len(groups))
        ),
        doubles.daily(regimen.per_day, orders),
        doubled=doubles.doubled(orders),
        every_day=leading.detail.times_per_day is not None and regimen.every_day,
        ordered_by=ordered_by,
        filled_early=bool(ordered_by) and two_orderers.filled_early(entries, copies, now),
        may_be=tuple(sorted({code: None for found in entries for code in found.detail.may_be})),
    )


def _directions(parts: list[Entry]) -> str:
    """The directions of a row; of a regimen of several orders those of each, with what it is of."""
    if len(parts) < 2:
        return parts[0].detail.sig
    return "; ".join(f"{part.detail.name}: {part.detail.sig}" for part in parts)


def _leading(entries: list[Entry], verdict: Verdict, places: list[int]) -> int:
    """Whose directions stand in the row: the newest that counts and has any. Where none that counts has any (it was
    reviewed after the orders were stopped) the newest that was in force and has some."""
    # What a review calls the medicine is nobody's record of it.
    places = [place for place in places if entries[place].signal.says is not Says.REVIEWED]
    live = [place for place in places if place in verdict.live] or places
    told = [place for place in places if entries[place].detail.sig or entries[place].form.per_day]
    was = [place for place in told if entries[place].signal.says in (Says.TAKEN, Says.STOPPED)]
    return next(iter([place for place in live if place in told] or (was if verdict.live else []) or live))


def _variants(entries: list[Entry], places: list[int]) -> tuple[tuple[Variant, ...], list[Normal]]:
    """The different ways in which lines have the medicine, newest first. Words without dose join others; errors
    and reviews are none."""
    groups: list[Normal] = []
    members: list[list[int]] = []
    for at, place in enumerate(places):
        found = entries[place]
        if found.signal.says in (Says.ERROR, Says.REVIEWED):
            continue
        same = next((n for n, other in enumerate(groups) if _alike(found.form, other)), None)
        if same is None:
            groups.append(found.form)
            members.append([at])
        else:
            members[same].append(at)
            if _fuller(found.form, groups[same]):
                groups[same] = found.form
    made = tuple(
        Variant(
            " / ".join(form.names) or entries[places[lines[0]]].detail.name,
            form.strength,
            " ".join(part for part in (form.form.release, form.form.thing) if part and part != "immediate"),
            _day(form),
            form.as_needed,
            form.branded,
            tuple(lines),
            next((sig for line in lines if (sig := entries[places[line]].detail.sig)), ""),
            form.every_day,
        )
        for form, lines in zip(groups, members, strict=True)
    )
    return made, groups


def _alike(a: Normal, b: Normal) -> bool:
    return a is b or pairs.within(a, b) in (PairClass.IDENTICAL, PairClass.BRAND_GENERIC)


def _fuller(a: Normal, b: Normal) -> bool:
    return (bool(a.per_day), bool(a.strengths), bool(a.form.thing)) > (
        bool(b.per_day),
        bool(b.strengths),
        bool(b.form.thing),
    )


def _day(form: Normal) -> str:
    """What is taken in a day; as needed that is a ceiling, whatever the directions count from. Nobody takes a third of
    a patch a day, and 15 mg once a week are no 2 mg a day: there the directions stand alone."""
    if not form.every_day:
        return ""
    most = form.as_needed
    said = [found for code, found in form.per_day if code or 100 % found.high.denominator == 0]
    return " / ".join((found._replace(low=found.high) if most else found).text for found in said)


def _marks(entries: list[Entry]) -> list[tuple[Held, tuple[object, ...] | None]]:
    """What each record and a copy of it have in common."""
    marks: list[tuple[Held, tuple[object, ...] | None]] = []
    for found in entries:
        record = found.item.record
        dated = record.when is not None or record.recorded is not None
        when, recorded = (date.text if date is not None else "" for date in (record.when, record.recorded))
        mark = (record.type, record.codes, found.detail.sig, found.detail.name_cleaned, when, recorded)
        marks.append((found.item, mark if dated and len(entries) > 1 else None))
    return marks


def _conflicts(
    entries: list[Entry], verdict: Verdict, orders: list[list[Entry]], is_taken_back: bool
) -> tuple[Conflict, ...]:
    found: dict[Conflict, None] = {}
    if verdict.disputed or is_taken_back:
        found[Conflict.STATUS] = None
    voices: dict[str, list[Entry]] = {}
    for place in verdict.live:
        voices.setdefault(entries[place].item.voice, []).append(entries[place])
    heard = [said for _, said in sorted(voices.items())] if len(voices) > 1 else []
    newest = [doubles.whole(doubles.regimen(_newest(said), orders)) for said in heard]
    for number, one in enumerate(newest):
        for other in newest[number + 1 :]:
            kind = pairs.within(one, other)
            if kind is PairClass.OTHER_DOSE:
                found[Conflict.DOSE] = None
            elif kind is PairClass.OTHER_FORM:
                found[Conflict.FORM] = None
    if _patient_disagrees(entries, verdict):
        found[Conflict.PATIENT] = None
    if any(holding.has_note(one.item.record, NoteCode.NAME_DIFFERS) for one in entries if one.item.record.notes):
        found[Conflict.CODE_NAME] = None
    return tuple(sorted(found))


def _newest(said: list[Entry]) -> Entry:
    return max(said, key=lambda one: (one.signal.at if one.signal.at is not None else -1, one.item.name))


def _patient_disagrees(entries: list[Entry], verdict: Verdict) -> bool:
    """The person's own newest word against what any source still says."""
    own = [one for one in entries if one.item.author == "patient"]
    if not own:
        return False
    word = _newest(own)
    stops = word.signal.says is Says.STOPPED
    others = [one for one in entries if one.item.author != "patient" and one.signal.says is Says.TAKEN]
    if not stops and all(entries[place].item.author == "patient" for place in verdict.live):
        # She alone says that it is taken: against whoever says that it is over.
        return any(one.item.author != "patient" and one.signal.says is Says.STOPPED for one in entries)
    # A word that contradicts itself (said_otherwise.py) confirms nobody's.
    if stops or word.item.record.status == "unknown" or word.item.record.status_reason == "taken differently":
        return bool(others)
    return any(pairs.within(one.form, word.form) is PairClass.OTHER_DOSE for one in others)


def links(rows: list[MedicineRow], terms: Terms) -> dict[str, tuple[Link, ...]]:
    """How rows stand to each other: parts of combinations, the same drug elsewhere in the body, the same class."""
    by_ingredient: dict[str, list[MedicineRow]] = {}
    by_class: dict[str, list[MedicineRow]] = {}
    names: dict[str, str] = {}
    for row in rows:
        for code in row.ingredients:
            by_ingredient.setdefault(code, []).append(row)
        entries = {group.code: group.name for code in row.ingredients for group in pairs.duplicate_classes(code, terms)}
        names |= entries
        for group in entries:
            by_class.setdefault(group, []).append(row)
    near: dict[tuple[str, str], tuple[PairClass, dict[str, None]]] = {}
    for code in sorted(by_ingredient):
        for one, other in _both_ways(by_ingredient[code]):
            kind = PairClass.OTHER_FORM if one.ingredients == other.ingredients else PairClass.PART_OF_COMBINATION
            near.setdefault((one.key, other.key), (kind, {}))[1][code] = None
    for group in sorted(by_class):
        for one, other in _both_ways(by_class[group]):
            if (one.key, other.key) not in near or near[one.key, other.key][0] is PairClass.SAME_CLASS:
                near.setdefault((one.key, other.key), (PairClass.SAME_CLASS, {}))[1][names[group]] = None
    found: dict[str, list[Link]] = {}
    for key, other_key in sorted(near):
        kind, through = near[key, other_key]
        found.setdefault(key, []).append(Link(other_key, kind, tuple(through)))
    return {key: tuple(links_of) for key, links_of in found.items()}


def _both_ways(rows: list[MedicineRow]) -> list[tuple[MedicineRow, MedicineRow]]:
    return [(one, other) for one in rows for other in rows if one.key != other.key]
