"""The language of a visit: which it is, its catalogue, its plurals, its numbers and dates.

The language is a property of the visit (`use`), so that pages and words need not hand it on. English is in the code;
the other languages are gettext catalogues (`catalogues/<code>.po`), whose context is "GROUP.name".
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from importlib import resources
from io import BytesIO
from typing import Any, NamedTuple

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.messages.pofile import read_po
from babel.numbers import format_decimal


class Language(NamedTuple):
    """Code, its own name, direction, locale of dates and numbers, and its forms of plural in the catalogue's order."""

    code: str
    name: str
    direction: str
    locale: str
    plurals: tuple[str, ...]


LANGUAGES = {
    language.code: language
    for language in (
        Language("en", "English", "ltr", "en_GB", ("one", "other")),
        Language("es", "Español", "ltr", "es", ("one", "many", "other")),
        Language("ar", "العربية", "rtl", "ar", ("zero", "one", "two", "few", "many", "other")),
    )
}
DEFAULT = "en"
ISOLATED = re.compile(r"\+?\d+(?:[-/:.,\u2013 ]\d+)+|https?://(?:[\w./-]*\w)?")
"""Numbers of several parts (dates, telephones, ranges) and addresses: among Arabic letters the parts change places."""
COOKIE = "medrec-language"
_current: ContextVar[str] = ContextVar("language", default=DEFAULT)


class Told(str):
    """A text of ours in which marks of direction (U+2066 to U+2069) may stand; elsewhere they are not shown."""

    __slots__ = ()


def bare(text: str) -> str:
    """A text from elsewhere without signs that cannot be seen or turn the text, to stand within one of ours."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


@contextmanager
def use(code: str) -> Iterator[None]:
    """Everything inside is said in this language."""
    token = _current.set(code if code in LANGUAGES else DEFAULT)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Language:
    """The language of the present visit."""
    return LANGUAGES[_current.get()]


def choose(asked: str | None, kept: str | None, accepted: str) -> str:
    """The language of a visit: asked for just now, else kept in the cookie, else what the browser prefers most."""
    for code in (asked, kept):
        if code in LANGUAGES:
            return str(code)
    preferred: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted.split(",")[:20]):
        name, _, weight = part.partition(";q=")
        code = name.strip().lower().split("-")[0]
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if code in LANGUAGES and quality > 0:
            preferred.append((-quality, place, code))
    return min(preferred)[2] if preferred else DEFAULT


def translated(group: str, name: str, english: Any) -> Any:
    """A text in the language of the visit; the English one where the catalogue has none."""
    code = _current.get()
    if code == DEFAULT:
        return english
    return catalogue(code).get(f"{group}.{name}", english)


@lru_cache
def catalogue(code: str) -> dict[str, Any]:
    """The texts of a language by "GROUP.name": a string, or a tuple of its forms of plural."""
    data = (resources.files("medrec.portal") / "catalogues" / f"{code}.po").read_bytes()
    found: dict[str, Any] = {}
    for message in read_po(BytesIO(data), locale=code):
        if message.id and message.string and all(message.string):
            found[str(message.context)] = message.string
    if LANGUAGES[code].direction == "rtl":
        return {name: _isolated(text) for name, text in found.items()}
    return found


def _isolated(text: Any) -> Any:
    if isinstance(text, tuple):
        return tuple(map(_isolated, text))
    marked = ISOLATED.sub("\u2066\\g<0>\u2069", text)
    return Told(marked) if marked != text else text


def chosen(text: str | tuple[str, ...], count: int) -> str:
    """The form of a text that goes with a count."""
    if isinstance(text, str):
        return text
    language = current()
    if len(text) != len(language.plurals):
        return text[0] if count == 1 else text[-1]
    form = Locale.parse(language.locale).plural_form(count)
    return text[language.plurals.index(form) if form in language.plurals else -1]


def number(value: int) -> str:
    """1234567 as the language writes it."""
    return str(format_decimal(value, locale=current().locale))


def day(when: datetime) -> str:
    """A date in full, as the language writes it."""
    return str(format_date(when, "long", locale=current().locale))


def month(when: datetime) -> str:
    """Month and year in short, for where there is little room."""
    return str(format_date(when, "MMM y", locale=current().locale))


def clock(when: datetime) -> str:
    """Hours and minutes."""
    return str(format_time(when, "HH:mm", locale=current().locale))


def dated(start: datetime, precision: str) -> str:
    """A date as exactly as it is known: the day, the month, or the year."""
    if precision == "month":
        return str(format_skeleton("yMMMM", start, locale=current().locale))
    return str(format_date(start, "y" if precision == "year" else "long", locale=current().locale))
