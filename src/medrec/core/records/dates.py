"""Dates as clinicians write them: a day, a month, a year, or an instant, and never more exact than was written.

FHIR R4 `date`, `dateTime` and `instant` (hl7.org/fhir/R4/datatypes.html#dateTime). A date without a time zone has no
exact instant; it is read as UTC here, the same on every machine, and the span says what it covers.
"""

import re
from typing import Literal, TypeAlias

import msgspec

from medrec.core.records.canonical import Value

Precision: TypeAlias = Literal["year", "month", "day", "time"]

DAY_MS = 86_400_000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)


class ClinicalDate(msgspec.Struct, frozen=True, gc=False):
    """A date as written (`text`) and the span that it covers: [start_ms, end_ms) in ms since 1970 UTC.

    "2012-03" covers the whole March. Compare spans, not texts: `a.end_ms <= b.start_ms` means a is surely before b.
    """

    text: str
    precision: Precision
    start_ms: int
    end_ms: int

    @property
    def plain(self) -> str:
        """As one says it: "3 Mar 2012", "Mar 2012", "2012"; the time of day is left out."""
        year, month, day = self.text[:4], self.text[5:7], self.text[8:10]
        if self.precision == "year":
            return year
        name = _MONTHS[int(month) - 1]
        return f"{name} {year}" if self.precision == "month" else f"{int(day)} {name} {year}"


def clinical_date(written: Value) -> ClinicalDate | None:
    """The date in a FHIR date, dateTime or instant; None when it is absent or is none (a 31st of February)."""
    if type(written) is not str:
        return None
    match = _DATE.fullmatch(written)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    at = _days(int(year), int(month or 1), int(day or 1))
    if at is None:
        return None
    start = at * DAY_MS
    if month is None:
        return ClinicalDate(written, "year", start, start + (366 if _leap(int(year)) else 365) * DAY_MS)
    if day is None:
        return ClinicalDate(written, "month", start, start + _length(int(year), int(month)) * DAY_MS)
    if hour is None:
        return ClinicalDate(written, "day", start, start + DAY_MS)
    if hour > "23" or minute > "59" or (second or "00") > "60":
        return None
    start += int(hour) * 3_600_000 + int(minute) * 60_000 + int(second or 0) * 1000
    start += int((fraction or "0").ljust(3, "0")[:3])
    if zone and zone != "Z":
        ahead = int(zone[1:3]) * 3_600_000 + int(zone[4:]) * 60_000
        start += -ahead if zone[0] == "+" else ahead
    return ClinicalDate(written, "time", start, start + (1 if fraction else 1000 if second else 60_000))


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _length(year: int, month: int) -> int:
    return 29 if month == 2 and _leap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _days(year: int, month: int, day: int) -> int | None:
    """Days from 1970-01-01 to a day of the Gregorian calendar; None where there is no such day."""
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= _length(year, month)):
        return None
    past = year - 1
    leaps = past // 4 - past // 100 + past // 400
    in_year = _BEFORE_MONTH[month - 1] + (1 if month > 2 and _leap(year) else 0) + day - 1
    return past * 365 + leaps + in_year - 719_162


def day_of(time: int) -> ClinicalDate:
    """The day of a time in ms since 1970 UTC, exact to the millisecond underneath."""
    days = time // DAY_MS + 719_468
    era, of_era = divmod(days, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return ClinicalDate(f"{year:04}-{month:02}-{day:02}", "time", time, time + 1)
