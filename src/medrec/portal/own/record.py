"""My record: where it comes from, by kind, by date; every line with its place and its proof."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core.reconcile.aloud import LOUD
from medrec.core.records.understood import NoteCode, remark_of
from medrec.node.keeping.vault import derive
from medrec.node.looks.disputing import organisations
from medrec.portal import language, render, words
from medrec.portal.own.entries import GROUPS, OTHER, Entry, entries, everyday, title_of
from medrec.portal.own.whose import Whose, kinds_of, whose
from medrec.portal.page import Go, PageError, Visit, paged

if TYPE_CHECKING:
    from medrec.node.node import Node

LINES = 40
_PAIR = re.compile(r"^[^,]* [\d.]+ [^,]*, [^,]* [\d.]+ [^,;]*")
STATES = ("active", "stopped", "unknown")
ICONS = {
    "medicines": "pill", "allergies": "alert", "problems": "record", "results": "chart", "vaccines": "seal",
    "visits": "place", "treatments": "tick", "letters": "ask", "family": "people", "other": "more",
}  # fmt: skip


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/record.html."""
    who, kinds = whose(node, visit, heeds_kinds=True), kinds_of(visit)
    found = entries(node, who.account, types=kinds)
    counts: dict[str, int] = {}
    for entry in found:
        counts[entry.group] = counts.get(entry.group, 0) + 1
    return {
        "handle": who.handle,
        "person": who.name,
        "places": _some_places(who, found) if kinds else places(node, visit, who),
        "total": len(found),
        "kinds": [
            {
                "name": words.RECORD[group],
                "icon": ICONS[group],
                "count": counts[group],
                "link": visit.link("kind", person=who.handle, kind=group),
            }
            for group in (*GROUPS, OTHER)
            if group in counts
        ],
    }


def _some_places(who: Whose, found: list[Entry]) -> list[dict[str, Any]]:
    """For a helper for some kinds: only the places that these come from. Any other place would be a trace."""
    counts: dict[str, int] = {}
    for entry in found:
        if not entry.author:
            counts[entry.organisation] = counts.get(entry.organisation, 0) + 1
    return [
        {"name": who.place(name), "count": count, "state": "good", "reason": "", "when": ""}
        for name, count in sorted(counts.items())
    ]


def places(node: "Node", visit: Visit, who: Whose) -> list[dict[str, Any]]:
    """Every place that is linked: when it was read last, what came, and why not where it did not."""
    readings = {reading.organisation: reading for reading in node.copies.readings(who.account)} if node.copies else {}
    found = []
    for organisation in organisations(node, who.account):
        reading = readings.get(organisation)
        place: dict[str, Any] = {"name": who.place(organisation), "count": 0, "state": "never", "reason": ""}
        place["when"] = words.RECORD["never"]
        if reading is not None:
            place["count"] = reading.records
            place["state"] = "failed" if reading.code else "good"
            place["reason"] = words.SOURCE_ERRORS.get(reading.code, words.SOURCE_ERRORS["other"])
            if reading.code == "":
                place["reason"] = ""
            if reading.good is not None:
                place["when"] = render.say(words.RECORD["good"], when=visit.when(reading.good))
        found.append(place)
    return found


def fetch(node: "Node", visit: Visit) -> Go:
    """Read at every place again, in the background."""
    who = whose(node, visit, heeds_kinds=True)
    if node.copies is None:
        raise PageError(404, "wrong-role")
    node.copies.refresh_soon(who.account)
    return Go(visit.link("record", person=who.handle))


def show_kind(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/kind.html."""
    who = whose(node, visit, heeds_kinds=True)
    group = visit.path["kind"]
    if group not in (*GROUPS, OTHER):
        raise PageError(404, "not-found")
    found = entries(node, who.account, (group,), kinds_of(visit))
    by_state = group in ("medicines", "problems", "allergies")
    if by_state:
        found.sort(key=lambda entry: STATES.index(entry.status))
    lines = _series(found) if group == "results" else [[entry] for entry in found]
    shown, pages = paged(visit, lines, LINES)
    sections: list[dict[str, Any]] = []
    for line, row in zip(shown, _rows(node, visit, who, shown), strict=True):
        title = words.RECORD[line[0].status] if by_state else None
        if not sections or sections[-1]["title"] != title:
            sections.append({"title": title, "rows": []})
        sections[-1]["rows"].append(row)
    return {
        "handle": who.handle,
        "group": group,
        "title": words.RECORD[group],
        "sections": sections,
        "total": len(found),
        "pager": pages,
    }


def _series(found: list[Entry]) -> list[list[Entry]]:
    """One line for each thing that was measured, the one measured last first."""
    by_series: dict[str, list[Entry]] = {}
    for entry in found:
        by_series.setdefault(entry.series, []).append(entry)
    return list(by_series.values())


def _rows(node: "Node", visit: Visit, who: Whose, lines: Sequence[list[Entry]]) -> list[dict[str, Any]]:
    """Each line with the newest of its entries, how many they are, and the way to their chart."""
    handle_of = series_handles(node, who.account)
    rows = []
    for group in lines:
        row = row_of(visit, who, group[0])
        numbers = [entry for entry in group if entry.number is not None]
        if group[0].group == "results" and group[0].value:
            row["times"] = render.say(words.RECORD["times"], count=len(group))
        if len(numbers) > 1:
            row["trend"] = visit.link("trend", person=who.handle, series=handle_of(group[0].series))
        rows.append(row)
    return rows


def series_handles(node: "Node", account: str) -> Callable[[str], str]:
    """What stands for a measured thing in an address (32 hex digits): a code would say what somebody has.

    Codes and accounts are public, so it is made with a secret of hers: from no log can anybody try all codes.
    """
    assert node.agent is not None
    secret = node.agent.view_secret(account)
    return lambda series: derive(secret, "series", series).hex()[:32]


def row_of(visit: Visit, who: Whose, entry: Entry) -> dict[str, Any]:
    """An entry as a line: title, value, date, place, and the way to its proof."""
    return {
        "title": title_of(entry),
        "odd": odd_of(entry),
        "value": words.line(entry.value) if entry.number is None else entry.value,
        "when": when_of(entry),
        "place": _source(who, entry),
        "group": words.RECORD[entry.group],
        "icon": ICONS[entry.group],
        "proof": None if entry.in_part else visit.link("line", person=who.handle, tag=entry.tag.hex()),
        "more": more_of(entry),
        "times": None,
        "trend": None,
    }


def _source(who: Whose, entry: Entry) -> str:
    """Whose word a line is: a place's, or that of the person or a helper of hers."""
    if not entry.author:
        return who.place(entry.organisation)
    return str(words.WRITING["by_herself" if entry.author == who.account else "by_helper"])


def odd_of(entry: Entry) -> Markup:
    """What whoever reads the line alone has to know: that the record denies it, and what is odd about it."""
    known = entry.understood
    marks = (*LOUD, NoteCode.IMPLAUSIBLE)
    loud = [note.code for note in known.notes if note.code in marks and note.code is not NoteCode.REMARK]
    said: list[Any] = [words.RECORD[entry.denied]] if entry.denied else []
    said += [words.NOTES[code] for code in dict.fromkeys(loud)]
    remark = remark_of(known.notes)
    said += [render.say(words.ONE_LIST["beside"], words=remark)] if remark else []
    return Markup(" ").join(said)


def more_of(entry: Entry) -> str:
    """What one line says besides its title: the directions of a medicine, the reaction of an allergy."""
    detail = entry.understood.detail
    for name in ("sig", "directions", "text"):
        told = getattr(detail, name, "")
        if isinstance(told, str) and told:
            return told
    return words.line(_rest(entry)) if entry.understood.understood else ""


def _rest(entry: Entry) -> str:
    """What the plain sentence of a line says besides its title, value and date, which stand beside it."""
    title = everyday(entry.title).lower()
    # LOINC names say more than a title: both are made plain before they are compared.
    plain = everyday(entry.understood.plain)
    if entry.when is not None:
        plain = plain.removesuffix(f", {entry.when.plain}")
    if plain.lower().endswith(title):
        return ""
    if plain.lower().startswith(title):
        plain = plain[len(title) :].strip(" ;,:")
    if entry.value and plain.lower().startswith(entry.value.lower()):
        plain = plain[len(entry.value) :].strip(" ;,:")
    if entry.second is not None:
        # "Systolic 134 mmHg, Diastolic 84 mmHg" is what "134/84 mmHg" says; what comes after it is more.
        plain = _PAIR.sub("", plain, count=1).strip(" ;,:")
    return plain[:1].upper() + plain[1:]


def when_of(entry: Entry) -> Markup:
    """The date of an entry in words, as exactly as it is known."""
    if entry.when is None:
        return Markup("{}").format(words.RECORD["no_date"])
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=entry.when.start_ms)
    text = language.dated(start, entry.when.precision)
    return Markup('<time datetime="{}">{}</time>').format(entry.when.text[:10], text)


def show_timeline(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/timeline.html."""
    who, kinds = whose(node, visit, heeds_kinds=True), kinds_of(visit)
    found = entries(node, who.account, types=kinds)
    page, pages = paged(visit, found, LINES)
    years: list[dict[str, Any]] = []
    for entry in page:
        year = entry.when.text[:4] if entry.when is not None else words.RECORD["no_date"]
        day = when_of(entry) if entry.when is not None else None
        if not years or years[-1]["year"] != year:
            years.append({"year": year, "days": []})
        days = years[-1]["days"]
        if not days or days[-1]["day"] != day:
            days.append({"day": day, "rows": []})
        days[-1]["rows"].append(row_of(visit, who, entry))
    return {"handle": who.handle, "years": years, "pager": pages}
