"""One measured thing over time: a sentence, a chart, and the table behind it."""

from collections.abc import Callable
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

Side = Callable[[Entry], float]
"""One number of a measurement: the only one, or either of a pair."""


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/trend.html."""
    who = whose(node, visit, heeds_kinds=True)
    handle_of = series_handles(node, who.account)
    found = [
        entry
        for entry in entries(node, who.account, ("results",), kinds_of(visit))
        if entry.number is not None
        and entry.when is not None
        and entry.when.start_ms is not None
        and handle_of(entry.series) == visit.path["series"]
    ]
    if not found:
        raise PageError(404, "not-found")
    # One unit only, and single numbers apart from pairs: they are not put on one line.
    unit, paired = found[0].unit, found[0].second is not None
    same = [entry for entry in found if entry.unit == unit and (entry.second is not None) == paired]
    # What nobody ever had is in the table, marked; it would bend the chart and the sentence.
    sound = [entry for entry in same if not entry.implausible] or same
    lines = [charts.points_of([(_time(entry), side(entry)) for entry in sound]) for side in sides_of(sound)]
    points, weeks = lines[0], charts.weeks_of([(_time(entry), _number(entry)) for entry in sound])
    title = title_of(same[0])
    sentence = said(sound)
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
        "range": _range(sound),
        "wide": charts.drawn(lines, charts.WIDE, label, days) if chart else None,
        "narrow": charts.drawn(lines, charts.NARROW, label, months) if chart else None,
        "weekly": render.say(words.TREND["weekly"], count=weeks) if weeks else None,
        "rows": [row_of(visit, who, entry) for entry in shown],
        "pager": pages,
        "weeks": [
            {"day": language.day(charts.moment(side[0].time)), "low": _joined([point.low for point in side]),
             "middle": _joined([point.value for point in side]), "high": _joined([point.high for point in side])}
            for side in reversed(list(zip(*lines, strict=True)))
        ] if weeks else [],
    }  # fmt: skip


def said(same: list[Entry]) -> Any:
    """Where the values went, in a sentence: from the first to the last."""
    last, first = same[0], same[-1]
    if len(same) == 1:
        return render.say(words.TREND["one"], last=last.value)
    ways = {_way(side(first), side(last)) for side in sides_of(same)} - {"steady"}
    way = ways.pop() if len(ways) == 1 else "apart" if ways else "steady"
    return render.say(words.TREND[way], first=first.value, last=last.value)


def _way(before: float, after: float) -> str:
    span = max(abs(before), abs(after)) * SAME_PART
    return "steady" if abs(after - before) <= span else "rising" if after > before else "falling"


def sides_of(same: list[Entry]) -> list[Side]:
    """The numbers of these measurements: one each, or the two of a pair."""
    return [_number] if same[0].second is None else [_number, _second]


def _range(same: list[Entry]) -> Any:
    """The lowest and the highest, of both numbers of a pair."""
    if same[0].second is None:
        return render.say(words.TREND["range"], low=min(same, key=_number).value, high=max(same, key=_number).value)
    ends = {
        name: charts.told(pick(side(entry) for entry in same))
        for pick, end in ((min, "low"), (max, "high"))
        for side, name in ((_number, f"{end}_upper"), (_second, f"{end}_lower"))
    }
    return render.say(words.TREND["range_pair"], unit=same[0].unit, **ends)


def _joined(numbers: list[float]) -> str:
    return "/".join(map(charts.told, numbers))


def _time(entry: Entry) -> int:
    assert entry.when is not None
    assert entry.when.start_ms is not None
    return entry.when.start_ms


def _number(entry: Entry) -> float:
    assert entry.number is not None
    return entry.number


def _second(entry: Entry) -> float:
    assert entry.second is not None
    return entry.second
