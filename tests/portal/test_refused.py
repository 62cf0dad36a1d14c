"""A form that is refused comes back filled in, on its page, with what was wrong on top: every form of every page."""

import html as text
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from medrec.portal import app, calls, refused, table, words
from medrec.portal.page import SECRETS, WRITTEN, Go, PageError, Role
from tests.node.helping import Help
from tests.portal.reading import text_of
from tests.portal.story import Story
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page
from tests.portal.test_mistakes import ada as ada
from tests.portal.test_mistakes import tag_of
from tests.portal.test_sign_in import Person, csrf_of, sign, visitor

CODE = "say-what-is-wrong"


class Form(HTMLParser):
    """The forms of a page, as a browser has them: {name: value} of each, and which names are secrets or choices."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None
        self._name = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form" and said.get("method") == "post":
            self._open = {"action": said.get("action", ""), "fields": {}, "options": {}, "buttons": [], "secret": set()}
            self.forms.append(self._open)
        if self._open is None:
            return
        name, fields, options = said.get("name", ""), self._open["fields"], self._open["options"]
        if "data-secret" in said:
            self._open["secret"].add(name)
        if tag == "button" and name:
            self._open["buttons"].append((name, said.get("value", "")))
        elif tag == "input" and said.get("type") in ("radio", "checkbox"):
            options.setdefault(name, []).append(said["value"])
            if "checked" in said:
                fields[name] = said["value"]
        elif tag == "select":
            self._name = name
            options[name] = []
        elif tag == "option":
            options[self._name].append(said["value"])
            if "selected" in said or self._name not in fields:
                fields[self._name] = said["value"]
        elif tag in ("input", "textarea") and name:
            kind = "hidden" if said.get("type") == "hidden" else "text"
            options[name] = kind if kind == "hidden" else said.get("type", "text")
            fields[name] = said.get("value", "")
            self._name = name if tag == "textarea" else ""

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._open["options"].get(self._name) == "text":
            self._open["fields"][self._name] = data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("textarea", "select"):
            self._name = ""
        elif tag == "form":
            self._open = None


TYPED = {"date": "2020-01-02", "number": "17", "email": "a@b.example", "url": "https://b.example/", "time": "10:00"}


def filled_in(form: dict[str, Any]) -> dict[str, str]:
    """The form as somebody leaves it who changes all that can be changed."""
    made = {}
    for name, options in form["options"].items():
        if options == "hidden":
            made[name] = form["fields"][name]
        elif isinstance(options, list):
            made[name] = options[-1]
        else:
            made[name] = TYPED.get(options, f'My "{name}" <b> & é')
    for name, value in form["buttons"][-1:]:
        made[name] = value
    return {name: value for name, value in made.items() if name}


def refusing(show: Callable[..., Any]) -> Callable[..., Any]:
    def shown(node: Any, visit: Any) -> Any:
        if visit.form:
            raise PageError(400, CODE)
        return show(node, visit)

    return shown


@pytest.fixture
def refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page takes every form for wrong."""
    pages = tuple(
        one._replace(show=refusing(one.show) if one.template else lambda node, visit: refusing(Go)(node, visit))
        for one in table.PAGES
    )
    for module in (table, app, calls):
        monkeypatch.setattr(module, "PAGES", pages)

    def no(site: Any, request: Any, body: bytes) -> Any:
        raise PageError(400, CODE)

    monkeypatch.setattr(calls, "CALLS", {name: (path, no) for name, (path, _) in calls.CALLS.items()})


def came_back(client: Any, form: dict[str, Any], place: str) -> list[str]:
    """What is wrong with the answer to a form that is refused."""
    sent = filled_in(form)
    answer = client.post(form["action"] or place, data=sent)
    found = [] if answer.status_code == 400 else [f"status {answer.status_code}"]
    if answer.text.count('id="refused"') != 1 or "autofocus" not in answer.text:
        return [*found, f"no summary: {text_of(answer.text)[:200]}"]
    assert words.ERRORS[CODE] in text.unescape(answer.text)
    again = [
        one for one in Form(answer.text).forms if one["action"] == form["action"] and one["options"] == form["options"]
    ]
    for name, value in sent.items():
        if name == "csrf" or form["options"].get(name) in (None, "hidden"):
            continue
        kept = [one for one in again if one["fields"].get(name) == value]
        if name in form["secret"]:
            found += [f"the secret {name} is shown again"] * bool(kept)
        elif not kept:
            found.append(f"{name} is lost: {[one['fields'].get(name) for one in again]}")
    return found


ELSEWHERE = ("/sign-out", "/sign-in/demonstration", "/sign-in/register")


def walk(client: Any, places: list[str]) -> tuple[list[str], int]:
    """Send every form of these pages; what was wrong, and how many forms there were."""
    found, many = [], 0
    for place in places:
        shown = client.get(place)
        assert shown.status_code == 200, f"{place}: {text_of(shown.text)[-300:]}"
        for form in Form(shown.text).forms:
            if form["action"].endswith(ELSEWHERE) or not any(filled_in(form).values()):
                continue
            if form["action"] == "" and place.endswith(("/join", "/coming-back")):
                continue  # A script sends these, and the page stays.
            many += 1
            found += [f"{place} -> {form['action']}: {line}" for line in came_back(client, form, place)]
    return found, many


def test_every_form_of_a_person_comes_back_filled_in(ada: Help, refuses: None) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    names = [one for one in table.PAGES if one.path.startswith("/people/{person}") and one.path.count("{") == 1]
    places = [own + one.path.removeprefix("/people/{person}") for one in names if "GET" in one.methods and one.template]
    client.get(f"{own}/looks")
    looks = ada.guide.looks.page(ada.ada.account, "people", 9, 0)
    places += [f"{own}/corrections?line={tag_of(ada, 'record/1')}"] + [
        f"{own}/looks/{look.pair.hex()}" for look in looks
    ]
    found, many = walk(client, places)
    assert found == [], "\n".join(found)
    assert many >= 15


def test_every_form_of_a_person_with_a_key_comes_back_filled_in(empty: Story, refuses: None) -> None:
    ada = Person(empty)
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    found, many = walk(client, [f"{ada.page}/{name}" for name in ("helping", "keys", "guardians", "share", "list")])
    assert found == [], "\n".join(found)
    assert many >= 4


def test_every_form_of_a_place_comes_back_filled_in(told: Story, refuses: None) -> None:
    found, many = [], 0
    for role in (Role.ANY, Role.RECORDS):
        pages = [one for one in table.PAGES if one.role is role and "{" not in one.path and "GET" in one.methods]
        wrong, seen = walk(told.client("north"), [one.path for one in pages if one.template])
        found, many = found + wrong, many + seen
    assert found == [], "\n".join(found)
    assert many >= 8


def test_the_summary_leads_to_the_field_and_the_title_says_that_it_failed(ada: Help) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    sent = {"line": tag_of(ada, "record/1"), "words": " ", "proposed": "Not <me>."}
    answer = client.post(f"{own}/corrections", data=sent)
    assert answer.status_code == 400 and f"<title>{words.NAMES['error']}: " in answer.text
    assert '<a href="#words">' in answer.text
    field = re.search(r'<textarea id="words"[^>]*>', answer.text)
    assert field is not None and 'aria-invalid="true"' in field.group(0)
    assert "\nNot &lt;me&gt;.</textarea>" in answer.text
    assert "Code: <bdi>say-what-is-wrong</bdi>" in answer.text
    # No address takes up what was written.
    assert "Not%20" not in answer.text and "proposed=" not in answer.text


def test_what_comes_from_elsewhere_or_from_nobody_is_not_shown_again(empty: Story) -> None:
    ada = Person(empty)
    client = visitor(empty)
    fields = {"email": "mallory@evil.example", "pace": "each"}
    refused_ = client.post(f"{ada.page}/settings", data=fields)
    assert "mallory" not in refused_.text
    sign(empty, client, ada.phone, ada.id)
    token = csrf_of(client.get(ada.page).text)
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = client.post(f"{ada.page}/settings", data=fields | {"csrf": token}, headers=headers)
        assert answer.status_code == 403 and "mallory" not in answer.text
    # A form of an old session comes back with the token of this one.
    stale = client.post(f"{ada.page}/settings", data=fields | {"csrf": "x"})
    assert stale.status_code == 403 and 'value="mallory@evil.example"' in stale.text and token in stale.text


def test_words_whose_form_is_no_longer_there_are_quoted(ada: Help) -> None:
    client = ada.story.client("guide")
    sent = {"line": "00" * 16, "words": "It was <not> me."}
    answer = client.post(f"{page(ada.ada)}/corrections", data=sent)
    assert answer.status_code == 404 and "It was &lt;not&gt; me." in answer.text


def test_no_field_that_opens_something_is_filled_in_again() -> None:
    folder, found, many = Path(app.__file__).parent / "templates", [], 0
    secret = {one.template for one in table.PAGES if one.name in SECRETS}
    for file in folder.rglob("*.html"):
        for tag in re.findall(r'<(?:input|textarea)\b(?:[^>"]|"[^"]*")*>', file.read_text(encoding="utf-8")):
            name = re.search(r' name="([a-z]+)"', tag)
            opens = {"code", "passcode"} | (set(WRITTEN) if str(file.relative_to(folder)) in secret else set())
            if name is not None and name.group(1) in opens and 'type="hidden"' not in tag:
                many += 1
                found += [] if " data-secret" in tag else [f"{file.name}: {tag}"]
    assert found == [] and many >= 6


PAGE = """<!doctype html><details class="x"><summary>s</summary><form method="post" action="/a">
<input type="hidden" name="do" value="x"><input name="one" value="old" aria-label="&quot;">
<select name="to"><option value="a" selected>A</option><option value="b">B</option></select>
<input type="checkbox" name="tick" value="1" checked><textarea name="text">a &amp; b</textarea>
<input name="code" data-secret></form></details>
<form method="post" action="/a"><input type="hidden" name="do" value="y"><input name="one"></form>&copy;"""


def test_only_the_form_that_was_sent_is_filled_and_all_else_stays_letter_by_letter() -> None:
    sent = {"do": "x", "one": '"n" <', "to": "b", "text": "<i>", "code": "hush", "csrf": "t"}
    made = refused.filled(PAGE, "/a", sent, "no-code")
    assert made.found and made.field == "" and "hush" not in made.html
    assert '<details open class="x">' in made.html and '<textarea name="text">\n&lt;i&gt;</textarea>' in made.html
    assert '<input name="one" aria-label="&quot;" value="&quot;n&quot; &lt;">' in made.html
    assert '<option value="a">A</option><option value="b" selected>' in made.html and " checked" not in made.html
    assert made.html.endswith('<input type="hidden" name="do" value="y"><input name="one"></form>&copy;')
    assert refused.filled(PAGE, "/b", sent, "").html == PAGE and not refused.filled(PAGE, "/b", sent, "").found
    assert not refused.filled(PAGE, "/a", sent | {"other": "1"}, "").found
