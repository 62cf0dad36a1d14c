"""How words become HTML: templates with escaping, foreign text kept apart, times with their machine form.

Whatever comes from outside (names, ids, reasons) may carry markup or direction marks. Markup is escaped by the
templates; control and direction characters are shown as a replacement sign, and foreign text stands in `<bdi>`, so
that it cannot turn the text around it.
"""

import functools
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from medrec.portal import assets, icons, language, words

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Persian and Indic names need the joiners.
JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
UNSHOWN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
MINUTE, HOUR = 60_000, 3_600_000
KINDS_SHOWN = 3


def shown(value: Any) -> Any:
    """Text without characters that hide or turn it; what is not plain text, and our own, passes."""
    if not isinstance(value, str) or isinstance(value, Markup | language.Told) or value.isascii():
        if isinstance(value, str) and not isinstance(value, Markup | language.Told) and not value.isprintable():
            return "".join(c if c.isprintable() or c in "\n\t" else REPLACEMENT for c in value)
        return value
    return "".join(
        REPLACEMENT if unicodedata.category(c) in UNSHOWN and c not in JOINERS and c not in "\n\t" else c for c in value
    )


def foreign(value: object) -> Markup:
    """Somebody else's text, isolated from the direction of ours."""
    return Markup("<bdi>{}</bdi>").format(shown(value if isinstance(value, str) else str(value)))


def say(text: str | tuple[str, ...], **values: Any) -> Markup:
    """A text of `words` with its gaps filled; plain values are escaped and isolated, numbers grouped.

    A text with several forms is chosen by the value `count`.
    """
    if isinstance(text, tuple):
        text = language.chosen(text, values["count"])
    filled = {
        name: value if isinstance(value, Markup) else number(value) if isinstance(value, int) else foreign(value)
        for name, value in values.items()
    }
    return escape(text).format(**filled)


def number(value: int) -> str:
    """1234567 as 1,234,567, in the way of the language."""
    return language.number(value)


def listed(parts: Sequence[object]) -> Markup:
    """Several things as one phrase: a, b and c."""
    texts = [part if isinstance(part, Markup) else foreign(part) for part in parts]
    if len(texts) < 2:
        return Markup("").join(texts)
    comma, last = escape(words.LISTS["comma"]), escape(words.LISTS["and"])
    return comma.join(texts[:-1]) + last + texts[-1]


def moment(ms: int, now: int) -> Markup:
    """A time in words, with its exact form for machines."""
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
        today = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now)
    except OverflowError:
        return escape(str(ms))
    exact = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(exact, _in_words(when, today, now - ms))


def day(ms: int) -> Markup:
    """A time as its day alone: clinical dates are seldom known more closely, and midnight would be a claim."""
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    except OverflowError:
        return escape(str(ms))
    return Markup('<time datetime="{}">{}</time>').format(when.date().isoformat(), language.dated(when, "day"))


def known_date(text: str) -> Markup:
    """A date as FHIR writes it (1959-04-12, 1959-04 or 1959) in words; what is no date stays as it is."""
    precision = {4: "year", 7: "month", 10: "day"}.get(len(text), "")
    try:
        start = datetime.fromisoformat(f"{text}-01-01"[:10]) if precision else None
    except ValueError:
        start = None
    if start is None:
        return foreign(text)
    return Markup('<time datetime="{}">{}</time>').format(text, language.dated(start, precision))


def date(ms: int) -> Markup:
    """A time as a date, whatever the time is now."""
    return moment(ms, ms + 10 * 86_400_000)


def _in_words(when: datetime, today: datetime, ago: int) -> Markup:
    times = words.TIMES
    if 0 <= ago < MINUTE:
        return say(times["now"])
    if 0 <= ago < HOUR:
        return say(times["minutes"], count=ago // MINUTE)
    clock = escape(language.clock(when))
    for name, days in (("today", 0), ("yesterday", -1), ("tomorrow", 1)):
        if when.date() == (today + timedelta(days=days)).date():
            return say(times[name], clock=clock)
    return say(times["day"], day=escape(language.day(when)), clock=clock)


def kinds_of(types: Sequence[str]) -> Markup:
    """How many of which kinds of records, in words, the most frequent first; "nothing" where there are none."""
    if not types:
        return Markup("{}").format(words.LISTS["nothing"])
    counts: dict[str, int] = {}
    for kind in types:
        counts[kind] = counts.get(kind, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    told = [Markup("{} {}").format(number(count), words.record_type(kind, count)) for kind, count in ordered]
    if len(told) > KINDS_SHOWN + 1:
        rest = sum(count for _, count in ordered[KINDS_SHOWN:])
        told = [*told[:KINDS_SHOWN], say(words.LISTS["other_entries"], count=rest)]
    return listed(told)


@functools.cache
def build_environment() -> Environment:
    """The templates: escaping always on, unknown names are errors, all output cleaned. Nothing in them is of one node,
    and their files do not change under a process: each is compiled once, and looked after no more."""
    environment = Environment(
        loader=PackageLoader("medrec.portal", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        w=words.TEMPLATE_WORDS,
        asset_version=assets.version,
        icon=icons.icon,
        language=language.current,
        languages=language.LANGUAGES,
    )
    environment.filters.update(say=say, foreign=foreign, number=number, known_date=known_date)
    return environment
