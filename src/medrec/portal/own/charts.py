"""Charts drawn here, as SVG: a wide one and a narrow one, so that letters keep their size on a phone.

Above POINTS values, each point is a week, or as many weeks as there have to be: the middle value, with the lowest and
highest as a band. What the chart shows is said in a sentence before it, and stands in a table behind it.
"""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import NamedTuple

from markupsafe import Markup, escape

POINTS = 200
WEEK_MS = 7 * 86_400_000
STEPS = (1, 2, 2.5, 5, 10)
LETTER_PX = 11


class Point(NamedTuple):
    """A value at a time (ms), with the lowest and highest of what it stands for."""

    time: int
    value: float
    low: float
    high: float


class Size(NamedTuple):
    """The drawing's own pixels."""

    width: int
    height: int


WIDE, NARROW = Size(720, 300), Size(250, 230)


def weeks_of(values: Sequence[tuple[int, float]]) -> int:
    """How many weeks one point stands for; 0 where each value is a point of its own."""
    if len(values) <= POINTS:
        return 0
    weeks = 1
    while len({time // (WEEK_MS * weeks) for time, _ in values}) > POINTS:
        weeks *= 2
    return weeks


def points_of(values: Sequence[tuple[int, float]]) -> list[Point]:
    """The points of a chart, oldest first: the values themselves, or their weeks if there are many."""
    ordered, span = sorted(values), weeks_of(values) * WEEK_MS
    if not span:
        return [Point(time, value, value, value) for time, value in ordered]
    spans: dict[int, list[float]] = {}
    for time, value in ordered:
        spans.setdefault(time // span, []).append(value)
    return [Point(number * span, median(held), min(held), max(held)) for number, held in sorted(spans.items())]


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers that span low to high."""
    if low == high:
        low, high = low - 1, high + 1
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in STEPS if step * power >= raw)
    first = math.floor(low / step) * step
    found = [first]
    while found[-1] < high:
        found.append(found[-1] + step)
    return found


def told(value: float) -> str:
    """A number without a tail of zeros."""
    return f"{value:.6g}"


def drawn(lines: Sequence[Sequence[Point]], size: Size, title: str, days: tuple[str, str]) -> Markup:
    """The chart as SVG: one line, or the two of a pair on one scale. `title` says in words what it shows, `days` are
    the first and last date in words."""
    every = [point for points in lines for point in points]
    scale = ticks(min(point.low for point in every), max(point.high for point in every))
    inner = (52 if size is WIDE else 44, 16, size.width - 20, size.height - 34)
    begin = min(point.time for point in every)
    end = max(begin + 1, max(point.time for point in every))

    def x(time: int) -> float:
        return round(inner[0] + (time - begin) / (end - begin) * (inner[2] - inner[0]), 1)

    def y(value: float) -> float:
        return round(inner[3] - (value - scale[0]) / (scale[-1] - scale[0]) * (inner[3] - inner[1]), 1)

    parts = [f"<title>{escape(title)}</title>"]
    for tick in scale:
        parts.append(f'<path class="axis" d="M{inner[0]} {y(tick)}H{inner[2]}"/>')
        parts.append(f'<text x="{inner[0] - 8}" y="{y(tick) + 5}" text-anchor="end">{told(tick)}</text>')
    for points in lines:
        parts += _line(points, x, y)
    for points in lines:
        last = points[-1]
        # Its number stands where fewer points are: above the last one or below.
        left = x(last.time) - LETTER_PX * len(told(last.value))
        near = [y(point.value) for point in every if point is not last and x(point.time) >= left]
        above, below = y(last.value) - 12, y(last.value) + 26
        crowd = {base: sum(base - 22 <= one <= base + 8 for one in near) for base in (above, below)}
        beside = below if above < inner[1] + 12 or (crowd[below] < crowd[above] and below <= inner[3]) else above
        parts.append(f'<text class="here" x="{x(last.time)}" y="{beside}" text-anchor="end">{told(last.value)}</text>')
    bottom = size.height - 10
    parts.append(f'<text x="{inner[0] if size is WIDE else 0}" y="{bottom}">{escape(days[0])}</text>')
    parts.append(
        f'<text x="{inner[2] if size is WIDE else size.width}" y="{bottom}" text-anchor="end">{escape(days[1])}</text>'
    )
    # The text runs from left to right in every language: so do time and numbers in it.
    kind = "wide" if size is WIDE else "narrow"
    # Every text in it was escaped above; the rest are numbers.
    return Markup(  # noqa: S704
        f'<svg class="chart__{kind}" viewBox="0 0 {size.width} {size.height}" role="img" direction="ltr" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _line(points: Sequence[Point], x: Callable[[int], float], y: Callable[[float], float]) -> list[str]:
    """One line with its band and its dots, the last of them larger."""
    parts = []
    if any(point.low != point.high for point in points):
        edge = [f"{x(point.time)} {y(point.high)}" for point in points]
        edge += [f"{x(point.time)} {y(point.low)}" for point in reversed(points)]
        parts.append(f'<path class="range" d="M{"L".join(edge)}Z"/>')
    line = "L".join(f"{x(point.time)} {y(point.value)}" for point in points)
    parts.append(f'<path class="line" d="M{line}"/>')
    if len(points) <= 40:
        parts += [f'<circle class="dot" cx="{x(point.time)}" cy="{y(point.value)}" r="4"/>' for point in points]
    last = points[-1]
    parts.append(f'<circle class="dot" cx="{x(last.time)}" cy="{y(last.value)}" r="6"/>')
    return parts


def moment(ms: int) -> datetime:
    """The time of a point."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
