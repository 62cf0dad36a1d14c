"""FHIR dates and times as spans of milliseconds.

A partial date stands for the whole of its day, month or year; the end of a period is inclusive (FHIR R4 2.24.0.4,
Period), so "until 2026-06-30" holds to the last millisecond of that day. A date without a zone is read in the zone
that the caller names, minutes east of UTC.
"""

import re
from typing import Any, NamedTuple

EVER = 1 << 62
"""A time after all others; -EVER is before all others."""
DAY_MS = 86_400_000

_FORM = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d))?)?)?\Z", re.ASCII
)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Span(NamedTuple):
    """A stretch of time in milliseconds: `start` belongs to it, `end` does not."""

    start: int
    end: int

    def meets(self, other: "Span") -> bool:
        """Whether the two have a moment in common."""
        return self.start < other.end and other.start < self.end

    def within(self, other: "Span") -> bool:
        """Whether all of it lies in the other."""
        return other.start <= self.start and self.end <= other.end


ALWAYS = Span(-EVER, EVER)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a day of the Gregorian calendar."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day of a count of days from 1970-01-01."""
    days += 719468
    era = days // 146097
    of_era = days - era * 146097
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return year_of_era + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def _days_in(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _DAYS[month - 1]


def read_time(text: Any, zone: int = 0) -> Span | None:
    """The span of a FHIR date, dateTime or instant; None if it is not one. `zone` in minutes east of UTC."""
    found = _FORM.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= _days_in(year, month):
        return None
    midnight = days_from_civil(year, month, day) * DAY_MS
    if found[4] is None:
        if found[3] is not None:
            length = DAY_MS
        elif found[2] is not None:
            length = _days_in(year, month) * DAY_MS
        else:
            length = days_from_civil(year + 1, 1, 1) * DAY_MS - midnight
        start = midnight - zone * 60_000
        return Span(start, start + length)
    return _instant(found, midnight)


def _instant(found: re.Match[str], midnight: int) -> Span | None:
    hour, minute, second = int(found[4]), int(found[5]), int(found[6])
    if hour > 23 or minute > 59 or second > 60:
        return None
    offset = 0
    if found[8] != "Z":
        hours, minutes = int(found[8][1:3]), int(found[8][4:6])
        if hours > 14 or minutes > 59:
            return None
        offset = (hours * 60 + minutes) * (-1 if found[8][0] == "-" else 1)
    start = midnight + ((hour * 60 + minute - offset) * 60 + second) * 1000
    if found[7] is None:
        return Span(start, start + 1000)
    start += int((found[7] + "00")[:3])
    return Span(start, start + 1)


def read_period(value: Any, zone: int = 0) -> Span | None:
    """The span of a FHIR Period, open where start or end is absent; None if it is not one, or ends before it starts."""
    if not isinstance(value, dict) or not set(value) <= {"id", "extension", "start", "end"}:
        return None
    start = read_time(value["start"], zone) if "start" in value else ALWAYS
    end = read_time(value["end"], zone) if "end" in value else ALWAYS
    if start is None or end is None or start.start >= end.end:
        return None
    return Span(start.start, end.end)


def write_date(time: int) -> str:
    """The UTC date (YYYY-MM-DD) of a time in milliseconds."""
    year, month, day = civil_from_days(time // DAY_MS)
    return f"{year:04}-{month:02}-{day:02}"
