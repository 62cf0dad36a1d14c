"""A form that was refused comes back as it was filled in, on the page where it stood, with what is wrong on top.

The page is made once more as for a visit without a form; the form that was sent is found in its HTML and filled. So no
template has to do anything for it. A field with `data-secret` (a code, a passcode) stays empty. What somebody wrote is
quoted where its form no longer stands.
"""

import re
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from typing import NamedTuple

from medrec.portal.sent import COPY

PLACE = "<!--refused-->"
"""Where a page has what is said of a refusal: base.html."""
ABOUT = frozenset({"line", "request", "to", "effect"})
"""Fields that say what the page itself is about; it is made once more for the same."""
FIELDS = {
    "say-what-is-wrong": "words",
    "writing-unfit": "text",
    "bad-email": "email",
    "bad-address": "webhook",
    "guardian-name": "name",
    "guardian-many": "name",
    "guardian-address": "account",
    "guardian-card": "card",
    "desk-words": "words",
    "no-such-number": "number",
    "look-first": "reason",
    "paper-slip": "words",
    "paper-unknown": "words",
    "record-words-unknown": "words",
}
"""Which field a refusal is about, by its code; the summary leads there."""
_TYPED = frozenset({"text", "email", "url", "tel", "search", "number", "date"})


class Filled(NamedTuple):
    """A page with the form filled in; `field` is the id of the field that is meant, "" for none; `found` says whether
    the form stands on the page at all."""

    html: str
    field: str
    found: bool


class _Form(NamedTuple):
    """A form of a page: where it is sent, its hidden fields, all names in it, and the folded parts around it."""

    action: str
    hidden: list[tuple[str, str]]
    names: set[str]
    around: tuple[int, ...]

    def fits(self, path: str, sent: Mapping[str, str]) -> bool:
        told = [(name, value) for name, value in self.hidden if name not in ("csrf", COPY) and value]
        return (
            self.action in ("", path)
            and all(sent.get(name) == value for name, value in told)
            and set(sent) - {"csrf"} <= self.names
        )


class _Reader(HTMLParser):
    """Finds the forms of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[_Form] = []
        self._open: _Form | None = None
        self._folded: list[int] = []
        self._count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "details":
            self._folded.append(self._count)
            self._count += 1
        elif tag == "form" and said.get("method") == "post":
            self._open = _Form(said.get("action", ""), [], set(), tuple(self._folded))
            self.forms.append(self._open)
        elif self._open is not None and "name" in said:
            self._open.names.add(said["name"])
            if said.get("type") == "hidden":
                self._open.hidden.append((said["name"], said.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "details" and self._folded:
            self._folded.pop()
        elif tag == "form":
            self._open = None


class _Filler(HTMLParser):
    """Writes a page once more, one form of it filled and what is folded around that form open."""

    def __init__(self, number: int, around: tuple[int, ...], sent: Mapping[str, str], wrong: str) -> None:
        super().__init__(convert_charrefs=False)
        self.made: list[str] = []
        self.field = ""
        self._number, self._around, self._sent, self._wrong = number, around, sent, wrong
        self._forms = self._folded = -1
        self._inside = self._skips = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said, text = {name: value or "" for name, value in attrs}, self.get_starttag_text() or ""
        if tag == "details":
            self._folded += 1
            if self._folded in self._around and "open" not in said:
                text = "<details open" + text[len("<details") :]
        elif tag == "form" and said.get("method") == "post":
            self._forms += 1
            self._inside = self._forms == self._number
        elif self._inside and "data-secret" not in said:
            text = self._filled(tag, said, text)
        if self._inside and said.get("name") == self._wrong and said.get("id") and not self.field:
            self.field = said["id"]
            text = text[:-1] + ' aria-invalid="true">'
        self.made.append(text)
        if self._inside and tag == "textarea" and "data-secret" not in said:
            self.made.append("\n" + escape(self._sent.get(said.get("name", ""), "")))
            self._skips = True

    def _filled(self, tag: str, said: dict[str, str], text: str) -> str:
        value = self._sent.get(said.get("name", ""))
        if tag == "select":
            self._select = said.get("name", "")
        elif tag == "option" and self._select:
            text = re.sub(r"\sselected(?=[\s>])", "", text)
            # What is empty is not among what was sent.
            if said.get("value") == self._sent.get(self._select, ""):
                text = text[:-1] + " selected>"
        elif tag == "input" and said.get("type", "text") in _TYPED:
            text = re.sub(r'\svalue="[^"]*"', "", text)
            text = text[:-1] + f' value="{escape(value or "")}">'
        elif tag == "input" and said.get("type") in ("radio", "checkbox"):
            text = re.sub(r"\schecked(?=[\s>])", "", text)
            if value is not None and value == said.get("value", "on"):
                text = text[:-1] + " checked>"
        return text

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            self._skips = False
        elif tag == "select":
            self._select = ""
        self.made.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._skips:
            self.made.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self.made.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.made.append(f"<!{decl}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # Signs of pictures alone end so in these pages.
        self.made.append(self.get_starttag_text() or "")


def filled(html: str, path: str, sent: Mapping[str, str], code: str) -> Filled:
    """A page with the form that was sent to `path` filled as it was sent; `code` says what was wrong with it."""
    reader = _Reader()
    reader.feed(html)
    fitting = [number for number, form in enumerate(reader.forms) if form.fits(path, sent)]
    if not fitting:
        return Filled(html, "", False)
    # Of several, the one that is told apart by most of its hidden fields.
    number = max(fitting, key=lambda at: len(reader.forms[at].hidden))
    filler = _Filler(number, reader.forms[number].around, sent, FIELDS.get(code, ""))
    filler.feed(html)
    return Filled("".join(filler.made), filler.field, True)


def about(sent: Mapping[str, str]) -> dict[str, str]:
    """The query of the page on which a form stood."""
    return {name: value for name, value in sent.items() if name in ABOUT}
