"""A person's word on her list, from the page to the key and back into the list."""

from typing import Any

import pytest

from medrec.portal import words
from tests.portal.reading import text_of
from tests.portal.story import Story
from tests.portal.test_sign_in import Person, csrf_of, sign, visitor
from tests.portal.test_signing import answer, ticket_of


@pytest.fixture
def ada(empty: Story) -> Person:
    return Person(empty)


def test_she_puts_a_medicine_on_her_list_and_takes_it_back_with_her_key(empty: Story, ada: Person) -> None:
    client, guide = visitor(empty), empty.network["guide"]
    node: Any = guide
    sign(empty, client, ada.phone, ada.id)
    page = f"{ada.page}/list"
    token = {"csrf": csrf_of(client.get(page).text)}
    ticket = ticket_of(
        client.post("/list-word", data={"act": "also-taking", "name": "Valerian", "words": "1 drop at night"} | token)
    )
    shown = client.post("/signing/act", json={"ticket": ticket}).json()
    assert shown["form"] == "list-act/1" and shown["value"]["subjects"][0]["name"] == "Valerian"
    assert node.acts.of(ada.account) == []
    assert answer(empty, client, ticket, ada.phone).json()["to"] == page
    (kept,) = node.acts.of(ada.account)
    assert kept.act.words == "1 drop at night" and kept.act.signature
    listed = text_of(client.get(page).text)
    assert "Valerian" in listed and words.ONE_LIST["not_taking"] in listed
    (row,) = node.lists.of(ada.account).read.medicines
    assert row.status == "active"
    empty.network.time += 60_000
    ticket = ticket_of(client.post("/list-word", data={"act": "not-taking", "row": row.key} | token))
    assert answer(empty, client, ticket, ada.phone).status_code == 200
    (row,) = node.lists.of(ada.account).read.medicines
    assert row.status == "stopped" and len(row.lines) == 2


def test_what_cannot_be_said_is_told_and_nothing_waits(empty: Story, ada: Person) -> None:
    client, node = visitor(empty), empty.network["guide"]
    sign(empty, client, ada.phone, ada.id)
    token = {"csrf": csrf_of(client.get(f"{ada.page}/list").text)}
    for wrong in (
        {"act": "stopped", "row": "x"}, {"act": "not-taking", "row": "29046|body"}, {"act": "also-taking"},
        {"act": "like-this", "row": "x"}, {"act": "dismissed", "notice": "00" * 32, "words": "why"}, {},
    ):  # fmt: skip
        assert client.post("/list-word", data=wrong | token).status_code == 400, wrong
    assert client.post("/list-word", data={"act": "also-taking", "name": "x", "csrf": "no"}).status_code == 403
    assert visitor(empty).post("/list-word", data={"act": "also-taking", "name": "x"}).status_code == 401
    assert node.acts.of(ada.account) == []  # type: ignore[attr-defined]
