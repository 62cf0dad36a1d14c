"""Every page has its states: nothing there yet, a place that fails with its reason, a ledger or store that cannot be
read; in every language, and with no word of the program's own."""

import re
from typing import Any

import pytest

from medrec.engines.engine import EngineError
from medrec.node.keeping.store import StoreError
from medrec.node.notify import teller
from medrec.node.peers.peers import PeerError
from medrec.portal import language, render, table, words
from medrec.portal.page import Role
from medrec.portal.people import handle
from tests.node.network import Patient
from tests.portal.reading import text_of
from tests.portal.story import Story

ABOUT_ONE = re.compile(r"\{(?!person\})")
"""Pages about one thing that has an address of its own: where there is none, the page of an error says so."""
SAYS_SOMETHING = re.compile('class="(empty|blank|hint|tiles|rows|checks|facts|error|lead|button[^"]*)|<form|<table')


def places(account: str, role: Role) -> list[str]:
    """The addresses of all pages that somebody reads on one kind of node."""
    pages = [one for one in table.PAGES if "GET" in one.methods and one.template and one.role in (Role.ANY, role)]
    return [one.path.format(person=handle(account)) for one in pages if not ABOUT_ONE.search(one.path)]


@pytest.fixture
def ada(empty: Story) -> Patient:
    return empty.network.patient("ada")


@pytest.mark.parametrize(("organisation", "role"), [("guide", Role.AGENT), ("north", Role.RECORDS)])
def test_every_page_says_something_before_anything_has_happened(
    empty: Story, ada: Patient, organisation: str, role: Role
) -> None:
    client = empty.client(organisation)
    found = []
    for place in places(ada.account, role):
        answer = client.get(place)
        main = answer.text.partition('<main id="content"')[2].partition("</main>")[0]
        inner = main.partition("</h1>")[2]
        if answer.status_code != 200 or not SAYS_SOMETHING.search(inner) or not text_of(inner):
            found.append(f"{place}: {answer.status_code} {text_of(main)[:120]}")
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("code", language.LANGUAGES)
@pytest.mark.parametrize("broken", ["ledger", "store"])
def test_a_place_in_trouble_says_so_in_words_and_names_no_file(
    empty: Story, ada: Patient, monkeypatch: pytest.MonkeyPatch, code: str, broken: str
) -> None:
    node: Any = empty.network["guide"]
    client = empty.client("guide")

    def fails(*_: Any, **__: Any) -> Any:
        if broken == "ledger":
            raise EngineError("ledger-damaged", "The ledger file /var/lib/secret.db is damaged.")
        raise StoreError("disk-full", "The disk is full at /var/lib/secret.")

    monkeypatch.setattr(node.engine, "view", fails) if broken == "ledger" else monkeypatch.setattr(
        node.store, "read", fails
    )
    in_trouble = 0
    with language.use(code):
        wanted = words.LOST["in_trouble"]
    for place in places(ada.account, Role.AGENT):
        answer = client.get(place, params={"lang": code})
        assert answer.status_code in (200, 503), f"{place}: {answer.status_code}"
        assert "/var/lib" not in answer.text
        if answer.status_code == 503:
            in_trouble += 1
            assert wanted in answer.text and ("ledger-damaged" in answer.text or "disk-full" in answer.text), place
    assert in_trouble >= 15


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_source_that_fails_is_named_with_its_reason(empty: Story, code: str) -> None:
    ada = empty.network.patient("ada", "north")
    empty.settle()
    node: Any = empty.network["guide"]
    own = f"/people/{handle(ada.account)}"
    with language.use(code):
        never, not_permitted, silent = (
            words.RECORD["never"], words.SOURCE_ERRORS["not-permitted"], words.SOURCE_ERRORS["unreachable"]
        )  # fmt: skip
    client = empty.client("guide")
    assert never in client.get(f"{own}/record?lang={code}").text
    node.copies.refresh(ada.account)
    assert not_permitted in client.get(f"{own}/record?lang={code}").text
    empty.network.wires.leave("north")
    node.copies.refresh(ada.account)
    for page in ("/record", ""):
        assert silent in client.get(f"{own}{page}?lang={code}").text


TROUBLES = {
    "email": "The mail server could not be reached.",
    "webhook": "The address answered 500.",
    "push": "The address does not answer.",
}


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_page_of_notices_says_which_way_fails_and_why(empty: Story, ada: Patient, code: str) -> None:
    node: Any = empty.network["guide"]
    own = f"/people/{handle(ada.account)}/settings"
    client = empty.client("guide")
    assert "state wait" not in client.get(own).text
    for channel, sentence in TROUBLES.items():
        row = {
            "account": ada.account, "channel": channel, "kind": "look", "since": 1, "due": 1, "attempts": 1,
            "trouble": sentence, "sealed": b"",
        }  # fmt: skip
        node.store.write(lambda c, row=row: c.execute(teller.waiting.insert().values(**row)))
    shown = client.get(f"{own}?lang={code}").text
    with language.use(code):
        for channel, sentence in TROUBLES.items():
            assert f"<strong>{words.NOTICES[channel]}</strong>" in shown
            assert str(render.foreign(words.in_words(sentence))) in shown
            assert code == language.DEFAULT or words.in_words(sentence) != sentence


def test_a_call_that_fails_is_said_in_the_language_of_the_page(empty: Story) -> None:
    sentence = PeerError("unreachable", "North cannot be reached.").sentence
    with language.use("ar"):
        assert "North" in words.why_not("unreachable", sentence) != sentence
