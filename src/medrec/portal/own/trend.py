"""One measured thing over time: a sentence, a chart, and the table behind it."""

from typing import TYPE_CHECKING, Any

from medrec.portal import language, render, words
from medrec.portal.own import charts
from medrec.portal.own.entries import Entry, entries, title_of
from medrec.portal.own.record import row_of, series_handles
from medrec.portal.own.whose import kinds_of, whose
from medrec.portal.page import PageError, Visit, paged

if TYPE_CHECKING:
    from medrec.node.node import Node

SAME_PART = 0.05
LINES = 40


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/trend.html."""
    who = whose(node, visit, heeds_kinds=True)
    handle_of = series_handles(node, who.account)
    found = [
        entry
        for entry in entries(node, who.account, ("results",), kinds_of(visit))
        if entry.number is not None and entry.when is not None and handle_of(entry.series) == visit.path["series"]
    ]
    if not found:
        raise PageError(404, "not-found")
    # One unit only: numbers in different units are not put on one line.
    unit = found[0].unit
    same = [entry for entry in found if entry.unit == unit]
    values: list[Any] = [(entry.when.start_ms, entry.number) for entry in same]  # type: ignore[union-attr]
    points, weeks = charts.points_of(values), charts.weeks_of(values)
    title = title_of(same[0])
    sentence = said(same)
    ends = charts.moment(points[0].time), charts.moment(points[-1].time)
    days, months = (language.day(ends[0]), language.day(ends[1])), (language.month(ends[0]), language.month(ends[1]))
    shown, pages = paged(visit, same, LINES)
    label = str(render.say(words.TREND["chart"], title=title, sentence=sentence).striptags())
    chart = len(points) > 1
    return {
        "handle": who.handle,
        "title": title,
        "unit": unit,
        "sentence": sentence,
        "range": render.say(words.TREND["range"], low=min(same, key=_number).value, high=max(same, key=_number).value),
        "wide": charts.drawn(points, charts.WIDE, label, days) if chart else None,
        "narrow": charts.drawn(points, charts.NARROW, label, months) if chart else None,
        "weekly": render.say(words.TREND["weekly"], count=weeks) if weeks else None,
        "rows": [row_of(visit, who, entry) for entry in shown],
        "pager": pages,
        "weeks": [
            {"day": language.day(charts.moment(point.time)), "low": charts.told(point.low),
             "middle": charts.told(point.value), "high": charts.told(point.high)}
            for point in reversed(points)
        ] if weeks else [],
    }  # fmt: skip


def said(same: list[Entry]) -> Any:
    """Where the values went, in a sentence: from the first to the last."""
    last, first = same[0], same[-1]
    if len(same) == 1:
        return render.say(words.TREND["one"], last=last.value)
    before, after = _number(first), _number(last)
    span = max(abs(before), abs(after)) * SAME_PART
    way = "steady" if abs(after - before) <= span else "rising" if after > before else "falling"
    return render.say(words.TREND[way], first=first.value, last=last.value)


def _number(entry: Entry) -> float:
    assert entry.number is not None
    return entry.number
